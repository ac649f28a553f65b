#include "checker/judge/divergence_text.hpp"

#include <fmt/format.h>

#include "model/command.hpp"
#include "model/field_text.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;
using traces::GuestAccess;

constexpr std::string_view apic_shown = "KVM's kvm_apic event shows that the register was accessed";
// In the place of an APIC's number: that of the sender, which nothing shows.
constexpr u64 the_sender = ~u64{0};

std::string vector_text(u64 vector) { return fmt::format("{:02X}H", vector); }

// ---- the access

// "MMIO read of 0xfee00030 (version)", "WRMSR 80FH (svr) = 0x1ff".
std::string access_name(const Divergence& divergence) {
    const GuestAccess& access = divergence.access;
    const Reg reg = divergence.mismatch.reg;
    if (!model::is_mmio(access.kind))
        return model::access_text(access.kind, access.address, access.size, access.value, reg);
    const std::string size = access.size == 4 ? "" : fmt::format("{}-byte ", access.size);
    const std::string_view name = model::register_name(reg);
    const std::string place =
        name.empty() ? fmt::format("{:#x}", access.address) : fmt::format("{:#x} ({})", access.address, name);
    if (access.kind == AccessKind::mmio_read) return fmt::format("{}MMIO read of {}", size, place);
    return fmt::format("{}MMIO write of {:#x} to {}", size, access.value & model::size_mask(access.size),
                       place);
}

// "in x2APIC mode", "with the APIC disabled".
std::string in_mode(const Divergence& divergence) {
    const Mode mode = divergence.mismatch.mode;
    if (mode == Mode::disabled) return "with the APIC disabled";
    return fmt::format("in {}", mode_text(mode));
}

// By the delivery mode.
std::string_view message_name(u64 delivery_mode) {
    switch (delivery_mode) {
    case model::delivery_mode::nmi: return "an NMI";
    case model::delivery_mode::init: return "an INIT";
    default: return "a SIPI";
    }
}

// ---- values that are read

u64 value_mask(const GuestAccess& access) {
    if (model::is_mmio(access.kind)) return model::size_mask(access.size);
    return access.kind == AccessKind::cr8_read ? u64{0xf} : ~u64{0};
}

// The bits that are wrong by what the rule determines; 0: it determines no single one.
u64 wrong_bits(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    return (divergence.access.value ^ mismatch.expected.value) & mismatch.expected.known & mismatch.bits;
}

bool is_wholly_determined(const Divergence& divergence) {
    const u64 mask = value_mask(divergence.access);
    return (divergence.mismatch.expected.known & mask) == mask;
}

std::string required_text(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    const GuestAccess& access = divergence.access;
    const u64 bits = wrong_bits(divergence);
    if (access.kind == AccessKind::cr8_read)
        return model::required_bits_text(model::fields_of_cr8(), mismatch.expected, bits);
    // The bytes of another access than this stand elsewhere in the register.
    const bool from_bit_0 = !model::is_mmio(access.kind) || (access.address & 0xf) == 0;
    if (!from_bit_0) return model::required_bits_text({}, mismatch.expected, bits);
    if (model::is_bitmap(mismatch.reg))
        return model::required_vectors_text(mismatch.reg, mismatch.expected.value, bits);
    return model::required_bits_text(model::fields_of(mismatch.reg, mismatch.mode), mismatch.expected, bits);
}

bool is_count(Reg reg) { return reg == Reg::current_count || reg == Reg::initial_count; }

// A count that counts down, and is above what it was.
bool has_risen(const Mismatch& mismatch) {
    return mismatch.reg == Reg::current_count && mismatch.rule == Rule::T02;
}

std::string expected_value(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    if (mismatch.bounded)
        return fmt::format("at most {:#x}{}", mismatch.expected.greatest(),
                           mismatch.reg != Reg::current_count ? ""
                           : has_risen(mismatch)              ? ", to which it had fallen"
                                                              : ", the initial count");
    if (wrong_bits(divergence) == 0)
        return mismatch.rule == Rule::D04 ? "(ID[19:4] << 16) | (1 << ID[3:0]) of the x2APIC ID"
                                          : "a priority class above that of the vector in service";
    std::string text = is_wholly_determined(divergence)
                           ? fmt::format("{:#x}", mismatch.expected.value & value_mask(divergence.access))
                           : required_text(divergence);
    const u64 others = (divergence.access.value ^ mismatch.expected.value) & mismatch.expected.known &
                       ~mismatch.bits & value_mask(divergence.access);
    if (others != 0)
        text += fmt::format("; {} differ{} too, reported separately", model::bits_text(others),
                            (others & (others - 1)) == 0 ? "s" : "");
    return text;
}

