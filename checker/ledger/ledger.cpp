#include "checker/ledger/ledger.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "checker/judge/divergence_text.hpp"

namespace lapicheck::checker::ledger {

std::string_view name_of(Source source) {
    static constexpr std::array<std::string_view, source_count> names = {
        "IPI", "self IPI", "timer", "LVT", "MSI", "I/O APIC", "PIT", "unknown"};
    return names[static_cast<std::size_t>(source)];
}

std::string_view key_of(Source source) {
    static constexpr std::array<std::string_view, source_count> keys = {
        "ipi", "self-ipi", "timer", "lvt", "msi", "ioapic", "pit", "unknown"};
    return keys[static_cast<std::size_t>(source)];
}

std::string_view name_of(Weight weight) {
    static constexpr std::array<std::string_view, 3> names = {"finding", "blind", "note"};
    return names[static_cast<std::size_t>(weight)];
}

std::string vector_name(u32 vector) { return fmt::format("{:02X}H", vector); }

std::string duration_text(u64 length, bool clock_in_seconds) {
    return clock_in_seconds ? checker::duration_text(length) : fmt::format("{} ticks", length);
}

bool Recording::is_empty() const {
    return std::ranges::all_of(vcpus, [](const VcpuLedger& vcpu) {
        return vcpu.vectors.empty() && vcpu.others.empty() && vcpu.unanswered.empty() &&
               vcpu.empty_eois.count == 0 && vcpu.last_accesses.empty();
    });
}

bool Ledger::is_empty() const {
    return std::ranges::all_of(recordings, [](const Recording& one) { return one.is_empty(); });
}

} // namespace lapicheck::checker::ledger
