#include "checker/cli/whole_file.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lapicheck::checker {
namespace {

constexpr mode_t permissions = 0666; // less the umask

} // namespace

WholeFile::~WholeFile() {
    if (!part_.empty()) ::unlink(part_.c_str());
}

std::string WholeFile::fault(std::string_view what) const {
    return fmt::format("{}: {}: {}", path_.string(), what, std::generic_category().message(errno));
}

std::string WholeFile::open(const std::filesystem::path& path) {
    path_ = path;
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        return fmt::format("{}: is no regular file; name one that may be replaced", path.string());
    // What a symbolic link points to is replaced, not the link.
    if (std::filesystem::exists(status)) path_ = std::filesystem::canonical(path);
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    // A file without a name is gone when the process is, even if that is killed.
    file_ = traces::FileDescriptor(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, permissions));
    if (file_.get() >= 0) return {};
    if (errno != EOPNOTSUPP && errno != EISDIR) return fault("cannot write");
    std::filesystem::path part = path_; // this file system has no such files
    part += fmt::format(".{}.part", getpid());
    file_ =
        traces::FileDescriptor(::open(part.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, permissions));
    if (file_.get() < 0) return fault("cannot write");
    part_ = part;
    return {};
}

std::string WholeFile::write(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file_.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return fault("cannot write");
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

std::string WholeFile::keep() {
    if (part_.empty()) { // linkat(2) replaces nothing, so it gets a passing name
        std::filesystem::path part = path_;
        part += fmt::format(".{}.part", getpid());
        ::unlink(part.c_str());
        const std::string open_file = fmt::format("/proc/self/fd/{}", file_.get());
        if (::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, part.c_str(), AT_SYMLINK_FOLLOW) != 0)
            return fault("cannot give the written file its name");
        part_ = part;
    }
    if (std::rename(part_.c_str(), path_.c_str()) != 0) return fault("cannot replace the file");
    part_.clear();
    return {};
}

} // namespace lapicheck::checker
