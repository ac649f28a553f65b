// Messages: for whom they are, and what they do to the APIC that they reach (groups I, P, V09).
#pragma once

#include "specs/properties/destination_vocabulary.hpp"

namespace lapicheck::specs {

template <class D>
typename D::Bool is_vector_legal(const Transition<D>& t) {
    return negate(less(message_vector(t), typename D::U32{facts::first_legal_vector}));
}
// A message for a vector comes to an APIC that takes such.
template <class D>
typename D::Bool comes_to_enabled_apic(const Transition<D>& t) {
    return all_of<D>({asks_for_vector(t), has_enable(t.before), was_software_enabled(t), is_vector_legal(t)});
}
// The vector is requested if `addressed`, otherwise nothing happens.
template <class D>
typename D::Bool reaches_if(const Transition<D>& t, const typename D::Bool& addressed) {
    const auto requested = has_vector<D>(t.after, Reg::irr0, message_vector(t));
    const bool answered = t.out.answer == Answer::apic;
    return both(implies<D>(addressed, both(typename D::Bool{answered}, requested)),
                either(addressed, both(typename D::Bool{!answered}, nothing_changed(t))));
}

struct PhysicalDestination : StepProperty {
    static constexpr std::string_view id = "physical-destination-is-the-id";
    static constexpr std::string_view statement =
        "In physical destination mode an APIC accepts a message that is not a broadcast if and only if "
        "the destination is the APIC's ID.";
    static constexpr std::array rules = {Rule::I09, Rule::I17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto narrow =
            either(has_x2apic_bit(t.before), less(destination(t), typename D::U32{u32{0x100}}));
        return {all_of<D>({comes_to_enabled_apic(t), negate(is_logical(t)), negate(is_broadcast(t)), narrow}),
                reaches_if(t, matches_physical(t))};
    }
};

struct FlatDestination : StepProperty {
    static constexpr std::string_view id = "flat-destination-shares-a-bit";
    static constexpr std::string_view statement =
        "In xAPIC mode under the flat model an APIC accepts a message with a logical destination if and "
        "only if at least one bit is set in both the destination and LDR[31:24].";
    static constexpr std::array rules = {Rule::I10, Rule::I17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto narrow = less(destination(t), typename D::U32{u32{0xff}});
        return {all_of<D>({comes_to_enabled_apic(t), is_logical(t), was_xapic(t), is_flat(t), narrow}),
                reaches_if(t, matches_flat(t))};
    }
};

struct ClusterDestination : StepProperty {
    static constexpr std::string_view id = "cluster-destination-shares-a-bit-of-the-cluster";
    static constexpr std::string_view statement =
        "In xAPIC mode under the cluster model an APIC accepts a message with a logical destination if "
        "and only if bits 7:4 of the destination equal LDR[31:28] and at least one bit is set in both "
        "bits 3:0 of the destination and LDR[27:24].";
    static constexpr std::array rules = {Rule::I11, Rule::I17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto narrow = less(destination(t), typename D::U32{u32{0xff}});
        return {all_of<D>({comes_to_enabled_apic(t), is_logical(t), was_xapic(t), is_cluster(t), narrow}),
                reaches_if(t, matches_cluster(t))};
    }
};

struct X2apicLogicalDestination : StepProperty {
    static constexpr std::string_view id = "x2apic-logical-destination-matches-ldr";
    static constexpr std::string_view statement =
        "In x2APIC mode an APIC accepts a message with a logical destination if and only if bits 31:16 of "
        "the destination equal LDR[31:16] and at least one bit is set in both bits 15:0 of the "
        "destination and LDR[15:0].";
    static constexpr std::array rules = {Rule::I12, Rule::I17, Rule::D08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {all_of<D>({comes_to_enabled_apic(t), is_logical(t), was_x2apic(t), negate(is_broadcast(t))}),
                reaches_if(t, matches_x2apic_logical(t))};
    }
};

struct BroadcastReachesEveryApic : StepProperty {
    static constexpr std::string_view id = "broadcast-reaches-every-apic";
    static constexpr std::string_view statement =
        "The destinations FFH in xAPIC mode and FFFFFFFFH in x2APIC mode address every APIC, in physical "
        "and in logical destination mode.";
    static constexpr std::array rules = {Rule::I08};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(comes_to_enabled_apic(t), is_broadcast(t)), reaches_if(t, typename D::Bool{true})};
    }
};

