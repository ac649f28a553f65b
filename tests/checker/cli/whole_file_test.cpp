#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include <unistd.h>

#include "checker/report/whole_file.hpp"

using namespace lapicheck::checker;
namespace fs = std::filesystem;

namespace {

struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "whole-file-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path), fs::directory_iterator{}));
    }
};

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("a file is there when it is kept, with all that was written") {
    const Folder folder;
    const fs::path path = folder.path / "trace.txt";
    WholeFile file;
    CHECK(file.open(path).empty());
    CHECK(file.write("one\n").empty());
    CHECK(file.write("two\n").empty());
    CHECK_FALSE(fs::exists(path));
    CHECK(file.keep().empty());
    CHECK(text_of(path) == "one\ntwo\n");
    CHECK(folder.files() == 1);
}

TEST_CASE("a file that is not kept leaves nothing, and an older one as it was") {
    const Folder folder;
    const fs::path path = folder.path / "trace.txt";
    std::ofstream(path) << "older";
    {
        WholeFile file;
        CHECK(file.open(path).empty());
        CHECK(file.write("newer").empty());
    }
    CHECK(text_of(path) == "older");
    CHECK(folder.files() == 1);
    WholeFile file;
    CHECK(file.open(path).empty());
    CHECK(file.write("newer").empty());
    CHECK(file.keep().empty());
    CHECK(text_of(path) == "newer");
}

TEST_CASE("what a symbolic link points to is replaced, not the link") {
    const Folder folder;
    std::ofstream(folder.path / "target") << "older";
    fs::create_symlink("target", folder.path / "link");
    WholeFile file;
    CHECK(file.open(folder.path / "link").empty());
    CHECK(file.keep().empty());
    CHECK(fs::is_symlink(folder.path / "link"));
    CHECK(text_of(folder.path / "target").empty());
}

TEST_CASE("a device or folder is not replaced") {
    const Folder folder;
    WholeFile file;
    CHECK(file.open("/dev/null") ==
          "/dev/null: cannot write: it is no regular file; name one that may be replaced");
    CHECK(file.open(folder.path) ==
          folder.path.string() + ": cannot write: it is no regular file; name one that may be replaced");
    CHECK(file.open(folder.path / "missing/trace.txt").find("No such file") != std::string::npos);
}
