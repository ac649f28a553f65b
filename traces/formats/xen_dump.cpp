#include "traces/formats/xen_dump.hpp"

#include <fmt/format.h>

#include "model/registers.hpp"
#include "traces/formats/scanner.hpp"

namespace lapicheck::traces {
namespace {

using model::Mode;
using model::Reg;

constexpr std::size_t most_vcpus = 4096;
constexpr std::uint64_t base_enabled = 1U << 11;
constexpr std::uint64_t base_extended = 1U << 10;

Mode mode_of(std::uint64_t base) {
    if ((base & base_enabled) == 0) return Mode::disabled;
    return (base & base_extended) != 0 ? Mode::x2apic : Mode::xapic;
}

// Xen computes these when the guest reads them, and does not keep what the record shows
// (vlapic_read_aligned).
bool is_computed(Reg reg, const StateDump& dump) {
    constexpr std::uint32_t mode_bits = 3U << 17;
    constexpr std::uint32_t deadline = 2U << 17;
    const std::uint32_t timer = dump.registers[model::index_of(Reg::lvt_timer)].value_or(0);
    return reg == Reg::ppr || reg == Reg::current_count ||
           (reg == Reg::initial_count && (timer & mode_bits) == deadline);
}

} // namespace

bool XenDump::take(std::string_view line, std::uint64_t number, std::vector<StateDump>& dumps) {
    if (take_entry(line) || take_base(line)) return true;
    Scanner s(line);
    s.skip_blanks();
    if (s.take("LAPIC registers:")) {
        in_registers_ = true;
        StateDump& dump = dumps.emplace_back();
        dump.what = "xen-hvmctx";
        dump.vcpu = fmt::format("vCPU {}", instance_);
        dump.line = number;
        if (const auto base = base_of_.find(instance_); base != base_of_.end())
            dump.mode = mode_of(base->second);
        else
            dump.notes.emplace_back(
                "the dump lacks this vCPU's record LAPIC, which tells the mode; give --mode");
        return true;
    }
    in_registers_ = in_registers_ && take_registers(s.rest(), dumps.back());
    return in_registers_;
}

// "Entry 12: type 6 instance 0, length 1024"
bool XenDump::take_entry(std::string_view line) {
    Scanner s(line);
    std::uint64_t number = 0;
    std::uint64_t instance = 0;
    if (!s.take("Entry ") || !s.decimal(number) || !s.take(": type ") || !s.decimal(number) ||
        !s.take(" instance ") || !s.decimal(instance))
        return false;
    instance_ = instance;
    in_registers_ = false;
    return true;
}

// "    LAPIC: base_msr 0xfee00900, disabled 0, timer_divisor 0x2"
bool XenDump::take_base(std::string_view line) {
    Scanner s(line);
    s.skip_blanks();
    std::uint64_t base = 0;
    if (!s.take("LAPIC: base_msr ") || !(s.take("0x") ? s.hex(base) : s.decimal(base))) return false;
    if (base_of_.size() < most_vcpus) base_of_[instance_] = base;
    return true;
}

// "0x020: 0x00000000   0x030: 0x00050014"
bool XenDump::take_registers(std::string_view line, StateDump& dump) const {
    Scanner s(line);
    bool was_read = false;
    while (s.skip_blanks(), !s.done()) {
        std::uint64_t offset = 0;
        std::uint64_t value = 0;
        if (!s.take("0x") || !s.hex(offset) || !s.take(": 0x") || !s.hex(value)) return was_read;
        was_read = true;
        const Reg reg =
            offset % 16 == 0 && offset < model::window_bytes ? model::register_at(offset) : Reg::none;
        if (reg == Reg::none || model::index_of(reg) >= dump.registers.size() || is_computed(reg, dump))
            continue;
        if (reg != Reg::eoi && reg != Reg::self_ipi) dump.set(reg, static_cast<std::uint32_t>(value));
    }
    return was_read;
}

} // namespace lapicheck::traces
