#include "checker/judge/compare.hpp"

#include "checker/judge/service_faults.hpp"
#include "model/apic_base.hpp"
#include "model/interrupts.hpp"

namespace lapicheck::checker {
namespace {

using model::Answer;
using model::is_mmio;
using model::is_write;
using model::RegisterRow;
using traces::GuestAccess;

const RegisterRow* row_of(Reg reg) {
    return model::index_of(reg) < model::window_register_count ? &model::sdm_registers[model::index_of(reg)]
                                                               : nullptr;
}

u64 value_mask(const GuestAccess& access) {
    if (!is_mmio(access.kind)) return ~u64{0};
    return access.size >= 8 ? ~u64{0} : (u64{1} << (8 * access.size)) - 1;
}

// The register's value follows from what is stored there; of others the model's rule says more.
bool is_stored(Reg reg) { return row_of(reg) != nullptr && reg != Reg::ppr && reg != Reg::current_count; }

// The bits that only the other vendor's CPUs have: reserved here.
u32 bits_of_other_vendor(const RegisterRow& row, const CpuFacts& cpu) {
    if (!cpu.amd.known) return 0;
    return cpu.amd.value ? row.intel_only : row.amd_only;
}

Rule rule_of_bits(const RegisterRow& row, u32 bits, bool x2apic, const CpuFacts& cpu) {
    const u32 foreign = bits_of_other_vendor(row, cpu);
    if (x2apic && (bits & foreign) != 0 && (bits & row.defined() & ~foreign) == 0) return Rule::X11;
    return model::read_rule(row, bits, x2apic);
}

// The bits of the x2APIC ID that LDR tells.
constexpr u32 ldr_id_mask = 0xf'ffff;

// The ID of which the LDR of x2APIC mode is this one, if it is one's.
std::optional<u32> id_of_ldr(u32 ldr) {
    for (u32 low = 0; low < 16; ++low) {
        const u32 id = (ldr >> 16 << 4) | low;
        if (model::x2apic_ldr(id) == ldr) return id;
    }
    return std::nullopt;
}

// Bits of IRR or ISR that an interrupt sets (not P06: none does), or what reads as INIT leaves it (not ESR:
// that an error is missing there is told right after the error).
bool may_have_unseen_cause(const Mismatch& mismatch) {
    const u64 seen = ~mismatch.expected.value & mismatch.bits;
    if (model::is_bitmap(mismatch.reg) && mismatch.rule != Rule::P06 && seen != 0) return true;
    const RegisterRow* const row = row_of(mismatch.reg);
    return row != nullptr && mismatch.reg != Reg::esr && ((seen ^ row->reset) & mismatch.bits) == 0;
}

class Comparison {
  public:
    Comparison(const PathOutcome& outcome, const ModeState& before, const Observation& seen)
        : out_(outcome), access_(seen.access), before_(before), cpu_(seen.cpu), visible_(seen.visible) {}

    std::optional<Mismatch> run(bool value_is_ours) const {
        if (is_mmio(access_.kind) && out_.answer == Answer::elsewhere) return stays_away();
        if (out_.answer != Answer::apic) return std::nullopt;
        if (access_.unfinished) return differs(out_.rule, Fault::unfinished);
        if (access_.unanswered || is_left()) return differs(out_.rule, Fault::left);
        if (out_.gp != access_.gp) return differs(out_.rule, out_.gp ? Fault::gp_missing : Fault::gp_raised);
        if (access_.gp) {
            if (access_.ipis == 0) return std::nullopt;
            return differs(Rule::B07, Fault::ipi_sent);
        }
        if (!is_write(access_.kind)) return value_is_ours ? value_read() : std::nullopt;
        if (auto mismatch = value_handed_on()) return mismatch;
        if (auto mismatch = interrupt_sent()) return mismatch;
        return interrupt_ended();
    }

  private:
    bool x2apic() const { return !is_mmio(access_.kind); }

    Mismatch differs(Rule rule, Fault fault, Detail detail = {}) const {
        Mismatch mismatch;
        mismatch.rule = rule;
        mismatch.fault = fault;
        const bool addressed = out_.reg == Reg::none && rule != Rule::M14;
        mismatch.reg = addressed ? model::register_addressed(access_.kind, access_.address) : out_.reg;
        mismatch.mode = mode_of(before_);
        mismatch.expected = out_.value;
        mismatch.detail = detail;
        return mismatch;
    }

