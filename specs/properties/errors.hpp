// The error status register and what is recorded for it (groups E, M11, I04).
#pragma once

#include "specs/properties/vocabulary.hpp"

namespace lapicheck::specs {

struct EsrWriteLatches : StepProperty {
    static constexpr std::string_view id = "esr-write-latches";
    static constexpr std::string_view statement =
        "A write to ESR, whatever its value, replaces the contents of ESR with the errors recorded since "
        "the previous write and clears the record of pending errors.";
    static constexpr std::array rules = {Rule::E01, Rule::E02};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {writes(t, Reg::esr),
                both(equal(t.after[Reg::esr], t.before.esr_pending), is_zero(t.after.esr_pending))};
    }
};

struct SecondEsrWriteReadsZero : StepProperty {
    static constexpr std::string_view id = "second-esr-write-reads-zero";
    static constexpr std::string_view statement =
        "If no error was recorded since the previous write to ESR, a write to ESR leaves 0 in it.";
    static constexpr std::array rules = {Rule::E06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {both(writes(t, Reg::esr), is_zero(t.before.esr_pending)), is_zero(t.after[Reg::esr])};
    }
};

struct EsrKeepsUntilWritten : StepProperty {
    static constexpr std::string_view id = "errors-show-after-an-esr-write-only";
    static constexpr std::string_view statement =
        "Only a write to ESR makes a recorded error visible in ESR and removes it from the record of "
        "pending errors (RESET and INIT are not checked).";
    static constexpr std::array rules = {Rule::E02, Rule::E01};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const bool restarts = t.access.kind == AccessKind::reset || t.access.kind == AccessKind::init ||
                              t.access.kind == AccessKind::message;
        if (restarts) return no_claim<D>();
        const auto disables = t.out.gp ? typename D::Bool{false} : writes_apic_base(t);
        const auto undefined = is_write(t.access.kind) ? is_odd(t) : typename D::Bool{false};
        return {negate(any_of<D>({writes(t, Reg::esr), disables, undefined})),
                both(is_kept(t, Reg::esr), errors_gained_only(t, 0xff))};
    }
};

struct ReservedOffsetIsRecorded : StepProperty {
    static constexpr std::string_view id = "reserved-offset-is-recorded";
    static constexpr std::string_view statement =
        "In xAPIC mode an access to a reserved offset records the illegal-register-address error.";
    static constexpr std::array rules = {Rule::M11, Rule::E07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        return {both(is_regular(t), at_one_of(t, reserved_offsets)),
                has_any(t.after.esr_pending, facts::illegal_register)};
    }
};

struct RegisterIsNoIllegalAddress : StepProperty {
    static constexpr std::string_view id = "register-is-no-illegal-address";
    static constexpr std::string_view statement =
        "In xAPIC mode neither an access that its register allows nor a write to 090H or 0C0H records the "
        "illegal-register-address error.";
    static constexpr std::array rules = {Rule::M11};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        typename D::Bool proper = false;
        for (const RegisterFact& fact : register_facts) {
            const bool doubtful = fact.reg == Reg::apr || fact.reg == Reg::remote_read;
            if (!doubtful) proper = either(proper, accesses_by_window(t, fact));
        }
        const auto spared = either(at_offset(t, Gap{0x090, 0x09f}), at_offset(t, Gap{0x0c0, 0x0cf}));
        if (is_write(t.access.kind)) proper = either(proper, both(is_regular(t), spared));
        const auto gained = t.after.esr_pending & ~t.before.esr_pending;
        return {proper, negate(has_any(gained, facts::illegal_register))};
    }
};

struct NoIllegalRegisterInX2apic : StepProperty {
    static constexpr std::string_view id = "no-illegal-register-in-x2apic";
    static constexpr std::string_view statement =
        "No access or event that leaves the APIC in x2APIC mode records the illegal-register-address "
        "error.";
    static constexpr std::array rules = {Rule::E04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto gained = t.after.esr_pending & ~t.before.esr_pending;
        return {both(was_x2apic(t), has_x2apic_bit(t.after)),
                negate(has_any(gained, facts::illegal_register))};
    }
};

// A fixed interrupt with a vector below 16, by either command register.
template <class D>
typename D::Bool sends_illegal_vector(const Transition<D>& t) {
    const auto fixed = either(writes(t, Reg::self_ipi), is_zero(written_word(t) & u32{0x700}));
    const auto illegal = less(written_word(t) & u32{0xff}, typename D::U32{facts::first_legal_vector});
    return all_of<D>({either(writes(t, Reg::icr), writes(t, Reg::self_ipi)), fixed, illegal});
}

