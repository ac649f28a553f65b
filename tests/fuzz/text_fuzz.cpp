// libFuzzer target, built once for each reader of a text (FUZZED_FORMAT): whatever the bytes, it does not
// crash, and gives the same fed whole and fed in pieces. The first eight bytes choose the pieces.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>
#include <utility>

#include "tests/traces/read_text.hpp"
#include "traces/formats/format.hpp"

namespace {

const lapicheck::traces::TraceFormat& fuzzed_format() {
    const auto formats = lapicheck::traces::formats();
    return **std::ranges::find_if(formats, [](const auto* one) { return one->name == FUZZED_FORMAT; });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace lapicheck::traces;
    std::uint64_t seed = 0;
    for (std::size_t i = 0; i < 8 && i < size; ++i) seed = seed << 8 | data[i];
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string_view text = bytes.substr(size < 8 ? size : 8);
    const TraceFormat& format = fuzzed_format();
    // What a reader concludes from its first bytes it may conclude differently from fewer.
    const std::size_t first =
        std::min(text.size(), format.looks_ahead ? std::size_t{64} * 1024 : std::size_t{0});

    std::mt19937_64 random(seed);
    const std::uint64_t longest = 1 + random() % 400;
    bool begun = false;
    const auto piece = [&] {
        if (!std::exchange(begun, true) && first != 0) return first;
        return static_cast<std::size_t>(1 + random() % longest);
    };
    const auto in_pieces = format.make_reader();
    const auto whole = format.make_reader();
    if (read_in_pieces(*in_pieces, text, piece).text() !=
        read_in_pieces(*whole, text, [&] { return text.size(); }).text())
        std::abort();
    (void)refuse(text);
    (void)find_format(text);
    return 0;
}