    // An access to the open window shows its register in kvm_apic. Of those that every KVM traces: aligned
    // words of the registers that all APICs have.
    bool is_left() const {
        if (!is_mmio(access_.kind) || access_.reached_apic || !visible_.registers) return false;
        if (visible_.accelerated || access_.begins_late || access_.ends_early || access_.by_userspace)
            return false;
        const RegisterRow* const row = row_of(out_.reg);
        if (row == nullptr || !model::is_aligned_word(access_.address, access_.size)) return false;
        if (out_.reg == Reg::lvt_cmci || out_.reg == Reg::apr || out_.reg == Reg::remote_read) return false;
        using enum model::RegAccess;
        return row->xapic == read_write || row->xapic == (is_write(access_.kind) ? write_only : read_only);
    }

    // Where KVM ends interrupts by itself, its own write of EOI may follow a write that went elsewhere.
    std::optional<Mismatch> stays_away() const {
        if (!access_.reached_apic || access_.apic_is_doubtful) return std::nullopt;
        const bool may_be_foreign = access_.apic_offset == model::offset_of(Reg::eoi) &&
                                    is_write(access_.kind) &&
                                    (visible_.foreign_eoi || access_.ended_interrupt);
        if (may_be_foreign && access_.apic_value == 0) return std::nullopt;
        return differs(out_.rule, is_write(access_.kind) ? Fault::reached_apic : Fault::answered_by_apic);
    }

    std::optional<Mismatch> value_read() const {
        const u64 bits = (access_.value ^ out_.value.value) & out_.value.known & value_mask(access_);
        if (bits != 0) {
            return narrowed_to(bits, differs(out_.rule, Fault::value), access_.kind, cpu_);
        }
        if (const auto mismatch = logical_id_read()) return mismatch;
        if (out_.bounded && access_.value > out_.limit.greatest()) {
            Mismatch mismatch = differs(out_.rule, Fault::value);
            mismatch.bounded = true;
            mismatch.expected = model::zero_extend(out_.limit);
            return mismatch;
        }
        if (out_.exceeds && access_.value <= out_.limit.least()) {
            Mismatch mismatch =
                differs(out_.rule, Fault::value, {"below the class of the vector in service"});
            mismatch.unseen_cause = true;
            return mismatch;
        }
        return handed_on_differs(access_.apic_value, access_.value);
    }

    // D04: LDR tells the ID, whether that is known or not.
    std::optional<Mismatch> logical_id_read() const {
        if (out_.reg != Reg::ldr || !x2apic()) return std::nullopt;
        const auto id = id_of_ldr(model::low_half(access_.value));
        if (id && before_.x2apic_id.admits((before_.x2apic_id.value & ~ldr_id_mask) | *id))
            return std::nullopt;
        Mismatch mismatch = differs(Rule::D04, Fault::value);
        mismatch.bits = 0xffff;
        return mismatch;
    }

    std::optional<Mismatch> handed_on_differs(u64 inside, u64 outside) const {
        if (!access_.reached_apic || inside == outside) return std::nullopt;
        const Rule rule = x2apic() ? Rule::X14 : is_write(access_.kind) ? Rule::M07 : Rule::M06;
        Mismatch mismatch = differs(rule, Fault::handed_on,
                                    {"kvm_apic says {:#x}, the guest's value is {:#x}", inside, outside});
        mismatch.bits = inside ^ outside;
        return mismatch;
    }

