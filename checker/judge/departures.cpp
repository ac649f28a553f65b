#include "checker/judge/departures.hpp"

#include <algorithm>
#include <bitset>

#include "checker/judge/evidence.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;
using specs::Departure;
using specs::DepartureObserved;
using specs::Reads;
using traces::GuestAccess;

// A departure whose names are looked up: there are as many divergences as the trace has faults.
struct Pattern {
    const Departure* departure = nullptr;
    std::bitset<model::rule_ids.size()> rules;
    std::bitset<model::index_of(Reg::none) + 1> registers;
    std::bitset<model::access_kind_names.size()> accesses;
    std::bitset<model::mode_count> modes;
    bool of_interrupts = false;
};

bool names(const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

bool is_word(Reg reg, unsigned word) {
    return model::is_bitmap(reg) && (model::index_of(reg) - model::index_of(Reg::isr0)) % 8 == word;
}

Pattern pattern_of(const Departure& departure) {
    Pattern pattern;
    pattern.departure = &departure;
    for (std::size_t i = 0; i < pattern.rules.size(); ++i)
        pattern.rules[i] = names(departure.rules, model::rule_ids[i]);
    const auto& word = departure.observed.word;
    for (std::size_t i = 0; i < pattern.registers.size(); ++i) {
        const auto reg = static_cast<Reg>(i);
        pattern.registers[i] =
            names(departure.registers, model::register_name(reg)) && (!word || is_word(reg, *word));
    }
    for (std::size_t i = 0; i < pattern.accesses.size(); ++i)
        pattern.accesses[i] = names(departure.access, model::to_string(static_cast<AccessKind>(i)));
    for (std::size_t i = 0; i < pattern.modes.size(); ++i)
        pattern.modes[i] = names(departure.modes, model::to_string(static_cast<Mode>(i)));
    pattern.of_interrupts = names(departure.access, "interrupt") || names(departure.access, "eoi");
    return pattern;
}

const std::vector<Pattern>& patterns() {
    static const std::vector<Pattern> all = [] {
        std::vector<Pattern> found;
        for (const Departure& departure : specs::catalogue().departures)
            found.push_back(pattern_of(departure));
        return found;
    }();
    return all;
}

bool names_condition(const DepartureObserved& observed, specs::Condition condition) {
    return std::ranges::find(observed.when, condition) != observed.when.end();
}
bool names_condition(const Departure& departure, specs::Condition condition) {
    return names_condition(departure.observed, condition);
}

bool breaks(const Pattern& pattern, Rule rule) { return pattern.rules[static_cast<std::size_t>(rule)]; }

// No access shows it, but an interrupt or message that came or did not.
bool is_of_interrupt(Fault fault) {
    return fault == Fault::injected || fault == Fault::not_taken || fault == Fault::not_delivered ||
           fault == Fault::eoi_broadcast || fault == Fault::not_accepted ||
           fault == Fault::accepted_unaddressed || fault == Fault::accepted_by_several ||
           fault == Fault::accepted_twice || is_of_timer(fault);
}

bool is_of_vectors(const Mismatch& mismatch, Reg first) {
    const std::size_t word = model::index_of(mismatch.reg) - model::index_of(first);
    return mismatch.fault == Fault::value && model::is_bitmap(mismatch.reg) && word < 8;
}

// That an interrupt was missing in an observation: not taken, not delivered, not accepted, or not in IRR.
bool is_missing(const Mismatch& mismatch) {
    const Fault fault = mismatch.fault;
    return fault == Fault::not_taken || fault == Fault::not_delivered || fault == Fault::not_accepted ||
           (is_of_vectors(mismatch, Reg::irr0) && (mismatch.bits & ~mismatch.expected.value) == 0);
}

// Effects that no observation shows by itself are seen in the values of other entries, or not at all in a
// recording: those match nothing here.
bool has_effect(specs::Effect effect, const Mismatch& mismatch) {
    using enum specs::Effect;
    const Fault fault = mismatch.fault;
    switch (effect) {
    case interrupt_ended_when_taken:
        return (fault == Fault::injected && mismatch.reg == Reg::isr0) ||
               (fault == Fault::eoi_broadcast && mismatch.bits == 0);
    case eoi_broadcast_although_suppressed: return fault == Fault::eoi_broadcast && mismatch.bits != 0;
    case logical_ipi_target_missed:
        // V09 is of both destination modes: of a missing message `bits` tells which.
        if (mismatch.rule == Rule::V09 && (mismatch.bits & model::icr::logical) == 0) return false;
        return fault == Fault::not_delivered || fault == Fault::not_accepted;
    case physical_ipi_target_missed: return fault == Fault::not_delivered || fault == Fault::not_accepted;
    case wide_id_reaches_xapic_target: return fault == Fault::accepted_unaddressed;
    case error_interrupt_missing: return mismatch.rule == Rule::E05 && is_missing(mismatch);
    case level_ipi_sets_tmr:
        return mismatch.rule == Rule::I18 && is_of_vectors(mismatch, Reg::tmr0) &&
               (mismatch.bits & mismatch.expected.value) == 0;
    case level_deassert_ipi_dropped: return mismatch.rule == Rule::I18 && is_missing(mismatch);
    case tmr_not_cleared_by_accelerated_ipi: // hardware's doing: no recording decides it
    case vector_below_16_accepted:           // seen in IRR: kvm-irr-below-16-reads-set
    case count_above_initial:                // bounded, see observed_as
    case initial_count_cleared:              // the manual does not say what it reads then (T12)
    case period_lengthened:                  // time is not predicted
    case deadline_interrupt_accepted_early:
    case window_alive_in_x2apic: // without an event
    case none: break;
    }
    return false;
}

std::string_view name_of(model::KvmModule module) {
    switch (module) {
    case model::KvmModule::pvm: return "pvm";
    case model::KvmModule::vmx: return "vmx";
    case model::KvmModule::svm: break;
    }
    return "svm";
}

bool is_of_host(const Departure& departure, const Host& host) {
    if (!host.is_kvm) return false;
    if (host.module && !departure.cpu.empty() && departure.cpu != name_of(*host.module)) return false;
    if (!host.kernel) return true;
    return (!departure.first || *departure.first <= *host.kernel) &&
           (!departure.last || *host.kernel <= *departure.last);
}

// A trace does not show that it happens, but where it does, the trace shows that it may.
bool shows_by_itself(const Departure& departure) {
    return names_condition(departure, specs::Condition::hardware_virtualizes);
}

bool may_be_so(specs::Condition condition, const DepartureObserved& observed, const GuestAccess& access,
               const Circumstances& circumstances) {
    using enum specs::Condition;
    switch (condition) {
    case boot_processor: return circumstances.boot_processor;
    case not_written_since_reset: return !circumstances.written_since_reset;
    case delivery_status_alone: {
        const model::RegisterRow& icr = model::sdm_registers[model::index_of(Reg::icr)];
        return (model::low_half(access.value) & icr.reserved()) == 0;
    }
    case vectors_sent: return true; // bit by bit: departing_bits
    case count_of_short_period:
        return access.value * circumstances.least_divide <= observed.at_most.value_or(~u64{0});
    case logical_id_not_its_own: return !circumstances.logical_id_is_its_own;
    case id_of_another_too: return circumstances.id_of_another_too;
    case all_software_disabled: return circumstances.all_software_disabled;
    case wide_id_of_target: return circumstances.wide_id_of_target;
    case hardware_virtualizes: break;
    }
    return circumstances.virtualized || circumstances.all_told;
}

bool concerns(const Pattern& pattern, const Mismatch& mismatch, const GuestAccess& access,
              const Circumstances& circumstances) {
    const Departure& departure = *pattern.departure;
    const bool is_shown = departure.in_trace || circumstances.all_told || shows_by_itself(departure);
    const bool is_of_vendor = departure.vendor == specs::Vendor::both ||
                              circumstances.amd.admits(departure.vendor == specs::Vendor::amd);
    if (!is_shown || !is_of_vendor || !is_of_host(departure, circumstances.host)) return false;
    if (!pattern.modes[static_cast<std::size_t>(mismatch.mode)]) return false;
    if (!std::ranges::all_of(departure.observed.when, [&](specs::Condition condition) {
            return may_be_so(condition, departure.observed, access, circumstances);
        }))
        return false;
    if (is_of_interrupt(mismatch.fault)) return pattern.of_interrupts;
    return pattern.registers[model::index_of(mismatch.reg)] &&
           pattern.accesses[static_cast<std::size_t>(access.kind)];
}

// The bits that read wrong and as the departure says.
u64 departing_bits(const DepartureObserved& observed, const Mismatch& mismatch, const GuestAccess& access,
                   const Circumstances& circumstances) {
    if (!observed.bits || mismatch.fault != Fault::value || mismatch.bounded) return 0;
    const u64 value = access.value;
    if (!observed.values.empty() && std::ranges::find(observed.values, value) == observed.values.end())
        return 0;
    const bool of_sent = names_condition(observed, specs::Condition::vectors_sent);
    const u64 bits = mismatch.bits & *observed.bits & (of_sent ? circumstances.low_vectors : ~u64{0});
    switch (observed.reads) {
    case Reads::anyhow: break;
    case Reads::zeros: return bits & ~value;
    case Reads::ones: return bits & value;
    case Reads::as_written: return bits & ~(value ^ circumstances.held.value_or(value));
    case Reads::lower: return value < mismatch.expected.value ? bits : 0;
    }
    return bits;
}

bool observed_as(const DepartureObserved& observed, const Mismatch& mismatch, const GuestAccess& access,
                 const Circumstances& circumstances) {
    if (is_of_interrupt(mismatch.fault) || mismatch.rule == Rule::I18 || mismatch.rule == Rule::E05)
        return has_effect(observed.effect, mismatch);
    if (observed.gp) {
        const bool of_value = is_write(access.kind) || observed.values.empty() ||
                              std::ranges::find(observed.values, access.value) != observed.values.end();
        return of_value && mismatch.fault == (*observed.gp ? Fault::gp_raised : Fault::gp_missing);
    }
    if (observed.bits)
        return mismatch.bits != 0 &&
               departing_bits(observed, mismatch, access, circumstances) == mismatch.bits;
    return observed.effect == specs::Effect::count_above_initial && mismatch.fault == Fault::value &&
           mismatch.bounded && (!observed.periodic || circumstances.was_periodic);
}

} // namespace

