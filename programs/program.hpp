// The access program: what guests do to their local APICs, step by step, and the machine they do it on.
// One JSON form for programs written by hand, for counterexamples and for what a run observed:
// specs/schema/program.schema.json.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lapicheck::programs {

enum class Do : std::uint8_t {
    // The guest's own:
    mmio_read,
    mmio_write,
    rdmsr,
    wrmsr,
    cr8_read,
    cr8_write,
    enable_interrupts,  // STI: from now on the vCPU takes interrupts, between steps
    disable_interrupts, // CLI; every vCPU starts so
    halt,               // HLT
    enable_and_halt,    // STI; HLT: what is pending is taken in HLT, not before it
    // The host's, and what comes from outside:
    wait,
    reset,         // RESET of the vCPU, as userspace makes it
    init,          // an INIT arrives; then the vCPU goes on without a SIPI
    save_load,     // the vCPU's APIC state is read out and loaded back, as for a migration
    interrupt,     // a fixed interrupt arrives
    msi,           // any message on the bus
    timer_expires, // until the vCPU's APIC timer has fired, at most for a while
    // What only a model can be told:
    message,        // an interrupt message for this vCPU's APIC alone: value as model::Access has it
    take_interrupt, // the processor takes the interrupt that is to run
    hardware,       // what the APIC's hardware does by itself: bus errors, a counter's overflow
};
inline constexpr std::size_t do_count = 20;

constexpr bool is_halt(Do what) { return what == Do::halt || what == Do::enable_and_halt; }
constexpr bool enables_interrupts(Do what) {
    return what == Do::enable_interrupts || what == Do::enable_and_halt;
}
std::string_view to_string(Do what);

// Which words of a step an action takes; the others are 0.
struct Step {
    Do what = Do::wait;
    std::uint8_t size = 0;     // bytes of an MMIO access: 1, 2, 4, 8 or (a model only) 16
    std::uint8_t vector = 0;   // interrupt
    bool level = false;        // interrupt: its trigger mode
    std::uint32_t vcpu = 0;    // index into Machine::vcpus
    std::uint64_t address = 0; // guest-physical address (mmio_*, msi), MSR index, or destination (message)
    std::uint64_t value =
        0; // written (mmio_write, wrmsr, cr8_write), of message and msi, microseconds of wait
    bool operator==(const Step&) const = default;
};

enum class GuestVendor : std::uint8_t { either, intel, amd }; // either: as the host's CPUID says

struct Machine {
    std::vector<std::uint32_t> apic_ids; // the vCPUs', each its own; the first vCPU is the BSP
    GuestVendor vendor = GuestVendor::either;
    bool split_irqchip = false;               // the I/O APIC in userspace, the local APICs in the kernel
    std::vector<std::string> disabled_quirks; // KVM_X86_QUIRK_*, without the prefix
    bool x2apic = true;                       // CPUID.1:ECX[21]
    bool tsc_deadline = true;                 // CPUID.1:ECX[24]
    std::optional<std::uint8_t> maxphyaddr;   // CPUID.80000008H:EAX[7:0]; none: the host's
    bool operator==(const Machine&) const = default;
};

struct Taken {
    std::uint32_t vcpu = 0;
    std::uint8_t vector = 0; // 2 may also be an NMI
    bool operator==(const Taken&) const = default;
};

// An EOI went to the I/O APIC. Seen only where that is userspace's (split_irqchip).
struct EoiBroadcast {
    std::uint32_t vcpu = 0;
    std::uint8_t vector = 0;
    bool operator==(const EoiBroadcast&) const = default;
};

// INIT or SIPI took effect on a vCPU.
struct Restarted {
    std::uint32_t vcpu = 0;
    std::optional<std::uint8_t> sipi_vector; // none: INIT
    bool operator==(const Restarted&) const = default;
};

// How a step ended.
enum class Ending : std::uint8_t {
    done,
    not_run,       // it was not begun
    stopped,       // the vCPU stopped in it: KVM_RUN did not end, or ended in an error
    stopped_after, // it was done; then a vCPU stopped that was to take interrupts
    lost,          // it was done, perhaps; what came of it is not known
};

// What was seen of a step.
struct StepOutcome {
    std::optional<std::uint64_t> value; // what a read gave; none if it raised #GP
    bool gp = false;
    bool any_value = false;   // a model's: the value is left open, another one is as good
    bool mmio_exit = false;   // nothing in the kernel answered; whoever runs the guest read all ones
    bool halted = false;      // the vCPU is still in HLT; its later steps wait for something to wake it
    std::vector<Taken> taken; // interrupts, by any vCPU, from this step until the next one
    std::vector<EoiBroadcast> eois;
    std::vector<Restarted> restarted;
    Ending ending = Ending::done;
    std::string reason; // of any other ending
    bool operator==(const StepOutcome&) const = default;

    bool is_done() const { return ending == Ending::done; }
    void end(Ending how, std::string why) {
        ending = how;
        reason = std::move(why);
    }
};
// "not run: vCPU 1 is in HLT", "KVM_EXIT_INTERNAL_ERROR", "vCPU 1: ...": as reports and the JSON form have
// it, and back. Empty: done.
std::string ending_text(const StepOutcome& outcome);
void read_ending(std::string_view text, StepOutcome& outcome);

// What a program's text says of a step besides the step.
struct StepNotes {
    std::optional<StepOutcome> outcome;                      // observed when it was run
    std::vector<std::pair<std::string, std::string>> others; // "allowed" and such: key, JSON text
    bool operator==(const StepNotes&) const = default;
};

struct Program {
    Machine machine;
    std::vector<Step> steps;
    std::map<std::size_t, StepNotes> notes; // by the step's index
    // Keys of the text that are no business of a program ("property", "found_by"): key, JSON text.
    std::vector<std::pair<std::string, std::string>> others;
    bool operator==(const Program&) const = default;
};

// What a program may ask for at most; more is refused with its place.
namespace limits {
inline constexpr std::size_t vcpus = 64;
inline constexpr std::size_t steps = 10'000'000;
inline constexpr std::uint64_t wait_microseconds = 10'000'000;
inline constexpr std::uint64_t physical_address = (std::uint64_t{1} << 52) - 1;
} // namespace limits

// Quirks of KVM that a machine may disable, each at the position of its bit in
// KVM_CAP_DISABLE_QUIRKS2; "" where there is none. Documentation/virt/kvm/api.rst, Linux 6.18.
const std::vector<std::string>& quirk_names();

struct ProgramText {
    Program program;
    // "prog.json: /steps/3/value: "0xfg" is no hexadecimal number; write it as "0x1f""; empty: none.
    std::string error;
};

// `name` stands before errors. Never throws for what the text holds.
ProgramText read_program(std::string_view text, const std::string& name);
// The same form, a step a line; 64-bit values as "0x...". If `outcomes` is not empty it stands for
// the outcomes in the notes, and has one for each step.
std::string write_program(const Program& program, const std::vector<StepOutcome>& outcomes = {});
// Its steps alone, as a JSON array; each line but the first begins with `indent`.
std::string write_steps(const Program& program, std::string_view indent,
                        const std::vector<StepOutcome>& outcomes = {});

} // namespace lapicheck::programs