    // KVM may show the value of an EOI as 0 whatever was written, an x2APIC ICR without its bit 12
    // and, before 5.18, as two words.
    std::optional<Mismatch> value_handed_on() const {
        if (out_.reg == Reg::eoi || out_.reg == Reg::tsc_deadline) return std::nullopt;
        u64 outside = access_.value;
        if (out_.reg == Reg::icr) {
            outside &= ~u64{model::icr::delivery_status};
            if (access_.apic_value <= 0xffff'ffff) outside &= 0xffff'ffff;
            return handed_on_differs(access_.apic_value & ~u64{model::icr::delivery_status}, outside);
        }
        return handed_on_differs(access_.apic_value, outside);
    }

    std::optional<Mismatch> interrupt_sent() const {
        const Rule rule = out_.reg == Reg::self_ipi ? Rule::I16 : x2apic() ? Rule::I02 : Rule::I01;
        if (!out_.sends_ipi) {
            if (access_.ipis == 0) return std::nullopt;
            return differs(out_.reg == Reg::icr_high ? Rule::I22 : rule, Fault::ipi_sent);
        }
        if (access_.ipis == 0) {
            const bool would_show = visible_.ipis && !visible_.accelerated && access_.reached_apic;
            if (!would_show || access_.begins_late || access_.ends_early) return std::nullopt;
            return differs(rule, Fault::ipi_missing);
        }
        return command_carried_out(rule);
    }

    // The fields of kvm_apic_ipi are those of the command.
    std::optional<Mismatch> command_carried_out(Rule rule) const {
        const bool self = out_.reg == Reg::self_ipi;
        const u32 command =
            self ? model::low_half(access_.value & 0xff) | (u32{1} << 18) : model::low_half(access_.value);
        const traces::Interrupt& ipi = access_.ipi;
        if (access_.ipi_vector != (command & model::icr::vector))
            return differs(rule, Fault::ipi_differs, {"vector {:#x} was sent", access_.ipi_vector});
        const u32 mode = (command & model::icr::delivery_mode) >> 8;
        if (ipi.delivery_mode != traces::DeliveryMode::unknown && static_cast<u32>(ipi.delivery_mode) != mode)
            return differs(rule, Fault::ipi_differs,
                           {"delivery mode {} was sent", static_cast<u64>(ipi.delivery_mode)});
        const u32 shorthand = (command & model::icr::shorthand) >> 18;
        if (ipi.shorthand != traces::Shorthand::unknown && static_cast<u32>(ipi.shorthand) != shorthand)
            return differs(Rule::I05, Fault::ipi_differs,
                           {"shorthand {} was sent", static_cast<u64>(ipi.shorthand)});
        if (shorthand != 0) return std::nullopt;
        const bool logical = (command & model::icr::logical) != 0;
        const Rule addressing = !logical ? Rule::I09 : x2apic() ? Rule::I12 : Rule::I10;
        if (ipi.logical != logical)
            return differs(addressing, Fault::ipi_differs, {"the other destination mode was used"});
        const Known<u64> high =
            x2apic() ? Known<u64>{access_.value >> 32} : model::zero_extend(before_[Reg::icr_high] >> 24);
        if (high.admits(access_.ipi_destination)) return std::nullopt;
        const Rule held = x2apic() ? addressing : Rule::I22;
        return differs(held, Fault::ipi_differs, {"destination {:#x} was used", access_.ipi_destination});
    }

    // P04: what an EOI ended must have been the highest vector in service.
    std::optional<Mismatch> interrupt_ended() const {
        if (!out_.ends_interrupt || !access_.ended_interrupt || !visible_.interrupts()) return std::nullopt;
        const bool none = access_.eoi_vector > 0xff;
        for (u32 vector = 256; vector-- > model::first_legal_vector;) {
            const Known<u32> word = before_[model::word_of(Reg::isr0, vector)];
            const u32 bit = model::bit_of(vector);
            if (!none && vector == access_.eoi_vector) {
                if ((word.known & ~word.value & bit) == 0 || may_be_taken_unseen(vector)) return std::nullopt;
                Mismatch mismatch =
                    differs(Rule::P04, Fault::eoi_vector, {"vector {:02X}H was not in service", vector});
                mismatch.unseen_cause = true;
                return mismatch;
            }
            if ((word.value & bit) != 0)
                return differs(Rule::P04, Fault::eoi_vector,
                               ended_though_in_service(access_.eoi_vector, vector));
        }
        return std::nullopt;
    }

    // Where the guest runs guests, a VM exit of theirs takes an interrupt without kvm_inj_virq; only kvm_exit
    // tells that it does.
    bool may_be_taken_unseen(u32 vector) const {
        const Known<u32> waiting = before_[model::word_of(Reg::irr0, vector)];
        return visible_.no_exits && ((waiting.value | ~waiting.known) & model::bit_of(vector)) != 0;
    }

    const PathOutcome& out_;
    const GuestAccess& access_;
    const ModeState& before_;
    const CpuFacts& cpu_;
    const Visibility& visible_;
};

} // namespace

std::optional<Mismatch> compare(const PathOutcome& outcome, const ModeState& before,
                                const Observation& seen) {
    return Comparison(outcome, before, seen).run(seen.value_is_ours);
}

Mismatch narrowed_to(u64 bits, const Mismatch& mismatch, model::AccessKind kind, const CpuFacts& cpu) {
    Mismatch narrowed = mismatch;
    narrowed.bits = bits;
    if (is_stored(mismatch.reg) && kind != model::AccessKind::cr8_read)
        narrowed.rule = rule_of_bits(*row_of(mismatch.reg), model::low_half(bits), !is_mmio(kind), cpu);
    // Errors that nothing has recorded, whichever they are.
    const bool is_error = narrowed.rule == Rule::I04 || narrowed.rule == Rule::M11;
    if (is_error && (mismatch.expected.value & bits) == 0) narrowed.rule = Rule::E02;
    narrowed.unseen_cause = may_have_unseen_cause(narrowed);
    return narrowed;
}

namespace {

bool was_serving(const ModeState& before, u32 vector) {
    return (before[model::word_of(Reg::isr0, vector)].value & model::bit_of(vector)) != 0;
}

} // namespace

// P04: EOI ended the highest vector in service, so that no higher one is left.
void learn_service(ModeState& state, const ModeState& before, const PathOutcome& outcome,
                   const GuestAccess& access) {
    if (!outcome.ends_interrupt || !access.ended_interrupt || access.gp) return;
    const u32 from = access.eoi_vector > 0xff ? 0 : model::low_half(access.eoi_vector);
    if (access.eoi_vector <= 0xff) { // taken unseen, if it was not known to be in service
        Known<u32>& irr = state[model::word_of(Reg::irr0, from)];
        const Known<u32> taken = irr & ~model::bit_of(from);
        if (!was_serving(before, from)) irr = irr.join(taken);
    }
    for (u32 word = from >> 5; word < 8; ++word) {
        const u32 ended = word > from >> 5 ? ~u32{0} : ~(model::bit_of(from) - 1);
        Known<u32>& isr = state[model::offset_by(Reg::isr0, word)];
        isr = isr.refined_by({0, ended});
    }
}

void learn(ModeState& state, const PathOutcome& outcome, const GuestAccess& access) {
    const bool reached = access.reached_apic && !access.apic_is_doubtful;
    if (is_mmio(access.kind) && reached && outcome.answer != Answer::elsewhere)
        state.apic_base = state.apic_base.refined_by({access.address, model::apic_base::page});
    if (outcome.gp || access.gp || outcome.answer != Answer::apic || is_write(access.kind)) return;
    const u32 word = model::low_half(access.value);
    if (access.kind == model::AccessKind::cr8_read) { // P08
        if (is_enabled(state).is_true())
            state[Reg::tpr] = state[Reg::tpr].refined_by({word << 4, model::tpr::task_class});
        return;
    }
    switch (outcome.reg) {
    case Reg::apic_base: state.apic_base = access.value; break;
    case Reg::tsc_deadline:
        if (access.value != 0) state.tsc_deadline = access.value;
        break;
    case Reg::id:
        if (is_mmio(access.kind)) state[Reg::id] = state[Reg::id].refined_by({word, model::xapic_id_field});
        else state.x2apic_id = word;
        break;
    case Reg::ldr:
        if (is_mmio(access.kind))
            state[Reg::ldr] = word & model::sdm_registers[model::index_of(Reg::ldr)].writable;
        else if (const auto id = id_of_ldr(word))
            state.x2apic_id = state.x2apic_id.refined_by({*id, ldr_id_mask});
        break;
    // Computed, counting, or not bound to hold what they last showed.
    case Reg::ppr:
    case Reg::apr:
    case Reg::remote_read:
    case Reg::icr:
    case Reg::current_count: break;
    default:
        const RegisterRow* row = row_of(outcome.reg);
        if (row == nullptr) return;
        state[outcome.reg] = state[outcome.reg].refined_by({word, row->defined()});
        // What hardware shows as pending may have ended by the next look.
        if (model::is_lvt(outcome.reg)) state[outcome.reg].known &= ~(word & row->read_only);
        state[outcome.reg].value &= state[outcome.reg].known;
    }
}

} // namespace lapicheck::checker
