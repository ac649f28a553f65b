#include "specs/catalogue.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "model/registers.hpp"
#include "model/rule.hpp"

namespace {

using namespace lapicheck;
using namespace lapicheck::specs;

// The contract: these names are written in reports, baselines and scripts of users.
struct FixedName {
    std::string_view id, slug;
    Level level;
};
constexpr std::array fixed_names = {
    FixedName{"B06", "mode-transitions", Level::must},
    FixedName{"M01", "no-mmio-read-in-x2apic", Level::must},
    FixedName{"M02", "no-mmio-effect-in-x2apic", Level::must},
    FixedName{"M03", "no-mmio-read-when-disabled", Level::must},
    FixedName{"M04", "no-mmio-effect-when-disabled", Level::must},
    FixedName{"M15", "mmio-isolation", Level::must},
};

// The manuals leave these open; judging one of them as a must would be a false alarm.
constexpr std::array left_open = {"B13b", "B14", "B15", "M05", "M09", "M13",  "X15", "X16",
                                  "D06",  "D09", "D13", "V12", "V13", "L04a", "L12", "T08",
                                  "T13b", "T15", "T18", "T19", "I19", "I21",  "I24", "R08"};
constexpr std::array undefined_rules = {"M08", "I26"};

constexpr std::array other_registers = {"apic_base", "xapic_disable_status", "tsc_deadline", "cr8"};

bool is_register(std::string_view name) {
    if (std::find(other_registers.begin(), other_registers.end(), name) != other_registers.end()) return true;
    const model::RegisterRow* row = model::find_register(name);
    return row != nullptr && row->name == name;
}

Level expected_level(std::string_view id) {
    if (std::find(undefined_rules.begin(), undefined_rules.end(), id) != undefined_rules.end())
        return Level::undefined;
    return std::find(left_open.begin(), left_open.end(), id) != left_open.end() ? Level::implementation
                                                                                : Level::must;
}

std::string text_of(const std::string& path) {
    std::ifstream file(std::string(LAPICHECK_SOURCE_DIR) + "/" + path);
    REQUIRE_MESSAGE(file.is_open(), path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// Prose of the catalogue: complete, on one line, ended by a full stop.
void check_sentence(const std::string& text) {
    CAPTURE(text);
    REQUIRE(text.size() > 20);
    CHECK(text.back() == '.');
    CHECK(text.find("  ") == std::string::npos);
    CHECK(text.find('\n') == std::string::npos);
}

TEST_CASE("the catalogue holds the model's rules, each once and in the model's order") {
    const auto& rules = catalogue().rules;
    REQUIRE(rules.size() == model::rule_ids.size());
    for (std::size_t i = 0; i < rules.size(); ++i) CHECK(rules[i].id == model::rule_ids[i]);
}

TEST_CASE("no two rules share a slug, and no slug looks like an id") {
    std::set<std::string> seen;
    for (const RuleEntry& rule : catalogue().rules) {
        CAPTURE(rule.id);
        CHECK(seen.insert(rule.slug).second);
        CHECK(rule.slug.find('-') != std::string::npos);
        CHECK(rule.slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos);
    }
}

TEST_CASE("the names that users rely on keep their meaning") {
    for (const FixedName& name : fixed_names) {
        CAPTURE(name.id);
        const RuleEntry* rule = find_rule(name.id);
        REQUIRE(rule != nullptr);
        CHECK(rule->slug == name.slug);
        CHECK(rule->level == name.level);
        CHECK(find_rule(name.slug) == rule);
    }
}

TEST_CASE("what the manuals leave open is not a must") {
    for (const RuleEntry& rule : catalogue().rules) {
        CAPTURE(rule.id);
        CHECK(rule.level == expected_level(rule.id));
    }
}

TEST_CASE("every rule says one thing in full sentences and names where it stands") {
    for (const RuleEntry& rule : catalogue().rules) {
        CAPTURE(rule.id);
        check_sentence(rule.statement);
        if (!rule.notes.empty()) check_sentence(rule.notes);
        REQUIRE_FALSE(rule.citations.empty());
        for (const Citation& citation : rule.citations) {
            CHECK_FALSE(citation.manual.empty());
            CHECK_FALSE(citation.title.empty());
            CHECK_FALSE(citation.revision.empty());
        }
    }
}

TEST_CASE("a section number has one title throughout the catalogue") {
    std::map<std::string, std::string> titles;
    for (const RuleEntry& rule : catalogue().rules)
        for (const Citation& citation : rule.citations) {
            const auto [known, is_new] =
                titles.emplace(citation.manual + " " + citation.number, citation.title);
            CAPTURE(rule.id);
            CHECK(known->second == citation.title);
        }
}

TEST_CASE("a rule for one vendor cites that vendor's manual") {
    for (const RuleEntry& rule : catalogue().rules) {
        if (rule.vendor == Vendor::both) continue;
        CAPTURE(rule.id);
        const std::string_view maker = rule.vendor == Vendor::intel ? "Intel" : "AMD";
        CHECK(std::any_of(rule.citations.begin(), rule.citations.end(), [maker](const Citation& citation) {
            return citation.manual.rfind(maker, 0) == 0;
        }));
    }
}

TEST_CASE("every register that a rule or a departure names exists") {
    for (const RuleEntry& rule : catalogue().rules) {
        CAPTURE(rule.id);
        CHECK_FALSE(rule.registers.empty());
        for (const std::string& name : rule.registers) CHECK_MESSAGE(is_register(name), name);
    }
    for (const Departure& departure : catalogue().departures) {
        CAPTURE(departure.id);
        CHECK_FALSE(departure.registers.empty());
        for (const std::string& name : departure.registers) CHECK_MESSAGE(is_register(name), name);
    }
}

TEST_CASE("a departure departs from rules that exist and are a must") {
    REQUIRE_FALSE(catalogue().departures.empty());
    for (const Departure& departure : catalogue().departures) {
        CAPTURE(departure.id);
        CHECK_FALSE(departure.rules.empty());
        for (const std::string& id : departure.rules) {
            const RuleEntry* rule = find_rule(id);
            REQUIRE_MESSAGE(rule != nullptr, id);
            CHECK_MESSAGE(rule->id == id, "departures name rules by id");
            CHECK_MESSAGE(rule->level == Level::must, id);
            CHECK_MESSAGE((rule->vendor == Vendor::both || departure.vendor != Vendor::amd ||
                           rule->vendor == Vendor::amd),
                          id);
        }
    }
}

TEST_CASE("a departure says one thing that is seen, or that in two ways, and where KVM does so") {
    std::set<std::string> seen;
    for (const Departure& departure : catalogue().departures) {
        CAPTURE(departure.id);
        CHECK(seen.insert(departure.id).second);
        CHECK(find_departure(departure.id) == &departure);
        const DepartureObserved& observed = departure.observed;
        const bool of_both = observed.bits && observed.effect == Effect::interrupt_ended_when_taken;
        CHECK(int{observed.gp.has_value()} + int{observed.bits.has_value()} +
                  int{observed.effect != Effect::none} ==
              (of_both ? 2 : 1));
        if (observed.bits) CHECK(*observed.bits != 0);
        if (observed.word) CHECK(observed.bits.has_value());
        check_sentence(departure.summary);
        check_sentence(departure.reason);
        CHECK(departure.kernels.find("6.1") != std::string::npos);
        REQUIRE_FALSE(departure.sources.empty());
        for (const SourceLocation& source : departure.sources) {
            CHECK(source.file.rfind("arch/x86/kvm/", 0) == 0);
            CHECK_FALSE(source.function.empty());
            CHECK((source.version == "6.1" || source.version == "6.18"));
        }
    }
}

TEST_CASE("a departure that is judged by a #GP is about RDMSR or WRMSR") {
    for (const Departure& departure : catalogue().departures) {
        if (!departure.observed.gp) continue;
        CAPTURE(departure.id);
        CHECK(std::any_of(departure.access.begin(), departure.access.end(),
                          [](const std::string& access) { return access == "rdmsr" || access == "wrmsr"; }));
    }
}

TEST_CASE("KVM's masks come out of the catalogue as numbers") {
    const Departure* pending = find_departure("kvm-lvt-delivery-status-writable");
    REQUIRE(pending != nullptr);
    CHECK(pending->observed.bits == model::lvt::delivery_status);
    CHECK(pending->registers.size() == 7);
    const Departure* lint0 = find_departure("kvm-lint0-extint-after-reset");
    REQUIRE(lint0 != nullptr);
    CHECK(lint0->observed.bits == (model::lvt::mask | model::lvt::extint));
    const Departure* tpr = find_departure("kvm-svm-tpr-subclass-lost");
    REQUIRE(tpr != nullptr);
    CHECK(tpr->observed.bits == model::tpr::subclass);
    CHECK(tpr->cpu == "svm");
    const Departure* masked = find_departure("kvm-x2apic-reserved-low-bits-masked");
    REQUIRE(masked != nullptr);
    CHECK(masked->observed.gp == false);
}

TEST_CASE("the fault of 2018 is no departure that KVM is known for") {
    for (const Departure& departure : catalogue().departures)
        for (const std::string& id : departure.rules) {
            if (id != "M01" && id != "M02" && id != "M15") continue;
            CAPTURE(departure.id);
            CHECK(departure.cpu == "svm"); // hybrid AVIC only, which the software APIC is not
        }
}

TEST_CASE("a rule is found by id in either case and by slug, and by nothing else") {
    const RuleEntry* rule = find_rule("B13a");
    REQUIRE(rule != nullptr);
    CHECK(find_rule("b13A") == rule);
    CHECK(find_rule(rule->slug) == rule);
    CHECK(find_rule("") == nullptr);
    CHECK(find_rule("B13") == nullptr);
    CHECK(find_rule("M01 ") == nullptr);
    CHECK(find_departure("kvm-nothing") == nullptr);
}

TEST_CASE("a mistyped rule name brings what was meant") {
    const auto first_near = [](const std::string& typed) {
        const auto names = near_rules(typed);
        return names.empty() ? std::string{} : names.front();
    };
    const auto is_among = [](const std::string& wanted, const std::vector<std::string>& names) {
        return std::find(names.begin(), names.end(), wanted) != names.end();
    };
    CHECK(first_near("mmio-isolaton") == "mmio-isolation");
    CHECK(first_near("mode-transition") == "mode-transitions");
    CHECK(is_among("M01", near_rules("M1")));
    CHECK(is_among("B13a", near_rules("B13")));
    CHECK(is_among("no-mmio-read-in-x2apic", near_rules("no-mmio-read")));
    CHECK(first_near("MMIO-ISOLATION-") == "mmio-isolation");
    CHECK(near_rules("").empty());
    CHECK(near_rules("there is nothing like this").empty());
    CHECK(near_rules("x2apic").size() == 5);
}

TEST_CASE("the files on disk are the ones that were compiled in, with versions in their schemas") {
    const auto rules = nlohmann::json::parse(text_of("specs/rules.json"));
    CHECK(rules.at("rules").size() == catalogue().rules.size());
    CHECK(rules.at("rules").back().at("statement") == catalogue().rules.back().statement);
    const auto departures = nlohmann::json::parse(text_of("specs/kvm-departures.json"));
    CHECK(departures.at("departures").size() == catalogue().departures.size());
    for (const char* name : {"rules", "kvm-departures", "check-report"}) {
        CAPTURE(name);
        const auto schema =
            nlohmann::json::parse(text_of(std::string("specs/schema/") + name + ".schema.json"));
        CHECK(schema.at("properties").at("schema_version").at("const") == 1);
        CHECK(schema.at("additionalProperties") == false);
    }
}

TEST_CASE("levels and vendors have the names that the files use") {
    CHECK(to_string(Level::must) == "must");
    CHECK(to_string(Level::implementation) == "implementation");
    CHECK(to_string(Level::undefined) == "undefined");
    CHECK(letter(Level::must) == 'M');
    CHECK(letter(Level::implementation) == 'I');
    CHECK(letter(Level::undefined) == 'U');
    CHECK(to_string(Vendor::both) == "both");
    CHECK(to_string(Vendor::intel) == "intel");
    CHECK(to_string(Vendor::amd) == "amd");
}

} // namespace
