// libFuzzer target: whatever the bytes, the reader does not crash, and gives the same fed whole and
// fed in pieces. The first eight bytes choose the pieces.
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>

#include "tests/traces/read_text.hpp"
#include "traces/formats/format.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace lapicheck::traces;
    std::uint64_t seed = 0;
    for (std::size_t i = 0; i < 8 && i < size; ++i) seed = seed << 8 | data[i];
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string_view text = bytes.substr(size < 8 ? size : 8);

    std::mt19937_64 random(seed);
    const std::uint64_t longest = 1 + random() % 400;
    const auto piece = [&] { return static_cast<std::size_t>(1 + random() % longest); };
    if (read_in_pieces(text, piece).text() != read_text(text).text()) std::abort();
    (void)refuse(text);
    return 0;
}