std::string value_headline(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    const u64 mask = value_mask(divergence.access);
    const std::string read =
        fmt::format("{} returned {:#x}", access_name(divergence), divergence.access.value & mask);
    if (mismatch.bounded)
        return fmt::format(
            "{}, above {}{:#x}{}", read,
            mismatch.reg == Reg::current_count && !has_risen(mismatch) ? "the initial count " : "",
            mismatch.expected.greatest(), has_risen(mismatch) ? ", to which it had fallen before" : "");
    if (wrong_bits(divergence) == 0)
        return fmt::format("{}, {}", read,
                           mismatch.rule == Rule::D04 ? "which is not derived from the x2APIC ID"
                                                      : "below the class of the vector in service");
    const std::string must =
        is_wholly_determined(divergence) && (is_count(mismatch.reg) || mismatch.reg == Reg::tsc_deadline)
            ? fmt::format("; it must be {:#x}", mismatch.expected.value & mask)
            : fmt::format(": {}", required_text(divergence));
    if (mismatch.rule == Rule::M02) // an earlier write shows here
        return fmt::format("{}, which an MMIO write in x2APIC mode put there{}", read, must);
    return read + must;
}

// ---- writes that must raise #GP

// The bits for which the value written must be refused: "set reserved bit 8 but "; empty: not for single
// bits.
std::string refused_bits(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    if (divergence.access.kind != AccessKind::wrmsr) return {};
    const u64 value = divergence.access.value;
    constexpr u64 low = 0xffff'ffff;
    if (mismatch.rule == Rule::X05) return fmt::format("set {} but ", model::bits_text(value & ~low));
    if (mismatch.rule != Rule::X06 || model::index_of(mismatch.reg) >= model::window_register_count)
        return {};
    const model::RegisterRow& row = model::sdm_registers[model::index_of(mismatch.reg)];
    const u64 never = value & row.reserved();
    const u64 here = value & (row.optional | row.intel_only | row.amd_only); // reserved on this CPU
    const u64 bits = never != 0 ? never : here;
    return bits == 0 ? std::string{} : fmt::format("set reserved {} but ", model::bits_text(bits));
}

// What must be refused because CPUID shows no TSC-deadline timer: its MSR, and its mode in LVT Timer.
bool lacks_deadline_timer(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    if (mismatch.rule == Rule::T14) return true;
    const u64 never = model::sdm_registers[model::index_of(Reg::lvt_timer)].reserved();
    return mismatch.rule == Rule::X06 && mismatch.reg == Reg::lvt_timer &&
           (divergence.access.value & never) == 0 &&
           (divergence.access.value & model::lvt::timer_deadline) != 0;
}

// ---- commands

std::string_view shorthand_text(traces::Shorthand shorthand) {
    switch (shorthand) {
    case traces::Shorthand::self: return "shorthand self";
    case traces::Shorthand::all: return "shorthand all including self";
    case traces::Shorthand::all_but_self: return "shorthand all excluding self";
    case traces::Shorthand::none:
    case traces::Shorthand::unknown: break;
    }
    return {};
}

// Whom the IPI addressed: "shorthand self", "physical destination 1".
std::string destination_text(const GuestAccess& access) {
    if (const std::string_view all = shorthand_text(access.ipi.shorthand); !all.empty())
        return std::string{all};
    if (access.ipi.logical) return fmt::format("logical destination {:#x}", access.ipi_destination);
    return fmt::format("physical destination {}", access.ipi_destination);
}

// Whom the command that was written says; in xAPIC mode ICR[63:32] was written before.
std::string commanded_destination(const GuestAccess& access, u32 command) {
    if (const std::string_view all = shorthand_text(model::shorthand_of(command)); !all.empty())
        return std::string{all};
    const bool logical = (command & model::icr::logical) != 0;
    if (model::is_mmio(access.kind))
        return fmt::format("the {} destination in ICR[63:56]", logical ? "logical" : "physical");
    const u64 destination = access.value >> 32;
    return logical ? fmt::format("logical destination {:#x}", destination)
                   : fmt::format("physical destination {}", destination);
}

