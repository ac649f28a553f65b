// IA32_APIC_BASE: the modes, the transitions between them and what survives them (group B).
// SDM Vol. 3A 325384-059US, 10.4.3, 10.4.4, 10.12.1, 10.12.5.1; AMD APM Vol. 2, 16.9.
#pragma once

#include "model/driver.hpp"
#include "model/state.hpp"

namespace lapicheck::model {

template <class D>
constexpr Outcome<D> gp(Rule rule, Reg reg) {
    Outcome<D> out;
    out.rule = rule;
    out.answer = Answer::apic;
    out.gp = true;
    out.reg = reg;
    return out;
}

template <class D>
constexpr Outcome<D> done(Rule rule, Reg reg) {
    Outcome<D> out = gp<D>(rule, reg);
    out.gp = false;
    return out;
}

template <class D>
constexpr Outcome<D> unspecified_outcome(Rule rule, Reg reg) {
    Outcome<D> out;
    out.rule = rule;
    out.answer = Answer::unspecified;
    out.reg = reg;
    return out;
}

// The x2APIC logical ID is a function of the x2APIC ID (D04).
template <class U32>
constexpr U32 x2apic_ldr(U32 id) {
    return ((id >> 4) << 16) | (power_of_two(id & u32{0xf}) & u32{0xffff});
}

// Bits 15:0 of the first word of ISR, TMR and IRR are reserved and never set (P06).
constexpr u32 vectors_of(Reg reg) {
    const bool first = reg == Reg::isr0 || reg == Reg::tmr0 || reg == Reg::irr0;
    return first ? 0xffff'0000 : 0xffff'ffff;
}

// What a register may hold when nothing is said of its value, where `touched`. Of LDR that is all, since what
// its reserved bits read is not said either (D06).
template <class P, class D>
constexpr void leave_unspecified_if(P& p, Rule rule, State<D>& s, const RegisterRow& row,
                                    typename D::Bool touched) {
    if (row.reg == Reg::version) return; // V01
    const u32 defined = row.reg == Reg::ldr ? ~u32{0} : row.defined() & ~row.ones;
    const u32 holds = is_bitmap(row.reg) ? vectors_of(row.reg) : defined;
    const auto left = (p.unspecified_value(rule, s[row.reg]) & holds) | row.ones;
    s[row.reg] = select(touched, left, s[row.reg]);
}

template <class P, class D>
constexpr void leave_unspecified(P& p, Rule rule, State<D>& s, const RegisterRow& row) {
    leave_unspecified_if(p, rule, s, row, typename D::Bool{true});
}

// Leaving xAPIC or x2APIC mode for the disabled mode: what comes back later is not said (B13b).
template <class P, class D>
constexpr void lose_state(P& p, State<D>& s, const Cpu<D>& cpu, typename D::Bool from_x2apic) {
    for (const RegisterRow& row : p.table()) leave_unspecified(p, Rule::B13b, s, row);
    const auto initial_id = s.x2apic_id << 24; // B13a, of which AMD says nothing
    s[Reg::id] = select(both(from_x2apic, negate(cpu.amd)), initial_id,
                        p.unspecified_value(Rule::B13b, initial_id) & xapic_id_field);
    s.tsc_deadline = p.unspecified_value(Rule::B13b, typename D::U64{u64{0}});
    s.esr_pending =
        p.unspecified_value(Rule::B13b, typename D::U32{u32{0}}) & p.row(Reg::esr).defined(); // E03
    s.cleared_by_software = p.unspecified_value(Rule::B13b, typename D::Bool{false});
    s.ier_written = both(s.ier_written, p.unspecified_value(Rule::B13b, s.ier_written));
}

template <class P, class D>
constexpr Outcome<D> write_apic_base(P& p, State<D>& s, const Cpu<D>& cpu, typename D::U64 v) {
    using enum Rule;
    constexpr Reg reg = Reg::apic_base;
    const auto enabled = is_enabled(s);
    const auto extd = has_extd(s);
    const auto to_enabled = has_any(v, apic_base::enable);
    const auto to_extd = has_any(v, apic_base::extd);

    // AMD says so of bits 63:52 alone; what it does with the others is not said, nor what is kept of them.
    if (p(B01, has_any(v, apic_base::beyond_address))) return gp<D>(B01, reg);
    const auto has_reserved =
        either(has_any(v, apic_base::reserved_low), negate(is_zero(v & ~cpu.address_mask)));
    if (p(B01, has_reserved)) {
        if (p(B01, negate(cpu.amd)) || p.unspecified(B01, true)) return gp<D>(B01, reg);
        v = v & cpu.address_mask & ~apic_base::reserved_low;
    }
    if (p(B05, both(to_extd, negate(to_enabled)))) return gp<D>(B05, reg);
    if (p(B03, both(both(enabled, extd), both(to_enabled, negate(to_extd))))) return gp<D>(B03, reg);
    if (p(B04, both(negate(enabled), to_extd))) return gp<D>(B04, reg);
    // Behind what no CPU allows: where CPUID was not seen it must not be blamed.
    if (p(B02, both(to_extd, negate(cpu.has_x2apic)))) return gp<D>(B02, reg);
    if (p(B16, both(cpu.locked_x2apic, both(extd, negate(to_extd))))) return gp<D>(B16, reg);

    const auto moves = negate(equal(v & apic_base::page, s.apic_base & apic_base::page));
    if (p(B14, moves) && p.unspecified(B14, false)) return gp<D>(B14, reg);
    const auto bsp_changes = negate(equal(v & apic_base::bsp, s.apic_base & apic_base::bsp));
    bool keeps_bsp = false;
    if (p(B15, bsp_changes)) {
        if (p.unspecified(B15, false)) return gp<D>(B15, reg);
        keeps_bsp = p.unspecified(B15, false);
    }

    if (p(B13b, both(enabled, negate(to_enabled)))) lose_state(p, s, cpu, extd);
    if (p(D13, both(enabled, both(negate(extd), to_extd)))) {
        // D11: the ID is the hardware's; AMD takes over one that software wrote.
        const auto rewritten = negate(equal(s[Reg::id] >> 24, s.x2apic_id & u32{0xff}));
        const auto taken_over = p.unspecified_value(D11, s[Reg::id] >> 24);
        s.x2apic_id = select(both(cpu.amd, rewritten), taken_over, s.x2apic_id);
        s[Reg::icr_high] = p.unspecified_value(D13, s[Reg::icr_high]);
        s[Reg::dfr] = p.unspecified_value(D12, s[Reg::dfr]) | p.row(Reg::dfr).ones;
        s[Reg::ldr] = p.unspecified_value(D12, s[Reg::ldr]) & p.row(Reg::ldr).writable;
    }
    const auto bsp = (keeps_bsp ? s.apic_base : v) & apic_base::bsp;
    s.apic_base = (v & ~apic_base::bsp) | bsp;
    return done<D>(B06, reg);
}

} // namespace lapicheck::model
