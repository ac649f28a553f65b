#include "checker/replay/machines.hpp"

#include <algorithm>

namespace lapicheck::checker {

using model::u32;
using model::u64;

std::optional<u32> Machines::process_of(u32 thread) const {
    const auto found = processes_.find(thread);
    return found != processes_.end() ? std::optional{found->second} : std::nullopt;
}

u32 Machines::root(u32 thread) const {
    if (joined_.empty()) return thread;
    for (auto at = joined_.find(thread); at != joined_.end(); at = joined_.find(thread)) thread = at->second;
    return thread;
}

bool Machines::may_be_one(u32 thread, u32 other) const {
    const auto process = process_of(thread);
    const auto of_other = process_of(other);
    return !process || !of_other || *process == *of_other;
}

u64 Machines::group_of(u32 thread) const {
    constexpr u64 is_process = u64{1} << 32;
    const auto process = process_of(thread);
    return process ? is_process | *process : root(thread);
}

void Machines::given(u64 line, u32 to) {
    const auto sent = std::ranges::find(commands_, line, &Command::line);
    if (sent == commands_.end() || are_one(sent->thread, to) || !may_be_one(sent->thread, to)) return;
    const auto [low, high] = std::minmax(sent->thread, to);
    if (++reached_[u64{low} << 32 | high] < enough) return;
    joined_[root(high)] = root(low);
}

} // namespace lapicheck::checker