std::string apic_text(u64 apic) {
    return apic == the_sender ? std::string{"the sender's own APIC"} : fmt::format("APIC {}", apic);
}

u32 command_of(const GuestAccess& access) {
    const u32 low = model::low_half(access.value);
    const bool self = model::register_addressed(access.kind, access.address) == Reg::self_ipi;
    return self ? model::self_ipi_command(low) : low;
}

// What was sent that the command does not say, the first difference.
std::string sent_text(const Divergence& divergence) {
    const GuestAccess& access = divergence.access;
    const u32 command = command_of(access);
    const u32 vector = command & model::icr::vector;
    if (access.ipi_vector != vector)
        return fmt::format("an IPI with vector {}; the command says {}", vector_text(access.ipi_vector),
                           vector_text(vector));
    const auto mode = model::delivery_mode_of(command);
    if (access.ipi.delivery_mode != traces::DeliveryMode::unknown && access.ipi.delivery_mode != mode)
        return fmt::format("an IPI with delivery mode {}; the command says {}",
                           to_string(access.ipi.delivery_mode), to_string(mode));
    return fmt::format("an IPI with {}; the command says {}", destination_text(access),
                       commanded_destination(access, command));
}

// ---- interrupts

std::string eoi_headline(const Divergence& divergence) {
    const GuestAccess& access = divergence.access;
    const u64 first = divergence.mismatch.detail.first;
    if (access.eoi_vector > 0xff)
        return fmt::format("EOI ended no vector while {} was in service", vector_text(first));
    if (divergence.mismatch.detail.second == 0)
        return fmt::format("EOI ended vector {}, which was not in service", vector_text(access.eoi_vector));
    return fmt::format("EOI ended vector {} while {} was in service", vector_text(access.eoi_vector),
                       vector_text(divergence.mismatch.detail.second));
}

// What the vector had to wait for, as checker/judge/abstract_state_interrupts.cpp tells it by the register.
std::string injected_headline(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    const std::string vector = vector_text(divergence.access.value);
    const u64 other = mismatch.detail.first;
    if (mismatch.reg == Reg::tpr)
        return fmt::format("vector {} was injected although TPR blocks its priority class", vector);
    if (mismatch.reg == Reg::irr0 && other == 0)
        return fmt::format("vector {} was injected, which was not pending in IRR", vector);
    if (mismatch.reg == Reg::irr0)
        return fmt::format("vector {} was injected while {} was pending in IRR", vector, vector_text(other));
    if (other == divergence.access.value)
        return fmt::format("vector {} was injected while it was in service", vector);
    return fmt::format("vector {} was injected while {} was in service", vector, vector_text(other));
}

// Of a vector that SVR[12] keeps from the I/O APICs; else one that is none of the APIC's to broadcast, or one
// that was not broadcast.
bool is_suppressed(const Mismatch& mismatch) { return mismatch.bits != 0; }
bool is_broadcast_missing(const Mismatch& mismatch) {
    return !is_suppressed(mismatch) && mismatch.detail.first == 0;
}

std::string_view broadcast_expected(const Mismatch& mismatch) {
    if (is_suppressed(mismatch)) return "no EOI message while SVR[12] is 1";
    if (is_broadcast_missing(mismatch))
        return "an EOI message, since the TMR bit of the vector is 1 and SVR[12] is 0";
    return "an EOI message only if an EOI of the guest ends a vector whose TMR bit is 1";
}

std::string broadcast_headline(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    const u64 vector = mismatch.detail.first;
    const bool suppressed = is_suppressed(mismatch);
    if (is_broadcast_missing(mismatch))
        return "the EOI of a level-triggered interrupt was not broadcast to the I/O APICs";
    return fmt::format("the EOI{} was broadcast to the I/O APICs although {}",
                       vector == 0 ? "" : fmt::format(" of vector {}", vector_text(vector)),
                       suppressed ? "SVR[12] is 1" : "none was due");
}

std::string accepted_headline(const Divergence& divergence) {
    const GuestAccess& access = divergence.access;
    const u64 apic_or_count = divergence.mismatch.detail.first;
    const std::string vector = vector_text(access.ipi_vector);
    if (divergence.mismatch.fault == Fault::accepted_by_several)
        return fmt::format("{} APICs accepted vector {} of one lowest-priority command", apic_or_count,
                           vector);
    if (divergence.mismatch.fault == Fault::accepted_twice)
        return fmt::format("{} accepted vector {} twice of one command", apic_text(apic_or_count), vector);
    if (divergence.mismatch.fault == Fault::accepted_unaddressed)
        return fmt::format("{} accepted vector {}, which was not sent to it", apic_text(apic_or_count),
                           vector);
    return fmt::format("{} did not accept vector {}", apic_text(apic_or_count), vector);
}

