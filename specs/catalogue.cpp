#include "specs/catalogue.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "specs/near_names.hpp"

namespace lapicheck::specs {

namespace embedded {
extern const std::string_view rules;
extern const std::string_view kvm_departures;
} // namespace embedded

namespace {

using nlohmann::json;

Level level_of(const std::string& word) {
    if (word == "must") return Level::must;
    if (word == "implementation") return Level::implementation;
    if (word == "undefined") return Level::undefined;
    throw std::runtime_error("unknown level '" + word + "'");
}

Vendor vendor_of(const std::string& word) {
    if (word == "both") return Vendor::both;
    if (word == "intel") return Vendor::intel;
    if (word == "amd") return Vendor::amd;
    throw std::runtime_error("unknown vendor '" + word + "'");
}

// The string at `key`, or "" where the key is absent or null.
std::string optional_text(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? std::string{} : found->get<std::string>();
}

std::vector<std::string> texts(const json& array) { return array.get<std::vector<std::string>>(); }

template <class T>
std::vector<T> each(const json& array, T (*read)(const json&)) {
    std::vector<T> all;
    all.reserve(array.size());
    for (const json& entry : array) all.push_back(read(entry));
    return all;
}

Citation read_citation(const json& entry) {
    return {entry.at("manual"), entry.at("title"), optional_text(entry, "number"), entry.at("revision")};
}

RuleEntry read_rule(const json& entry) {
    return {.id = entry.at("id"),
            .slug = entry.at("slug"),
            .level = level_of(entry.at("level")),
            .vendor = vendor_of(entry.at("vendor")),
            .statement = entry.at("statement"),
            .citations = each(entry.at("citation"), read_citation),
            .registers = texts(entry.at("registers")),
            .notes = optional_text(entry, "notes"),
            .decided_by = optional_text(entry, "decided_by")};
}

SourceLocation read_source(const json& entry) {
    return {entry.at("file"), entry.at("function"), entry.at("version")};
}

constexpr std::array effect_names = {
    std::string_view{""},
    std::string_view{"interrupt-ended-when-taken"},
    std::string_view{"eoi-broadcast-although-suppressed"},
    std::string_view{"logical-ipi-target-missed"},
    std::string_view{"physical-ipi-target-missed"},
    std::string_view{"wide-id-reaches-xapic-target"},
    std::string_view{"error-interrupt-missing"},
    std::string_view{"level-ipi-sets-tmr"},
    std::string_view{"level-deassert-ipi-dropped"},
    std::string_view{"vector-below-16-accepted"},
    std::string_view{"tmr-not-cleared-by-accelerated-ipi"},
    std::string_view{"count-above-initial"},
    std::string_view{"initial-count-cleared"},
    std::string_view{"period-lengthened"},
    std::string_view{"deadline-interrupt-accepted-early"},
    std::string_view{"window-alive-in-x2apic"},
};

Effect effect_of(const std::string& word) {
    const auto found = std::find(effect_names.begin(), effect_names.end(), word);
    if (found == effect_names.end()) throw std::runtime_error("unknown effect '" + word + "'");
    return static_cast<Effect>(found - effect_names.begin());
}

constexpr std::array condition_names = {
    std::string_view{"boot-processor"},        std::string_view{"not-written-since-reset"},
    std::string_view{"delivery-status-alone"}, std::string_view{"vectors-sent"},
    std::string_view{"count-of-short-period"}, std::string_view{"logical-id-not-its-own"},
    std::string_view{"id-of-another-too"},     std::string_view{"all-software-disabled"},
    std::string_view{"wide-id-of-target"},     std::string_view{"hardware-virtualizes"},
};

Condition condition_of(const std::string& word) {
    const auto found = std::find(condition_names.begin(), condition_names.end(), word);
    if (found == condition_names.end()) throw std::runtime_error("unknown condition '" + word + "'");
    return static_cast<Condition>(found - condition_names.begin());
}

std::optional<Kernel> optional_kernel(const json& object, const char* key) {
    const std::string release = optional_text(object, key);
    if (release.empty()) return std::nullopt;
    const auto kernel = kernel_of(release);
    if (!kernel) throw std::runtime_error("'" + release + "' is no Linux release");
    return kernel;
}

Reads reads_of(const std::string& word) {
    if (word.empty()) return Reads::anyhow;
    if (word == "zeros") return Reads::zeros;
    if (word == "ones") return Reads::ones;
    if (word == "as-written") return Reads::as_written;
    if (word == "lower") return Reads::lower;
    throw std::runtime_error("unknown way to read '" + word + "'");
}

std::optional<std::uint64_t> optional_hex(const json& object, const char* key) {
    if (!object.contains(key)) return std::nullopt;
    return std::stoull(object.at(key).get<std::string>(), nullptr, 16);
}

// One string, or several.
std::vector<std::uint64_t> hex_values(const json& object, const char* key) {
    std::vector<std::uint64_t> values;
    if (!object.contains(key)) return values;
    const json& value = object.at(key);
    for (const json& each : value.is_array() ? value : json::array({value}))
        values.push_back(std::stoull(each.get<std::string>(), nullptr, 16));
    return values;
}

DepartureObserved read_observed(const json& entry) {
    DepartureObserved observed;
    if (entry.contains("gp")) observed.gp = entry.at("gp").get<bool>();
    if (entry.contains("when"))
        for (const json& word : entry.at("when")) observed.when.push_back(condition_of(word));
    observed.bits = optional_hex(entry, "bits");
    observed.values = hex_values(entry, "value");
    observed.reads = reads_of(optional_text(entry, "reads"));
    if (entry.contains("word")) observed.word = entry.at("word").get<unsigned>();
    observed.effect = effect_of(optional_text(entry, "effect"));
    observed.periodic = optional_text(entry, "timer_mode") == "periodic";
    observed.at_most = optional_hex(entry, "at_most");
    return observed;
}

Departure read_departure(const json& entry) {
    return {.id = entry.at("id"),
            .rules = texts(entry.at("rules")),
            .summary = entry.at("summary"),
            .registers = texts(entry.at("registers")),
            .access = texts(entry.at("access")),
            .modes = texts(entry.at("modes")),
            .observed = read_observed(entry.at("observed")),
            .cpu = optional_text(entry, "cpu"),
            .vendor = vendor_of(entry.at("vendor")),
            .in_trace = entry.at("trace"),
            .kernels = entry.at("kernels"),
            .first = optional_kernel(entry, "first"),
            .last = optional_kernel(entry, "last"),
            .sources = each(entry.at("source"), read_source),
            .reason = entry.at("reason"),
            .not_in_model = optional_text(entry, "not_in_model")};
}

template <class T>
std::vector<T> read_file(const char* file, std::string_view text, const char* key, T (*read)(const json&)) {
    try {
        const json document = json::parse(text);
        if (document.at("schema_version") != 1) throw std::runtime_error("unknown schema_version");
        return each(document.at(key), read);
    } catch (const std::exception& problem) {
        throw std::runtime_error(std::string("specs/") + file + ": " + problem.what());
    }
}

using RuleIndex = std::unordered_map<std::string, const RuleEntry*>;

RuleIndex index_of(const std::vector<RuleEntry>& rules) {
    RuleIndex index;
    for (const RuleEntry& rule : rules) {
        index.emplace(lowered(rule.id), &rule);
        index.emplace(lowered(rule.slug), &rule);
    }
    return index;
}

} // namespace

const Catalogue& catalogue() {
    static const Catalogue loaded{.rules = read_file("rules.json", embedded::rules, "rules", read_rule),
                                  .departures = read_file("kvm-departures.json", embedded::kvm_departures,
                                                          "departures", read_departure)};
    return loaded;
}

const RuleEntry* find_rule(std::string_view id_or_slug) {
    static const RuleIndex index = index_of(catalogue().rules);
    const auto found = index.find(lowered(id_or_slug));
    return found == index.end() ? nullptr : found->second;
}

const Departure* find_departure(std::string_view id) {
    const std::vector<Departure>& all = catalogue().departures;
    const auto found =
        std::find_if(all.begin(), all.end(), [id](const Departure& departure) { return departure.id == id; });
    return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> near_rules(std::string_view name) {
    std::vector<std::string_view> candidates;
    for (const RuleEntry& rule : catalogue().rules) {
        candidates.emplace_back(rule.id);
        candidates.emplace_back(rule.slug);
    }
    return near_names(name, candidates);
}

std::string_view to_string(Level level) {
    switch (level) {
    case Level::must: return "must";
    case Level::implementation: return "implementation";
    case Level::undefined: return "undefined";
    }
    return {};
}

std::string_view to_string(Condition condition) {
    return condition_names[static_cast<std::size_t>(condition)];
}

std::optional<Kernel> kernel_of(std::string_view release) {
    Kernel kernel;
    const char* const end = release.data() + release.size();
    const auto major = std::from_chars(release.data(), end, kernel.major);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, kernel.minor);
    return minor.ec == std::errc{} ? std::optional{kernel} : std::nullopt;
}

std::string_view to_string(Effect effect) { return effect_names[static_cast<std::size_t>(effect)]; }

std::string_view to_string(Vendor vendor) {
    switch (vendor) {
    case Vendor::both: return "both";
    case Vendor::intel: return "intel";
    case Vendor::amd: return "amd";
    }
    return {};
}

char letter(Level level) {
    switch (level) {
    case Level::must: return 'M';
    case Level::implementation: return 'I';
    case Level::undefined: return 'U';
    }
    return '?';
}

} // namespace lapicheck::specs
