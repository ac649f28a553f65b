// Whose guests a verdict is about: a recording may hold other people's.
#pragma once

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "checker/replay/machines.hpp"

namespace lapicheck::checker {

struct Selection {
    std::vector<model::u32> processes;
    std::vector<model::u32> threads;
    model::u32 command = 0; // a process and all that it has made (sched_process_fork); 0: none

    bool is_all() const { return processes.empty() && threads.empty() && command == 0; }
};

// Follows who is of the command's tree.
class Selected {
  public:
    void set(const Selection& selection) {
        selection_ = selection;
        if (selection.command != 0) tree_.insert(selection.command);
    }
    const Selection& selection() const { return selection_; }
    void forks(model::u32 parent, model::u32 child, const Machines& machines) {
        if (is_of_tree(parent, machines)) tree_.insert(child);
    }
    bool has(model::u32 thread, const Machines& machines) const {
        if (selection_.is_all()) return true;
        const auto is_among = [](const std::vector<model::u32>& all, model::u32 one) {
            return std::ranges::find(all, one) != all.end();
        };
        const auto process = machines.process_of(thread);
        // A process's first thread has its number, also where the processes are not recorded.
        return is_among(selection_.threads, thread) ||
               is_among(selection_.processes, process.value_or(thread)) || is_of_tree(thread, machines);
    }

  private:
    bool is_of_tree(model::u32 thread, const Machines& machines) const {
        const auto process = machines.process_of(thread);
        return tree_.contains(thread) || (process && tree_.contains(*process));
    }

    Selection selection_;
    std::unordered_set<model::u32> tree_;
};

} // namespace lapicheck::checker
