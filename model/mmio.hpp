// The MMIO window (group M). SDM Vol. 3A 325384-059US, 10.4.1, 10.5.3, 10.12.2; AMD APM Vol. 2, 16.3.
#pragma once

#include "model/registers_access.hpp"

namespace lapicheck::model {

// AMD's extended registers, by CPUID 8000_0001H:ECX[3]; not modelled: where they may be, all is open.
constexpr bool in_amd_extended_space(u32 offset) {
    return (offset >= 0x400 && offset < 0x430) || (offset >= 0x480 && offset < 0x540);
}

template <class P, class D>
constexpr void log_illegal_register(P& p, State<D>& s, bool certain) {
    if (certain) s.esr_pending |= esr::illegal_register;
    else s.esr_pending |= p.open_value(Rule::M11, typename D::U32{u32{0}}) & esr::illegal_register;
}

template <class D>
constexpr Outcome<D> open_outcome(Rule rule, Reg reg) {
    Outcome<D> out;
    out.rule = rule;
    out.answer = Answer::open;
    out.reg = reg;
    return out;
}

// A write to `row` of which it is not said what it does: the register and what hangs on it.
template <class P, class D>
constexpr void leave_written_open(P& p, Rule rule, State<D>& s, const RegisterRow& row) {
    if (row.xapic == RegAccess::read_only) return; // M12
    leave_open(p, rule, s, row);
    if (row.reg == Reg::svr) { // may mask the table
        for (const Reg entry : lvt_entries) leave_open(p, rule, s, p.row(entry));
        s.cleared_by_software = p.open_value(rule, s.cleared_by_software);
    } else if (row.reg == Reg::eoi) {
        for (u32 word = 0; word < 8; ++word) leave_open(p, rule, s, p.row(offset_by(Reg::isr0, word)));
    } else if (row.reg == Reg::lvt_timer) {
        leave_open(p, rule, s, p.row(Reg::initial_count));
        s.tsc_deadline = p.open_value(rule, s.tsc_deadline);
    }
}

// An access that is no aligned 32-bit one: what it does to the registers it touches is not said
// (M08, M09), that it touches no other is (M15).
template <class P, class D>
constexpr Outcome<D> odd_access(P& p, State<D>& s, const Access<D>& a, u32 offset) {
    const Rule rule = a.size < 4 && (offset & 0xf) + a.size <= 4 ? Rule::M09 : Rule::M08;
    const RegisterRow* const first = p.row_at(offset);
    const RegisterRow* const last = p.row_at(offset + a.size - 1);
    if (is_write(a.kind)) {
        s.esr_pending = p.open_value(rule, s.esr_pending);
        if (first != nullptr) leave_written_open(p, rule, s, *first);
        if (last != nullptr && last != first) leave_written_open(p, rule, s, *last);
    } else {
        log_illegal_register(p, s, false);
    }
    return open_outcome<D>(rule, first == nullptr ? Reg::none : first->reg);
}

template <class P, class D>
constexpr Outcome<D> mmio(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a) {
    using enum Rule;
    const bool write = is_write(a.kind);
    if (p(M14, negate(equal(a.address & apic_base::page, s.apic_base & apic_base::page)))) return {};
    const u32 offset = static_cast<u32>(p.exact(a.address) & (window_bytes - 1));
    const RegisterRow* row = p.row_at(offset);
    const Reg reg = row == nullptr ? Reg::none : row->reg;

    Outcome<D> elsewhere;
    elsewhere.reg = reg;
    elsewhere.rule = write ? M04 : M03;
    if (p(elsewhere.rule, negate(is_enabled(s)))) return elsewhere;
    elsewhere.rule = write ? M02 : M01;
    if (p(elsewhere.rule, has_extd(s))) return elsewhere;

    if (a.size != 4 || (offset & 0xf) != 0) return odd_access(p, s, a, offset);
    if (in_amd_extended_space(offset)) {
        if (!p(M11, negate(cpu.amd))) {
            log_illegal_register(p, s, false);
            return open_outcome<D>(M10, Reg::none);
        }
    }
    if (row == nullptr || row->xapic == RegAccess::absent) {
        log_illegal_register(p, s, true);
        return open_outcome<D>(M10, reg);
    }
    if (reg == Reg::lvt_cmci && p(L09, negate(has_cmci(s)))) {
        log_illegal_register(p, s, false);
        return open_outcome<D>(L09, reg);
    }
    if (write) {
        if (row->xapic != RegAccess::read_only)
            return write_register(p, s, cpu, *row, low_half(a.value), false);
        if (reg != Reg::apr && reg != Reg::remote_read) log_illegal_register(p, s, false);
        return done<D>(M12, reg);
    }
    if (row->xapic == RegAccess::write_only || reg == Reg::apr || reg == Reg::remote_read) {
        log_illegal_register(p, s, false);
        return open_outcome<D>(M13, reg);
    }
    return read_register(p, s, cpu, *row, false);
}

} // namespace lapicheck::model
