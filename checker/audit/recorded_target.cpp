#include "checker/audit/recorded_target.hpp"

namespace lapicheck::checker {

using programs::Execution;

Execution RecordedTarget::run(const programs::Program& program) {
    for (const RecordedRun& run : runs_)
        if (run.program.machine == program.machine && run.program.steps == program.steps)
            return run.execution;
    Execution none;
    none.status = Execution::Status::refused;
    none.reason = "it was not run";
    return none;
}

programs::Machine RecordedTarget::nearest(const programs::Machine& asked) {
    programs::Machine machine = asked;
    machine.split_irqchip = false;
    machine.disabled_quirks.clear();
    for (const RecordedRun& run : runs_) {
        const bool is_it =
            run.execution.status == Execution::Status::ran && run.program.machine.apic_ids == asked.apic_ids;
        if (!is_it) continue;
        machine.x2apic = run.program.machine.x2apic;
        machine.tsc_deadline = run.program.machine.tsc_deadline;
    }
    return machine;
}

} // namespace lapicheck::checker
