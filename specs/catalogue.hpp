// The catalogue: every rule with its statement, level and source, and every known departure of KVM,
// read from rules.json and kvm-departures.json, which are compiled in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lapicheck::specs {

struct Citation {
    std::string manual, title, number, revision; // number may be empty, the title never is
};

enum class Level {
    must,           // there is one right answer
    implementation, // each processor model may answer otherwise: predict nothing
    undefined,      // anything goes
};

enum class Vendor { both, intel, amd };

struct RuleEntry {
    std::string id;   // "M01"
    std::string slug; // "no-mmio-read-in-x2apic"
    Level level = Level::must;
    Vendor vendor = Vendor::both;
    std::string statement;
    std::vector<Citation> citations;
    std::vector<std::string> registers;
    std::string notes;      // empty: none
    std::string decided_by; // empty: nothing yet
};

struct SourceLocation {
    std::string file, function, version;
};

// How bits read that read wrong.
enum class Reads {
    anyhow,
    zeros,
    ones,
    as_written, // by the last write of the register
    x2apic_ldr, // as in the logical ID of x2APIC mode
    lower,      // all, if the value is below the right one
};

// What KVM does otherwise that is no matter of a value read or a #GP alone.
enum class Effect {
    none,
    interrupt_ended_when_taken,
    eoi_broadcast_although_suppressed,
    logical_ipi_target_missed,
    physical_ipi_target_missed,
    wide_id_reaches_xapic_target,
    error_interrupt_missing,
    level_ipi_sets_tmr,
    level_deassert_ipi_dropped,
    vector_below_16_accepted,
    tmr_not_cleared_by_accelerated_ipi,
    count_above_initial,
    initial_count_cleared,
    period_lengthened,
    deadline_interrupt_accepted_early,
    window_alive_in_x2apic,
};
std::string_view to_string(Effect effect); // "interrupt-ended-when-taken", as in the JSON file

// What KVM answers instead of what the rule asks for. One of gp, bits and effect is set; bits and effect both
// where it shows in values and in interrupts.
struct DepartureObserved {
    std::optional<bool> gp;            // true: a #GP that is not due; false: none where it is due
    std::optional<std::uint64_t> bits; // a value read may be wrong in these bits only
    std::vector<std::uint64_t> values; // with bits: only if exactly one of these was read; empty: any
    Reads reads = Reads::anyhow;       // with bits: only those that read so
    std::optional<unsigned> word;      // with bits: in this word of ISR, TMR or IRR only
    Effect effect = Effect::none;
    bool periodic = false;                // with effect: only of a timer that was in periodic mode
    std::optional<std::uint64_t> at_most; // with effect: only if no more than this was read
};

struct Departure {
    std::string id;                 // "kvm-esr-always-zero"
    std::vector<std::string> rules; // ids
    std::string summary;
    std::vector<std::string> registers;
    std::vector<std::string> access; // "wrmsr", "mmio-read", "interrupt", ...
    std::vector<std::string> modes;  // "disabled", "xapic", "x2apic"
    DepartureObserved observed;
    std::string cpu;              // "svm" or "vmx"; empty: with either vendor module
    Vendor vendor = Vendor::both; // the guest CPU's
    bool in_trace = true;         // false: no recording decides it, as where it happens without an exit
    std::string kernels;
    std::vector<SourceLocation> sources;
    std::string reason;
    // Why one step of the model of today's KVM, from a state that can be reached, does not show it; empty: it
    // does.
    std::string not_in_model;
};

struct Catalogue {
    std::vector<RuleEntry> rules; // in the order of the groups B, M, X, D, V, L, T, I, E, R, P
    std::vector<Departure> departures;
};

// Read once, on the first call. Throws std::runtime_error, naming the file, if a file that was
// compiled in is damaged; the tests keep that from happening in a release.
const Catalogue& catalogue();

// By id ("M01", "m01") or by slug; null if there is none.
const RuleEntry* find_rule(std::string_view id_or_slug);
const Departure* find_departure(std::string_view id);

// What the user may have meant: ids or slugs of rules near a name that find_rule does not know, the
// best first; empty if nothing is near.
std::vector<std::string> near_rules(std::string_view name);

std::string_view to_string(Level level);
std::string_view to_string(Vendor vendor);
// The letter that stands for the level in reports: M, I or U.
char letter(Level level);

} // namespace lapicheck::specs
