#include "checker/judge/divergence_text.hpp"

#include <fmt/format.h>

#include "model/command.hpp"
#include "model/text.hpp"

namespace lapicheck::checker {
namespace {

// The digits that the model leaves open are dots.
std::string partial_hex(Known<u64> value) {
    if (value.is_exact()) return fmt::format("{:#x}", value.value);
    return fmt::format("{} (bits {:#x} are determined)", model::dotted_hex(value), value.known);
}

// By the delivery mode.
std::string_view message_name(u64 delivery_mode) {
    switch (delivery_mode) {
    case model::delivery_mode::nmi: return "an NMI";
    case model::delivery_mode::init: return "an INIT";
    default: return "a SIPI";
    }
}

std::string expected_value(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    if (mismatch.bounded) return fmt::format("at most {:#x}", mismatch.expected.greatest());
    std::string text =
        fmt::format("{}; differs in bits {:#x}", partial_hex(mismatch.expected), mismatch.bits);
    const u64 others =
        (divergence.access.value ^ mismatch.expected.value) & mismatch.expected.known & ~mismatch.bits;
    if (others != 0) text += fmt::format(" ({:#x} is told apart)", others);
    return text;
}

} // namespace

std::string to_string(const Detail& detail) {
    return fmt::format(fmt::runtime(detail.format), detail.first, detail.second);
}

std::string access_text(const Divergence& divergence) {
    const auto& access = divergence.access;
    if (divergence.mismatch.fault == Fault::injected) return "an interrupt is given to the processor";
    if (divergence.mismatch.fault == Fault::not_taken) return "the processor takes interrupts";
    if (divergence.mismatch.fault == Fault::not_delivered)
        return fmt::format("{} is sent", message_name(access.value));
    if (divergence.mismatch.fault == Fault::eoi_broadcast) return "an interrupt is ended";
    if (divergence.mismatch.fault == Fault::cpuid) return "CPUID leaf 1H";
    return model::access_text(access.kind, access.address, access.size, access.value,
                              divergence.mismatch.reg);
}

std::string observed_text(const Divergence& divergence) {
    const auto& access = divergence.access;
    const Mismatch& mismatch = divergence.mismatch;
    const bool write = model::is_write(access.kind);
    switch (mismatch.fault) {
    case Fault::answered_by_apic:
        return fmt::format("{:#x}, {}", access.value,
                           access.reached_apic ? "from the APIC's register (kvm_apic)"
                                               : "which is what the APIC's register holds");
    case Fault::reached_apic: return "the write reached the APIC's register (kvm_apic)";
    case Fault::gp_missing: return write ? "accepted" : fmt::format("{:#x}", access.value);
    case Fault::gp_raised: return "#GP";
    case Fault::value: return fmt::format("{:#x}", access.value);
    case Fault::ipi_missing: return "no interrupt was sent";
    case Fault::ipi_sent: return access.gp ? "an interrupt was sent and #GP raised" : "an interrupt was sent";
    case Fault::injected: return fmt::format("vector {:#x}: {}", access.value, to_string(mismatch.detail));
    case Fault::cpuid: return fmt::format("EDX[9] (APIC) is {}", (access.value & mismatch.bits) != 0 ? 1 : 0);
    case Fault::left:
        return access.unanswered ? "nothing in the kernel answered: the access left for userspace"
                                 : "no register of the APIC was accessed (no kvm_apic)";
    case Fault::unfinished: return "the access did not end";
    case Fault::not_taken: return fmt::format("vector {:#x} was not taken", access.value);
    case Fault::not_delivered:
        return fmt::format("{} did not reach the processor", message_name(access.value));
    case Fault::eoi_broadcast:
    case Fault::property:
    case Fault::handed_on:
    case Fault::ipi_differs:
    case Fault::not_accepted:
    case Fault::accepted_unaddressed:
    case Fault::accepted_by_several:
    case Fault::eoi_vector: break;
    }
    return to_string(mismatch.detail);
}

std::string expected_text(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    const bool write = model::is_write(divergence.access.kind);
    switch (mismatch.fault) {
    case Fault::answered_by_apic: return "nothing of the APIC answers; what else may is open";
    case Fault::reached_apic: return "no APIC register changes and nothing is sent";
    case Fault::gp_missing: return "#GP, and nothing changes";
    case Fault::gp_raised: return "no #GP";
    case Fault::value: return expected_value(divergence);
    case Fault::handed_on: return "the register and the guest see the same value";
    case Fault::ipi_missing: return "the write sends an interrupt";
    case Fault::ipi_sent: return "nothing is sent";
    case Fault::ipi_differs: return "what the command says is sent";
    case Fault::not_accepted: return "every APIC that the command addresses accepts it";
    case Fault::accepted_unaddressed: return "no APIC accepts it but those that the command addresses";
    case Fault::accepted_by_several: return "one of the APICs that the command addresses accepts it";
    case Fault::eoi_vector: return "EOI ends the highest vector in service";
    case Fault::injected: return "the highest vector of a class above that in service comes first";
    case Fault::left: return write ? "the write reaches the register" : expected_value(divergence);
    case Fault::unfinished: return "the guest goes on after it";
    case Fault::not_taken: return "it is taken: interrupts are open and its class is above that of PPR";
    case Fault::not_delivered: return "it reaches the processor, which it addresses";
    case Fault::eoi_broadcast:
        return "the EOI of a level-triggered interrupt is sent unless SVR[12] is 1; no other is";
    case Fault::property: return "what the rule says; no single outcome of the step is wrong";
    case Fault::cpuid: break;
    }
    return fmt::format("EDX[9] is {}, as IA32_APIC_BASE[11]",
                       (mismatch.expected.value & mismatch.bits) != 0 ? 1 : 0);
}

} // namespace lapicheck::checker
