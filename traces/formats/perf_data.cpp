// perf's binary recordings, by perf itself: `perf script` with the fields that are needed, read as its text
// is.
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "traces/file_descriptor.hpp"
#include "traces/formats/perf_script.hpp"

extern char** environ; // NOLINT(readability-redundant-declaration): of environ(7)

namespace lapicheck::traces {
namespace {

// pid/tid tells whose thread it is; all digits of the time; where records are missing.
constexpr auto fields = "comm,pid,tid,cpu,time,event,trace";
constexpr int input_of_perf = 3; // its file descriptor there

std::string system_message(std::string_view what) {
    return fmt::format("{}: {}", what, std::generic_category().message(errno));
}

class PerfData final : public FileReader {
  public:
    ~PerfData() override;
    std::string open(int file) override;
    bool read(std::vector<Event>& out) override;

  private:
    std::string start(int file, int text, int complaints);
    void end_perf();

    PerfScript script_;
    FileDescriptor text_;       // what perf prints
    FileDescriptor complaints_; // and what it complains of
    pid_t perf_ = -1;
    std::array<char, 64 * 1024> block_{};
};

PerfData::~PerfData() {
    if (perf_ <= 0) return;
    text_ = FileDescriptor{}; // it may still write, and ends then
    waitpid(perf_, nullptr, 0);
}

std::string PerfData::open(int file) {
    if (wants_requests_) script_.want_requests();
    std::array<int, 2> pipe_ends{};
    if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return system_message("cannot make a pipe to perf");
    text_ = FileDescriptor(pipe_ends[0]);
    const FileDescriptor into_pipe(pipe_ends[1]);
    complaints_ = FileDescriptor(::memfd_create("perf", MFD_CLOEXEC));
    return start(file, into_pipe.get(), complaints_.get());
}

std::string PerfData::start(int file, int text, int complaints) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, text, STDOUT_FILENO);
    if (complaints >= 0) posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    // Of a descriptor that is 3 already, dup2 would leave FD_CLOEXEC set.
    const FileDescriptor copy(::fcntl(file, F_DUPFD_CLOEXEC, 10));
    posix_spawn_file_actions_adddup2(&actions, copy.get(), input_of_perf);
    const std::string path = fmt::format("/proc/self/fd/{}", input_of_perf);
    std::array<std::string, 9> words = {
        "perf", "script", "-f", "-i", path, "-F", fields, "--ns", "--show-lost-events"};
    std::array<char*, 10> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
    const int result = posix_spawnp(&perf_, "perf", &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (result == 0) return {};
    perf_ = -1;
    return fmt::format(
        "perf's binary recording, for which perf is needed ({}); run where perf is: perf script -i FILE "
        "-F {} --ns --show-lost-events | lapicheck check -",
        std::generic_category().message(result), fields);
}

bool PerfData::read(std::vector<Event>& out) {
    ssize_t bytes = 0;
    do bytes = ::read(text_.get(), block_.data(), block_.size());
    while (bytes < 0 && errno == EINTR);
    if (bytes < 0) error_ = system_message("cannot read what perf prints");
    if (bytes > 0) {
        script_.feed({block_.data(), static_cast<std::size_t>(bytes)}, out);
    } else {
        script_.finish(out);
        end_perf();
    }
    summary_ = script_.summary();
    summary_.format = "perf.data";
    return bytes > 0;
}

void PerfData::end_perf() {
    int status = 0;
    if (waitpid(perf_, &status, 0) == perf_ && error_.empty() && status != 0) {
        std::array<char, 4096> start{};
        const ssize_t size = ::pread(complaints_.get(), start.data(), start.size(), 0);
        std::string_view why(start.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
        why = why.substr(0, why.find_last_not_of('\n') + 1); // its last line
        why.remove_prefix(why.rfind('\n') + 1);
        error_ = fmt::format("perf script could not read it: {}", printable_start(why));
    }
    perf_ = -1;
}

} // namespace

extern const TraceFormat perf_data_format;
const TraceFormat perf_data_format = {
    .name = "perf-data",
    .what = "perf record's perf.data, through perf script",
    .recognizes =
        [](std::string_view first_bytes) {
            return first_bytes.starts_with("PERFILE2") || first_bytes.starts_with("2ELIFREP");
        },
    .make_file_reader = []() -> std::unique_ptr<FileReader> { return std::make_unique<PerfData>(); },
};

} // namespace lapicheck::traces
