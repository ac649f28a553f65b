#include "checker/judge/evidence.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "checker/judge/service_faults.hpp"
#include "model/field_text.hpp"
#include "model/text.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;

std::string describe(AccessKind kind, u64 address, u32 size, u64 value, Reg reg) {
    std::string text = model::access_text(kind, address, size, value, reg);
    if (!model::is_write(kind)) text += fmt::format(" returned {:#x}", value);
    return text;
}

// "ESR[7] (illegal register address)".
std::string error_text(std::size_t bit) {
    const u64 mask = u64{1} << bit;
    for (const model::NamedBits& field : model::fields_of(Reg::esr, Mode::xapic))
        if ((field.mask & mask) != 0) return fmt::format("ESR[{}] ({})", bit, field.name);
    return fmt::format("ESR[{}]", bit);
}

} // namespace

void Evidence::wrote(Reg reg, const traces::GuestAccess& access) {
    put(reg, access);
    if (reg == Reg::esr) latched_ = std::exchange(collected_, {});
}

void Evidence::logged(u32 errors, const traces::GuestAccess& access) {
    for (std::size_t bit = 0; bit < error_bits; ++bit)
        if ((errors >> bit & 1U) != 0)
            collected_[bit] = {access.line, access.address, access.value, access.size, access.kind};
}

void Evidence::put(Reg reg, const traces::GuestAccess& access) {
    if (reg == Reg::none) return;
    const bool is_whole = !model::is_mmio(access.kind) || model::is_aligned_word(access.address, access.size);
    items_[model::index_of(reg)] = {access.line, access.address, access.value,
                                    access.size, access.kind,    is_whole};
}

void Evidence::showed(Reg reg, const traces::GuestAccess& access) {
    if (reg != Reg::none && of(reg).line <= init_line_) put(reg, access);
}

u64 Evidence::last_confirmed(const Mismatch& mismatch) const {
    const auto of = [this](Reg reg) { return confirmed_[model::index_of(reg)]; };
    const u64 mode = of(Reg::apic_base);
    switch (mismatch.fault) {
    case Fault::gp_missing:
    case Fault::gp_raised:
    case Fault::answered_by_apic:
    case Fault::reached_apic:
    case Fault::left: return mode;
    case Fault::value: break;
    default: return 0;
    }
    const Reg reg = mismatch.reg;
    if (reg == Reg::none || reg == Reg::esr || reg == Reg::ppr || model::is_bitmap(reg)) return 0;
    // That it was answered shows the mode.
    if (reg != Reg::current_count && reg != Reg::tsc_deadline) return of(reg);
    return std::min(of(Reg::lvt_timer), of(reg == Reg::current_count ? Reg::initial_count : reg));
}

Repeatable Evidence::repeatable(const Item& item) {
    return {Repeatable::What::access, item.kind, item.address, item.value};
}

void Evidence::add(std::vector<Because>& lines, Reg reg) const {
    if (reg == Reg::none) return;
    const Item& item = of(reg);
    if (item.line == 0) return;
    const bool names_base = item.address == model::apic_base::msr;
    const Reg addressed =
        reg == Reg::apic_base && !names_base ? model::register_addressed(item.kind, item.address) : reg;
    std::string what = describe(item.kind, item.address, item.size, item.value, addressed);
    if (reg == Reg::apic_base && names_base) what += fmt::format(": {}", model::mode_text(item.value));
    // A read tells of the state, and changes nothing.
    const bool is_write = model::is_write(item.kind);
    lines.push_back({item.line, std::move(what), is_write ? repeatable(item) : Repeatable{}});
}

void Evidence::add_errors(std::vector<Because>& lines, u64 bits) const {
    for (std::size_t bit = 0; bit < error_bits; ++bit) {
        const Item& item = latched_[bit];
        if ((bits >> bit & 1U) == 0 || item.line == 0) continue;
        lines.push_back({item.line,
                         fmt::format("{}, which records {}",
                                     describe(item.kind, item.address, item.size, item.value,
                                              model::register_addressed(item.kind, item.address)),
                                     error_text(bit)),
                         repeatable(item)});
    }
}

