// The words in which properties are said: modes, accesses and what changed.
#pragma once

#include <concepts>
#include <initializer_list>
#include <span>

#include "specs/properties/property.hpp"
#include "specs/properties/register_facts.hpp"

namespace lapicheck::specs {

// Of plain values they are found by name only.
using model::both;
using model::either;
using model::equal;
using model::has_any;
using model::high_half;
using model::highest_bit;
using model::is_ruled_out;
using model::is_zero;
using model::less;
using model::low_half;
using model::negate;
using model::power_of_two;
using model::select;
using model::without_highest_bit;
using model::zero_extend;

using model::AccessKind;
using model::Answer;
using model::is_mmio;
using model::is_msr;
using model::is_write;
using model::Reg;
using model::State;
using model::u32;
using model::u64;

// What a property has unless it says otherwise. Rule is the rule's name here, not its entry in the catalogue.
struct AnyProperty {
    using Rule = model::Rule;
};
struct StepProperty : AnyProperty {
    static constexpr Scope scope = Scope::step;
    static constexpr Basis basis = Basis::manual;
};
struct StepWish : AnyProperty {
    static constexpr Scope scope = Scope::step;
    static constexpr Basis basis = Basis::wish;
};

// Conditions.
template <class D>
typename D::Bool all_of(std::initializer_list<typename D::Bool> conditions) {
    typename D::Bool all = true;
    for (const auto& condition : conditions) all = both(all, condition);
    return all;
}
template <class D>
typename D::Bool any_of(std::initializer_list<typename D::Bool> conditions) {
    typename D::Bool any = false;
    for (const auto& condition : conditions) any = either(any, condition);
    return any;
}
template <class D>
typename D::Bool implies(const typename D::Bool& if_so, const typename D::Bool& then) {
    return either(negate(if_so), then);
}
template <class D>
typename D::Bool is_between(const typename D::U32& word, u32 first, u32 last) {
    using U32 = typename D::U32;
    return both(negate(less(word, U32{first})), negate(less(U32{last}, word)));
}
// The words have the same bits in `mask`.
template <class D>
typename D::Bool agree(const typename D::U32& a, const typename D::U32& b, const typename D::U32& mask) {
    return is_zero((a ^ b) & mask);
}

// Modes, of the state before unless a state is given.
template <class D>
typename D::Bool has_enable(const State<D>& s) {
    return has_any(s.apic_base, facts::base_enable);
}
template <class D>
typename D::Bool has_x2apic_bit(const State<D>& s) {
    return has_any(s.apic_base, facts::base_extd);
}
template <class D>
typename D::Bool was_x2apic(const Transition<D>& t) {
    return both(has_enable(t.before), has_x2apic_bit(t.before));
}
template <class D>
typename D::Bool was_xapic(const Transition<D>& t) {
    return both(has_enable(t.before), negate(has_x2apic_bit(t.before)));
}
template <class D>
typename D::Bool was_disabled(const Transition<D>& t) {
    return negate(has_enable(t.before));
}
template <class D>
typename D::Bool was_software_enabled(const Transition<D>& t) {
    return has_any(t.before[Reg::svr], facts::svr_enable);
}

// Accesses. One to the window at the base that holds before it:
template <class D>
typename D::Bool in_window(const Transition<D>& t) {
    if (!is_mmio(t.access.kind)) return typename D::Bool{false};
    return equal(t.access.address & facts::base_page, t.before.apic_base & facts::base_page);
}
// One to the window in xAPIC mode whose meaning the manual gives: 32 bits at a multiple of 16 bytes.
template <class D>
typename D::Bool is_regular(const Transition<D>& t) {
    if (!is_mmio(t.access.kind) || t.access.size != 4) return typename D::Bool{false};
    return all_of<D>({was_xapic(t), in_window(t), negate(has_any(t.access.address, u64{0xf}))});
}
template <class D>
typename D::Bool at_offset(const Transition<D>& t, const Gap& gap) {
    return is_between<D>(low_half(t.access.address) & u32{0xfff}, gap.first, gap.last);
}
template <class D>
typename D::Bool at_msr(const Transition<D>& t, const Gap& gap) {
    if (!is_msr(t.access.kind)) return typename D::Bool{false};
    return both(is_zero(high_half(t.access.address)),
                is_between<D>(low_half(t.access.address), gap.first, gap.last));
}
template <class D>
typename D::Bool at_msr(const Transition<D>& t, u64 index) {
    if (!is_msr(t.access.kind)) return typename D::Bool{false};
    return equal(t.access.address, typename D::U64{index});
}
// In one of the places; those that AMD may fill only on a CPU that is not AMD's.
template <class D>
typename D::Bool at_one_of(const Transition<D>& t, std::span<const Gap> gaps) {
    typename D::Bool any = false;
    for (const Gap& gap : gaps) {
        const auto here = is_msr(t.access.kind) ? at_msr(t, gap) : at_offset(t, gap);
        any = either(any, gap.amd_may_have ? both(here, negate(t.cpu.amd)) : here);
    }
    return any;
}
template <class D>
typename D::U32 written_word(const Transition<D>& t) {
    return low_half(t.access.value);
}
template <class D>
typename D::U32 read_word(const Transition<D>& t) {
    return low_half(t.out.value);
}

// CMCI is there if the version register counts more than six entries.
template <class D>
typename D::Bool has_cmci_entry(const Transition<D>& t) {
    return negate(less((t.before[Reg::version] >> 16) & u32{0xff}, typename D::U32{u32{6}}));
}
template <class D>
typename D::Bool is_present(const Transition<D>& t, const RegisterFact& fact) {
    return fact.reg == Reg::lvt_cmci ? has_cmci_entry(t) : typename D::Bool{true};
}
// The access is to that register, by the way that the mode has, and of the kind that the register allows.
template <class D>
typename D::Bool accesses_by_window(const Transition<D>& t, const RegisterFact& fact) {
    const bool allowed = is_write(t.access.kind) ? is_writable(fact.window) : is_readable(fact.window);
    if (!is_mmio(t.access.kind) || !allowed) return typename D::Bool{false};
    const auto here = equal(low_half(t.access.address) & u32{0xfff}, typename D::U32{fact.offset});
    return all_of<D>({here, is_regular(t), is_present(t, fact)});
}
template <class D>
typename D::Bool accesses_by_msr(const Transition<D>& t, const RegisterFact& fact) {
    const bool allowed = is_write(t.access.kind) ? is_writable(fact.msr) : is_readable(fact.msr);
    if (!is_msr(t.access.kind) || !allowed) return typename D::Bool{false};
    const auto is_there = fact.reg == Reg::apr ? t.cpu.amd : is_present(t, fact);
    return all_of<D>({at_msr(t, fact.index()), was_x2apic(t), is_there});
}
template <class D>
typename D::Bool accesses(const Transition<D>& t, const RegisterFact& fact) {
    return either(accesses_by_window(t, fact), accesses_by_msr(t, fact));
}
template <class D>
typename D::Bool reads(const Transition<D>& t, const RegisterFact& fact) {
    return is_write(t.access.kind) ? typename D::Bool{false} : accesses(t, fact);
}
// The write is not refused.
template <class D>
typename D::Bool writes(const Transition<D>& t, const RegisterFact& fact) {
    return is_write(t.access.kind) && !t.out.gp ? accesses(t, fact) : typename D::Bool{false};
}
template <class D>
typename D::Bool writes(const Transition<D>& t, Reg reg) {
    return writes(t, fact_of(reg));
}
template <class D>
typename D::Bool writes_apic_base(const Transition<D>& t) {
    return t.access.kind == AccessKind::wrmsr ? at_msr(t, facts::apic_base_msr) : typename D::Bool{false};
}
// It reaches into the page behind, which may be the window.
template <class D>
typename D::Bool crosses_pages(const Transition<D>& t) {
    if (!is_mmio(t.access.kind) || t.access.size < 2) return typename D::Bool{false};
    const u32 last = 0x1000 - (t.access.size < 16 ? t.access.size : 16);
    return less(typename D::U32{last}, low_half(t.access.address) & u32{0xfff});
}
// What the manual leaves undefined: an MMIO access to the window that is no aligned one of 32 bits.
template <class D>
typename D::Bool is_odd(const Transition<D>& t) {
    const auto touches = either(in_window(t), crosses_pages(t));
    return all_of<D>({touches, was_xapic(t), negate(is_regular(t))});
}

// A write to AMD's SEOI or IER, after which neither ISR nor IRR is known (APM Vol. 2, 16.7).
template <class D>
typename D::Bool may_write_amd_priority(const Transition<D>& t) {
    if (!is_write(t.access.kind) || t.out.gp) return typename D::Bool{false};
    const auto by_window = both(is_regular(t), either(at_offset(t, Gap{0x420, 0x42f}), //
                                                      at_offset(t, Gap{0x480, 0x4ff})));
    const auto by_msr = both(was_x2apic(t), either(at_msr(t, 0x842), at_msr(t, Gap{0x848, 0x84f})));
    return both(t.cpu.amd, is_mmio(t.access.kind) ? by_window : by_msr);
}

// `says` of each register for which `which` holds.
template <class D, class Which, class Says>
Claim<D> each_register(Which which, Says says) {
    Claim<D> claim = no_claim<D>();
    for (const RegisterFact& fact : register_facts) {
        const typename D::Bool here = which(fact);
        if (is_ruled_out(here)) continue;
        claim.premise = either(claim.premise, here);
        claim.holds = both(claim.holds, implies<D>(here, says(fact)));
    }
    return claim;
}

// The bits of the register that the CPU has besides those that all have.
template <class D>
typename D::U32 optional_part(const Transition<D>& t, const RegisterFact& fact) {
    using U32 = typename D::U32;
    U32 bits{u32{0}};
    for (const OptionalBits& option : optional_bits) {
        if (option.reg != fact.reg) continue;
        typename D::Bool has = t.cpu.amd;
        if (option.needs == Needs::intel) has = negate(t.cpu.amd);
        if (option.needs == Needs::tsc_deadline) has = t.cpu.has_tsc_deadline;
        if (option.needs == Needs::eoi_suppression)
            has = has_any(t.before[Reg::version], facts::version_suppression);
        bits |= select(has, U32{option.mask}, U32{u32{0}});
    }
    return bits;
}
template <class D>
typename D::U32 software_bits(const Transition<D>& t, const RegisterFact& fact) {
    return optional_part(t, fact) | fact.software;
}

// What changed, of what the registers hold.
template <class D>
typename D::Bool is_kept(const Transition<D>& t, Reg reg) {
    if (model::holds_nothing(reg)) return true;
    return equal(t.before[reg], t.after[reg]);
}
template <class D>
typename D::Bool are_kept(const Transition<D>& t, Reg first) {
    typename D::Bool kept = true;
    for (u32 word = 0; word < 8; ++word) kept = both(kept, is_kept(t, model::offset_by(first, word)));
    return kept;
}
template <class D>
typename D::Bool identity_kept(const Transition<D>& t) {
    return both(equal(t.before.apic_base, t.after.apic_base), equal(t.before.x2apic_id, t.after.x2apic_id));
}
// Errors may have been recorded, of these kinds only; none is lost.
template <class D>
typename D::Bool errors_gained_only(const Transition<D>& t, u32 kinds) {
    const auto changed = t.before.esr_pending ^ t.after.esr_pending;
    return both(is_zero(changed & ~kinds), is_zero(t.before.esr_pending & ~t.after.esr_pending));
}
template <class D>
typename D::Bool registers_kept(const Transition<D>& t, std::initializer_list<Reg> but = {}) {
    typename D::Bool kept = true;
    for (const RegisterFact& fact : register_facts) {
        bool spared = false;
        for (const Reg reg : but) spared = spared || reg == fact.reg;
        if (!spared) kept = both(kept, is_kept(t, fact.reg));
    }
    return kept;
}
// All but the registers and the errors: the base, the ID, the deadline, who disabled the APIC, AMD's IER.
template <class D>
typename D::Bool rest_kept(const Transition<D>& t) {
    return all_of<D>({identity_kept(t), equal(t.before.tsc_deadline, t.after.tsc_deadline),
                      equal(t.before.cleared_by_software, t.after.cleared_by_software),
                      equal(t.before.ier_written, t.after.ier_written)});
}
// The two are one state, in every word.
template <class D>
typename D::Bool same_state(const State<D>& a, const State<D>& b) {
    typename D::Bool same =
        all_of<D>({equal(a.apic_base, b.apic_base), equal(a.tsc_deadline, b.tsc_deadline),
                   equal(a.x2apic_id, b.x2apic_id), equal(a.esr_pending, b.esr_pending),
                   equal(a.cleared_by_software, b.cleared_by_software), equal(a.ier_written, b.ier_written)});
    for (std::size_t i = 0; i < a.regs.size(); ++i) same = both(same, equal(a.regs[i], b.regs[i]));
    return same;
}
template <class D>
typename D::Bool nothing_changed(const Transition<D>& t) {
    return same_state<D>(t.before, t.after);
}
// Nothing leaves the APIC, and nobody sends anything on behalf of the access.
template <class D>
bool nothing_sent(const Transition<D>& t) {
    return !t.out.sends_ipi && !t.out.sends_msi && !t.out.ends_interrupt;
}
// #GP, and no trace of the access is left.
template <class D>
typename D::Bool is_refused(const Transition<D>& t) {
    return both(typename D::Bool{t.out.gp && nothing_sent(t)}, nothing_changed(t));
}

// Vectors. A bitmap is eight words from `first` on.
template <class D>
typename D::U32 highest_of(const State<D>& s, Reg first) {
    using U32 = typename D::U32;
    U32 highest{u32{0}};
    for (u32 word = 0; word < 8; ++word) {
        const U32 bits = s[model::offset_by(first, word)];
        highest = select(is_zero(bits), highest, highest_bit(bits) | (word << 5));
    }
    return highest;
}
template <class D>
typename D::Bool is_empty(const State<D>& s, Reg first) {
    typename D::Bool empty = true;
    for (u32 word = 0; word < 8; ++word) empty = both(empty, is_zero(s[model::offset_by(first, word)]));
    return empty;
}
// `vector` is in the word of this number.
template <class D>
typename D::Bool is_in_word(const typename D::U32& vector, u32 word) {
    return equal((vector >> 5) & u32{7}, typename D::U32{word});
}
template <class D>
typename D::Bool has_vector(const State<D>& s, Reg first, const typename D::U32& vector) {
    const auto bit = power_of_two(vector & u32{31});
    typename D::Bool has = false;
    for (u32 word = 0; word < 8; ++word) {
        const auto is_set = negate(is_zero(s[model::offset_by(first, word)] & bit));
        has = either(has, both(is_in_word<D>(vector, word), is_set));
    }
    return has;
}
// In the bitmap the bit of `vector`, and no other, has become `set`.
template <class D>
typename D::Bool only_vector_becomes(const Transition<D>& t, Reg first, const typename D::U32& vector,
                                     const typename D::Bool& set) {
    const auto bit = power_of_two(vector & u32{31});
    typename D::Bool so = true;
    for (u32 word = 0; word < 8; ++word) {
        const Reg reg = model::offset_by(first, word);
        const auto& before = t.before[reg];
        const auto changed = select(set, before | bit, before & ~bit);
        so = both(so, equal(t.after[reg], select(is_in_word<D>(vector, word), changed, before)));
    }
    return so;
}

} // namespace lapicheck::specs
