// libFuzzer target: whatever the bytes, the reader of dumps of a state does not crash, and ends.
#include <cstdint>
#include <string_view>

#include "traces/formats/state_dump.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)lapicheck::traces::read_state_dumps({reinterpret_cast<const char*>(data), size});
    return 0;
}
