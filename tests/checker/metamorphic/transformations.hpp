// What may be done to a recording so that it tells less, or the same in another order, and is still a text
// that the kernel could have written. A checker must not report of it what it does not report of the whole.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "random.hpp"
#include "recording.hpp"

namespace lapicheck::metamorphic {

// A line of the transformed text.
struct Piece {
    static constexpr std::uint32_t none = 0xffff'ffff;
    std::string_view text;
    std::uint32_t line = none; // the line of the recording that it is, an index
    bool is_other = false;     // that line is the other recording's
    // Of a mark: the lines that are missing there. A mark for which none is missing does not stand.
    std::vector<std::uint32_t> lost;
};

struct Transformed {
    std::string words; // what was done
    std::vector<std::string> head;
    std::vector<Piece> pieces;
    std::deque<std::string> made; // texts that stand in no recording
    bool ends_within_line = false;
};

struct Sources {
    const Recording& recording;
    const Recording& other; // for what needs two
};

struct Transformation {
    std::string_view name;
    std::string_view comes_about; // how such a text comes about
    void (*transform)(const Sources& from, Random& random, Transformed& to);
    bool needs_other = false;
};

std::span<const Transformation> transformations();

// The same recording as if the scheduler had moved its threads between CPUs, of which there may be more.
// Nothing is missing then; but where the events of a CPU are lost, those of each thread are lost in part.
Recording with_threads_moved(const Recording& recording, Random& random, std::string& words);

} // namespace lapicheck::metamorphic