// How the timer was set and started, and that it fired since.
void Evidence::add_timer(std::vector<Because>& lines, const Mismatch& mismatch) const {
    const bool is_count = mismatch.fault == Fault::value && mismatch.reg == Reg::current_count;
    const bool is_deadline = mismatch.fault == Fault::value && mismatch.reg == Reg::tsc_deadline;
    const bool fires = is_of_timer(mismatch.fault);
    if (!is_count && !is_deadline && !fires) return;
    const Reg start =
        of(Reg::tsc_deadline).line > of(Reg::initial_count).line ? Reg::tsc_deadline : Reg::initial_count;
    if (fires || is_deadline || mismatch.rule == Rule::T05) add(lines, Reg::lvt_timer);
    if (is_count || fires) add(lines, is_count ? Reg::initial_count : start);
    if (timer_fired_.first > of(start).line)
        lines.push_back({timer_fired_.first,
                         fmt::format("the timer fired: vector {:02X}H was accepted", timer_fired_.second)});
}

void Evidence::add_injection(std::vector<Because>& lines, u64 line, u32 vector) const {
    if (line == 0) return;
    lines.push_back(
        {line, fmt::format("vector {:02X}H was injected", vector), {Repeatable::What::given, {}, 0, vector}});
}

// What decided: the acceptance of the vector that waits, the injection of the one in service, the write of
// TPR that holds a class back. Else what happened to the vectors last.
void Evidence::add_service(std::vector<Because>& lines, const Mismatch& mismatch) const {
    const bool is_given = mismatch.fault == Fault::injected;
    const bool about_service = is_given || mismatch.fault == Fault::eoi_vector || mismatch.reg == Reg::ppr ||
                               model::is_bitmap(mismatch.reg);
    if (!about_service) return;
    if (is_given && mismatch.reg == Reg::tpr) return add(lines, Reg::tpr);
    const u32 decides = deciding_vector(mismatch);
    const bool waits = is_given && mismatch.reg == Reg::irr0;
    if (waits && decides != 0) {
        if (acceptances_[decides] != 0)
            lines.push_back({acceptances_[decides], fmt::format("vector {:02X}H was accepted", decides)});
        return;
    }
    if (decides != 0 && injections_[decides] != 0) add_injection(lines, injections_[decides], decides);
    else add_injection(lines, injected_.first, injected_.second);
    if (eoi_line_ != 0) lines.push_back({eoi_line_, "the previous EOI", {Repeatable::What::eoi}});
}

std::vector<Because> Evidence::because(const Mismatch& mismatch) const {
    std::vector<Because> lines;
    if (mismatch.rule != Rule::T14) add(lines, Reg::apic_base); // CPUID alone decides that one
    const bool by_access = of(Reg::apic_base).address != model::apic_base::msr;
    if (!lines.empty() && by_access)
        lines[0].what += fmt::format(", which shows {}", model::mode_text(mismatch.mode));
    const bool about_window =
        mismatch.fault == Fault::answered_by_apic || mismatch.fault == Fault::reached_apic;
    if (mismatch.rule == Rule::I22 && mismatch.fault == Fault::ipi_differs) add(lines, Reg::icr_high);
    if (mismatch.fault == Fault::value && mismatch.reg != Reg::apic_base) {
        add(lines, mismatch.reg);
        if (model::is_lvt(mismatch.reg)) add(lines, Reg::svr);
        if (mismatch.rule == Rule::D02) add(lines, Reg::ldr); // which tells the ID (D04)
        if (mismatch.reg == Reg::esr) add_errors(lines, mismatch.bits);
    }
    if (mismatch.fault == Fault::eoi_broadcast) add(lines, Reg::svr);
    // Which tells whether AMD's extended registers are there.
    if (mismatch.rule == Rule::X04 && mismatch.fault == Fault::gp_missing) add(lines, Reg::version);
    if (init_line_ != 0 && !about_window)
        lines.push_back({init_line_, "INIT was delivered to this vCPU", {Repeatable::What::init}});
    if (mismatch.rule == Rule::I07 && deassert_line_ != 0)
        lines.push_back({deassert_line_, "an INIT level de-assert reached this vCPU"});
    if (mismatch.rule == Rule::L07 && pmc_line_ > line_of(Reg::lvt_pmc))
        lines.push_back({pmc_line_, "its performance-monitoring interrupt was accepted"});
    if (host_line_ != 0)
        lines.push_back({host_line_, "from here on the vCPU behaves as if userspace had reset it"});
    add_timer(lines, mismatch);
    add_service(lines, mismatch);
    std::sort(lines.begin(), lines.end(), [](const Because& a, const Because& b) { return a.line < b.line; });
    return lines;
}

} // namespace lapicheck::checker
