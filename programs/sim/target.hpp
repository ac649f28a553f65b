// An implementation as a party: runs access programs on plain values, messages between the vCPUs and
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

#include "checker/prove/implementations.hpp"
#include "model/command.hpp"
#include "programs/sim/execution.hpp"
#include "programs/target.hpp"
#include "specs/properties/property.hpp"

namespace lapicheck::checker {

using model::u32;
using model::u64;

class ModelMachine {
  public:
    // `facts`: what the CPUs have; `found`: what another party's have, in its place.
    ModelMachine(const proof::PlainImplementation& implementation, const traces::Machine& machine,
                 proof::MachineFacts facts, const traces::Found& found);

    traces::StepOutcome take(const traces::Step& step, const proof::ChoiceValues& choices = {});
    // Is told each step that an APIC takes from now on.
    using Watch = std::function<void(const specs::Transition<model::Concrete>&)>;
    void watch(Watch watch) { watch_ = std::move(watch); }

    const proof::PlainState& state(std::size_t vcpu) const { return vcpus_[vcpu].state; }
    bool is_running(std::size_t vcpu) const { return !vcpus_[vcpu].waits_for_sipi && !vcpus_[vcpu].halted; }
    bool is_open(std::size_t vcpu) const { return vcpus_[vcpu].open; }
    traces::Found found() const;

  private:
    struct Vcpu {
        model::Cpu<model::Concrete> cpu{};
        proof::PlainState state{};
        model::BytePage<model::u8> page;
        bool open = false;
        bool halted = false;
        bool waits_for_sipi = false;
        bool nmi_pending = false;
    };
    struct Message {
        u32 destination = 0;        // for receivers in xAPIC mode
        u32 x2apic_destination = 0; // and in x2APIC mode
        u32 command = 0;
    };

    proof::PlainOutcome step(Vcpu& vcpu, const model::Access<model::Concrete>& access);
    void reset(Vcpu& vcpu);
    void access(Vcpu& vcpu, const traces::Step& step, traces::StepOutcome& outcome);
    void act(Vcpu& vcpu, const traces::Step& step, traces::StepOutcome& outcome);
    void init(Vcpu& vcpu, traces::StepOutcome& outcome);
    void fire_timer(Vcpu& vcpu, traces::StepOutcome& outcome);
    void send(Vcpu& sender, const traces::Step& step, traces::StepOutcome& outcome);
    void send_msi(const traces::Step& step, traces::StepOutcome& outcome);
    void deliver(const Message& message, const std::vector<Vcpu*>& to, traces::StepOutcome& outcome);
    // By a device, physically.
    static Message to_id_of(const Vcpu& vcpu, u32 command);
    bool is_for(const Vcpu& vcpu, const Message& message) const;
    void receive(Vcpu& vcpu, const Message& message, traces::StepOutcome& outcome);
    void settle(traces::StepOutcome& outcome);
    bool take_interrupt(Vcpu& vcpu, traces::StepOutcome& outcome);
    std::vector<Vcpu*> everybody_but(const Vcpu* vcpu);
    u32 number_of(const Vcpu& vcpu) const { return static_cast<u32>(&vcpu - vcpus_.data()); }

    const proof::PlainImplementation& implementation_;
    std::vector<Vcpu> vcpus_;
    model::BytePage<model::u8> shared_;
    proof::ChoiceValues choices_; // of the step that is being taken
    Watch watch_;
    bool locked_x2apic_ = false;
    bool starts_disabled_ = false;
    bool shows_eois_ = false; // the I/O APIC is userspace's
};

class ModelParty : public traces::Party {
  public:
    // `like`: what another party's machine was found to have.
    explicit ModelParty(const proof::ImplementationEntry& entry, traces::Found like = {})
        : entry_(entry), like_(std::move(like)) {}

    std::string name() const override { return "model:" + std::string(entry_.name); }
    // Throws traces::Refusal for what the program's own keys ("apic", "choices") hold.
    traces::Run run(const traces::Program& program) override;

  private:
    const proof::ImplementationEntry& entry_;
    traces::Found like_;
};

} // namespace lapicheck::checker
