// The programs that examine a target: derived from the register table and the modes of an APIC, not from what
// any target is known to do wrong. Each register is read and written in each mode with every single bit, each
// MSR and each place of the window is tried, each transition is made and what survives it read, on several
// machines.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "checker/audit/writer.hpp"
#include "programs/program.hpp"

namespace lapicheck::checker {

// A machine that the target may be, and what it is for.
struct AuditMachine {
    std::string what; // "split irqchip"
    programs::Machine machine;
};
std::vector<AuditMachine> audit_machines();

// In the order in which they are run.
std::vector<AuditProgram> audit_programs(const programs::Machine& machine);
// All as one program, before each a RESET of all vCPUs.
programs::Program one_after_the_other(std::span<const AuditProgram> programs);

} // namespace lapicheck::checker
