#include "checker/judge/departures.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "checker/judge/evidence.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;
using specs::Departure;

// The departures that a value or a #GP in a trace can show.
const std::vector<std::string> shown_by_value_or_gp = {
    "kvm-x2apic-reserved-low-bits-masked",
    "kvm-x2apic-eoi-nonzero-accepted",
    "kvm-x2apic-icr-delivery-status-ignored",
    "kvm-x2apic-amd-apr-absent",
    "kvm-tsc-deadline-without-cpuid",
    "kvm-remote-read-absent",
    "kvm-apr-reads-zero",
    "kvm-lvt-delivery-status-writable",
    "kvm-lint-read-only-bits-writable",
    "kvm-amd-lvt-error-message-type-dropped",
    "kvm-intel-lvt-pmc-not-masked",
    "kvm-amd-lvt-pmc-masked",
    "kvm-lint0-extint-after-reset",
    "kvm-esr-always-zero",
    "kvm-irr-below-16-reads-set",
    "kvm-svm-tpr-subclass-lost",
    "kvm-xapic-disable-status-absent",
    "kvm-icr-reserved-bits-kept",
    "kvm-deadline-of-disabled-apic-ignored",
};

bool shows(const Departure& d) { return d.in_trace && (d.observed.gp || d.observed.bits); }

Rule rule_named(std::string_view id) {
    const auto found = std::ranges::find(model::rule_ids, id);
    REQUIRE(found != model::rule_ids.end());
    return static_cast<Rule>(found - model::rule_ids.begin());
}

// A bitmap's name stands for eight words: the one that the departure is about.
Reg register_named(std::string_view name, unsigned word) {
    for (std::size_t i = 0; i <= model::index_of(Reg::tsc_deadline); ++i) {
        const auto reg = static_cast<Reg>(i);
        if (model::register_name(reg) == name)
            return model::is_bitmap(reg) ? model::offset_by(reg, word) : reg;
    }
    FAIL("no register is called " << name);
    return Reg::none;
}

std::optional<AccessKind> access_named(std::string_view name) {
    if (name == "mmio-read") return AccessKind::mmio_read;
    if (name == "mmio-write") return AccessKind::mmio_write;
    if (name == "rdmsr") return AccessKind::rdmsr;
    if (name == "wrmsr") return AccessKind::wrmsr;
    return std::nullopt; // no access of the guest
}

Mode mode_named(std::string_view name) {
    for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic})
        if (model::to_string(mode) == name) return mode;
    FAIL("no mode is called " << name);
    return Mode::xapic;
}

// What is so around every divergence here: the register held what is read, the timer was periodic.
const Departure* find_departure(const Divergence& d) {
    Circumstances circumstances;
    circumstances.held = d.access.value;
    return checker::find_departure(d.mismatch, d.access, circumstances);
}

// What reads wrong in `bits`, as the departure says.
u64 value_read(const specs::DepartureObserved& observed, u64 bits) {
    if (!observed.values.empty()) return observed.values.front();
    switch (observed.reads) {
    case specs::Reads::zeros: return 0;
    default: return bits;
    }
}

// Every divergence that is exactly what the departure says.
std::vector<Divergence> instances(const Departure& departure) {
    std::vector<Divergence> all;
    const auto& observed = departure.observed;
    for (const std::string& rule : departure.rules)
        for (const std::string& reg : departure.registers)
            for (const std::string& access : departure.access)
                for (const std::string& mode : departure.modes) {
                    const auto kind = access_named(access);
                    if (!kind) continue;
                    Divergence d;
                    d.access.kind = *kind;
                    d.mismatch.rule = rule_named(rule);
                    d.mismatch.reg = register_named(reg, observed.word.value_or(0));
                    d.mismatch.mode = mode_named(mode);
                    if (observed.gp) {
                        d.mismatch.fault = *observed.gp ? Fault::gp_raised : Fault::gp_missing;
                        d.access.gp = *observed.gp;
                    } else {
                        d.mismatch.fault = Fault::value;
                        d.mismatch.bits = *observed.bits;
                        d.access.value = value_read(observed, *observed.bits);
                    }
                    all.push_back(d);
                }
    return all;
}

std::string text_of(const Divergence& d) {
    return fmt::format("{} {} {} fault {} bits {:#x} value {:#x}", model::to_string(d.mismatch.rule),
                       model::register_name(d.mismatch.reg), model::to_string(d.mismatch.mode),
                       static_cast<int>(d.mismatch.fault), d.mismatch.bits, d.access.value);
}

template <class Visit>
void for_each_instance(Visit visit) {
    for (const Departure& departure : specs::catalogue().departures) {
        if (!shows(departure)) continue;
        CAPTURE(departure.id);
        for (const Divergence& divergence : instances(departure)) {
            CAPTURE(text_of(divergence));
            visit(departure, divergence);
        }
    }
}

