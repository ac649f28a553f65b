// The MSR space 800H-8FFH and the other MSRs of the APIC (group X). SDM Vol. 3A 325384-059US,
// 10.12.1.2 (Table 10-6), 10.12.1.3, 10.12.2, 10.12.9, 10.12.11; AMD APM Vol. 2, 16.11.
#pragma once

#include "model/mmio.hpp"

namespace lapicheck::model {

template <class U64>
constexpr auto in_x2apic_space(U64 index) {
    return equal(index & ~u64{0xff}, U64{u64{x2apic_msr_first}});
}

constexpr bool is_apic_msr(u64 index) {
    return index == apic_base::msr || index == tsc_deadline_msr || in_x2apic_space(index);
}

// An encoding that the manual reserves (T01, L05): whether writing it raises #GP is not said.
template <class D>
constexpr typename D::Bool has_reserved_encoding(const RegisterRow& row, typename D::U32 v) {
    using U32 = typename D::U32;
    if (row.reg == Reg::lvt_timer) return equal(v & lvt::timer_mode, U32{lvt::timer_mode});
    const auto mode = v & lvt::delivery_mode;
    const auto is = [mode](u32 code) { return equal(mode, U32{code << 8}); };
    const auto never = either(is(1), either(is(3), is(6)));
    if (row.reg == Reg::lvt_lint0 || row.reg == Reg::lvt_lint1) return never;
    return either(never, either(is(5), is(7)));
}

// Whether software may write it is not said: 1 to a read-only bit, were it 1 already, or to one that may be
// there, a reserved encoding.
template <class D>
constexpr typename D::Bool is_doubtful(const Cpu<D>& cpu, const RegisterRow& row, typename D::U32 v) {
    using U32 = typename D::U32;
    const U32 maybe = select(cpu.amd, U32{row.intel_sure}, U32{row.amd_sure});
    const auto bits = either(has_any(v, row.read_only), negate(is_zero(v & maybe)));
    return is_lvt(row.reg) ? either(bits, has_reserved_encoding<D>(row, v)) : bits;
}

// L03 of the LVT, like X06 of every register.
template <class P, class D>
constexpr bool sets_reserved_bits(P& p, const State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                                  typename D::U32 v) {
    using enum Rule;
    if (p(X06, has_any(v, row.reserved()))) return true;
    if (row.amd_only != 0 && p(X06, both(negate(cpu.amd), has_any(v, row.amd_only)))) return true;
    if (row.optional == 0) return false;
    return p(X06, both(negate(has_option(s, cpu, row.reg)), has_any(v, row.optional)));
}

template <class P, class D>
constexpr Outcome<D> write_icr(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                               typename D::U64 v) {
    using enum Rule;
    // ICR[12] is reserved on AMD; whether Intel's CPUs look at it is not said.
    const auto status = has_any(low_half(v), icr::delivery_status);
    if (p(X10, either(has_any(low_half(v), row.reserved()), both(cpu.amd, status))))
        return gp<D>(X10, row.reg);
    if (p(X10, status) && p.unspecified(X10, false)) return gp<D>(X10, row.reg);
    Outcome<D> out = write_register(p, s, cpu, row, low_half(v), true);
    s[Reg::icr_high] = high_half(v);
    out.rule = I02;
    return out;
}

template <class P, class D>
constexpr Outcome<D> wrmsr_register(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row,
                                    typename D::U64 v) {
    using enum Rule;
    const Reg reg = row.reg;
    if (reg == Reg::icr) return write_icr(p, s, cpu, row, v);
    const auto low = low_half(v);
    if (p(X05, negate(is_zero(high_half(v))))) return gp<D>(X05, reg);
    if (reg == Reg::eoi && p(X07, negate(is_zero(low)))) return gp<D>(X07, reg);
    if (reg == Reg::esr && p(X08, negate(is_zero(low)))) return gp<D>(X08, reg);
    // E08: a vector below 16 sets no reserved bit.
    if (reg == Reg::self_ipi && p(X09, has_any(low, row.reserved()))) return gp<D>(X09, reg);
    if (reg != Reg::eoi && sets_reserved_bits(p, s, cpu, row, low)) return gp<D>(X06, reg);
    if (reg != Reg::esr && p(L02, is_doubtful<D>(cpu, row, low)) && p.unspecified(L02, false))
        return gp<D>(L02, reg);
    return write_register(p, s, cpu, row, low, true);
}

// AMD's extended registers by MSR, there or not where the version register tells of them.
template <class P, class D, class U32>
constexpr Outcome<D> amd_extended_msr(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a, U32 offset) {
    if (p(Rule::X04, negate(has_extended_space(s, cpu))) || p.unspecified(Rule::X04, true))
        return gp<D>(Rule::X04, Reg::none);
    if (is_write(a.kind)) write_extended(p, s, cpu, offset);
    return unspecified_outcome<D>(Rule::X04, Reg::none);
}

// E09: what raises #GP is decided before anything changes. D08: DFR is one of the absent registers.
template <class P, class D>
constexpr Outcome<D> x2apic_msr(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a) {
    using enum Rule;
    const auto offset = (low_half(p.index(a.address)) & u32{0xff}) << 4;
    const bool write = is_write(a.kind);
    if (p(X01, negate(in_x2apic(s)))) return gp<D>(X01, Reg::none);
    if (p(X04, in_amd_extended_space(offset))) return amd_extended_msr(p, s, cpu, a, offset);
    const RegisterRow* row = p.row_at(offset);
    if (row == nullptr) return gp<D>(X04, Reg::none);
    const Reg reg = row->reg;
    if (row->x2apic == RegAccess::absent) return gp<D>(X04, reg);
    if (row->x2apic == RegAccess::amd_read_only && p(X04, negate(cpu.amd))) return gp<D>(X04, reg);
    if (reg == Reg::lvt_cmci && p(X18, negate(has_cmci(s)))) return gp<D>(X18, reg);
    if (!write) {
        if (row->x2apic == RegAccess::write_only) return gp<D>(X03, reg);
        Outcome<D> out = read_register(p, s, cpu, *row, true);
        if (reg == Reg::apr) out.rule = X04; // not reserved on AMD
        return out;
    }
    const bool writable = row->x2apic == RegAccess::write_only || row->x2apic == RegAccess::read_write;
    if (!writable) return gp<D>(X02, reg); // D05: LDR is one of them
    return wrmsr_register(p, s, cpu, *row, a.value);
}

template <class P, class D>
constexpr Outcome<D> msr(P& p, State<D>& s, const Cpu<D>& cpu, const Access<D>& a) {
    using enum Rule;
    const auto index = p.index(a.address);
    const bool write = is_write(a.kind);
    if (p(X16, in_x2apic_space(index))) return x2apic_msr(p, s, cpu, a);
    if (p(X16, equal(index, u64{apic_base::msr}))) {
        if (write) return write_apic_base(p, s, cpu, a.value);
        Outcome<D> out = done<D>(Rule::B08, Reg::apic_base);
        // What AMD keeps of reserved bits that it does not refuse is not said (B01).
        const typename D::U64 nothing{u64{0}};
        const auto maybe = (~cpu.address_mask | apic_base::reserved_low) & ~apic_base::beyond_address;
        out.value = s.apic_base | (p.unspecified_value(B01, nothing) & select(cpu.amd, maybe, nothing));
        return out;
    }
    if (p(X16, equal(index, u64{tsc_deadline_msr})))
        return write ? write_tsc_deadline(p, s, cpu, a.value) : read_tsc_deadline(p, s, cpu);
    return {};
}

} // namespace lapicheck::model
