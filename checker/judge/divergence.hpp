// A divergence: an observation that no rule allows, with all that a reader of the report needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/domains/known_bits.hpp"
#include "model/state.hpp"
#include "specs/catalogue.hpp"
#include "traces/access_assembler.hpp"

namespace lapicheck::checker {

using model::Known;
using model::Mode;
using model::Reg;
using model::Rule;
using model::u32;
using model::u64;

// In what way the observation and the model differ.
enum class Fault : std::uint8_t {
    answered_by_apic, // an MMIO read of which nothing of the APIC may answer
    reached_apic,     // an MMIO write of which nothing may reach the APIC
    gp_missing,
    gp_raised,
    value,     // a value read
    handed_on, // KVM's register access carries another value than the guest's
    ipi_missing,
    ipi_sent,
    ipi_differs,
    not_accepted,         // an APIC that a command addresses did not accept it
    accepted_unaddressed, // an APIC that no command addressed accepted it
    accepted_by_several,  // of lowest priority: more than one APIC accepted it
    accepted_twice,       // an APIC accepted one command twice
    eoi_vector,
    injected,      // an interrupt that had to wait was given to the processor
    timer_again,   // the timer's interrupt came a second time
    timer_masked,  // it came though its entry is masked
    timer_missing, // it had to come and did not
    timer_early,   // it came before it was due (`expected`), both in nanoseconds since it was started
    cpuid,
    shared_id, // two APICs of one VM have one x2APIC ID
    property,  // no single outcome is wrong, but a property is broken
    // Only where all is seen, of access programs:
    left,          // an access to the open window that the APIC did not answer
    unfinished,    // an access in which the vCPU stopped: KVM_RUN did not end, or ended in an error
    not_taken,     // an interrupt that had to be given to the processor was not
    not_delivered, // an NMI, INIT or SIPI that had to reach the processor did not
    eoi_broadcast, // an EOI went to the I/O APIC that must not, or did not that must
};

// A remark, put into words only when it is printed: accesses are many and reports few.
struct Detail {
    std::string_view format; // for fmt, of `first` and `second`
    u64 first = 0;
    u64 second = 0;

    bool empty() const { return format.empty(); }
};
std::string to_string(const Detail& detail);

struct Mismatch {
    Rule rule = Rule::M14;
    Fault fault = Fault::value;
    Reg reg = Reg::none;
    Mode mode = Mode::xapic;
    bool bounded = false;         // the value may be at most `expected`
    bool unseen_cause = false;    // an interrupt or INIT from another CPU would explain it, had one been seen
    bool unseen_wrmsr = false;    // a WRMSR that the trace does not show would explain it
    bool needs_all_cpus = false;  // it holds if no host CPU's events are missing
    bool presumes_one_vm = false; // it holds if sender and receiver are of one VM, which nothing shows
    u64 bits = 0;                 // of the value, in which the two differ
    Known<u64> expected;          // of the value
    Detail detail;                // what the fields above do not tell
    const specs::Departure* departure = nullptr; // KVM is known to do exactly this
};

inline bool is_of_timer(Fault fault) {
    return fault == Fault::timer_again || fault == Fault::timer_masked || fault == Fault::timer_missing ||
           fault == Fault::timer_early;
}

// Shown by an event that is no access of the guest.
inline bool is_of_no_access(Fault fault) {
    return fault == Fault::injected || fault == Fault::cpuid || is_of_timer(fault);
}

// Whether it is the fault of the access alone, whatever the state: nothing that userspace may have set
// explains it, and it speaks against nothing that userspace may have set.
inline bool is_of_access_alone(const Mismatch& mismatch) {
    const bool destination_held = mismatch.rule == Rule::I22;
    return mismatch.fault == Fault::handed_on || mismatch.fault == Fault::ipi_missing ||
           mismatch.fault == Fault::ipi_sent || (mismatch.fault == Fault::ipi_differs && !destination_held);
}

// What a line that matters shows, as far as a run can repeat it.
struct Repeatable {
    enum class What : std::uint8_t {
        nothing,
        access, // of `kind`, to `address`
        init,
        given, // vector `value` was given to the processor
        eoi,
    };
    What what = What::nothing;
    model::AccessKind kind = model::AccessKind::wrmsr;
    u64 address = 0;
    u64 value = 0;
};

struct Because {
    u64 line = 0;
    std::string what;
    Repeatable repeatable = {};
};

struct Divergence {
    Mismatch mismatch;
    traces::GuestAccess access;
    u64 line = 0; // of the event that shows it
    // What it rests on was last seen so at this line: all that may have come since, unseen, would explain it.
    // 0: it rests on more than single registers.
    u64 rests_on = 0;
    // Since then its thread may have been on another CPU, whose events may be missing.
    bool is_across_absence = false;
    std::string vcpu;
    u32 process = 0; // of the vCPU's thread; 0: not recorded
    std::vector<Because> because;
    std::vector<std::string_view> properties; // that the access breaks, by name
    u64 count = 1;
    const specs::Departure* known = nullptr; // KVM is known to do so, by the profile
};

} // namespace lapicheck::checker