TEST_CASE("these departures show in a trace as a value or a #GP") {
    std::vector<std::string> ids;
    for (const Departure& departure : specs::catalogue().departures)
        if (shows(departure)) ids.push_back(departure.id);
    CHECK(fmt::format("{}", fmt::join(ids, " ")) == fmt::format("{}", fmt::join(shown_by_value_or_gp, " ")));
}

TEST_CASE("a divergence that is exactly a departure is known as it") {
    unsigned instances_seen = 0;
    for_each_instance([&](const Departure& departure, const Divergence& divergence) {
        ++instances_seen;
        CHECK(find_departure(divergence) == &departure);
    });
    CHECK(instances_seen > 100);
}

TEST_CASE("fewer bits than the departure allows are the departure, too") {
    for (const Departure& departure : specs::catalogue().departures) {
        if (!departure.in_trace || !departure.observed.bits || !departure.observed.values.empty()) continue;
        for (Divergence divergence : instances(departure)) {
            divergence.mismatch.bits &= ~divergence.mismatch.bits + 1; // the lowest
            CAPTURE(text_of(divergence));
            CHECK(find_departure(divergence) != nullptr);
        }
    }
}

TEST_CASE("one bit more is no departure") {
    for_each_instance([](const Departure& departure, Divergence divergence) {
        if (departure.observed.gp) return;
        for (unsigned bit = 0; bit < 64; ++bit) {
            const u64 more = u64{1} << bit;
            if ((*departure.observed.bits & more) != 0) continue;
            divergence.mismatch.bits = *departure.observed.bits | more;
            if (departure.observed.values.empty()) divergence.access.value |= more;
            const Departure* const found = find_departure(divergence);
            // The bits of LINT0 and LINT1 are described twice, once for all entries.
            CHECK((found == nullptr ||
                   (*found->observed.bits & divergence.mismatch.bits) == divergence.mismatch.bits));
            CHECK(found != &departure);
        }
    });
}

TEST_CASE("bits that read otherwise than the departure says are none") {
    unsigned checked = 0;
    for_each_instance([&checked](const Departure& departure, Divergence divergence) {
        if (departure.observed.gp || departure.observed.reads == specs::Reads::anyhow) return;
        const u64 bit = divergence.mismatch.bits & (~divergence.mismatch.bits + 1);
        Circumstances circumstances;
        circumstances.held = divergence.access.value;
        divergence.access.value ^= bit;
        // (Of the mask of LVT PMC both values are a departure, each of its vendor.)
        CHECK(checker::find_departure(divergence.mismatch, divergence.access, circumstances) != &departure);
        ++checked;
    });
    CHECK(checked > 20);
}

TEST_CASE("another value than the one that the departure has is none") {
    for_each_instance([](const Departure& departure, Divergence divergence) {
        if (departure.observed.values.empty() || is_write(divergence.access.kind)) return;
        divergence.access.value = departure.observed.values.front() ^ 0x20000;
        CHECK(find_departure(divergence) == nullptr);
    });
}

TEST_CASE("what does not depend on what is unknown is a departure, and what may be one is") {
    for_each_instance([](const Departure& departure, const Divergence& divergence) {
        CHECK(checker::find_departure(divergence.mismatch, divergence.access, {}) == &departure);
    });
}

TEST_CASE("told the vendor, the other one's departures are none") {
    for_each_instance([](const Departure& departure, const Divergence& divergence) {
        Circumstances circumstances;
        circumstances.amd = departure.vendor == specs::Vendor::intel;
        const Departure* const found =
            checker::find_departure(divergence.mismatch, divergence.access, circumstances);
        CHECK((found == &departure) == (departure.vendor == specs::Vendor::both));
    });
}

TEST_CASE("in another register it is no departure") {
    for_each_instance([](const Departure& departure, Divergence divergence) {
        for (std::size_t i = 0; i <= model::index_of(Reg::none); ++i) {
            divergence.mismatch.reg = static_cast<Reg>(i);
            const std::string name(model::register_name(divergence.mismatch.reg));
            const bool listed = std::ranges::find(departure.registers, name) != departure.registers.end();
            if (!listed) CHECK(find_departure(divergence) != &departure);
        }
    });
}

TEST_CASE("in another word of the same bitmap it is no departure") {
    unsigned checked = 0;
    for_each_instance([&checked](const Departure& departure, Divergence divergence) {
        if (!departure.observed.word) return;
        const Reg first = model::offset_by(divergence.mismatch.reg, 0u - *departure.observed.word);
        for (u32 word = 0; word < 8; ++word) {
            if (word == *departure.observed.word) continue;
            divergence.mismatch.reg = model::offset_by(first, word);
            CHECK(find_departure(divergence) == nullptr);
            ++checked;
        }
    });
    CHECK(checked > 0);
}

