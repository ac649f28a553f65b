#include "traces/formats/read_ahead.hpp"

#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace lapicheck::traces {
namespace {

constexpr std::size_t batch_blocks = 16; // fewer cost more for waking the other thread than they save
constexpr std::size_t batches = 3;       // of which each is being filled, waits, or is being taken

struct Batch {
    std::array<ReadBlock, batch_blocks> blocks;
    std::size_t count = 0;
};

// A ring of batches, between one who fills and one who takes.
class Ring {
  public:
    // Null: the taker has given up.
    Batch* to_fill() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stops_ || filled_ < taken_ + batches; });
        return stops_ ? nullptr : &ring_[filled_ % batches];
    }
    void filled() {
        const std::lock_guard lock(mutex_);
        ++filled_;
        changed_.notify_all();
    }
    // Null: that was all.
    Batch* to_take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stops_ || taken_ < filled_; });
        return taken_ < filled_ ? &ring_[taken_ % batches] : nullptr;
    }
    void taken() {
        const std::lock_guard lock(mutex_);
        ++taken_;
        changed_.notify_all();
    }
    void stop() {
        const std::lock_guard lock(mutex_);
        stops_ = true;
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::array<Batch, batches> ring_;
    std::size_t filled_ = 0; // how many ever
    std::size_t taken_ = 0;
    bool stops_ = false;
};

void fill(Ring& ring, const std::function<bool(ReadBlock&)>& produce) {
    for (bool more = true; more;) {
        Batch* const batch = ring.to_fill();
        if (batch == nullptr) return;
        batch->count = 0;
        while (more && batch->count < batch_blocks) {
            ReadBlock& block = batch->blocks[batch->count];
            block.events.clear();
            more = produce(block);
            if (more) ++batch->count;
        }
        ring.filled();
    }
}

// However the taking ends, nobody waits for it.
struct StopAtEnd {
    Ring& ring;
    ~StopAtEnd() { ring.stop(); }
};

} // namespace

void copy_facts(const ReadSummary& from, ReadSummary& to) {
    to.format = from.format;
    to.lines = from.lines;
    to.events = from.events;
    to.clock_in_seconds = from.clock_in_seconds;
    to.clock_digits = from.clock_digits;
    to.host_cpus = from.host_cpus;
    to.kernel = from.kernel;
    to.command = from.command;
}

void read_ahead(const std::function<bool(ReadBlock&)>& produce, const std::function<void(ReadBlock&)>& take) {
    Ring ring;
    std::exception_ptr error;
    std::jthread filler([&] {
        try {
            fill(ring, produce);
        } catch (...) {
            error = std::current_exception();
        }
        ring.stop();
    });
    {
        const StopAtEnd stop{ring};
        while (Batch* const batch = ring.to_take()) {
            for (std::size_t i = 0; i < batch->count; ++i) take(batch->blocks[i]);
            ring.taken();
        }
    }
    filler.join();
    if (error) std::rethrow_exception(error);
}

} // namespace lapicheck::traces
