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

// What must be so, or may be as far as is known, for KVM to do it.
enum class Condition {
    boot_processor,          // IA32_APIC_BASE[8] is 1
    not_written_since_reset, // software has not written the register since RESET or INIT
    delivery_status_alone,   // of the ICR's reserved bits only bit 12 is written
    vectors_sent,            // the bits are of vectors that were sent to this APIC
    count_of_short_period,   // what is read, times the divide value, is at most `at_most` nanoseconds
    logical_id_not_its_own,  // the target's logical ID has not one bit, or another APIC has that bit too
    id_of_another_too,       // another APIC that has the ID too accepted the message
    all_software_disabled,   // no APIC of the machine is enabled by software
    wide_id_of_target,       // the destination is the target's x2APIC ID, which is above FFH
    hardware_virtualizes,    // APICv or AVIC is active
};
std::string_view to_string(Condition condition); // "boot-processor", as in the JSON file

// A Linux release: 6.1 of "6.1.192-amd64".
struct Kernel {
    unsigned major = 0, minor = 0;
    friend constexpr auto operator<=>(const Kernel&, const Kernel&) = default;
};
std::optional<Kernel> kernel_of(std::string_view release); // none: it does not begin with two numbers

// What KVM answers instead of what the rule asks for. One of gp, bits and effect is set; bits and effect both
// where it shows in values and in interrupts.
struct DepartureObserved {
    std::optional<bool> gp;            // true: a #GP that is not due; false: none where it is due
    std::vector<Condition> when;       // all of them
    std::optional<std::uint64_t> bits; // a value read may be wrong in these bits only
    std::vector<std::uint64_t> values; // only if exactly one of these was read; empty: any
    Reads reads = Reads::anyhow;       // with bits: only those that read so
    std::optional<unsigned> word;      // with bits: in this word of ISR, TMR or IRR only
    Effect effect = Effect::none;
    bool periodic = false;                // with effect: only of a timer that was in periodic mode
    std::optional<std::uint64_t> at_most; // with count_of_short_period: nanoseconds
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
    std::optional<Kernel> first, last; // kernels that do so; none: no bound
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
