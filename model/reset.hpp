// RESET, INIT, and what may change between two accesses of a vCPU without an access of its own
// (group R). SDM Vol. 3A 325384-059US, 10.4.7.1, 10.4.7.3, 10.12.5.1.
#pragma once

#include "model/lvt.hpp"

namespace lapicheck::model {

// What RESET and INIT have in common (L01, V04, R04).
template <class P, class D>
constexpr void reset_registers(P& p, State<D>& s) {
    for (const RegisterRow& row : p.table())
        if (row.reg != Reg::version && row.reg != Reg::id) s[row.reg] = row.reset;
    s.tsc_deadline = u64{0};
    s.esr_pending = u32{0};
    s.cleared_by_software = false;
    s.ier_written = false;
}

// R02, R03, B11: IA32_APIC_BASE and the APIC ID stay. Of a disabled APIC nothing is said: it may be left
// alone.
template <class P, class D>
constexpr void init(P& p, State<D>& s) {
    if (p(Rule::R02, is_enabled(s)) || p.unspecified(Rule::R02, false)) reset_registers(p, s);
}

// R01, B10. Whether an AMD CPU comes up enabled is not said (R08); bit 8 tells the BSP. B17: x2APIC mode
// ends, unless the platform locks it: whether that outlasts RESET is not said.
template <class P, class D>
constexpr void reset(P& p, State<D>& s, const Cpu<D>& cpu) {
    reset_registers(p, s);
    const auto initial_id = cpu.hardware_id << 24;
    s[Reg::id] = initial_id;
    s.x2apic_id = cpu.hardware_id;
    const bool enabled = !(p(Rule::B10, cpu.amd) && p.unspecified(Rule::R08, false));
    const bool stays =
        p(Rule::B17, both(cpu.locked_x2apic, cpu.has_x2apic)) && p.unspecified(Rule::B17, false);
    const u64 mode = stays ? apic_base::enable | apic_base::extd : enabled ? apic_base::enable : 0;
    const u64 fixed = apic_base::reset_page | mode;
    s.apic_base = typename D::U64{fixed} | (p.unspecified_value(Rule::B10, s.apic_base) & apic_base::bsp);
}

// Errors come in from outside: from the bus, which the P6 family alone has, and so never in x2APIC mode; and
// with messages, if `by_messages`: where nothing else tells of them.
template <class P, class D>
constexpr void collect_errors(P& p, State<D>& s, const Cpu<D>& cpu, bool by_messages = true) {
    using U32 = typename D::U32;
    const U32 nothing{u32{0}};
    const U32 of_bus =
        select(in_x2apic(s), nothing, select(cpu.amd, U32{esr::accept_errors}, U32{esr::p6_errors}));
    const u32 of_messages = by_messages ? esr::receive_illegal_vector : 0;
    s.esr_pending |= p.unspecified_value(Rule::E01, nothing) & (of_bus | of_messages);
}

// Interrupts come to the pins and leave, which delivery status and remote IRR of entries that are not masked
// show (L02, L06). Without a condition: it happens before each access.
template <class P, class D>
constexpr void show_local_interrupts(P& p, State<D>& s) {
    for (const Reg entry : lvt_entries) {
        const auto unmasked = ~s[entry] & lvt::mask;
        const auto shown = ((unmasked >> 4) | (unmasked >> 2)) & p.row(entry).read_only;
        s[entry] = (s[entry] & ~shown) | (p.unspecified_value(Rule::L06, s[entry]) & shown);
    }
}
static_assert(lvt::mask >> 4 == lvt::delivery_status && lvt::mask >> 2 == lvt::remote_irr);

// Errors and interrupts come in, and a performance counter's overflow masks its entry, on Intel (L07). Before
// an access that cannot show an entry of the LVT, `shows_lvt` may be false: what the entries show stays
// unspecified to the next.
template <class P, class D>
constexpr void act_by_itself(P& p, State<D>& s, const Cpu<D>& cpu, bool shows_lvt = true) {
    using U32 = typename D::U32;
    const U32 nothing{u32{0}};
    collect_errors(p, s, cpu);
    if (shows_lvt) show_local_interrupts(p, s);
    s[Reg::lvt_pmc] |= p.unspecified_value(Rule::L07, nothing) & select(cpu.amd, nothing, U32{lvt::mask});
}

// What may have happened between two accesses of a vCPU that a recording shows: hardware's doings, and
// MOV to CR8, which writes TPR[7:4] and clears TPR[3:0] (P15).
template <class P, class D>
constexpr void elapse(P& p, State<D>& s, const Cpu<D>& cpu, bool shows_lvt = true) {
    const auto by_cr8 = p.unspecified_value(Rule::P15, s[Reg::tpr]) & tpr::task_class;
    const auto kept = s[Reg::tpr] & p.unspecified_value(Rule::P15, typename D::U32{~u32{0}});
    s[Reg::tpr] = by_cr8 | (kept & tpr::subclass);
    act_by_itself(p, s, cpu, shows_lvt);
}

} // namespace lapicheck::model
