#include "checker/judge/attribution.hpp"

#include <algorithm>
#include <optional>

#include "checker/judge/compare.hpp"
#include "model/timer_divisor.hpp"

namespace lapicheck::checker {
namespace {

using traces::GuestAccess;

// What the register holds after INIT or RESET, if that decides what it holds: not what other rules fix
// anyway, or what interrupts have changed since.
bool is_set_by_init(const Mismatch& mismatch) {
    const Reg reg = mismatch.reg;
    if (model::index_of(reg) >= model::window_register_count) return false;
    if (reg == Reg::id || reg == Reg::version || reg == Reg::ppr || reg == Reg::current_count) return false;
    if (model::is_bitmap(reg) || mismatch.rule == Rule::D04 || mismatch.rule == Rule::D07) return false;
    const model::RegisterRow& row = model::sdm_registers[model::index_of(reg)];
    const u64 bits = mismatch.bits & row.defined();
    return bits != 0 && ((mismatch.expected.value ^ row.reset) & bits) == 0;
}

// The wrong bits are what INIT leaves in the register.
bool reads_as_reset(const Mismatch& mismatch) {
    if (model::index_of(mismatch.reg) >= model::window_register_count || mismatch.bits == 0) return false;
    const u64 read = ~mismatch.expected.value & mismatch.bits;
    return ((read ^ model::sdm_registers[model::index_of(mismatch.reg)].reset) & mismatch.bits) == 0;
}

// What it does or shows of a register the manual leaves open (M08, M09).
bool is_odd(const GuestAccess& access) {
    return model::is_mmio(access.kind) && !model::is_aligned_word(access.address, access.size);
}

// The least value by which the timer's clock may be divided, by what is known of the divide configuration.
u32 least_divide(Known<u32> dcr) {
    u32 least = 128;
    for (u32 bits = 0; bits <= model::divide_bits; ++bits) {
        const bool is_code = (bits & ~model::divide_bits) == 0;
        if (is_code && (dcr & model::divide_bits).admits(bits))
            least = std::min(least, model::timer_divisor(bits));
    }
    return least;
}

} // namespace

void Attribution::note(const GuestAccess& access, const Before& before, const AbstractState& state) {
    if (const u32 errors = state.pending_errors() & ~before.errors; errors != 0)
        evidence_.logged(errors, access);
    if (access.gp) return;
    const bool by_cr8 =
        access.kind == model::AccessKind::cr8_read || access.kind == model::AccessKind::cr8_write;
    const Reg reg = by_cr8 ? Reg::tpr : model::register_addressed(access.kind, access.address);
    if (reg == Reg::apic_base && access.kind == model::AccessKind::rdmsr && !base_was_written_)
        shown_boot_processor_ = (access.value & model::apic_base::bsp) != 0;
    if (model::is_write(access.kind)) note_write(reg, access, state);
    else if (reg != Reg::apic_base && !is_odd(access)) evidence_.showed(reg, access);
    // What IRR did not hold was not sent before.
    if (reg == Reg::irr0 && !is_odd(access) && !model::is_write(access.kind))
        low_vectors_ &= model::low_half(access.value);
    if (before.modes > 1 && state.count() == 1) evidence_.showed(Reg::apic_base, access);
}

void Attribution::confirm(const GuestAccess& access) {
    if (access.gp || is_odd(access)) return;
    const bool reached = !model::is_mmio(access.kind) || access.reached_apic;
    const Reg reg = model::register_addressed(access.kind, access.address);
    if (!reached || reg == Reg::none) return;
    evidence_.confirmed(reg, access.line);
    // 6E0H answers in every mode, and the window of an APIC that fails may.
    if (!model::is_mmio(access.kind) && reg != Reg::tsc_deadline)
        evidence_.confirmed(Reg::apic_base, access.line);
}

void Attribution::note_write(Reg reg, const GuestAccess& access, const AbstractState& state) {
    if (reg == Reg::eoi) evidence_.ended(access.line);
    base_was_written_ = base_was_written_ || reg == Reg::apic_base;
    if (reg == Reg::initial_count || reg == Reg::lvt_timer) {
        const bool goes_on = reg == Reg::lvt_timer && was_periodic_;
        was_periodic_ = goes_on || state.may_be_periodic();
    }
    const bool may_reach = access.reached_apic || state.mode() != Mode::x2apic; // kvm_apic may not be traced
    if (!model::is_mmio(access.kind) || may_reach) evidence_.wrote(reg, access);
}

std::vector<Because> Attribution::because(const Mismatch& mismatch, const GuestAccess& access) const {
    std::vector<Because> lines = evidence_.because(mismatch);
    std::erase_if(lines, [&access](const Because& because) { return because.line >= access.first_line; });
    return lines;
}

Circumstances Attribution::circumstances_of(const Mismatch& mismatch, const AbstractState& state,
                                            const CpuFacts& facts) const {
    Circumstances circumstances;
    circumstances.amd = facts.amd;
    circumstances.host = host_;
    circumstances.virtualized = virtualized_;
    circumstances.was_periodic = was_periodic_;
    circumstances.all_told = from_reset_;
    circumstances.low_vectors = low_vectors_;
    circumstances.all_software_disabled = others_.all_software_disabled;
    circumstances.logical_id_is_its_own = others_.logical_id_is_its_own;
    circumstances.id_of_another_too = others_.id_of_another_too;
    circumstances.boot_processor = boot_processor_.value_or(shown_boot_processor_.value_or(true));
    circumstances.least_divide = least_divide(state.stored(Reg::dcr));
    const bool is_of_register = model::index_of(mismatch.reg) < model::index_of(Reg::none);
    if (!is_of_register) return circumstances;
    circumstances.held = evidence_.value_of(mismatch.reg);
    circumstances.written_since_reset = evidence_.line_of_write(mismatch.reg) > evidence_.init_line() &&
                                        evidence_.line_of_write(mismatch.reg) != 0;
    return circumstances;
}

std::vector<Mismatch> Attribution::parts(const Mismatch& mismatch, const GuestAccess& access,
                                         const AbstractState& state, const CpuFacts& facts) const {
    return tell_departures(
        refined(mismatch, state), access, circumstances_of(mismatch, state, facts),
        [&](u64 bits) { return refined(narrowed_to(bits, mismatch, access.kind, facts), state); });
}

// The last line that may have put the value there. A write of SVR puts the mask of an LVT entry, and no more;
// where all is told since RESET or INIT, a read puts nothing.
u64 Attribution::line_that_put(const Mismatch& mismatch) const {
    const bool lvt = model::is_lvt(mismatch.reg);
    const bool all_told = from_reset_ || evidence_.init_line() != 0;
    if (!all_told) return std::max(evidence_.line_of(mismatch.reg), lvt ? evidence_.line_of(Reg::svr) : 0);
    const bool mask_alone = (mismatch.bits & ~u64{model::lvt::mask}) == 0;
    return std::max(evidence_.line_of_write(mismatch.reg),
                    lvt && mask_alone ? evidence_.line_of_write(Reg::svr) : 0);
}

// The rule by which the vectors in a word of IRR or TMR had to come, if it is one for all.
Rule Attribution::way_of_vectors(Reg word, u64 vectors) const {
    const std::size_t first = (model::index_of(word) - model::index_of(Reg::isr0)) % 8 * 32;
    std::optional<Rule> way;
    for (std::size_t bit = 0; bit < 32; ++bit) {
        if ((vectors >> bit & 1) == 0) continue;
        const Rule here = ways_[first + bit];
        if (way && *way != here) return Rule::P01;
        way = here;
    }
    return way.value_or(Rule::P01);
}

// What is missing in IRR came by that rule's way; of TMR only how the vector was triggered is its message's.
Rule Attribution::rule_of_acceptance(const Mismatch& mismatch) const {
    if (mismatch.reg >= Reg::irr0 && mismatch.reg <= Reg::irr7)
        return way_of_vectors(mismatch.reg, mismatch.bits & mismatch.expected.value);
    const bool of_tmr = mismatch.reg >= Reg::tmr0 && mismatch.reg <= Reg::tmr7;
    const bool by_level = of_tmr && way_of_vectors(mismatch.reg, mismatch.bits) == Rule::I18;
    return by_level ? Rule::I18 : Rule::P01;
}

// Bits of IRR, ISR and TMR that must be 0: of vectors that came before INIT, or while the APIC was disabled.
std::optional<Rule> Attribution::rule_of_left_over(const Mismatch& mismatch,
                                                   const AbstractState& state) const {
    const u64 left = mismatch.bits & ~mismatch.expected.value & 0xffff'ffff;
    if (left == 0) return std::nullopt;
    const std::size_t first = (model::index_of(mismatch.reg) - model::index_of(Reg::isr0)) % 8 * 32;
    bool before_init = evidence_.init_line() != 0;
    bool while_disabled = mismatch.reg >= Reg::irr0 && mismatch.reg <= Reg::irr7 &&
                          is_software_enabled(state.mode_state(mismatch.mode)).is_false();
    const u64 disabled_since = std::max(evidence_.line_of_write(Reg::svr), evidence_.init_line());
    for (u32 bit = 0; bit < 32; ++bit) {
        if ((left >> bit & 1) == 0) continue;
        const auto vector = static_cast<u32>(first + bit);
        if (vector < model::first_legal_vector) return std::nullopt; // never accepted at all (P06)
        const u64 came = evidence_.line_of_vector(vector);
        before_init = before_init && came != 0 && came < evidence_.init_line();
        while_disabled = while_disabled && disabled_since != 0 && came > disabled_since;
    }
    if (before_init) return Rule::R04;
    return while_disabled ? std::optional{Rule::V09} : std::nullopt;
}

Mismatch Attribution::refined(Mismatch mismatch, const AbstractState& state) const {
    if (mismatch.fault != Fault::value) return mismatch;
    const Reg reg = mismatch.reg;
    const u64 line = evidence_.line_of(reg);
    const u64 svr_line = evidence_.line_of(Reg::svr);
    const u64 put_line = line_that_put(mismatch);
    const bool by_init = evidence_.init_line() > put_line;
    const bool by_reset = from_reset_ && put_line == 0 && evidence_.init_line() == 0;
    if ((by_init || by_reset) && is_set_by_init(mismatch)) {
        mismatch.rule = by_init ? Rule::R02 : Rule::R01;
        return mismatch;
    }
    if (evidence_.deassert_line() > put_line && reads_as_reset(mismatch)) {
        mismatch.rule = Rule::I07;
        return mismatch;
    }
    // Whether CPUID has the deadline mode may not be known; that the entry was set so tells what is meant.
    if (mismatch.rule == Rule::T11 && (evidence_.value_of(Reg::lvt_timer).value_or(0) &
                                       model::lvt::timer_mode) == model::lvt::timer_deadline)
        mismatch.rule = Rule::T10;
    if (model::is_bitmap(reg))
        if (const auto rule = rule_of_left_over(mismatch, state)) {
            mismatch.rule = *rule;
            return mismatch;
        }
    if (mismatch.rule == Rule::P01) mismatch.rule = rule_of_acceptance(mismatch);
    if (reg >= Reg::isr0 && reg <= Reg::isr7 && mismatch.rule == Rule::P04 &&
        !evidence_.ended_after_injection())
        mismatch.rule = Rule::P02;
    const bool general = mismatch.rule == Rule::M06 || mismatch.rule == Rule::X14;
    if (!general || !model::is_lvt(reg) || (mismatch.bits & model::lvt::mask) == 0) return mismatch;

    const ModeState& mode_state = state.mode_state(mismatch.mode);
    const bool after_svr = svr_line > line;
    // L07: what delivers masks on Intel; nothing else does so, and on AMD it does not.
    const bool must_be_masked = (mismatch.expected.value & model::lvt::mask) != 0;
    const bool by_overflow = must_be_masked ? evidence_.pmc_line() > std::max(line, svr_line)
                                            : is_software_enabled(mode_state).is_true();
    if (reg == Reg::lvt_pmc && by_overflow) {
        mismatch.rule = Rule::L07;
        return mismatch;
    }
    if (is_software_enabled(mode_state).is_false()) mismatch.rule = after_svr ? Rule::V06 : Rule::V07;
    else if ((mismatch.expected.value & model::lvt::mask) != 0)
        mismatch.rule = after_svr ? Rule::V08 : Rule::L10;
    return mismatch;
}

} // namespace lapicheck::checker
