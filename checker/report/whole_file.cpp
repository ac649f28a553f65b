#include "checker/report/whole_file.hpp"

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
constexpr mode_t all_modes = 07777;
constexpr unsigned most_attempts = 100; // at a name that nobody has

// A link that another user has put there decides what is overwritten with our rights.
bool is_anothers_link(const std::filesystem::path& path) {
    struct stat link {};
    return ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode) && link.st_uid != ::geteuid();
}

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
        return fmt::format("{}: cannot write: it is no regular file; name one that may be replaced",
                           path.string());
    if (is_anothers_link(path))
        return fmt::format(
            "{}: cannot write: it is a symbolic link of another user; name the file that it points to",
            path.string());
    // What a symbolic link points to is replaced, not the link.
    if (std::filesystem::exists(status)) path_ = std::filesystem::canonical(path);
    const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
    // A file without a name is gone when the process is, even if that is killed.
    file_ = traces::FileDescriptor(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, permissions));
    if (file_.get() < 0) {
        if (errno != EOPNOTSUPP && errno != EISDIR) return fault("cannot write");
        if (std::string why = open_part(); !why.empty()) return why; // this file system has no such files
    }
    keep_mode();
    return {};
}

std::filesystem::path WholeFile::part_name(unsigned attempt) const {
    std::filesystem::path part = path_;
    part += fmt::format(".{}.{}.part", getpid(), attempt);
    return part;
}

// Whatever has the name already is somebody else's.
std::string WholeFile::open_part() {
    for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
        const std::filesystem::path part = part_name(attempt);
        file_ = traces::FileDescriptor(
            ::open(part.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, permissions));
        if (file_.get() >= 0) {
            part_ = part;
            return {};
        }
        if (errno != EEXIST) break;
    }
    return fault("cannot write");
}

void WholeFile::keep_mode() {
    struct stat older {};
    if (::stat(path_.c_str(), &older) != 0) return;
    // Only root may give a file away; the mode comes last, since a change of the owner takes from it.
    if (::fchown(file_.get(), older.st_uid, older.st_gid) != 0) errno = 0;
    if (::fchmod(file_.get(), older.st_mode & all_modes) != 0) errno = 0;
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
        const std::string open_file = fmt::format("/proc/self/fd/{}", file_.get());
        for (unsigned attempt = 0; attempt < most_attempts && part_.empty(); ++attempt) {
            const std::filesystem::path part = part_name(attempt);
            if (::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, part.c_str(), AT_SYMLINK_FOLLOW) == 0)
                part_ = part;
            else if (errno != EEXIST) break;
        }
        if (part_.empty()) return fault("cannot give the written file its name");
    }
    if (std::rename(part_.c_str(), path_.c_str()) != 0) return fault("cannot replace the file");
    part_.clear();
    return {};
}

} // namespace lapicheck::checker
