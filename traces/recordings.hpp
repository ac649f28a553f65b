// The recordings that a path stands for: the file itself, or what is packed in it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "traces/byte_source.hpp"
#include "traces/file_descriptor.hpp"

namespace lapicheck::traces {

// Calls `take` with each recording, in the order of the input; "-" is standard input. Also with what cannot
// be read: such a source gives no bytes, and has an error.
void for_each_recording(const std::string& path, const std::function<void(ByteSource& source)>& take);

// A file that can be positioned with all bytes of a source: `first`, which was read already, and the rest.
// Its own where it has one, else a temporary one, which `kept` closes.
struct PositionedFile {
    int file = -1;
    std::string error; // empty: none
    FileDescriptor kept;
};
PositionedFile position(ByteSource& source, std::string_view first);

} // namespace lapicheck::traces
