#include "traces/recordings.hpp"

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "traces/archive.hpp"
#include "traces/input.hpp"
#include "traces/limits.hpp"

namespace lapicheck::traces {
namespace {

// By so many bytes all kinds of archives are told.
constexpr std::size_t told_by = 512;

// A source whose first bytes can be looked at before they are read.
class Peeked final : public ByteSource {
  public:
    explicit Peeked(ByteSource& source) : source_(source) {
        first_ = source_.read();
        // A binary file may come through a pipe in small pieces; a live text must not wait for more.
        while (first_.size() < told_by && first_.find('\n') == std::string_view::npos) {
            const std::string so_far(first_);
            const std::string_view more = source_.read();
            if (more.empty()) {
                held_ = so_far;
                first_ = held_;
                break;
            }
            held_ = so_far + std::string(more);
            first_ = held_;
        }
    }

    std::string_view first() const { return first_; }
    std::string_view read() override {
        if (!std::exchange(looked_at_, true) && !first_.empty()) return first_;
        return source_.read();
    }
    const std::string& error() const override { return source_.error(); }
    const std::string& name() const override { return source_.name(); }
    int file() const override { return source_.file(); }

  private:
    ByteSource& source_;
    std::string held_;
    std::string_view first_;
    bool looked_at_ = false;
};

// What could not even be opened.
class Unreadable final : public ByteSource {
  public:
    Unreadable(std::string name, std::string error) : name_(std::move(name)), error_(std::move(error)) {}
    std::string_view read() override { return {}; }
    const std::string& error() const override { return error_; }
    const std::string& name() const override { return name_; }

  private:
    std::string name_;
    std::string error_;
};

void visit(ByteSource& source, unsigned depth, const std::function<void(ByteSource&)>& take) {
    Peeked peeked(source);
    if (depth == limits::packed_depth || !is_packed(peeked.first())) return take(peeked);
    std::string error;
    const std::unique_ptr<Archive> archive = open_archive(peeked, error);
    std::size_t members = 0;
    for (; archive != nullptr && archive->next(); ++members) visit(*archive, depth + 1, take);
    if (archive != nullptr) error = archive->error();
    if (error.empty() && members == 0) error = fmt::format("{}: an archive without a file", peeked.name());
    // An error in the middle of a member ends the archive, too, and has been told with the member.
    const bool is_told = members != 0 && archive->failed_in_member();
    if (error.empty() || is_told) return;
    Unreadable failed(peeked.name(), std::move(error));
    take(failed);
}

std::string describe_error(const ByteSource& source) {
    return fmt::format("{}: cannot be copied to a temporary file: {}", source.name(),
                       std::generic_category().message(errno));
}

bool write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

} // namespace

void for_each_recording(const std::string& path, const std::function<void(ByteSource&)>& take) {
    Input input(path);
    visit(input, 0, take);
}

PositionedFile position(ByteSource& source, std::string_view first) {
    if (source.file() >= 0) return {source.file(), {}, FileDescriptor{}};
    const char* const folder = std::getenv("TMPDIR");
    PositionedFile copy;
    copy.kept =
        FileDescriptor(::open(folder == nullptr ? P_tmpdir : folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    copy.file = copy.kept.get();
    if (copy.file < 0) copy.error = describe_error(source);
    for (std::string_view block = first; copy.error.empty() && !block.empty(); block = source.read())
        if (!write_all(copy.file, block)) copy.error = describe_error(source);
    if (copy.error.empty()) copy.error = source.error();
    return copy;
}

} // namespace lapicheck::traces