std::string_view timer_stopped_by(Rule rule) {
    if (rule == Rule::T03) return "the initial count is 0";
    return rule == Rule::T10 ? "IA32_TSC_DEADLINE is 0" : "";
}

std::string timer_headline(const Divergence& divergence) {
    const std::string vector = vector_text(divergence.mismatch.detail.first);
    switch (divergence.mismatch.fault) {
    case Fault::timer_again:
        if (const std::string_view stopped = timer_stopped_by(divergence.mismatch.rule); !stopped.empty())
            return fmt::format("the APIC timer's vector {} was accepted although the timer is stopped: {}",
                               vector, stopped);
        return fmt::format("the APIC timer's vector {} was accepted again, though the timer was started once",
                           vector);
    case Fault::timer_masked:
        return fmt::format("the APIC timer's vector {} was accepted while its LVT entry is masked", vector);
    case Fault::timer_early:
        return fmt::format(
            "the APIC timer's vector {} was accepted {} after the timer was started; it was due after {} "
            "at the earliest",
            vector, duration_text(divergence.mismatch.detail.second),
            duration_text(divergence.mismatch.expected.value));
    default: return fmt::format("the APIC timer ran out, and its vector {} was never accepted", vector);
    }
}

std::string_view timer_expected(const Mismatch& mismatch) {
    const bool stopped = !timer_stopped_by(mismatch.rule).empty();
    if (mismatch.fault == Fault::timer_again && stopped) return "no interrupt: the timer is stopped";
    if (mismatch.fault == Fault::timer_again) return "one interrupt for each start of the timer";
    if (mismatch.fault == Fault::timer_masked) return "no interrupt while LVT Timer[16] (mask) is 1";
    if (mismatch.fault == Fault::timer_early)
        return mismatch.rule == Rule::T16
                   ? "no interrupt before the TSC reaches IA32_TSC_DEADLINE; the deadlines met before and "
                     "after "
                     "this one tell the TSC's pace"
                   : "no interrupt before the count has reached 0, which takes 1 ns a tick at least";
    return "an interrupt when the timer runs out: it is started, enabled and not masked";
}

// Where a leaf of CPUID has the x2APIC ID.
std::string_view id_field(u64 leaf) { return leaf == 1 ? "EBX[31:24]" : leaf == 0xb ? "EDX" : "EAX"; }

std::string cpuid_text(const Divergence& divergence, u64 value) {
    if (divergence.mismatch.rule == Rule::D03)
        return fmt::format("{} is {:#x}", id_field(divergence.access.address),
                           value & divergence.mismatch.expected.known);
    return fmt::format("EDX[9] (APIC) is {}", (value & divergence.mismatch.bits) != 0 ? 1 : 0);
}

} // namespace

std::string to_string(const Detail& detail) {
    return fmt::format(fmt::runtime(detail.format), detail.first, detail.second);
}

