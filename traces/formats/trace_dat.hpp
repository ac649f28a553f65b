// The reader of trace-cmd's trace.dat stands in a shared object of its own, since libtracecmd is needed by it
// alone.
#pragma once

#include "traces/formats/reader.hpp"

namespace lapicheck::traces {

inline constexpr auto trace_dat_object = "lapicheck-trace-dat.so";
inline constexpr auto trace_dat_symbol = "lapicheck_trace_dat";
using MakeTraceDat = FileReader* (*)();

} // namespace lapicheck::traces
