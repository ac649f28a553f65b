#include "traces/input.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace lapicheck::traces {
namespace {

// A directory of its own, gone at the end of the test.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "lapicheck-input-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    std::string file(std::string_view name) const { return fmt::format("{}/{}", path_, name); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

TEST_CASE("a file is read in blocks, whole and in order") {
    const TemporaryDirectory directory;
    std::string content;
    for (int i = 0; content.size() < 3 * Input::block_size; ++i) content += fmt::format("{}\n", i);
    std::ofstream(directory.file("trace.txt"), std::ios::binary) << content;

    Input input(directory.file("trace.txt"));
    CHECK(input.error().empty());
    std::string all;
    for (auto block = input.read(); !block.empty(); block = input.read()) {
        CHECK(block.size() <= Input::block_size);
        all += block;
    }
    CHECK(all == content);
    CHECK(input.read().empty());
    CHECK(input.error().empty());
}

TEST_CASE("a missing file and a directory are refused with a text that names them") {
    const TemporaryDirectory directory;
    Input missing(directory.file("none.txt"));
    CHECK(missing.error() == directory.file("none.txt") + ": cannot open: No such file or directory");
    CHECK(missing.read().empty());
    Input not_a_file(directory.path());
    CHECK(not_a_file.error() == directory.path() + ": is a directory; name a file in it, or -r");
    CHECK(not_a_file.read().empty());
}

TEST_CASE("what a pipe has is passed on at once") {
    const TemporaryDirectory directory;
    const std::string fifo = directory.file("pipe");
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::FILE* writer = nullptr;
    std::thread opener([&] { writer = std::fopen(fifo.c_str(), "w"); }); // either end waits for the other
    Input input(fifo);
    opener.join();
    REQUIRE(writer != nullptr);
    std::fputs("first", writer);
    std::fflush(writer);
    CHECK(input.read() == "first");
    std::fputs("second", writer);
    std::fclose(writer);
    CHECK(input.read() == "second");
    CHECK(input.read().empty());
    CHECK(input.error().empty());
}

TEST_CASE("the standard input is called stdin") { CHECK(Input("-").name() == "stdin"); }

} // namespace
} // namespace lapicheck::traces
