// Dumps of one local APIC's state: not what happened, but how things stand. QEMU's `info lapic`, the page of
// KVM_GET_LAPIC as 1 KiB of bytes or as a hex dump of them, and Xen's xen-hvmctx (xen_dump.hpp).
#pragma once

#include <string_view>
#include <vector>

#include "traces/formats/dumped_state.hpp"

namespace lapicheck::traces {

// All that are in it; none: nothing here is a dump.
std::vector<StateDump> read_state_dumps(std::string_view bytes);

} // namespace lapicheck::traces
