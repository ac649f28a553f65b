// Two vCPUs of one VM with one x2APIC ID (D10): where kvm_entry names them, so that they are two.
#include "checker/replay/replay.hpp"

namespace lapicheck::checker {

void Replay::check_id(const Thread& thread, const ReplayedVcpu& vcpu, const traces::GuestAccess& access) {
    if (vcpu.number() < 0 || access.gp || vcpu.state().mode() != Mode::x2apic) return;
    const Known<u32> id = vcpu.state().mode_state(Mode::x2apic).x2apic_id;
    if (!id.is_exact()) return;
    for_each_vcpu([&](const ReplayedVcpu& other) {
        const bool is_another = &other != &vcpu && other.number() >= 0 && other.number() != vcpu.number() &&
                                machines_.may_be_one(vcpu.thread(), other.thread());
        if (!is_another || other.state().mode() != Mode::x2apic) return;
        if (other.state().mode_state(Mode::x2apic).x2apic_id != id) return;
        Mismatch mismatch;
        mismatch.rule = Rule::D10;
        mismatch.fault = Fault::shared_id;
        mismatch.reg = Reg::id;
        mismatch.mode = Mode::x2apic;
        mismatch.presumes_one_vm = !machines_.are_one(vcpu.thread(), other.thread());
        mismatch.detail = {"vCPU {} has the same ID", static_cast<u64>(other.number())};
        report(thread, vcpu.divergence_of(access, mismatch));
    });
}

} // namespace lapicheck::checker
