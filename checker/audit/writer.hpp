// Collects the programs by which one machine is examined.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "checker/audit/script.hpp"

namespace lapicheck::checker {

struct AuditProgram {
    std::string what; // "registers, x2apic mode, svr"
    model::Mode mode; // in which it does what it is about
    programs::Program program;
};

class AuditWriter {
  public:
    explicit AuditWriter(const programs::Machine& machine) : machine_(&machine) {}

    const programs::Machine& machine() const { return *machine_; }
    // A program of its own, if the machine has the mode: vCPU 0 in `mode`, the others in xAPIC mode, all
    // APICs software-enabled if they can be.
    void program(std::string_view what, model::Mode mode, const std::function<void(Script&)>& write,
                 std::string_view detail = {});
    std::vector<AuditProgram> take() { return std::move(all_); }

  private:
    const programs::Machine* machine_;
    std::vector<AuditProgram> all_;
};

inline const model::RegisterRow& row_of(model::Reg reg) { return model::sdm_registers[model::index_of(reg)]; }

} // namespace lapicheck::checker