const Departure* find_departure(const Mismatch& mismatch, const GuestAccess& access,
                                const Circumstances& circumstances) {
    const auto found = std::ranges::find_if(patterns(), [&](const Pattern& pattern) {
        return concerns(pattern, mismatch, access, circumstances) && breaks(pattern, mismatch.rule) &&
               observed_as(pattern.departure->observed, mismatch, access, circumstances);
    });
    return found == patterns().end() ? nullptr : found->departure;
}

std::vector<Mismatch> tell_departures(const Mismatch& mismatch, const GuestAccess& access,
                                      const Circumstances& circumstances,
                                      const std::function<Mismatch(u64 bits)>& narrowed) {
    std::vector<Mismatch> parts{mismatch};
    parts[0].departure = find_departure(mismatch, access, circumstances);
    if (parts[0].departure != nullptr || mismatch.fault != Fault::value || mismatch.bounded) return parts;
    u64 left = mismatch.bits;
    for (const Pattern& pattern : patterns()) {
        if (left == 0) break;
        if (!concerns(pattern, mismatch, access, circumstances)) continue;
        const u64 bits = departing_bits(pattern.departure->observed, mismatch, access, circumstances) & left;
        if (bits == 0) continue;
        Mismatch part = narrowed(bits);
        if (!breaks(pattern, part.rule)) continue;
        part.departure = pattern.departure;
        parts.push_back(part);
        left &= ~bits;
    }
    if (left == 0) {
        parts.erase(parts.begin());
    } else if (left != mismatch.bits) {
        parts[0] = narrowed(left);
        parts[0].departure = find_departure(parts[0], access, circumstances);
    }
    return parts;
}

bool are_departures(const std::vector<Mismatch>& parts) {
    return std::ranges::all_of(parts, [](const Mismatch& part) { return part.departure != nullptr; });
}

} // namespace lapicheck::checker
