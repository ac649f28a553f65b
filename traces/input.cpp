#include "traces/input.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace lapicheck::traces {
namespace {

std::string describe_error(const std::string& name, std::string_view what) {
    return fmt::format("{}: {}: {}", name, what, std::generic_category().message(errno));
}

} // namespace

Input::Input(std::string path) : name_(std::move(path)) {
    if (name_ == "-") {
        name_ = "stdin";
        file_ = STDIN_FILENO;
    } else {
        do file_ = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC);
        while (file_ < 0 && errno == EINTR);
        owns_file_ = file_ >= 0;
        if (file_ < 0) error_ = describe_error(name_, "cannot open");
    }
    if (error_.empty()) look_at_kind();
}

Input::~Input() {
    if (owns_file_) ::close(file_);
}

// open(2) succeeds on a directory; only read(2) would fail, with a text that does not help.
void Input::look_at_kind() {
    struct stat status {};
    if (::fstat(file_, &status) != 0) return;
    if (S_ISDIR(status.st_mode)) error_ = fmt::format("{}: is a directory; name a file in it, or -r", name_);
    // Of a standard input that someone has read before, the file holds more.
    is_regular_ = S_ISREG(status.st_mode) && ::lseek(file_, 0, SEEK_CUR) == 0;
}

std::string_view Input::read() {
    if (!error_.empty()) return {};
    block_.resize(block_size);
    ssize_t bytes = 0;
    do bytes = ::read(file_, block_.data(), block_.size());
    while (bytes < 0 && errno == EINTR);
    if (bytes < 0) {
        error_ = describe_error(name_, "cannot read");
        return {};
    }
    return {block_.data(), static_cast<std::size_t>(bytes)};
}

} // namespace lapicheck::traces
