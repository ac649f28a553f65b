// The MMIO window (group M). SDM Vol. 3A 325384-059US, 10.4.1, 10.5.3, 10.12.2; AMD APM Vol. 2, 16.3.
#pragma once

#include <type_traits>

#include "model/registers_access.hpp"

namespace lapicheck::model {

template <class U32>
constexpr auto is_within(U32 offset, u32 first, u32 end) {
    return both(negate(less(offset, U32{first})), less(offset, U32{end}));
}

// AMD's extended registers, by CPUID 8000_0001H:ECX[3]; not modelled: where they may be, nothing is
// specified.
template <class U32>
constexpr auto in_amd_extended_space(U32 offset) {
    return either(is_within(offset, 0x400, 0x430), is_within(offset, 0x480, 0x540));
}

// They are there where the version register tells of them (AMD64 APM Vol. 2, 16.3.4 APIC Version Register,
// 24593).
template <class D>
constexpr typename D::Bool has_extended_space(const State<D>& s, const Cpu<D>& cpu) {
    return both(cpu.amd, has_any(s[Reg::version], version::extended_space));
}

// A write to one of them. A specific EOI (SEOI, 420H) ends any interrupt, and the interrupt enable registers
// (IER, 480H to 4F0H) hold back what is in IRR (APM Vol. 2, 16.7): what is in service and requested, and what
// is dispatched, is unknown from then on.
template <class P, class D, class U32>
constexpr void write_extended(P& p, State<D>& s, const Cpu<D>& cpu, U32 offset) {
    const auto is_there = has_extended_space(s, cpu);
    const auto is_ier = both(is_there, is_within(offset, 0x480, 0x500));
    const auto touched = either(is_ier, both(is_there, is_within(offset, 0x420, 0x430)));
    if (p.passes_over(touched)) return;
    for (u32 word = 0; word < 8; ++word) {
        leave_unspecified_if(p, Rule::P04, s, p.row(offset_by(Reg::isr0, word)), touched);
        leave_unspecified_if(p, Rule::P02, s, p.row(offset_by(Reg::irr0, word)), touched);
    }
    s.ier_written = either(s.ier_written, is_ier);
}

// In xAPIC mode alone: an MSR that is reserved raises #GP and records nothing (E04).
template <class P, class D>
constexpr void log_illegal_register(P& p, State<D>& s) {
    if (p(Rule::M11, true)) s.esr_pending |= esr::illegal_register;
}

// Whether the access counts as an error is not said.
template <class P, class D>
constexpr void may_log_illegal_register(P& p, State<D>& s) {
    s.esr_pending |= p.unspecified_value(Rule::M11, typename D::U32{u32{0}}) & esr::illegal_register;
}

// A write to `row`, if `touched`, of which it is not said what it does: the register and what hangs on it.
template <class P, class D>
constexpr void leave_written_unspecified(P& p, Rule rule, State<D>& s, const RegisterRow& row,
                                         typename D::Bool touched) {
    if (row.xapic == RegAccess::read_only || p.passes_over(touched)) return; // M12
    leave_unspecified_if(p, rule, s, row, touched);
    if (row.reg == Reg::svr) { // may mask the table
        for (const Reg entry : lvt_entries) leave_unspecified_if(p, rule, s, p.row(entry), touched);
        const auto cleared = p.unspecified_value(rule, s.cleared_by_software);
        s.cleared_by_software = either(both(touched, cleared), both(negate(touched), s.cleared_by_software));
    } else if (row.reg == Reg::eoi) {
        for (u32 word = 0; word < 8; ++word)
            leave_unspecified_if(p, rule, s, p.row(offset_by(Reg::isr0, word)), touched);
    } else if (row.reg == Reg::lvt_timer) {
        leave_unspecified_if(p, rule, s, p.row(Reg::initial_count), touched);
        s.tsc_deadline = select(touched, p.unspecified_value(rule, s.tsc_deadline), s.tsc_deadline);
    }
}

// Which errors an access of undefined effect records is not said.
template <class P, class D>
constexpr void leave_errors_unspecified(P& p, Rule rule, State<D>& s, const Access<D>& a) {
    if (!is_write(a.kind)) return may_log_illegal_register(p, s);
    const u32 errors = p.row(Reg::esr).defined(); // E03
    s.esr_pending = (s.esr_pending & ~errors) | (p.unspecified_value(rule, s.esr_pending) & errors);
}

// An access that is no aligned 32-bit one: what it does to the registers it touches is not said
// (M08, M09), that it touches no other is (M15).
template <class P, class D, class U32>
constexpr Outcome<D> odd_access(P& p, State<D>& s, const Access<D>& a, U32 offset) {
    const bool crosses = p(Rule::M08, less(U32{u32{4}}, (offset & u32{0xf}) + U32{a.size}));
    const Rule rule = a.size < 4 && !crosses ? Rule::M09 : Rule::M08;
    leave_errors_unspecified(p, rule, s, a);
    if (is_write(a.kind))
        for (const RegisterRow& row : p.table()) {
            const auto touched =
                both(less(U32{row.offset}, offset + U32{a.size}), less(offset, U32{row.offset + 0x10}));
            if (!is_bitmap(row.reg)) leave_written_unspecified(p, rule, s, row, touched);
        }
    return unspecified_outcome<D>(rule, Reg::none);
}

template <class P, class D>
constexpr Outcome<D> access_no_register(P& p, State<D>& s, Reg reg) {
    log_illegal_register(p, s);
    return unspecified_outcome<D>(Rule::M10, reg);
}

// Behind the SDM's table. AMD reserves what is not of its extended registers.
template <class P, class D, class U32>
constexpr Outcome<D> access_behind_table(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a,
                                         U32 offset) {
    if (p(Rule::M11, both(cpu.amd, negate(in_amd_extended_space(offset)))))
        return access_no_register(p, s, Reg::none);
    may_log_illegal_register(p, s);
    if (is_write(a.kind)) write_extended(p, s, cpu, offset);
    return unspecified_outcome<D>(Rule::M10, Reg::none);
}

template <class P, class D, class U32>
constexpr Outcome<D> access_register(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a, U32 offset) {
    using enum Rule;
    if (p(M10, negate(less(offset, U32{u32{0x400}})))) return access_behind_table(p, s, cpu, a, offset);
    const RegisterRow* row = p.row_at(offset);
    if (row == nullptr) return access_no_register(p, s, Reg::none);
    const Reg reg = row->reg;
    if (row->xapic == RegAccess::absent) return access_no_register(p, s, reg);
    if (reg == Reg::lvt_cmci && p(L09, negate(has_cmci(s)))) {
        may_log_illegal_register(p, s);
        return unspecified_outcome<D>(L09, reg);
    }
    if (is_write(a.kind)) {
        if (row->xapic != RegAccess::read_only)
            return write_register(p, s, cpu, *row, low_half(a.value), false);
        if (reg != Reg::apr && reg != Reg::remote_read) may_log_illegal_register(p, s);
        return done<D>(M12, reg);
    }
    if (row->xapic == RegAccess::write_only || reg == Reg::apr || reg == Reg::remote_read) {
        may_log_illegal_register(p, s);
        return unspecified_outcome<D>(M13, reg);
    }
    return read_register(p, s, cpu, *row, false);
}

// The window is closed: nothing of the APIC answers, and nothing reaches it. What answers is not said (M05).
template <class P, class D>
constexpr Outcome<D> closed(P& p, Rule rule, const State<D>& s, const Access<D>& a) {
    Outcome<D> out;
    out.rule = rule;
    p.elsewhere(s, a, out);
    return out;
}

// An access that begins outside the window. Only in xAPIC mode may one from the page below reach into it.
template <class P, class D>
constexpr Outcome<D> mmio_from_outside(P& p, State<D>& s, const Access<D>& a) {
    const auto address = p.index(a.address);
    const auto first = low_half(address) & u32{window_bytes - 1};
    using U32 = std::remove_cv_t<decltype(first)>;
    const typename D::U64 next_page = (address & apic_base::page) + decltype(address){window_bytes};
    const auto is_next = equal(next_page, s.apic_base & apic_base::page);
    const auto crosses = less(U32{u32{window_bytes} - a.size}, first);
    if (!p(Rule::M08, both(crosses, both(is_next, in_xapic(s))))) return {};
    leave_errors_unspecified(p, Rule::M08, s, a);
    if (is_write(a.kind))
        for (const RegisterRow& row : p.table()) {
            if (row.offset + 1 >= a.size) continue; // beyond what an access of this size reaches
            const auto touched = less(U32{row.offset}, (first + U32{a.size}) & u32{window_bytes - 1});
            leave_written_unspecified(p, Rule::M08, s, row, touched);
        }
    return unspecified_outcome<D>(Rule::M08, Reg::none);
}

template <class P, class D>
constexpr Outcome<D> mmio(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a) {
    using enum Rule;
    if (p(M14, negate(equal(a.address & apic_base::page, s.apic_base & apic_base::page))))
        return mmio_from_outside(p, s, a);
    const Rule disabled = is_write(a.kind) ? M04 : M03;
    if (p(disabled, negate(is_enabled(s)))) return closed(p, disabled, s, a);
    const Rule x2apic = is_write(a.kind) ? M02 : M01;
    if (p(x2apic, has_extd(s))) return closed(p, x2apic, s, a);

    const auto offset = low_half(p.index(a.address)) & u32{window_bytes - 1};
    if (p(M08, either(a.size != 4, has_any(offset, 0xf)))) return odd_access(p, s, a, offset);
    return access_register(p, s, cpu, a, offset);
}

} // namespace lapicheck::model
