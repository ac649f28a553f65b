// Work on many inputs side by side, whose results come out in the order of the inputs, whatever the number of
// threads.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace lapicheck::checker {

// Calls `work(i)` for 0 to count - 1 in `threads` threads, and `take(i, result)` here, one after the other.
// Not more than a few results wait, so that memory does not grow with the inputs. What `work` throws is
// thrown here.
template <class Result>
void in_order(std::size_t count, unsigned threads, const std::function<Result(std::size_t)>& work,
              const std::function<void(std::size_t, Result&&)>& take) {
    if (threads <= 1 || count <= 1) {
        for (std::size_t i = 0; i < count; ++i) take(i, work(i));
        return;
    }
    struct Slot {
        std::optional<Result> result;
        std::exception_ptr error;
    };
    std::mutex mutex;
    std::condition_variable changed;
    const std::size_t ahead = std::size_t{4} * threads;
    std::vector<Slot> slots(ahead);
    std::size_t next = 0;  // to be begun
    std::size_t taken = 0; // how many were
    bool stops = false;

    const auto run = [&] {
        while (true) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return stops || next == count || next < taken + ahead; });
            if (stops || next == count) return;
            const std::size_t i = next++;
            lock.unlock();
            Slot slot;
            try {
                slot.result.emplace(work(i));
            } catch (...) {
                slot.error = std::current_exception();
            }
            lock.lock();
            slots[i % ahead] = std::move(slot);
            changed.notify_all();
        }
    };
    std::vector<std::jthread> workers;
    for (unsigned i = 0; i < threads && i < count; ++i) workers.emplace_back(run);
    const auto stop = [&] {
        const std::lock_guard lock(mutex);
        stops = true;
        changed.notify_all();
    };
    try {
        for (std::size_t i = 0; i < count; ++i) {
            Slot slot;
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return slots[i % ahead].result || slots[i % ahead].error; });
                slot = std::exchange(slots[i % ahead], {});
                taken = i + 1;
                changed.notify_all();
            }
            if (slot.error) std::rethrow_exception(slot.error);
            take(i, std::move(*slot.result));
        }
    } catch (...) {
        stop();
        throw;
    }
}

} // namespace lapicheck::checker
