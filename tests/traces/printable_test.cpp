#include "traces/printable.hpp"

#include <doctest/doctest.h>

namespace lapicheck::traces {
namespace {

TEST_CASE("what would act on a terminal is written out, and UTF-8 stays") {
    CHECK(visible("trace-1 (2).txt") == "trace-1 (2).txt");
    CHECK(visible("\x1b[31mred\x7f") == "\\x1b[31mred\\x7f");
    CHECK(visible("a\nb\tc") == "a\\x0ab\\x09c");
    CHECK(visible("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80") ==
          "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80");
    CHECK(visible("\xc2\x9b"
                  "31m") == "\\x9b31m"); // CSI as U+009B
    CHECK(visible("\x9b"
                  "31m") == "\\x9b31m"); // and as a byte
    CHECK(visible("\xc3") == "\xc3");
}

} // namespace
} // namespace lapicheck::traces
