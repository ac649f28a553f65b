// Who runs an access program: a KVM, a model, ... Each is asked the same and answers in the same words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/implementations/kvm_module.hpp"
#include "programs/program.hpp"

namespace lapicheck::programs {

// What the target's machine has where the program does not say, or no program can. None: unknown.
struct Found {
    std::optional<bool> amd; // the CPU's vendor
    std::optional<std::uint8_t> maxphyaddr;
    bool locked_x2apic = false;             // IA32_XAPIC_DISABLE_STATUS[0]
    std::vector<std::uint32_t> versions;    // of each vCPU, the version register
    std::optional<model::KvmModule> module; // that runs it
    std::string kernel;           // the release of the kernel whose KVM it is; empty: unknown, or none
    bool starts_disabled = false; // RESET leaves the APICs disabled (some AMD CPUs)
    bool may_be_kvm = true;       // what KVM is known to do may be said of it
    // What its CPUID says where a program cannot choose. None: as the program's machine has it.
    std::optional<bool> x2apic;
    std::optional<bool> tsc_deadline;
};

// Before this step a target that cannot RESET its machine brought the APICs near to the state after RESET.
// What is known of them then is what the registers were read to hold.
struct SoftStart {
    std::size_t step = 0;
    struct Register {
        std::uint32_t vcpu = 0;
        std::uint32_t offset = 0; // in the window; 1BH: IA32_APIC_BASE
        std::uint64_t value = 0;
    };
    std::vector<Register> registers;
};

struct Execution {
    enum class Status : std::uint8_t {
        ran,     // there is an outcome for each step
        absent,  // there is no such target here, or it may not be used: /dev/kvm is missing or forbidden
        refused, // the target cannot be the machine that the program asks for
    };
    Status status = Status::ran;
    std::string reason; // unless it ran
    std::vector<StepOutcome> outcomes;
    Found found;
    std::vector<SoftStart> soft_starts; // in the order of their steps
};

class Target {
  public:
    virtual ~Target() = default;
    virtual std::string name() const = 0;
    // A step begins when the one before it is done, whichever vCPUs they are on.
    virtual Execution run(const Program& program) = 0;
    // The same, maybe on a machine that has run another program and was RESET since: where a machine takes
    // long to make, and what shows is looked at with run() in the end.
    virtual Execution run_again(const Program& program) { return run(program); }
    // The machine that the target can be which is nearest to this one.
    virtual Machine nearest(const Machine& asked) { return asked; }
};

} // namespace lapicheck::programs
