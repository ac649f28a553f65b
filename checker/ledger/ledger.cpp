#include "checker/ledger/ledger.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "checker/ledger/accumulator.hpp"

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
    if (!clock_in_seconds) return fmt::format("{} ticks", length);
    constexpr double microsecond = 1e3;
    constexpr double millisecond = 1e6;
    constexpr double second = 1e9;
    const auto ns = static_cast<double>(length);
    if (ns < millisecond) return fmt::format("{:.0f} us", ns / microsecond);
    if (ns < second) return fmt::format("{:.3f} ms", ns / millisecond);
    return fmt::format("{:.3f} s", ns / second);
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

Ledger read_ledger(const std::string& path, const LedgerOptions& options) {
    Accumulator accumulator(options.deliveries);
    CheckOptions checking = options.check;
    checking.observer = &accumulator;
    Ledger ledger;
    ledger.check = check_trace(path, checking);
    ledger.recordings = accumulator.take_recordings();
    ledger.recordings_not_listed = accumulator.not_listed();
    return ledger;
}

} // namespace lapicheck::checker::ledger
