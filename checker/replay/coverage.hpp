// How many of the accesses were checked, by the group of rules that their register belongs to.
#pragma once

#include <array>
#include <string_view>

#include "model/domains/concrete.hpp"
#include "model/state.hpp"

namespace lapicheck::checker {

// The letters of the rules' IDs (specs/rules.json).
enum class RuleGroup : std::uint8_t {
    base,     // B
    window,   // M: what is no register
    msr,      // X: the same of MSRs
    id,       // D
    svr,      // V
    lvt,      // L
    timer,    // T
    command,  // I
    priority, // P
    error,    // E
};
inline constexpr std::size_t rule_group_count = 10;

struct RuleGroupName {
    std::string_view letter;
    std::string_view what;
};
inline constexpr std::array<RuleGroupName, rule_group_count> rule_group_names{{
    {"B", "base and mode"},
    {"M", "MMIO window"},
    {"X", "x2APIC MSRs"},
    {"D", "IDs"},
    {"V", "version and SVR"},
    {"L", "local vector table"},
    {"T", "timer"},
    {"I", "interrupt commands"},
    {"P", "priority, IRR, ISR and EOI"},
    {"E", "errors"},
}};

constexpr RuleGroup group_of(model::Reg reg, bool is_mmio) {
    using model::Reg;
    switch (reg) {
    case Reg::apic_base: return RuleGroup::base;
    case Reg::id:
    case Reg::ldr:
    case Reg::dfr: return RuleGroup::id;
    case Reg::version:
    case Reg::svr: return RuleGroup::svr;
    case Reg::lvt_timer:
    case Reg::initial_count:
    case Reg::current_count:
    case Reg::dcr:
    case Reg::tsc_deadline: return RuleGroup::timer;
    case Reg::icr:
    case Reg::icr_high:
    case Reg::self_ipi: return RuleGroup::command;
    case Reg::esr: return RuleGroup::error;
    case Reg::tpr:
    case Reg::apr:
    case Reg::ppr:
    case Reg::eoi: return RuleGroup::priority;
    default: break;
    }
    if (model::is_lvt(reg)) return RuleGroup::lvt;
    if (model::is_bitmap(reg)) return RuleGroup::priority;
    return is_mmio ? RuleGroup::window : RuleGroup::msr;
}

struct Share {
    model::u64 accesses = 0;
    model::u64 checked = 0;
    unsigned percent() const { return accesses == 0 ? 100 : static_cast<unsigned>(checked * 100 / accesses); }
};

} // namespace lapicheck::checker