struct AcceptanceSetsIrrAndTmr : StepProperty {
    static constexpr std::string_view id = "acceptance-sets-irr-and-tmr";
    static constexpr std::string_view statement =
        "Accepting an interrupt sets its IRR bit, sets its TMR bit if it is level-triggered, clears its "
        "TMR bit if it is edge-triggered, and changes nothing else.";
    static constexpr std::array rules = {Rule::P01, Rule::P07, Rule::P09, Rule::P12};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto vector = message_vector(t);
        typename D::Bool rest = both(rest_kept(t), errors_gained_only(t, 0));
        for (const RegisterFact& fact : register_facts)
            if (!model::is_bitmap(fact.reg)) rest = both(rest, is_kept(t, fact.reg));
        return {both(comes_to_enabled_apic(t), is_addressed(t)),
                all_of<D>({only_vector_becomes<D>(t, Reg::irr0, vector, typename D::Bool{true}),
                           only_vector_becomes<D>(t, Reg::tmr0, vector, is_level_message(t)),
                           are_kept(t, Reg::isr0), rest})};
    }
};

struct IllegalVectorIsNotAccepted : StepProperty {
    static constexpr std::string_view id = "illegal-vector-is-not-accepted";
    static constexpr std::string_view statement =
        "A fixed or lowest-priority message with a vector below 16 sets no bit in IRR, TMR or ISR and "
        "changes no other register.";
    static constexpr std::array rules = {Rule::I04, Rule::P06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(asks_for_vector(t), negate(is_vector_legal(t))),
                all_of<D>(
                    {registers_kept(t), rest_kept(t), errors_gained_only(t, facts::receive_illegal_vector)})};
    }
};

struct OtherMessagesBypassIrr : StepProperty {
    static constexpr std::string_view id = "nmi-smi-extint-bypass-irr";
    static constexpr std::string_view statement =
        "NMI, SMI, ExtINT and start-up messages change nothing in the APIC; in particular they set no bit "
        "in IRR, ISR or TMR.";
    static constexpr std::array rules = {Rule::I15, Rule::P11, Rule::R06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {
            any_of<D>({is_message_of(t, 2), is_message_of(t, 4), is_message_of(t, 6), is_message_of(t, 7)}),
            nothing_changed(t)};
    }
};

struct BypassingMessagesArrive : StepProperty {
    static constexpr std::string_view id = "nmi-smi-init-arrive-whatever-svr-and-tpr";
    static constexpr std::string_view statement =
        "The APIC accepts NMI, SMI, INIT and start-up messages that address it whether it is "
        "software-disabled or not and whatever the task priority is.";
    static constexpr std::array rules = {Rule::V09, Rule::P09, Rule::I17};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto bypasses =
            any_of<D>({is_message_of(t, 2), is_message_of(t, 4), is_message_of(t, 5), is_message_of(t, 6)});
        return {both(bypasses, is_addressed(t)), typename D::Bool{t.out.answer == Answer::apic}};
    }
};

struct SoftwareDisabledAcceptsNothing : StepProperty {
    static constexpr std::string_view id = "software-disabled-accepts-nothing";
    static constexpr std::string_view statement =
        "While SVR[8] is 0, neither a fixed or lowest-priority message nor the timer sets a bit in IRR.";
    static constexpr std::array rules = {Rule::V09, Rule::V10};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto comes =
            t.access.kind == AccessKind::timer_expires ? typename D::Bool{true} : asks_for_vector(t);
        return {both(comes, negate(was_software_enabled(t))),
                all_of<D>({registers_kept(t), identity_kept(t), errors_gained_only(t, 0)})};
    }
};

struct DisabledApicAcceptsNothing : StepProperty {
    static constexpr std::string_view id = "disabled-apic-accepts-nothing";
    static constexpr std::string_view statement =
        "While IA32_APIC_BASE.EN is 0 the APIC accepts no message, its timer does not expire, and it "
        "dispatches no interrupt.";
    static constexpr std::array rules = {Rule::I17, Rule::V09};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const bool concerned = t.access.kind == AccessKind::message ||
                               t.access.kind == AccessKind::timer_expires ||
                               t.access.kind == AccessKind::take_interrupt;
        return {both(typename D::Bool{concerned}, was_disabled(t)),
                both(typename D::Bool{t.out.answer != Answer::apic}, nothing_changed(t))};
    }
};

} // namespace lapicheck::specs
