// One Event as one JSON object: the form that any hypervisor, simulator or fuzzer can write, and in which the
// readers can be compared with one another. Schema: specs/schema/events.schema.json.
//
// Addresses, offsets, indices of MSRs and values are strings in hexadecimal, since JSON numbers do not hold
// 64 bits; vectors, IDs, counts and times are integers.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "traces/event.hpp"
#include "traces/formats/reader.hpp"

namespace lapicheck::traces {

// The version of the form, in the first line: {"lapicheck_events": 1, ...}.
inline constexpr int events_version = 1;
inline constexpr auto events_key = "lapicheck_events";

// The first line. `summary` as it is after the first events.
std::string header_line(const ReadSummary& summary);
// A line, without newline.
std::string event_line(const Event& event);
// A line that names a thread.
std::string thread_line(std::uint32_t thread, const ThreadInfo& info);

// Empty, or what is wrong with it.
std::string read_event(const nlohmann::json& object, Event& event);

} // namespace lapicheck::traces
