// The window: what an MMIO access may do in which mode (groups M, B).
#pragma once

#include "specs/properties/vocabulary.hpp"

namespace lapicheck::specs {

template <class D>
Claim<D> not_answered_by_apic(const Transition<D>& t, const typename D::Bool& closed) {
    if (t.access.kind != AccessKind::mmio_read) return no_claim<D>();
    return {both(closed, in_window(t)), typename D::Bool{t.out.answer == Answer::elsewhere}};
}
template <class D>
Claim<D> without_effect(const Transition<D>& t, const typename D::Bool& closed) {
    if (!is_mmio(t.access.kind)) return no_claim<D>();
    return {both(closed, in_window(t)), both(typename D::Bool{nothing_sent(t)}, nothing_changed(t))};
}

struct NoMmioReadInX2apic : StepProperty {
    static constexpr std::string_view id = "no-mmio-read-in-x2apic";
    static constexpr std::string_view statement =
        "In x2APIC mode the APIC answers no read of its MMIO window.";
    static constexpr std::array rules = {Rule::M01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return not_answered_by_apic(t, was_x2apic(t));
    }
};

struct NoMmioEffectInX2apic : StepProperty {
    static constexpr std::string_view id = "no-mmio-effect-in-x2apic";
    static constexpr std::string_view statement =
        "In x2APIC mode an access to the MMIO window changes nothing in the APIC and sends nothing.";
    static constexpr std::array rules = {Rule::M02, Rule::E04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return without_effect(t, was_x2apic(t));
    }
};

struct NoMmioReadWhenDisabled : StepProperty {
    static constexpr std::string_view id = "no-mmio-read-when-disabled";
    static constexpr std::string_view statement =
        "While the APIC is disabled, it answers no read of its MMIO window.";
    static constexpr std::array rules = {Rule::M03};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return not_answered_by_apic(t, was_disabled(t));
    }
};

struct NoMmioEffectWhenDisabled : StepProperty {
    static constexpr std::string_view id = "no-mmio-effect-when-disabled";
    static constexpr std::string_view statement =
        "While the APIC is disabled, an access to the MMIO window changes nothing in it and sends "
        "nothing.";
    static constexpr std::array rules = {Rule::M04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return without_effect(t, was_disabled(t));
    }
};

// Two APICs, both with the window closed, their bases equal: a read gives the same in both.
struct ClosedWindowTellsNothing : AnyProperty {
    static constexpr std::string_view id = "closed-window-tells-nothing";
    static constexpr std::string_view statement =
        "Outside xAPIC mode the value that a read of the MMIO window returns does not depend on the state "
        "of the APIC.";
    static constexpr std::array rules = {Rule::M01, Rule::M03};
    static constexpr Scope scope = Scope::two_runs;
    static constexpr Basis basis = Basis::manual;
    template <class D>
    static Claim<D> check(const Transition<D>& a, const Transition<D>& b) {
        if (a.access.kind != AccessKind::mmio_read) return no_claim<D>();
        const auto closed = [](const Transition<D>& t) { return either(was_x2apic(t), was_disabled(t)); };
        const auto premise = all_of<D>({closed(a), closed(b), in_window(a), in_window(b)});
        const bool same_way = a.out.gp == b.out.gp && a.out.exits_to_userspace == b.out.exits_to_userspace;
        return {premise,
                both(typename D::Bool{same_way}, equal(a.out.value & model::size_mask(a.access.size),
                                                       b.out.value & model::size_mask(b.access.size)))};
    }
};

struct MmioIsolation : AnyProperty {
    static constexpr std::string_view id = "mmio-isolation";
    static constexpr std::string_view statement =
        "What a vCPU reads through its MMIO window does not depend on what another vCPU wrote through its "
        "own window.";
    static constexpr std::array rules = {Rule::M15};
    static constexpr Scope scope = Scope::vcpus;
    static constexpr Basis basis = Basis::manual;
    template <class D>
    static Claim<D> check(const Transition<D>& with, const Transition<D>& without) {
        const u64 mask = model::size_mask(with.access.size);
        const bool same_way = with.out.answer == without.out.answer && with.out.gp == without.out.gp &&
                              with.out.exits_to_userspace == without.out.exits_to_userspace;
        return {typename D::Bool{true},
                both(typename D::Bool{same_way}, equal(with.out.value & mask, without.out.value & mask))};
    }
};

struct NoMemoryInClosedWindow : StepWish {
    static constexpr std::string_view id = "no-memory-in-closed-window";
    static constexpr std::string_view statement =
        "Outside xAPIC mode a write to the MMIO window is not stored: no memory appears at that address.";
    static constexpr std::array rules = {Rule::M05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::mmio_write) return no_claim<D>();
        return {both(negate(was_xapic(t)), in_window(t)),
                both(equal(t.around_before.own, t.around_after.own),
                     equal(t.around_before.shared, t.around_after.shared))};
    }
};

struct NoExitFromClosedWindow : StepWish {
    static constexpr std::string_view id = "no-exit-from-closed-window";
    static constexpr std::string_view statement =
        "Outside xAPIC mode an access to the MMIO window does not exit to userspace.";
    static constexpr std::array rules = {Rule::M05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        return {both(negate(was_xapic(t)), in_window(t)), typename D::Bool{!t.out.exits_to_userspace}};
    }
};

struct NoMsiFromWindow : StepProperty {
    static constexpr std::string_view id = "no-msi-from-window";
    static constexpr std::string_view statement =
        "No access to the MMIO window becomes a message-signalled interrupt (MSI).";
    static constexpr std::array rules = {Rule::M02, Rule::M04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        return {in_window(t), typename D::Bool{!t.out.sends_msi}};
    }
};

struct OnlyTheWindow : StepProperty {
    static constexpr std::string_view id = "only-the-window-is-the-apic";
    static constexpr std::string_view statement =
        "An MMIO access outside the window neither reads the APIC nor changes it.";
    static constexpr std::array rules = {Rule::M14};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        const bool apart = t.out.answer == Answer::elsewhere && nothing_sent(t);
        return {negate(either(in_window(t), crosses_pages(t))),
                both(typename D::Bool{apart}, nothing_changed(t))};
    }
};

} // namespace lapicheck::specs
