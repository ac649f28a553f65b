// The error status register and what is recorded for it (groups E, M11, I04).
#pragma once

#include "specs/properties/destination_vocabulary.hpp"

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
    static constexpr std::string_view statement = "In xAPIC mode an access to an offset that Table 10-1 "
                                                  "reserves, or on AMD to a reserved one from 400H "
                                                  "on, records the illegal-register-address error.";
    static constexpr std::array rules = {Rule::M11, Rule::E07};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (!is_mmio(t.access.kind)) return no_claim<D>();
        const auto reserved = either(at_one_of(t, listed_offsets), //
                                     both(t.cpu.amd, at_one_of(t, amd_reserved_offsets)));
        return {both(is_regular(t), reserved), has_any(t.after.esr_pending, facts::illegal_register)};
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

template <class D>
typename D::Bool has_illegal_vector(const typename D::U32& vector) {
    return less(vector, typename D::U32{facts::first_legal_vector});
}

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

struct IllegalDeviceVectorIsRecorded : StepProperty {
    static constexpr std::string_view id = "illegal-device-vector-is-recorded";
    static constexpr std::string_view statement =
        "A fixed or lowest-priority message of a device, with a vector below 16, records "
        "receive-illegal-vector "
        "in each APIC that it is for and that software has enabled.";
    static constexpr std::array rules = {Rule::I04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        if (t.access.kind != AccessKind::message) return no_claim<D>();
        const auto comes = all_of<D>({asks_for_vector(t), is_addressed(t), was_software_enabled(t),
                                      has_any(t.access.value, facts::message_by_device)});
        return {both(comes, has_illegal_vector<D>(message_vector(t))),
                has_any(t.after.esr_pending, facts::receive_illegal_vector)};
    }
};

// What a command may record in its sender: of a fixed one an illegal vector; of lowest priority, of a
// reserved delivery mode and of one with a shorthand that the mode does not allow also, on Intel, that it
// cannot be redirected. SMI, NMI, INIT and start-up have no vector in that sense.
template <class D>
typename D::U32 errors_of_command(const Transition<D>& t) {
    using U32 = typename D::U32;
    const U32 none{u32{0}};
    const auto is_mode = [&t](u32 mode) { return equal(written_word(t) & u32{0x700}, U32{mode << 8}); };
    const auto is_shorthand = [&t](u32 whom) {
        return equal(written_word(t) & u32{0xc'0000}, U32{whom << 18});
    };
    const auto bypasses = any_of<D>({is_mode(2), is_mode(4), is_mode(5), is_mode(6)});
    const auto to_itself = either(is_shorthand(1), is_shorthand(2));
    const auto is_plain = both(bypasses, negate(to_itself));
    const U32 illegal =
        select(has_illegal_vector<D>(written_word(t) & u32{0xff}), U32{facts::send_illegal_vector}, none);
    const U32 redirects = select(either(is_mode(0), t.cpu.amd), none, U32{facts::redirectable_ipi});
    return select(is_plain, none, illegal | redirects);
}

// What any step may record.
template <class D>
typename D::U32 recordable_errors(const Transition<D>& t) {
    using U32 = typename D::U32;
    const U32 none{u32{0}};
    const U32 receives{facts::receive_illegal_vector};
    switch (t.access.kind) {
    case AccessKind::mmio_read: return U32{facts::illegal_register};
    case AccessKind::message:
        return select(both(asks_for_vector(t), has_illegal_vector<D>(message_vector(t))), receives, none);
    case AccessKind::timer_expires:
        return select(has_illegal_vector<D>(t.before[Reg::lvt_timer] & u32{0xff}), receives, none);
    case AccessKind::hardware: {
        const U32 of_bus = select(t.cpu.amd, U32{facts::accept_errors}, U32{facts::p6_errors});
        return receives | select(was_x2apic(t), none, of_bus);
    }
    case AccessKind::mmio_write:
    case AccessKind::wrmsr: break;
    default: return none;
    }
    const U32 illegal = select(has_illegal_vector<D>(written_word(t) & u32{0xff}), receives, none);
    U32 may = select(is_regular(t), U32{facts::illegal_register}, none);
    may |= select(writes(t, Reg::icr), errors_of_command(t), none);
    may |= select(both(writes(t, Reg::self_ipi), negate(is_zero(illegal))), U32{facts::send_illegal_vector},
                  none);
    for (const Reg entry : lvt_registers) { // L04a: of a fixed entry
        const bool has_mode = entry != Reg::lvt_timer && entry != Reg::lvt_error;
        const auto fixed = has_mode ? is_zero(written_word(t) & facts::lvt_mode) : typename D::Bool{true};
        may |= select(both(writes(t, entry), fixed), illegal, none);
    }
    return may;
}

struct ErrorsHaveACause : StepProperty {
    static constexpr std::string_view id = "errors-have-a-cause";
    static constexpr std::string_view statement = "An illegal vector is recorded only where one is sent, "
                                                  "received or written to the LVT, a redirectable "
                                                  "IPI, on Intel, only of lowest priority or an undefined "
                                                  "command, an illegal address by an access to the "
                                                  "window, and other errors by the bus outside x2APIC mode.";
    static constexpr std::array rules = {Rule::E01, Rule::M11, Rule::I04, Rule::E04};
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        const auto disables = t.out.gp ? typename D::Bool{false} : writes_apic_base(t);
        const auto undefined = is_write(t.access.kind) ? is_odd(t) : typename D::Bool{false};
        return {negate(either(disables, undefined)),
                is_zero(t.after.esr_pending & ~t.before.esr_pending & ~recordable_errors(t))};
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
