// KVM of Linux 6.18, in-kernel local APIC without hardware virtualization of it, all quirks on. Each
// departure from the manual is one line of `applies`, one row of the table or one function; the rest says
// what KVM does where the manual does not specify it. Sources: arch/x86/kvm/lapic.c, x86.c and svm/svm.c,
// Linux 6.18; the departures with their history: specs/kvm-departures.json.
#pragma once

#include <utility>

#include "model/apic_base.hpp"
#include "model/implementations/kvm_module.hpp"
#include "model/implementations/window_answers.hpp"
#include "model/interrupts.hpp"

namespace lapicheck::model {

namespace kvm_6_18 {

constexpr bool is_lint(Reg reg) { return reg == Reg::lvt_lint0 || reg == Reg::lvt_lint1; }

// apic_lvt_mask: delivery status of every entry and remote IRR of LINT0 and LINT1 are kept as written; the
// error entry has no message type, whatever the vendor; LINT polarity is there, whatever the vendor.
// kvm_lapic_readable_reg_mask: there is no arbitration priority register in x2APIC mode.
constexpr RegisterTable make_table(RegisterTable table) {
    for (RegisterRow& row : table) {
        if (row.reg == Reg::apr) row.x2apic = RegAccess::absent;
        row.writable |= row.amd_sure | row.intel_sure;
        row.amd_sure = row.intel_sure = 0;
        if (!is_lvt(row.reg)) continue;
        row.writable |= row.read_only;
        row.read_only = 0;
        if (row.reg == Reg::lvt_error) row.read_only = std::exchange(row.amd_only, 0);
    }
    return table;
}

inline const RegisterTable& table() {
    static const RegisterTable the_table = make_table(sdm_registers);
    return the_table;
}

} // namespace kvm_6_18

template <class D>
class Kvm618 : public AllOnesWindow<D> {
  public:
    static constexpr ImplementationInfo info{
        "kvm-6.18", "KVM of Linux 6.18 (module kvm_pvm, if no other is compared) with its known departures",
        "arch/x86/kvm/lapic.c, arch/x86/kvm/x86.c, Linux 6.18"};
    using typename Implementation<D>::Bool;
    using typename Implementation<D>::U32;
    using typename Implementation<D>::U64;

    explicit Kvm618(KvmModule module = KvmModule::pvm) : module_(module) {}

    const RegisterTable& table() const override { return kvm_6_18::table(); }

    Bool applies(const Application<D>& here, const Bool& condition) const override {
        switch (here.rule) {
        case Rule::X06: // kvm_lapic_reg_write: reserved bits among 31:0 are masked off
        case Rule::X07: // and the value of an EOI is not looked at
        case Rule::T14: // kvm_set_lapic_tscdeadline_msr does not ask CPUID
        case Rule::I18: // trigger mode and level of an IPI are passed on
        case Rule::M11: // errors are not recorded: no write of APIC_ESR but the guest's own
        case Rule::I04:
        case Rule::L04b:
        case Rule::P06: // __apic_accept_irq checks no vector
        case Rule::B16: // IA32_XAPIC_DISABLE_STATUS is not emulated
            return Bool{false};
        case Rule::X10: // kvm_x2apic_icr_write: ICR[12] is cleared, on AMD too
            return both(condition, has_any(low_half(here.access.value), icr_reserved()));
        default: return condition;
        }
    }

    // B14, B15: a base that moves is accepted, so is the BSP flag, and kept; X10: ICR[12] is ignored; L02:
    // reserved encodings and read-only bits raise no #GP; T10: the deadline reads back until it has passed;
    // R08, B17: the APIC is enabled after RESET, on AMD too, and in xAPIC mode; I11:
    // kvm_apic_match_logical_addr, where the delivery map is used, what is not flat is cluster: all as the
    // rules propose.
    std::optional<bool> decides(const Application<D>& here, bool proposal) const override {
        switch (here.rule) {
        case Rule::R02: return true;  // kvm_lapic_reset does not ask whether the APIC is enabled
        case Rule::V12: return false; // kvm_apic_has_interrupt: nor does it, before it injects what is held
        default: return proposal;
        }
    }

