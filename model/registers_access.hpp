// What a read of a register answers and what a write changes, once it is decided that the access
// reaches the register: the same for MMIO and MSR but where the row or the rule says otherwise.
// SDM Vol. 3A 325384-059US, 10.4.1, 10.5.3, 10.6.1, 10.12.1.2, 10.12.9.
#pragma once

#include "model/delivery_mode.hpp"
#include "model/interrupts.hpp"
#include "model/timer.hpp"

namespace lapicheck::model {

template <class P, class D>
constexpr typename D::U32 stored_word(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                                      bool x2apic) {
    switch (row.reg) {
    case Reg::id: return x2apic ? s.x2apic_id : s[Reg::id];
    case Reg::ldr: return x2apic ? x2apic_ldr(s.x2apic_id) : s[Reg::ldr];
    case Reg::apr:
    case Reg::remote_read: return p.unspecified_value(Rule::M13, s[row.reg]);
    // The command register need not hold what was written last (X15).
    case Reg::icr: return p.unspecified_value(Rule::X15, s[Reg::icr]);
    case Reg::initial_count: return read_initial_count(p, s, cpu);
    default: return s[row.reg];
    }
}

// `bits` of the register without those that other CPUs have and this one reserves. SVR[12] has a rule of
// its own (V05).
template <class D>
constexpr typename D::U32 on_this_cpu(const Cpu<D>& cpu, const RegisterRow& row, u32 bits) {
    using U32 = typename D::U32;
    U32 missing{u32{0}};
    if ((row.intel_only | row.amd_only) != 0)
        missing = select(cpu.amd, U32{row.intel_only}, U32{row.amd_only});
    if (row.reg == Reg::lvt_timer) missing |= select(cpu.has_tsc_deadline, U32{u32{0}}, U32{row.optional});
    return U32{bits} & ~missing;
}

// Whose bits a read returns: reserved ones are 0 in x2APIC mode (X11), anything by MMIO, but for
// those that the manual fixes.
template <class P, class D>
constexpr typename D::U32 read_word(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                                    bool x2apic) {
    const auto word = stored_word(p, s, cpu, row, x2apic);
    if (x2apic && (row.reg == Reg::id || row.reg == Reg::ldr)) return word;
    u32 bits = row.defined();
    if (!x2apic) {
        if (row.reg == Reg::id) bits = xapic_id_field; // D01
        if (row.reg == Reg::esr) bits |= ~u32{0xff};   // E03
        if (row.reg == Reg::version) bits = ~u32{0};   // V02
        if (is_bitmap(row.reg)) bits = ~u32{0};        // P06
    }
    if (bits == ~u32{0}) return word;
    const auto fixed = on_this_cpu<D>(cpu, row, bits);
    if (x2apic) return word & fixed;
    return (word & fixed) | (p.unspecified_value(Rule::M06, word & fixed) & ~fixed);
}

// M16, X12: no read changes a register.
template <class P, class D>
constexpr Outcome<D> read_register(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                                   bool x2apic) {
    if (row.reg == Reg::current_count) return read_current_count(p, s, cpu);
    if (row.reg == Reg::ppr) return read_ppr(p, s);
    Outcome<D> out = done<D>(x2apic ? Rule::X14 : Rule::M06, row.reg);
    // Two registers that are others in x2APIC mode, and so none of X14's.
    if (x2apic && row.reg == Reg::id) out.rule = Rule::D02;
    if (x2apic && row.reg == Reg::ldr) out.rule = Rule::D04;
    out.value = zero_extend(read_word(p, s, cpu, row, x2apic));
    if (x2apic && row.reg == Reg::icr)
        out.value = out.value | (zero_extend(p.unspecified_value(Rule::X15, s[Reg::icr_high])) << 32);
    return out;
}

// I04: the sender of a fixed interrupt with a vector that no APIC accepts logs it. SMI, NMI, INIT and
// start-up have no vector that could be illegal. I19: of lowest priority, and of what is reserved or
// undefined (I06, I24), the sender may log that and, on Intel, that it cannot be redirected.
template <class P, class D>
constexpr void send_ipi(P& p, State<D>& s, const Cpu<D>& cpu, typename D::U32 command) {
    using U32 = typename D::U32;
    const U32 nothing{u32{0}};
    const U32 mode = command & icr::delivery_mode;
    const auto illegal = is_zero(command & u32{0xf0});
    const auto fixed = is_zero(mode);
    if (p(Rule::I04, both(illegal, fixed))) {
        s.esr_pending |= esr::send_illegal_vector;
        return;
    }
    const auto is = [&mode](u32 code) { return equal(mode, U32{code}); };
    const auto is_plain = either(either(is(delivery_mode::smi), is(delivery_mode::nmi)),
                                 either(is(delivery_mode::init), is(delivery_mode::startup)));
    const U32 whom = command & icr::shorthand;
    const auto reaches_self = either(equal(whom, U32{icr_bits(Shorthand::self)}), //
                                     equal(whom, U32{icr_bits(Shorthand::all)}));
    if (!p(Rule::I19, both(negate(fixed), either(negate(is_plain), reaches_self)))) return;
    const U32 errors = select(cpu.amd, nothing, U32{esr::redirectable_ipi}) |
                       select(illegal, U32{esr::send_illegal_vector}, nothing);
    s.esr_pending |= p.unspecified_value(Rule::I19, nothing) & errors;
}

template <class P, class D>
constexpr Outcome<D> write_register(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                                    typename D::U32 v, bool x2apic) {
    using enum Reg;
    Outcome<D> out = done<D>(x2apic ? Rule::X14 : Rule::M07, row.reg);
    switch (row.reg) {
    case id: // Whether the xAPIC ID can be written is the CPU's choice (D09).
        if (p.unspecified(Rule::D09, true)) s[id] = v & xapic_id_field;
        break;
    case eoi:
        out.ends_interrupt = true;
        out.broadcasts_eoi = end_of_interrupt(p, s);
        break;
    case esr: // E01: shows what was collected and starts anew; E06: nothing, if nothing was
        s[esr] = s.esr_pending;
        s.esr_pending = u32{0};
        break;
    case icr:
        out.sends_ipi = true;
        s[icr] = legalised(p, cpu, row, s[icr], v, typename D::Bool{false});
        send_ipi(p, s, cpu, v);
        break;
    case self_ipi:
        out.sends_ipi = true;
        send_ipi(p, s, cpu, v & u32{0xff});
        break;
    case svr: write_svr(p, s, cpu, row, v); break;
    case lvt_timer: write_lvt_timer(p, s, cpu, row, v); break;
    case initial_count: write_initial_count(p, s, cpu, v); break;
    default:
        if (is_lvt(row.reg)) write_lvt(p, s, cpu, row, v);
        else s[row.reg] = legalised(p, cpu, row, s[row.reg], v, typename D::Bool{false});
    }
    return out;
}

} // namespace lapicheck::model