std::string headline(const Divergence& divergence) {
    const GuestAccess& access = divergence.access;
    const Mismatch& mismatch = divergence.mismatch;
    const auto did = [&](std::string_view what) {
        return fmt::format("{} {}", access_name(divergence), what);
    };
    const auto did_in_mode = [&](std::string_view what) {
        return fmt::format("{} {} {}", access_name(divergence), in_mode(divergence), what);
    };
    switch (mismatch.fault) {
    case Fault::answered_by_apic:
        if (mismatch.rule == Rule::M14)
            return did(fmt::format("outside the APIC's window returned the APIC's register value {:#x}",
                                   access.value));
        return did_in_mode(fmt::format("returned the APIC's register value {:#x}", access.value));
    case Fault::reached_apic:
        return mismatch.rule == Rule::M14 ? did("outside the APIC's window reached the APIC's register")
                                          : did_in_mode("reached the APIC's register");
    case Fault::gp_missing:
        if (lacks_deadline_timer(divergence))
            return did(refused_bits(divergence) +
                       "raised no #GP although CPUID.1:ECX[24] (TSC-deadline) is 0");
        return did_in_mode(refused_bits(divergence) + "raised no #GP");
    case Fault::gp_raised: return did_in_mode("raised #GP");
    case Fault::value: return value_headline(divergence);
    case Fault::handed_on:
        return did(model::is_write(access.kind)
                       ? fmt::format("reached the APIC's register as {:#x}", mismatch.detail.first)
                       : fmt::format("returned {:#x}, but the APIC's register gave {:#x}",
                                     mismatch.detail.second, mismatch.detail.first));
    case Fault::ipi_missing: return did("sent no IPI");
    case Fault::ipi_sent: return did(access.gp ? "raised #GP and sent an IPI" : "sent an IPI");
    case Fault::ipi_differs: return did("sent " + sent_text(divergence));
    case Fault::not_accepted:
    case Fault::accepted_unaddressed:
    case Fault::accepted_twice:
    case Fault::accepted_by_several: return accepted_headline(divergence);
    case Fault::eoi_vector: return eoi_headline(divergence);
    case Fault::injected: return injected_headline(divergence);
    case Fault::cpuid:
        if (mismatch.rule == Rule::D03)
            return fmt::format("CPUID.{:02X}H:{} while the x2APIC ID is {:#x}", access.address,
                               cpuid_text(divergence, access.value), mismatch.expected.value);
        return fmt::format("CPUID.1:{} while IA32_APIC_BASE[11] is {}", cpuid_text(divergence, access.value),
                           (mismatch.expected.value & mismatch.bits) != 0 ? 1 : 0);
    case Fault::shared_id:
        return fmt::format("x2APIC ID {:#x} is also that of {}", access.value,
                           fmt::format("vCPU {}", mismatch.detail.first));
    case Fault::property: return did("violates a property of the rule");
    case Fault::left:
        return did_in_mode(access.unanswered ? "was not answered in the kernel" : "reached no APIC register");
    case Fault::unfinished: return did("did not complete: the vCPU stopped");
    case Fault::not_taken:
        return fmt::format("vector {} was not taken although interrupts are enabled and PPR allows it",
                           vector_text(access.value));
    case Fault::not_delivered:
        return fmt::format("{} did not reach {}", message_name(access.value), divergence.vcpu);
    case Fault::timer_again:
    case Fault::timer_masked:
    case Fault::timer_early:
    case Fault::timer_missing: return timer_headline(divergence);
    case Fault::eoi_broadcast: break;
    }
    return broadcast_headline(divergence);
}

std::string duration_text(u64 length) {
    constexpr double microsecond = 1e3;
    constexpr double millisecond = 1e6;
    constexpr double second = 1e9;
    const auto ns = static_cast<double>(length);
    if (ns < millisecond) return fmt::format("{:.0f} us", ns / microsecond);
    if (ns < second) return fmt::format("{:.3f} ms", ns / millisecond);
    return fmt::format("{:.3f} s", ns / second);
}

std::string access_text(const Divergence& divergence) {
    const auto& access = divergence.access;
    switch (divergence.mismatch.fault) {
    case Fault::injected: return fmt::format("injection of vector {}", vector_text(access.value));
    case Fault::not_taken: return "delivery of pending interrupts";
    case Fault::not_delivered: return fmt::format("{} is sent", message_name(access.value));
    case Fault::eoi_broadcast: return "EOI";
    case Fault::cpuid: return fmt::format("CPUID leaf {:X}H", access.address);
    case Fault::timer_again:
    case Fault::timer_masked:
    case Fault::timer_early:
    case Fault::timer_missing: return "APIC timer";
    default: break;
    }
    return model::access_text(access.kind, access.address, access.size, access.value,
                              divergence.mismatch.reg);
}

