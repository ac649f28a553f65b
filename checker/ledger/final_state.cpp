#include "checker/ledger/accounts.hpp"

namespace lapicheck::checker::ledger {
namespace {

constexpr u32 words = 8;

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
    state.ppr = from.processor_priority();
    for (const Reg reg : {Reg::lvt_timer, Reg::lvt_lint0, Reg::lvt_lint1, Reg::lvt_error, Reg::lvt_pmc,
                          Reg::lvt_thermal, Reg::lvt_cmci, Reg::initial_count, Reg::dcr})
        state.lvt.push_back({model::register_name(reg), from.stored(reg)});
    state.tsc_deadline = from.tsc_deadline();
    state.may_have_been_reset = vcpu.may_have_been_reset();
    state.is_in_userspace = vcpu.has_userspace_apic();
    return state;
}

} // namespace lapicheck::checker::ledger
