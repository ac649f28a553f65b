// Reads in one thread while another takes what was read: of a large recording the reader needs one core and
// the judge another.
//
// Handed over are batches of blocks: an event, or a block, at a time would cost more than it saves. Each
// block is taken as it would have been without the thread, so that nothing depends on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "traces/formats/reader.hpp"

namespace lapicheck::traces {

// The Events of one piece of the input, and what the reader knew then.
struct ReadBlock {
    std::vector<Event> events;
    std::uint64_t bytes = 0; // of the input up to here
    ReadSummary read;        // what is known of the whole: clock, kernel, CPUs, command, counts
};

// What `from` says of the recording as a whole; not the lists of lines and threads.
void copy_facts(const ReadSummary& from, ReadSummary& to);

// Calls `produce` in a thread of its own until it returns false, and `take` here with each block that it
// returned true for, in order. What either throws is thrown here.
void read_ahead(const std::function<bool(ReadBlock&)>& produce, const std::function<void(ReadBlock&)>& take);

} // namespace lapicheck::traces
