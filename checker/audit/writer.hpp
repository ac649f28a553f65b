// Collects the programs by which one machine is examined.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "checker/audit/programs.hpp"
#include "checker/audit/script.hpp"

namespace lapicheck::checker {

class AuditWriter {
  public:
    explicit AuditWriter(const traces::Machine& machine) : machine_(&machine) {}

    const traces::Machine& machine() const { return *machine_; }
    // A program of its own, if the machine has the mode: vCPU 0 in `mode`, the others in xAPIC mode, all
    // APICs software-enabled if they can be.
    void program(std::string_view what, model::Mode mode, const std::function<void(Script&)>& write,
                 std::string_view detail = {});
    std::vector<AuditProgram> take() { return std::move(all_); }

  private:
    const traces::Machine* machine_;
    std::vector<AuditProgram> all_;
};

// audit_interrupts.cpp: messages, what is done with them, and what processors take.
void write_interrupt_programs(AuditWriter& writer, model::Mode mode);

inline const model::RegisterRow& row_of(model::Reg reg) { return model::sdm_registers[model::index_of(reg)]; }

} // namespace lapicheck::checker
