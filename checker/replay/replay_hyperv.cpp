// Hyper-V's ways to the APIC under replay: EOI, ICR and TPR by MSRs of their own, and SynIC's vectors.
// Hypervisor Top Level Functional Specification 6.0b, 10 (virtual interrupt controller) and 11 (SynIC).
#include "checker/replay/replay.hpp"

namespace lapicheck::checker {

using traces::GuestAccess;

namespace {

constexpr u64 hyperv_icr = 0x4000'0071;

// The guest's time-stamp counter: a deadline is met at another time than before.
bool is_tsc(u64 msr) { return msr == 0x10 || msr == 0x3b; } // IA32_TIME_STAMP_COUNTER, IA32_TSC_ADJUST

} // namespace

bool Replay::is_hyperv_command(const GuestAccess& access) {
    return access.kind == model::AccessKind::wrmsr && access.address == hyperv_icr;
}

// A vector that Hyper-V's SynIC may end when it is given to the processor (auto-EOI).
void Replay::may_end_itself(u32 vector) {
    if (end_themselves_[vector]) return;
    end_themselves_.set(vector);
    for_each_vcpu([vector](ReplayedVcpu& vcpu) { vcpu.may_have_ended(vector); });
}

// Of the SINTs that the guest has set the trace may show nothing; what it does with SynIC shows that it has.
void Replay::on_hyperv_msr(const GuestAccess& access) {
    constexpr u64 eoi = 0x4000'0070;
    constexpr u64 tpr = 0x4000'0072;
    constexpr u64 first = 0x4000'0080; // SCONTROL
    constexpr u64 sint = 0x4000'0090;
    constexpr u64 last_sint = 0x4000'009f;
    constexpr u64 last = 0x4000'00b7; // STIMER3_COUNT
    constexpr u64 auto_eoi = u64{1} << 17;
    if (access.address >= eoi && access.address <= tpr) return on_hyperv_apic_msr(access);
    if (is_tsc(access.address) && is_write(access.kind))
        if (ReplayedVcpu* const vcpu = thread_of(access.thread).current; vcpu != nullptr)
            return vcpu->tsc_was_written();
    if (access.address < first || access.address > last || access.gp) return;
    const bool sets = access.kind == model::AccessKind::wrmsr;
    if (access.address >= sint && access.address <= last_sint) {
        shows_sints_ = true;
        if (sets && (access.value & auto_eoi) == 0) return;
        return may_end_itself(static_cast<u32>(access.value & 0xff));
    }
    for (u32 vector = 0; vector < 256 && !shows_sints_; ++vector) may_end_itself(vector);
}

// EOI, ICR and TPR by another way: done or not, and what EOI ends is not followed.
void Replay::on_hyperv_apic_msr(const GuestAccess& access) {
    constexpr u64 tpr = 0x4000'0072;
    if (!is_write(access.kind) || access.gp) return;
    ReplayedVcpu& vcpu = vcpu_of(thread_of(access.thread), access.thread, access.vcpu);
    if (access.address == tpr) return vcpu.on_stray_write(Reg::tpr, access.value);
    if (access.address != hyperv_icr) return vcpu.forget_interrupts();
    const bool x2apic = vcpu.state().mode() == Mode::x2apic;
    vcpu.on_stray_write(Reg::icr, access.value);
    vcpu.on_stray_write(Reg::icr_high, access.value >> 32);
    const u64 destination = access.value >> (x2apic ? 32 : 56);
    if (!visible_.accepts) command_sent({&vcpu, access.line}, model::low_half(access.value), destination);
}

} // namespace lapicheck::checker