TEST_CASE("in another mode it is no departure") {
    for_each_instance([](const Departure& departure, Divergence divergence) {
        for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic}) {
            const std::string name(model::to_string(mode));
            if (std::ranges::find(departure.modes, name) != departure.modes.end()) continue;
            divergence.mismatch.mode = mode;
            CHECK(find_departure(divergence) != &departure);
        }
    });
}

TEST_CASE("by another access it is no departure") {
    for_each_instance([](const Departure& departure, Divergence divergence) {
        for (const auto* name : {"mmio-read", "mmio-write", "rdmsr", "wrmsr"}) {
            if (std::ranges::find(departure.access, name) != departure.access.end()) continue;
            divergence.access.kind = *access_named(name);
            CHECK(find_departure(divergence) != &departure);
        }
    });
}

TEST_CASE("by another rule it is no departure") {
    for_each_instance([](const Departure& departure, Divergence divergence) {
        for (std::size_t i = 0; i < model::rule_ids.size(); ++i) {
            if (std::ranges::find(departure.rules, model::rule_ids[i]) != departure.rules.end()) continue;
            divergence.mismatch.rule = static_cast<Rule>(i);
            CHECK(find_departure(divergence) != &departure);
        }
    });
}

TEST_CASE("of another kind it is no departure") {
    for_each_instance([](const Departure&, Divergence divergence) {
        const Fault its_own = divergence.mismatch.fault;
        for (int fault = 0; fault <= static_cast<int>(Fault::cpuid); ++fault) {
            divergence.mismatch.fault = static_cast<Fault>(fault);
            if (divergence.mismatch.fault != its_own) CHECK(find_departure(divergence) == nullptr);
        }
    });
}

TEST_CASE("a value above a bound is no wrong bit") {
    for_each_instance([](const Departure& departure, Divergence divergence) {
        if (departure.observed.gp) return;
        divergence.mismatch.bounded = true;
        CHECK(find_departure(divergence) == nullptr);
    });
}

TEST_CASE("a current count above the initial one is known, a count that is wrong otherwise is not") {
    Divergence d;
    d.access.kind = AccessKind::rdmsr;
    d.mismatch.rule = Rule::T04;
    d.mismatch.fault = Fault::value;
    d.mismatch.reg = Reg::current_count;
    d.mismatch.mode = Mode::x2apic;
    d.mismatch.bounded = true;
    d.access.value = 200'000;
    REQUIRE(find_departure(d) != nullptr);
    CHECK(find_departure(d)->id == "kvm-current-count-above-initial");
    Circumstances one_shot;
    one_shot.was_periodic = false;
    CHECK(checker::find_departure(d.mismatch, d.access, one_shot) == nullptr);
    d.access.value = 500'001; // more than the longest period that is given to a short one
    CHECK(find_departure(d) == nullptr);
    d.access.value = 200'000;
    Circumstances divided;
    divided.least_divide = 16;
    CHECK(checker::find_departure(d.mismatch, d.access, divided) == nullptr);
    d.access.value = 200'000;
    d.mismatch.bounded = false;
    d.mismatch.bits = 1;
    CHECK(find_departure(d) == nullptr);
}

TEST_CASE("what a trace cannot show is known of no divergence") {
    for (const Departure& departure : specs::catalogue().departures) {
        if (departure.in_trace) continue;
        CAPTURE(departure.id);
        if (!departure.observed.gp && !departure.observed.bits) continue;
        for (const Divergence& divergence : instances(departure))
            CHECK(find_departure(divergence) != &departure);
    }
}

TEST_CASE("the fault of 2018 is nobody's departure") {
    for (const Rule rule : {Rule::M01, Rule::M02, Rule::M03, Rule::M04})
        for (const Mode mode : {Mode::disabled, Mode::x2apic})
            for (std::size_t i = 0; i <= model::index_of(Reg::none); ++i) {
                Divergence d;
                d.mismatch.rule = rule;
                d.mismatch.mode = mode;
                d.mismatch.reg = static_cast<Reg>(i);
                d.mismatch.fault =
                    rule == Rule::M01 || rule == Rule::M03 ? Fault::answered_by_apic : Fault::reached_apic;
                d.access.kind =
                    rule == Rule::M01 || rule == Rule::M03 ? AccessKind::mmio_read : AccessKind::mmio_write;
                CHECK(find_departure(d) == nullptr);
            }
}

} // namespace
} // namespace lapicheck::checker
