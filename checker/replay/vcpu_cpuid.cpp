// What CPUID shows of one vCPU under replay: its mode, its ID, what its CPU has.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "checker/replay/vcpu.hpp"

namespace lapicheck::checker {

using traces::GuestAccess;

// D03. A leaf of zeros is one that the CPU does not have.
void ReplayedVcpu::note_id(const GuestAccess& shown_by, const Cpuid& cpuid) {
    if (runs_guest_) return;
    ShownId shown{shown_by, ~u32{0}};
    switch (cpuid.leaf) {
    case 1:
        shown.shown_by.value = cpuid.ebx >> 24;
        shown.mask = 0xff;
        break;
    case 0xb:
        if ((cpuid.ebx & 0xffff) == 0) return;
        shown.shown_by.value = cpuid.edx;
        break;
    case 0x8000'001e:
        if (facts_.amd.is_false() || (cpuid.eax | cpuid.ebx | cpuid.ecx) == 0) return;
        shown.shown_by.value = cpuid.eax;
        break;
    default: return;
    }
    std::erase_if(shown_ids_,
                  [&](const ShownId& other) { return other.shown_by.address == shown_by.address; });
    shown_ids_.push_back(shown);
}

void ReplayedVcpu::judge_ids(VcpuVerdict& verdict, u64 line_of_id) {
    std::optional<Known<u32>> id;
    for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic})
        if (main_.is_possible(mode))
            id = id ? id->join(main_.mode_state(mode).x2apic_id) : main_.mode_state(mode).x2apic_id;
    if (!id || !id->is_exact()) return;
    for (const ShownId& shown : std::exchange(shown_ids_, {})) {
        Mismatch mismatch;
        mismatch.rule = Rule::D03;
        mismatch.fault = Fault::cpuid;
        mismatch.reg = Reg::id;
        mismatch.mode = main_.mode().value_or(Mode::x2apic);
        mismatch.bits = (shown.shown_by.value ^ id->value) & shown.mask;
        mismatch.expected = {id->value, shown.mask};
        if (mismatch.bits == 0) continue;
        Divergence divergence = divergence_of(shown.shown_by, mismatch);
        divergence.because.clear();
        if (line_of_id != 0)
            divergence.because.push_back({line_of_id, fmt::format("the x2APIC ID is {:#x}", id->value)});
        verdict.divergences.push_back(std::move(divergence));
    }
}

VcpuVerdict ReplayedVcpu::on_cpuid(const GuestAccess& shown_by, const Cpuid& cpuid) {
    if (cpuid.leaf == 0x8000'0008) {
        const u32 bits = cpuid.eax & 0xff;
        if (bits >= 32 && bits <= 52) facts_.address_mask = (u64{1} << bits) - 1;
    }
    VcpuVerdict verdict;
    note_id(shown_by, cpuid);
    judge_ids(verdict, attribution_.evidence().line_of(Reg::id));
    if (cpuid.leaf != 1) return verdict;
    has_shown_x2apic_ = false;
    facts_.has_x2apic = (cpuid.ecx & (u32{1} << 21)) != 0;
    facts_.has_tsc_deadline = (cpuid.ecx & (u32{1} << 24)) != 0;
    const bool shows_apic = (cpuid.edx & (u32{1} << 9)) != 0;
    const auto admits = [shows_apic](const AbstractState& state) {
        return shows_apic ? state.is_possible(Mode::xapic) || state.is_possible(Mode::x2apic)
                          : state.is_possible(Mode::disabled);
    };
    if (admits(main_) || (init_ && admits(*init_))) return verdict;
    Mismatch mismatch;
    mismatch.rule = Rule::B12;
    mismatch.fault = Fault::cpuid;
    mismatch.reg = Reg::apic_base;
    mismatch.mode = main_.mode().value_or(Mode::xapic);
    mismatch.bits = u64{1} << 9;
    mismatch.expected = {shows_apic ? 0 : mismatch.bits, mismatch.bits};
    verdict.pending = others_.any(admits);
    verdict.divergences.push_back(divergence_of(shown_by, mismatch));
    return verdict;
}

} // namespace lapicheck::checker
