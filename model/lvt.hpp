// The local vector table and the spurious interrupt vector register, which masks it (groups L, V).
// SDM Vol. 3A 325384-059US, 10.4.7.2, 10.5.1, 10.9.
#pragma once

#include "model/apic_base.hpp"

namespace lapicheck::model {

// The bits of `v` that a register takes, and what stands in the others afterwards.
template <class P, class D>
constexpr typename D::U32 legalised(P& p, const Cpu<D>& cpu, const RegisterRow& row, typename D::U32 old,
                                    typename D::U32 v, typename D::Bool has_option) {
    using U32 = typename D::U32;
    const U32 nothing{u32{0}};
    U32 stored = (v & row.writable) | (old & row.read_only) | row.ones;
    if (row.optional != 0) stored |= select(has_option, v & row.optional, nothing);
    if (row.amd_only != 0) stored |= select(cpu.amd, v & row.amd_only, nothing);
    if (row.intel_sure != 0) stored |= select(cpu.amd, p.unspecified_value(Rule::L03, v), v) & row.intel_sure;
    if (row.amd_sure != 0) stored |= select(cpu.amd, v, p.unspecified_value(Rule::X06, v)) & row.amd_sure;
    return stored;
}

template <class D>
constexpr typename D::Bool has_option(const State<D>& s, const Cpu<D>& cpu, Reg reg) {
    return reg == Reg::svr ? has_any(s[Reg::version], version::eoi_suppression) : cpu.has_tsc_deadline;
}

// V03: the entry that the version register counts beyond the six that all CPUs have.
template <class D>
constexpr typename D::Bool has_cmci(const State<D>& s) {
    return less(typename D::U32{u32{5}}, (s[Reg::version] >> 16) & u32{0xff});
}

// Bits 12 and 14 are the hardware's (L02). Of an entry that was masked and stays masked nothing is
// pending; once it was unmasked they may be either.
template <class P, class U32>
constexpr U32 with_hardware_bits(P& p, const RegisterRow& row, U32 old, U32 stored) {
    const auto stays_masked = both(has_any(old, lvt::mask), has_any(stored, lvt::mask));
    const auto hardware = select(stays_masked, old, p.unspecified_value(Rule::L02, old)) & row.read_only;
    return (stored & ~row.read_only) | hardware;
}

template <class P, class D>
constexpr typename D::U32 masked_while_disabled(P& p, const State<D>& s, typename D::U32 stored) {
    const auto disabled = negate(is_software_enabled(s));
    if (p(Rule::V07, both(disabled, s.cleared_by_software))) return stored | lvt::mask;
    if (p(Rule::V13, disabled)) return stored | (p.unspecified_value(Rule::V13, stored) & lvt::mask);
    return stored;
}

template <class P, class D>
constexpr void write_lvt(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row, typename D::U32 v) {
    const typename D::U32 nothing{u32{0}};
    const auto old = s[row.reg];
    auto stored = legalised(p, cpu, row, old, v, has_option(s, cpu, row.reg));
    stored = masked_while_disabled(p, s, stored);
    s[row.reg] = with_hardware_bits(p, row, old, stored);
    const auto illegal = is_zero(stored & (lvt::delivery_mode | u32{0xf0})); // fixed, vector 0 to 15
    s.esr_pending |= p.unspecified_value(Rule::L04a, nothing) &
                     select(illegal, typename D::U32{esr::receive_illegal_vector}, nothing);
}

template <class P, class D>
constexpr void write_svr(P& p, State<D>& s, const Cpu<D>& cpu, const RegisterRow& row, typename D::U32 v) {
    const auto was_enabled = is_software_enabled(s);
    s[Reg::svr] = legalised(p, cpu, row, s[Reg::svr], v, has_option(s, cpu, Reg::svr));
    if (p(Rule::V08, is_software_enabled(s))) {
        s.cleared_by_software = false;
        return;
    }
    // Writing 0 to a bit that RESET left clear clears nothing: of masks that were open then nothing is said,
    // nor of those that are opened later (V13).
    const auto cleared = either(was_enabled, s.cleared_by_software);
    const bool masks_all = p(Rule::V06, cleared) || p.unspecified(Rule::V13, true);
    if (masks_all)
        for (const Reg entry : lvt_entries) s[entry] |= lvt::mask;
    s.cleared_by_software = cleared;
}

} // namespace lapicheck::model
