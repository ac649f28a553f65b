#include "checker/ledger/accounts.hpp"

namespace lapicheck::checker::ledger {
namespace {

constexpr u32 words = 8;

// PPR by P03, where it does not depend on what is not known. Its low bits follow TPR's if the classes are
// equal, or not: the manual leaves that to the CPU.
Known<u32> ppr_of(const FinalState& state) {
    constexpr u32 task_class = 0xf0;
    u32 highest = 0;
    for (const Known<u32>& word : state.isr)
        if (!word.is_exact()) return {};
    for (u32 i = 0; i < words; ++i)
        for (u32 bit = 0; bit < 32; ++bit)
            if ((state.isr[i].value >> bit & 1) != 0) highest = i * 32 + bit;
    const Known<u32> tpr = state.tpr & task_class;
    if (!tpr.is_exact()) return {};
    const u32 in_service = highest & task_class;
    if (tpr.value > in_service) return state.tpr;
    if (tpr.value < in_service) return in_service;
    return {in_service, ~u32{0xf}};
}

} // namespace

FinalState final_state(const ReplayedVcpu& vcpu) {
    const AbstractState& from = vcpu.state();
    FinalState state;
    state.mode = from.mode();
    state.apic_base = from.apic_base();
    state.svr = from.stored(Reg::svr);
    state.tpr = from.stored(Reg::tpr);
    for (u32 i = 0; i < words; ++i) {
        state.irr[i] = from.stored(model::offset_by(Reg::irr0, i));
        state.isr[i] = from.stored(model::offset_by(Reg::isr0, i));
    }
    state.ppr = ppr_of(state);
    for (const Reg reg : {Reg::lvt_timer, Reg::lvt_lint0, Reg::lvt_lint1, Reg::lvt_error, Reg::lvt_pmc,
                          Reg::lvt_thermal, Reg::lvt_cmci, Reg::initial_count, Reg::dcr})
        state.lvt.push_back({model::register_name(reg), from.stored(reg)});
    state.tsc_deadline = from.tsc_deadline();
    state.may_have_been_reset = vcpu.may_have_been_reset();
    state.is_in_userspace = vcpu.has_userspace_apic();
    return state;
}

} // namespace lapicheck::checker::ledger