std::string observed_text(const Divergence& divergence) {
    const auto& access = divergence.access;
    const Mismatch& mismatch = divergence.mismatch;
    const bool write = model::is_write(access.kind);
    const u64 mask = value_mask(access);
    switch (mismatch.fault) {
    case Fault::answered_by_apic:
        return access.reached_apic ? fmt::format("{:#x}; {}", access.value, apic_shown)
                                   : fmt::format("{:#x}, the value of the APIC's register", access.value);
    case Fault::reached_apic: return std::string{apic_shown};
    case Fault::gp_missing: return write ? "no #GP" : fmt::format("{:#x}, no #GP", access.value & mask);
    case Fault::gp_raised: return "#GP";
    case Fault::value: return fmt::format("{:#x}", access.value & mask);
    case Fault::handed_on:
        return fmt::format("{:#x} in KVM's kvm_apic event, {:#x} for the guest", mismatch.detail.first,
                           mismatch.detail.second);
    case Fault::ipi_missing: return "no IPI";
    case Fault::ipi_sent: return access.gp ? "an IPI and #GP" : "an IPI";
    case Fault::ipi_differs: return sent_text(divergence);
    case Fault::cpuid: return cpuid_text(divergence, access.value);
    case Fault::left:
        return access.unanswered ? "KVM_EXIT_MMIO: nothing in the kernel answered"
                                 : "no kvm_apic event: no register of the APIC was accessed";
    case Fault::unfinished: return "the vCPU stopped during the access";
    case Fault::property: return "the access as a whole: no single value of it is wrong";
    case Fault::not_accepted:
        return fmt::format("no kvm_apic_accept_irq event of vector {} for {}", vector_text(access.ipi_vector),
                           apic_text(mismatch.detail.first));
    case Fault::accepted_unaddressed:
        return fmt::format("a kvm_apic_accept_irq event of vector {} for {}", vector_text(access.ipi_vector),
                           apic_text(mismatch.detail.first));
    case Fault::accepted_twice:
        return fmt::format("two kvm_apic_accept_irq events of vector {} for {}",
                           vector_text(access.ipi_vector), apic_text(mismatch.detail.first));
    case Fault::accepted_by_several:
        return fmt::format("kvm_apic_accept_irq events of vector {} for {} APICs",
                           vector_text(access.ipi_vector), mismatch.detail.first);
    case Fault::eoi_vector:
    case Fault::injected:
    case Fault::not_taken:
    case Fault::not_delivered:
    case Fault::timer_again:
    case Fault::timer_masked:
    case Fault::timer_early:
    case Fault::timer_missing:
    case Fault::shared_id:
    case Fault::eoi_broadcast: break;
    }
    return headline(divergence);
}

std::string expected_text(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    const GuestAccess& access = divergence.access;
    const bool write = model::is_write(access.kind);
    switch (mismatch.fault) {
    case Fault::answered_by_apic:
        return "any value that does not come from the APIC (the manual leaves the rest unspecified)";
    case Fault::reached_apic: return "no APIC register changes and nothing is sent";
    case Fault::gp_missing: return "#GP, and nothing changes";
    case Fault::gp_raised: return "no #GP";
    case Fault::value: return expected_value(divergence);
    case Fault::handed_on: return "the register and the guest see the same value";
    case Fault::ipi_missing: return "the write sends an IPI";
    case Fault::ipi_sent: return "no IPI";
    case Fault::ipi_differs: return "the IPI that the command describes";
    case Fault::not_accepted:
        return fmt::format("{} accepts it: the command addresses that APIC ({})",
                           apic_text(mismatch.detail.first), destination_text(access));
    case Fault::accepted_unaddressed:
        return fmt::format("only the APICs that the command addresses accept it ({})",
                           destination_text(access));
    case Fault::accepted_twice:
        return fmt::format("each APIC that the command addresses accepts it once ({})",
                           destination_text(access));
    case Fault::accepted_by_several:
        return fmt::format("exactly one of the APICs that the command addresses accepts it ({})",
                           destination_text(access));
    case Fault::eoi_vector: return "EOI ends the highest vector in service";
    case Fault::injected: return "the highest vector pending in IRR, if its priority class is above PPR[7:4]";
    case Fault::left:
        if (write) return "the write reaches the register";
        return is_wholly_determined(divergence)
                   ? fmt::format("{:#x}, the register's value", mismatch.expected.value & value_mask(access))
                   : "the register's value";
    case Fault::unfinished: return "the access completes and the guest continues";
    case Fault::not_taken: return "the processor takes the vector";
    case Fault::not_delivered: return fmt::format("it reaches {}, which it addresses", divergence.vcpu);
    case Fault::eoi_broadcast: return std::string{broadcast_expected(mismatch)};
    case Fault::shared_id: return "an x2APIC ID that no other APIC of the VM has";
    case Fault::property: return "what the property states";
    case Fault::timer_again:
    case Fault::timer_masked:
    case Fault::timer_early:
    case Fault::timer_missing: return std::string{timer_expected(mismatch)};
    case Fault::cpuid: break;
    }
    return fmt::format("{}, as {}", cpuid_text(divergence, mismatch.expected.value),
                       mismatch.rule == Rule::D03 ? "the x2APIC ID" : "IA32_APIC_BASE[11]");
}

} // namespace lapicheck::checker