struct IllegalVectorLoggedBySender : StepProperty {
    static constexpr std::string_view id = "illegal-vector-logged-by-sender";
    static constexpr std::string_view statement =
        "A fixed IPI with a vector below 16, sent by ICR or SELF IPI, records the send-illegal-vector "
        "error and sets no bit in IRR.";
    static constexpr std::array rules = {Rule::I04, Rule::E08, Rule::P06};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_write(t.access.kind)) return no_claim<D>();
        return {sends_illegal_vector(t),
                all_of<D>({has_any(t.after.esr_pending, facts::send_illegal_vector), are_kept(t, Reg::irr0),
                           are_kept(t, Reg::tmr0), are_kept(t, Reg::isr0)})};
    }
};

struct LegalIpiRecordsNothing : StepProperty {
    static constexpr std::string_view id = "legal-fixed-ipi-records-nothing";
    static constexpr std::string_view statement =
        "A SELF IPI or a fixed IPI with a vector of 16 or above does not record the send-illegal-vector "
        "error.";
    static constexpr std::array rules = {Rule::I04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_write(t.access.kind)) return no_claim<D>();
        const auto fixed = either(writes(t, Reg::self_ipi),
                                  both(writes(t, Reg::icr), is_zero(written_word(t) & u32{0x700})));
        return {both(fixed, negate(sends_illegal_vector(t))),
                negate(has_any(t.after.esr_pending & ~t.before.esr_pending, facts::send_illegal_vector))};
    }
};

// Who may record which errors.
template <class D>
u32 recordable_errors(const Transition<D>& t) {
    switch (t.access.kind) {
    case AccessKind::mmio_read: return facts::illegal_register;
    case AccessKind::mmio_write:
    case AccessKind::wrmsr: return 0xff; // told apart by the address
    case AccessKind::message:
    case AccessKind::timer_expires: return facts::receive_illegal_vector;
    case AccessKind::hardware: return 0x0f | facts::redirectable_ipi | facts::receive_illegal_vector;
    default: return 0;
    }
}

struct ErrorsHaveACause : StepProperty {
    static constexpr std::string_view id = "errors-have-a-cause";
    static constexpr std::string_view statement =
        "Only writes to ICR and SELF IPI record send errors; only messages, LVT interrupts and the bus "
        "record receive errors; only accesses to the MMIO window record an illegal register address.";
    static constexpr std::array rules = {Rule::E01, Rule::M11, Rule::I04, Rule::E04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        using U32 = typename D::U32;
        const auto sends = either(writes(t, Reg::icr), writes(t, Reg::self_ipi));
        typename D::Bool writes_lvt = false; // may record a vector that is illegal (L04a)
        for (const Reg entry : lvt_registers) writes_lvt = either(writes_lvt, writes(t, entry));
        U32 may{recordable_errors(t)};
        if (is_write(t.access.kind)) {
            const U32 none{u32{0}};
            may = select(sends, U32{facts::send_illegal_vector | facts::redirectable_ipi}, none);
            may |= select(writes_lvt, U32{facts::receive_illegal_vector}, none);
            may |= select(is_regular(t), U32{facts::illegal_register}, none);
        }
        const auto disables = t.out.gp ? typename D::Bool{false} : writes_apic_base(t);
        const auto undefined = is_write(t.access.kind) ? is_odd(t) : typename D::Bool{false};
        return {negate(either(disables, undefined)),
                is_zero(t.after.esr_pending & ~t.before.esr_pending & ~may)};
    }
};

template <class D>
typename D::Bool error_entry_is_unmasked(const State<D>& s) {
    return all_of<D>({has_enable(s), has_any(s[Reg::svr], facts::svr_enable),
                      negate(has_any(s[Reg::lvt_error], facts::lvt_mask))});
}

struct FirstErrorRaisesInterrupt : StepProperty {
    static constexpr std::string_view id = "first-error-raises-interrupt";
    static constexpr std::string_view statement =
        "The first error recorded after a write to ESR generates the error interrupt if LVT Error is not "
        "masked.";
    static constexpr std::array rules = {Rule::E05};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto first = both(is_zero(t.before.esr_pending), negate(is_zero(t.after.esr_pending)));
        return {both(first, error_entry_is_unmasked<D>(t.after)), t.out.raises_error};
    }
};

struct MaskedErrorEntryIsSilent : StepProperty {
    static constexpr std::string_view id = "masked-error-entry-is-silent";
    static constexpr std::string_view statement =
        "No error interrupt is generated while LVT Error is masked or without a newly recorded error.";
    static constexpr std::array rules = {Rule::E05, Rule::E07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto nothing_new = equal(t.before.esr_pending, t.after.esr_pending);
        return {either(nothing_new, negate(error_entry_is_unmasked<D>(t.after))), negate(t.out.raises_error)};
    }
};

} // namespace lapicheck::specs
