// How much of a recording is held at once. A hostile input is to take time in proportion to its length and no
// memory without bound; what goes beyond a limit is said in the report.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lapicheck::traces::limits {

// A longer line is no record: it is skipped, and counted.
inline constexpr std::size_t line = std::size_t{64} * 1024;
// Of which names and processes are kept.
inline constexpr std::size_t thread_names = 4096;
// That run vCPUs at once: beyond it what is known of the earlier ones is dropped, and a note says so.
inline constexpr std::size_t threads = 2048;
// Whose accesses are put together at once, of any kind: what single ones had begun is dropped.
inline constexpr std::size_t assembled_threads = 2 * threads;
// Packed files in one another: what lies deeper is read as it is, and so refused.
inline constexpr unsigned packed_depth = 4;
// Of brackets in an event of JSONL: the line is skipped, and leaves a hole.
inline constexpr unsigned json_depth = 4;

} // namespace lapicheck::traces::limits
