// KVM of Linux 6.18, in-kernel local APIC without hardware virtualization of it, all quirks on. Each
// departure from the manual is one line of `applies`, one row of the table or one function; the rest says
// what KVM does where the manual leaves it open. Sources: arch/x86/kvm/lapic.c and x86.c, Linux 6.18; the
// departures with their history: specs/kvm-departures.json.
#pragma once

#include <utility>

#include "model/apic_base.hpp"
#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

namespace kvm_6_18 {

constexpr bool is_lint(Reg reg) { return reg == Reg::lvt_lint0 || reg == Reg::lvt_lint1; }

// apic_lvt_mask: delivery status of every entry and remote IRR of LINT0 and LINT1 are kept as written; the
// error entry has no message type, whatever the vendor; LINT polarity is there, whatever the vendor.
// kvm_lapic_readable_reg_mask: there is no arbitration priority register in x2APIC mode.
constexpr RegisterTable make_table(RegisterTable table) {
    for (RegisterRow& row : table) {
        if (row.reg == Reg::apr) row.x2apic = RegAccess::absent;
        if (row.reg == Reg::svr) row.writable |= row.open, row.open = 0;
        if (!is_lvt(row.reg)) continue;
        row.writable |= row.read_only | row.intel_only;
        row.read_only = row.intel_only = 0;
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
    using typename Implementation<D>::Bool;
    using typename Implementation<D>::U32;
    using typename Implementation<D>::U64;

    const RegisterTable& table() const override { return kvm_6_18::table(); }

    Bool applies(Rule rule, const Place&, Bool holds) const override {
        switch (rule) {
        case Rule::X06: // kvm_lapic_reg_write: reserved bits among 31:0 are masked off
        case Rule::X07: // and the value of an EOI is not looked at
        case Rule::T14: // kvm_set_lapic_tscdeadline_msr does not ask CPUID
        case Rule::M11: // errors are not recorded: no write of APIC_ESR but the guest's own
        case Rule::I04:
        case Rule::L04b:
        case Rule::P06: // __apic_accept_irq checks no vector
        case Rule::B16: // IA32_XAPIC_DISABLE_STATUS is not emulated
            return Bool{false};
        default: return holds;
        }
    }

    std::optional<bool> decides(Rule rule, bool) const override {
        switch (rule) {
        case Rule::B14: // a base that moves is accepted,
        case Rule::B15: // so is the BSP flag, and kept
        case Rule::X10: // ICR[12] is ignored
        case Rule::L02: // reserved encodings and read-only bits raise no #GP
        case Rule::T10: // the deadline reads back until it has passed
        case Rule::T19:
        case Rule::R08: return false; // the APIC is enabled after RESET, on AMD too
        case Rule::V12: return true;  // apic_has_interrupt_for_ppr is asked only of an enabled APIC
        case Rule::I08:               // a wide destination in xAPIC mode
        case Rule::I11: return false;
        default: return true; // as the rules propose: D09, P03, V13, X04
        }
    }

    std::optional<Bool> chooses(Rule, const Bool& proposal) const override { return proposal; }
    std::optional<U32> chooses(Rule rule, const U32& proposal) const override {
        if (rule == Rule::V13) return U32{lvt::mask}; // an LVT entry is masked while SVR[8] is clear
        if (rule == Rule::T12 || rule == Rule::M13) return U32{u32{0}}; // apic_update_lvtt; ARBPRI reads 0
        return proposal;
    }
    std::optional<U64> chooses(Rule, const U64& proposal) const override { return proposal; }

    void amend(const State<D>& before, const Cpu<D>& cpu, const Access<D>& access, Outcome<D>& out,
               State<D>& after) const override {
        // kvm_apic_set_x2apic_id: the x2APIC ID and its logical ID are put into the registers on entry, and
        // stay there when the mode is left.
        const Bool entered = both(in_x2apic(after), negate(in_x2apic(before)));
        const Bool left = both(in_x2apic(before), negate(is_enabled(after)));
        after[Reg::ldr] = select(entered, x2apic_ldr(after.x2apic_id), after[Reg::ldr]);
        after[Reg::ldr] = select(left, before[Reg::ldr], after[Reg::ldr]);
        if (access.kind == AccessKind::reset || access.kind == AccessKind::init) reset_lint0(after);
        // limit_periodic_timer_frequency: a short period is lengthened, and the count computed from that.
        if (out.bounded) out.bounded = false;
        static_cast<void>(cpu);
    }

  private:
    // KVM_X86_QUIRK_LINT0_REENABLED: kvm_lapic_reset leaves LINT0 of the bootstrap processor as ExtINT, open.
    static void reset_lint0(State<D>& s) {
        s[Reg::lvt_lint0] = select(has_any(s.apic_base, apic_base::bsp), U32{lvt::extint}, s[Reg::lvt_lint0]);
    }
};

} // namespace lapicheck::model
