// Finds the reader of an input, or says what an input is that no reader understands, so that a wrong file
// ends in advice and not in "0 events".
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "traces/formats/reader.hpp"

namespace lapicheck::traces {

// Given the start of the input, up to 64 KiB: what it is and what to do, if it is certainly not
// ftrace text: "compressed with zstd; run: zstd -dc FILE | lapicheck check -".
std::optional<std::string> refuse(std::string_view first_bytes);

// All that can be read.
std::span<const TraceFormat* const> formats();

// The first format that recognises the input; null: none does, and refuse() says what it is.
const TraceFormat* find_format(std::string_view first_bytes);

} // namespace lapicheck::traces