    std::optional<Bool> chooses(const Application<D>&, const Bool& proposal) const override {
        return proposal;
    }
    std::optional<U32> chooses(const Application<D>& here, const U32& proposal) const override {
        if (here.rule == Rule::V13) return U32{lvt::mask}; // an LVT entry is masked while SVR[8] is clear
        if (here.rule == Rule::T12 || here.rule == Rule::M13)
            return U32{u32{0}}; // apic_update_lvtt; ARBPRI reads 0
        return proposal;
    }
    std::optional<U64> chooses(const Application<D>&, const U64& proposal) const override { return proposal; }

    void amend(const State<D>& before, const Cpu<D>& cpu, const Access<D>& access, Outcome<D>& out,
               State<D>& after) const override {
        after.x2apic_id = before.x2apic_id; // vcpu_id, on AMD too
        switch (access.kind) {
        case AccessKind::reset:
            after.x2apic_id = cpu.hardware_id;
            after.private_icr_high = u32{0};
            after.private_boot_processor =
                select(has_any(after.apic_base, apic_base::bsp), U32{u32{1}}, U32{u32{0}});
            reset_lint0(after);
            break;
        case AccessKind::init: finish_init(before, is_enabled(before), after); break;
        case AccessKind::message:
            drop_deassert(before, access, after);
            if (out.answer == Answer::apic && out.rule == Rule::I07)
                finish_init(before, negate(is_deassert(access)), after);
            break;
        case AccessKind::mmio_read: show_command(before, out); break;
        case AccessKind::mmio_write:
            keep_command(before, access, out, after);
            if (out.answer == Answer::unspecified) after = before; // apic_mmio_write: odd ones are dropped
            break;
        case AccessKind::rdmsr:
        case AccessKind::wrmsr:
            keep_deadline(before, access, out, after);
            if (out.reg == Reg::apic_base) change_mode(before, after);
            if (access.kind == AccessKind::rdmsr && out.reg == Reg::icr)
                out.value = zero_extend(before[Reg::icr]) | (zero_extend(before[Reg::icr_high]) << 32);
            break;
        case AccessKind::take_interrupt:
            if (module_ == KvmModule::pvm) end_at_once(before, after);
            break;
        default: break;
        }
        if (module_ == KvmModule::svm) sync_tpr(after);
        // limit_periodic_timer_frequency: a short period is lengthened, and the count computed from that.
        if (out.bounded) out.bounded = false;
    }

    // kvm_apic_state_fixup: in x2APIC mode the destination is put where xAPIC mode has its own.
    void save_and_load(State<D>& s) const override {
        if (has_split_icr()) return;
        s.private_icr_high = select(in_x2apic(s), s[Reg::icr_high], s.private_icr_high);
    }

  private:
    // The ICR of x2APIC mode is 64 bits at 300H: its upper half is the word at 304H, and ICR2 of xAPIC mode,
    // at 310H, another. icr_high is that of the mode, private_icr_high the other one. private_boot_processor
    // is kvm_vcpu_is_reset_bsp: the machine's boot processor, whatever APIC_BASE[8] is made to say.

    // kvm_x86_ops.x2apic_icr_is_split: one ICR2 for both modes, as AVIC has it.
    bool has_split_icr() const { return module_ == KvmModule::svm; }

    void change_mode(const State<D>& before, State<D>& after) const {
        const Bool left = both(is_enabled(before), negate(is_enabled(after)));
        keep_while_disabled(before, left, after);
        leave_ldr(before, after);
        if (has_split_icr()) return;
        const Bool swaps = negate(equal(in_x2apic(before), in_x2apic(after)));
        after[Reg::icr_high] = select(swaps, before.private_icr_high, before[Reg::icr_high]);
        after.private_icr_high = select(swaps, before[Reg::icr_high], before.private_icr_high);
    }

    // __kvm_apic_set_base: but for the ID, a disabled APIC keeps all that it has.
    static void keep_while_disabled(const State<D>& before, const Bool& left, State<D>& after) {
        for (std::size_t i = 0; i < window_register_count; ++i)
            if (static_cast<Reg>(i) != Reg::id) after.regs[i] = select(left, before.regs[i], after.regs[i]);
        after.tsc_deadline = before.tsc_deadline;
    }

    // kvm_apic_set_x2apic_id puts the logical ID of x2APIC mode into LDR, and there it still is when the mode
    // was left. (Within the mode, that LDR reads so is the rule.)
    static void leave_ldr(const State<D>& before, State<D>& after) {
        const Bool left = both(in_x2apic(before), negate(is_enabled(after)));
        after[Reg::ldr] = select(left, x2apic_ldr(before.x2apic_id), after[Reg::ldr]);
    }

