#include "checker/judge/evidence.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "programs/sim/state_text.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;

std::string describe(AccessKind kind, u64 address, u64 value) {
    switch (kind) {
    case AccessKind::rdmsr: return fmt::format("RDMSR {:X}H gave {:#x}", address, value);
    case AccessKind::wrmsr: return fmt::format("WRMSR {:X}H = {:#x}", address, value);
    case AccessKind::mmio_read: return fmt::format("MMIO read of {:#x} gave {:#x}", address, value);
    case AccessKind::mmio_write: return fmt::format("MMIO write of {:#x} to {:#x}", value, address);
    case AccessKind::cr8_read: return fmt::format("MOV from CR8 gave {:#x}", value);
    case AccessKind::cr8_write: return fmt::format("MOV to CR8 of {:#x}", value);
    default: return std::string(model::to_string(kind)); // no access of the guest to the window or an MSR
    }
}

} // namespace

std::string describe(const traces::GuestAccess& access) {
    std::string text = describe(access.kind, access.address, access.value);
    if (access.gp) text += " (#GP)";
    return text;
}

std::string_view register_name(Reg reg) {
    if (reg == Reg::apic_base) return "apic_base";
    if (reg == Reg::tsc_deadline) return "tsc_deadline";
    if (reg == Reg::none) return "";
    return model::sdm_registers[model::index_of(reg)].name;
}

void Evidence::wrote(Reg reg, const traces::GuestAccess& access) {
    put(reg, access);
    if (reg == Reg::esr) latched_ = std::exchange(collected_, {});
}

void Evidence::logged(u32 errors, const traces::GuestAccess& access) {
    for (std::size_t bit = 0; bit < error_bits; ++bit)
        if ((errors >> bit & 1U) != 0)
            collected_[bit] = {access.line, access.address, access.value, access.kind};
}

void Evidence::put(Reg reg, const traces::GuestAccess& access) {
    if (reg == Reg::none) return;
    const bool is_whole = !model::is_mmio(access.kind) || model::is_aligned_word(access.address, access.size);
    items_[model::index_of(reg)] = {access.line, access.address, access.value, access.kind, is_whole};
}

void Evidence::showed(Reg reg, const traces::GuestAccess& access) {
    if (reg != Reg::none && of(reg).line <= init_line_) put(reg, access);
}

Repeatable Evidence::repeatable(const Item& item) {
    return {Repeatable::What::access, item.kind, item.address, item.value};
}

void Evidence::add(std::vector<Because>& lines, Reg reg) const {
    if (reg == Reg::none) return;
    const Item& item = of(reg);
    if (item.line == 0) return;
    std::string what = describe(item.kind, item.address, item.value);
    const bool names_base = item.address == model::apic_base::msr;
    if (reg == Reg::apic_base)
        what += names_base ? fmt::format(": {}", mode_words(item.value)) : " showed the mode";
    else if (const auto name = register_name(reg); !name.empty()) what += fmt::format(" ({})", name);
    // A read tells of the state, and changes nothing.
    const bool is_write = model::is_write(item.kind);
    lines.push_back({item.line, std::move(what), is_write ? repeatable(item) : Repeatable{}});
}

void Evidence::add_errors(std::vector<Because>& lines, u64 bits) const {
    for (std::size_t bit = 0; bit < error_bits; ++bit) {
        const Item& item = latched_[bit];
        if ((bits >> bit & 1U) == 0 || item.line == 0) continue;
        lines.push_back(
            {item.line,
             fmt::format("{}: an error, ESR[{}]", describe(item.kind, item.address, item.value), bit),
             repeatable(item)});
    }
}

std::vector<Because> Evidence::because(const Mismatch& mismatch) const {
    std::vector<Because> lines;
    add(lines, Reg::apic_base);
    const bool about_window =
        mismatch.fault == Fault::answered_by_apic || mismatch.fault == Fault::reached_apic;
    if (mismatch.rule == Rule::I22 && mismatch.fault == Fault::ipi_differs) add(lines, Reg::icr_high);
    if (mismatch.fault == Fault::value && mismatch.reg != Reg::apic_base) {
        add(lines, mismatch.reg);
        if (model::is_lvt(mismatch.reg)) add(lines, Reg::svr);
        if (mismatch.rule == Rule::D02) add(lines, Reg::ldr); // which tells the ID (D04)
        if (mismatch.reg == Reg::current_count) add(lines, Reg::initial_count);
        if (mismatch.reg == Reg::tsc_deadline) add(lines, Reg::lvt_timer);
        if (mismatch.reg == Reg::esr) add_errors(lines, mismatch.bits);
    }
    if (mismatch.fault == Fault::eoi_broadcast) add(lines, Reg::svr);
    // Which tells whether AMD's extended registers are there.
    if (mismatch.rule == Rule::X04 && mismatch.fault == Fault::gp_missing) add(lines, Reg::version);
    if (init_line_ != 0 && !about_window)
        lines.push_back({init_line_, "INIT was delivered to this vCPU", {Repeatable::What::init}});
    if (mismatch.rule == Rule::I07 && deassert_line_ != 0)
        lines.push_back({deassert_line_, "an INIT level de-assert reached this vCPU"});
    if (host_line_ != 0)
        lines.push_back({host_line_, "from here the vCPU behaves as after a RESET by userspace"});
    const bool about_service = mismatch.fault == Fault::eoi_vector || mismatch.fault == Fault::injected ||
                               mismatch.reg == Reg::ppr || model::is_bitmap(mismatch.reg);
    if (about_service && injected_.first != 0)
        lines.push_back({injected_.first,
                         fmt::format("vector {:#x} was given to the processor", injected_.second),
                         {Repeatable::What::given, {}, 0, injected_.second}});
    if (about_service && eoi_line_ != 0)
        lines.push_back({eoi_line_, "the last EOI before", {Repeatable::What::eoi}});
    std::sort(lines.begin(), lines.end(), [](const Because& a, const Because& b) { return a.line < b.line; });
    return lines;
}

} // namespace lapicheck::checker
