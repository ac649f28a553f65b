#include "programs/sim/scenario.hpp"

#include "model/step.hpp"

namespace lapicheck::programs {

using model::Concrete;

model::Cpu<Concrete> cpu_of(const MachineFacts& machine, unsigned vcpu) {
    return {.amd = machine.amd,
            .has_x2apic = machine.x2apic,
            .has_tsc_deadline = machine.tsc_deadline,
            .locked_x2apic = machine.locked_x2apic,
            .address_mask = (u64{1} << machine.address_bits) - 1,
            .hardware_id = vcpu};
}

namespace {

struct PlainVcpu {
    model::Cpu<Concrete> cpu{};
    PlainState state{};
    model::BytePage<model::u8> page;
};

class Machine {
  public:
    Machine(const PlainImplementation& implementation, const MachineFacts& facts)
        : implementation_(implementation) {
        for (unsigned i = 0; i < facts.vcpus; ++i) {
            PlainVcpu& vcpu = vcpus_.emplace_back();
            vcpu.cpu = cpu_of(facts, i);
            vcpu.state[model::Reg::version] = facts.version;
            vcpu.state.apic_base = i == 0 ? model::apic_base::bsp : 0;
            step(vcpu, {AccessKind::reset, 0}, facts.reset_choices);
        }
    }

    ExecutedStep take(const ScenarioStep& s) {
        PlainVcpu& vcpu = vcpus_.at(s.vcpu);
        ExecutedStep e{
            vcpu.cpu, vcpu.state, {s.kind, s.address, s.size, s.value}, {}, {}, {vcpu.page, shared_}, {}};
        e.out = step(vcpu, e.access, s.choices);
        e.after = vcpu.state;
        e.around_after = {vcpu.page, shared_};
        return e;
    }

  private:
    PlainOutcome step(PlainVcpu& vcpu, const model::Access<Concrete>& access, const ChoiceValues& choices) {
        model::Surroundings<Concrete> around{vcpu.page, shared_};
        model::As<ScriptedDriver> driver(implementation_, around, vcpu.cpu, choices);
        const PlainOutcome out = model::amended_step(driver, vcpu.state, vcpu.cpu, access);
        vcpu.page = around.own;
        shared_ = around.shared;
        return out;
    }

    const PlainImplementation& implementation_;
    std::vector<PlainVcpu> vcpus_;
    model::BytePage<model::u8> shared_;
};

} // namespace

std::vector<ExecutedStep> execute(const PlainImplementation& implementation, const Scenario& run) {
    Machine machine(implementation, run.machine);
    std::vector<ExecutedStep> executed;
    for (const ScenarioStep& step : run.steps) executed.push_back(machine.take(step));
    return executed;
}

} // namespace lapicheck::programs
