// The VMs of a recording: whose accesses are counted, and the list of them.
#include <algorithm>
#include <map>

#include "checker/replay/replay.hpp"

namespace lapicheck::checker {

void Replay::count(Thread& thread, const traces::GuestAccess& access, bool checked) {
    const auto add = [checked](Share& share) {
        ++share.accesses;
        share.checked += checked ? 1 : 0;
    };
    add(thread.share);
    if (!thread.is_selected) return add(summary_.others);
    const RuleGroup group = group_of(register_touched(access), model::is_mmio(access.kind));
    add(summary_.groups[static_cast<std::size_t>(group)]);
    ++summary_.accesses;
    ++(checked ? summary_.checked : summary_.undetermined);
}

// The process of a thread, or a thread that another has made.
void Replay::note_process(const traces::Event& event) {
    const auto other = static_cast<u32>(event.where);
    if (event.kind == traces::EventKind::belongs) machines_.belongs(event.thread, other);
    else selected_.forks(event.thread, other, machines_);
    const u32 told = event.kind == traces::EventKind::belongs ? event.thread : other;
    if (const auto thread = threads_.find(told); thread != threads_.end())
        thread->second.is_selected = selected_.has(told, machines_);
}

// Where nothing tells several VMs apart all vCPUs count as of one.
void Replay::list_machines(bool several) {
    std::map<u64, VmSummary> machines;
    for (const auto& [id, thread] : threads_) {
        if (thread.vcpus.empty()) continue;
        const auto process = machines_.process_of(id);
        constexpr u64 not_selected = u64{1} << 63;
        const u64 group = several || process ? machines_.group_of(id) : 0;
        const u64 key = group | (thread.is_selected ? 0 : not_selected);
        VmSummary& vm = machines[key];
        vm.process = process.value_or(0);
        vm.is_selected = thread.is_selected;
        vm.recording = first_line_;
        vm.threads.push_back(id);
        for (const auto& vcpu : thread.vcpus) vm.vcpus.push_back(vcpu->label());
        vm.share.accesses += thread.share.accesses;
        vm.share.checked += thread.share.checked;
        if (!thread.is_selected) summary_.vcpus -= std::min<u64>(summary_.vcpus, thread.vcpus.size());
    }
    for (auto& [key, vm] : machines) {
        std::ranges::sort(vm.threads);
        std::ranges::sort(vm.vcpus);
        summary_.vms.push_back(std::move(vm));
    }
    const auto place = [](const VmSummary& vm) { return std::pair{vm.recording, vm.threads.front()}; };
    std::ranges::stable_sort(summary_.vms, {}, place);
}

} // namespace lapicheck::checker