    // kvm_lapic_reset, where the INIT takes effect.
    void finish_init(const State<D>& before, const Bool& takes_effect, State<D>& after) const {
        if (has_split_icr()) // in x2APIC mode 304H is cleared, not ICR2
            after[Reg::icr_high] = select(in_x2apic(before), before[Reg::icr_high], after[Reg::icr_high]);
        State<D> reset = after;
        reset_lint0(reset);
        after[Reg::lvt_lint0] = select(takes_effect, reset[Reg::lvt_lint0], after[Reg::lvt_lint0]);
    }

    // KVM_X86_QUIRK_LINT0_REENABLED: kvm_lapic_reset leaves LINT0 of the boot processor as ExtINT, open.
    static void reset_lint0(State<D>& s) {
        s[Reg::lvt_lint0] =
            select(has_any(s.private_boot_processor, u32{1}), U32{lvt::extint}, s[Reg::lvt_lint0]);
    }

    // kvm_lapic_reg_write keeps all of ICR low but the delivery status. (By MSR reserved bits are #GP.)
    static void keep_command(const State<D>& before, const Access<D>& access, const Outcome<D>& out,
                             State<D>& after) {
        if (out.answer != Answer::apic || out.reg != Reg::icr) return;
        const U32 written = low_half(access.value) & ~U32{icr::delivery_status};
        after[Reg::icr] = written | (before[Reg::icr] & icr::delivery_status);
    }
    static void show_command(const State<D>& before, Outcome<D>& out) {
        const bool of_command = out.reg == Reg::icr || out.reg == Reg::icr_high;
        if (out.answer == Answer::apic && of_command) out.value = zero_extend(before[out.reg]);
    }

    // kvm_set_lapic_tscdeadline_msr and its twin: of a disabled APIC the MSR reads 0 and is not written.
    static void keep_deadline(const State<D>& before, const Access<D>& access, Outcome<D>& out,
                              State<D>& after) {
        const Bool disabled = negate(is_enabled(before));
        if (out.reg != Reg::tsc_deadline) return;
        if (access.kind == AccessKind::rdmsr) out.value = select(disabled, U64{u64{0}}, out.value);
        after.tsc_deadline = select(disabled, before.tsc_deadline, after.tsc_deadline);
    }

    static u32 icr_reserved() { return sdm_registers[index_of(Reg::icr)].reserved(); }

    static Bool is_deassert(const Access<D>& message) {
        const U32 command = low_half(message.value);
        return both(has_any(command, icr::trigger), negate(has_any(command, icr::assert_level)));
    }

    // __apic_accept_irq: what is level-triggered and not asserted is dropped, an IPI too.
    static void drop_deassert(const State<D>& before, const Access<D>& access, State<D>& after) {
        const U32 command = low_half(access.value);
        const U32 mode = command & icr::delivery_mode;
        const Bool queues = either(is_zero(mode), equal(mode, U32{u32{0x100}}));
        const Bool dropped = both(queues, is_deassert(access));
        for (u32 word = 0; word < 16; ++word) {
            const Reg reg = offset_by(Reg::tmr0, word);
            after[reg] = select(dropped, before[reg], after[reg]);
        }
    }

    // The vendor module that virtualizes in software ends each interrupt as it gives it to the guest.
    static void end_at_once(const State<D>& before, State<D>& after) {
        for (u32 word = 0; word < 8; ++word) {
            const Reg reg = offset_by(Reg::isr0, word);
            after[reg] = before[reg];
        }
    }

    // sync_cr8_to_lapic: on every exit TPR is what the VMCB has of it, bits 7:4, unless writes of CR8 are
    // intercepted: svm_update_cr8_intercept, while TPR holds a pending interrupt back.
    static void sync_tpr(State<D>& s) {
        Bool pending = false;
        for (u32 word = 0; word < 8; ++word)
            pending = either(pending, negate(is_zero(s[offset_by(Reg::irr0, word)])));
        const U32 vector_class = highest_vector(s, Reg::irr0) & tpr::task_class;
        const Bool held_back = negate(less(s[Reg::tpr] & tpr::task_class, vector_class));
        s[Reg::tpr] = select(both(pending, held_back), s[Reg::tpr], s[Reg::tpr] & tpr::task_class);
    }

    KvmModule module_;
};

} // namespace lapicheck::model
