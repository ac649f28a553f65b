// An implementation as a target: runs access programs on plain values, messages between the vCPUs and
// interrupts that are taken included.
//
// Where the manual leaves an answer open that an implementation does not decide, it is as the rules propose
// (or as the step's "choices" say); of several APICs that may take a lowest-priority message the one takes it
// whose turn is vector modulo their number. Time does not pass: a timer fires when `timer-expires` says so.
// Quirks that a machine disables are KVM's matter and change nothing here. Where the irqchip is split, EOIs
// that are broadcast are told.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/command.hpp"
#include "model/implementations/registry.hpp"
#include "programs/sim/scenario.hpp"
#include "programs/target.hpp"
#include "specs/properties/property.hpp"

namespace lapicheck::programs {

using model::u32;
using model::u64;

class ModelMachine {
  public:
    // `facts`: what the CPUs have; `found`: what another target's have, in its place.
    ModelMachine(const PlainImplementation& implementation, const Machine& machine, MachineFacts facts,
                 const Found& found);

    StepOutcome take(const Step& step, const ChoiceValues& choices = {});
    // Is told each step that an APIC takes from now on.
    using Watch = std::function<void(const specs::Transition<model::Concrete>&)>;
    void watch(Watch watch) { watch_ = std::move(watch); }

    const PlainState& state(std::size_t vcpu) const { return vcpus_[vcpu].state; }
    bool is_running(std::size_t vcpu) const { return !vcpus_[vcpu].waits_for_sipi && !vcpus_[vcpu].halted; }
    bool takes_interrupts(std::size_t vcpu) const { return vcpus_[vcpu].interrupts_enabled; }
    Found found() const;

  private:
    struct ModelVcpu {
        model::Cpu<model::Concrete> cpu{};
        PlainState state{};
        model::BytePage<model::u8> page;
        bool interrupts_enabled = false;
        bool halted = false;
        bool waits_for_sipi = false;
        bool nmi_pending = false;
    };
    struct Message {
        u32 destination = 0;        // for receivers in xAPIC mode
        u32 x2apic_destination = 0; // and in x2APIC mode
        u64 command = 0;            // as model::Access has it
    };

    PlainOutcome step(ModelVcpu& vcpu, const model::Access<model::Concrete>& access);
    void reset(ModelVcpu& vcpu);
    void access(ModelVcpu& vcpu, const Step& step, StepOutcome& outcome);
    void act(ModelVcpu& vcpu, const Step& step, StepOutcome& outcome);
    void init(ModelVcpu& vcpu, StepOutcome& outcome);
    void fire_timer(ModelVcpu& vcpu, StepOutcome& outcome);
    void send(ModelVcpu& sender, const Step& step, StepOutcome& outcome);
    void send_msi(const Step& step, StepOutcome& outcome);
    void deliver(const Message& message, const std::vector<ModelVcpu*>& to, StepOutcome& outcome);
    // By a device, physically.
    static Message to_id_of(const ModelVcpu& vcpu, u32 command);
    bool is_for(const ModelVcpu& vcpu, const Message& message) const;
    void receive(ModelVcpu& vcpu, const Message& message, StepOutcome& outcome);
    void settle(StepOutcome& outcome);
    bool take_interrupt(ModelVcpu& vcpu, StepOutcome& outcome);
    std::vector<ModelVcpu*> everybody_but(const ModelVcpu* vcpu);
    u32 number_of(const ModelVcpu& vcpu) const { return static_cast<u32>(&vcpu - vcpus_.data()); }

    const PlainImplementation& implementation_;
    std::vector<ModelVcpu> vcpus_;
    model::BytePage<model::u8> shared_;
    ChoiceValues choices_; // of the step that is being taken
    Watch watch_;
    bool locked_x2apic_ = false;
    bool starts_disabled_ = false;
    bool shows_eois_ = false; // the I/O APIC is userspace's
};

class ModelTarget : public Target {
  public:
    // `like`: what another target's machine was found to have.
    explicit ModelTarget(const model::ImplementationEntry& entry, Found like = {})
        : entry_(entry), like_(std::move(like)) {}

    std::string name() const override { return "model:" + std::string(entry_.name); }
    // Throws Refusal for what the program's own keys ("apic", "choices") hold.
    Execution run(const Program& program) override;

  private:
    const model::ImplementationEntry& entry_;
    Found like_;
};

} // namespace lapicheck::programs
