#include "programs/image/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lapicheck::programs::image {
namespace {

using traces::FileDescriptor;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct Pipe {
    FileDescriptor read, write;
};
Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
    return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// ---- the guard: after fork(), so nothing here allocates or locks

// What the guard reports: the command could not be run (errno), or how it ended (as wait(2) has it).
struct Status {
    int error;
    int ended;
};

// Of one process, as /proc has them: "123 456 ".
void kill_children(pid_t parent) {
    std::array<char, 64> path{};
    std::array<char, 4096> list{};
    const auto append = [&path](std::size_t at, const char* text) {
        while (*text != 0) path[at++] = *text++;
        return at;
    };
    const auto append_number = [&path](std::size_t at, pid_t number) {
        std::array<char, 16> digits{};
        std::size_t count = 0;
        for (; number != 0 || count == 0; number /= 10)
            digits[count++] = static_cast<char>('0' + number % 10);
        while (count > 0) path[at++] = digits[--count];
        return at;
    };
    std::size_t at = append(0, "/proc/");
    at = append_number(at, parent);
    at = append(at, "/task/");
    at = append_number(at, parent);
    append(at, "/children");
    const int file = open(path.data(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t bytes = ::read(file, list.data(), list.size());
    close(file);
    pid_t child = 0;
    for (ssize_t i = 0; i < bytes; ++i) {
        const char c = list[static_cast<std::size_t>(i)];
        if (c >= '0' && c <= '9') {
            child = child * 10 + (c - '0');
        } else if (child != 0) {
            kill(child, SIGSTOP); // so that it makes no others meanwhile
            kill_children(child);
            kill(child, SIGKILL);
            child = 0;
        }
    }
}

// Those whose parent has ended are the guard's children, since it is their subreaper.
void kill_all_below() {
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        kill_children(getpid());
        pid_t ended = 0;
        while ((ended = waitpid(-1, nullptr, WNOHANG)) > 0) {
        }
        if (ended < 0) return; // there are none
        usleep(1000);
    }
}

void close_all_but(int first, int second) {
    const int low = first < second ? first : second;
    const int high = first < second ? second : first;
    const auto close_range = [](int from, int to) {
        if (from <= to) syscall(SYS_close_range, from, to, 0U);
    };
    close_range(0, low - 1);
    close_range(low + 1, high - 1);
    close_range(high + 1, 0x7fff'ffff);
}

[[noreturn]] void guard(pid_t command, int life, int status) {
    close_all_but(life, status);
    const int ends = static_cast<int>(syscall(SYS_pidfd_open, command, 0U));
    std::array<pollfd, 2> watched{pollfd{life, POLLIN, 0}, pollfd{ends, POLLIN, 0}};
    while (poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
    }
    if (watched[1].revents != 0) {
        Status report{0, 0};
        waitpid(command, &report.ended, 0);
        [[maybe_unused]] const ssize_t told = ::write(status, &report, sizeof report);
    }
    kill_all_below();
    _exit(0);
}

[[noreturn]] void run_command(char* const* arguments, int status) {
    execvp(arguments[0], arguments);
    const Status report{errno, 0};
    [[maybe_unused]] const ssize_t told = ::write(status, &report, sizeof report);
    _exit(127);
}

} // namespace

FileDescriptor memory_file(const char* name, std::string_view bytes) {
    FileDescriptor file(memfd_create(name, MFD_CLOEXEC));
    if (file.get() < 0) fail("memfd_create");
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail("write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return file;
}

SharedMemory::SharedMemory(std::size_t bytes)
    : file_(memfd_create("lapicheck-memory", MFD_CLOEXEC)), bytes_(bytes), mapped_(MAP_FAILED) {
    if (file_.get() < 0 || ftruncate(file_.get(), static_cast<off_t>(bytes)) != 0) fail("memfd_create");
    mapped_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (mapped_ == MAP_FAILED) fail("mmap");
}

SharedMemory::~SharedMemory() { munmap(mapped_, bytes_); }

bool SharedMemory::write(std::size_t at, std::string_view bytes) {
    if (at > bytes_ || bytes.size() > bytes_ - at) return false;
    std::memcpy(static_cast<char*>(mapped_) + at, bytes.data(), bytes.size());
    return true;
}

std::string path_of(const FileDescriptor& file) { return fmt::format("/dev/fd/{}", file.get()); }

void Process::make_pipes() {
    Pipe output = make_pipe();
    output_read_ = std::move(output.read);
    output_write_ = std::move(output.write);
}

std::string Process::start(const std::vector<std::string>& command,
                           const std::vector<const FileDescriptor*>& files) {
    const FileDescriptor nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
    Pipe out = make_pipe();
    Pipe errors = make_pipe();
    Pipe status = make_pipe();
    Pipe life = make_pipe();
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    guard_ = fork();
    if (guard_ < 0) return fmt::format("fork: {}", std::generic_category().message(errno));
    if (guard_ == 0) {
        setpgid(0, 0); // keys of the terminal are for us
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        close(life.write.get()); // or its end would never show
        const pid_t self = getpid();
        const pid_t child = fork();
        if (child != 0) guard(child, life.read.get(), status.write.get());
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != self) _exit(127);
        dup2(nothing.get(), STDIN_FILENO);
        dup2(out.write.get(), STDOUT_FILENO);
        dup2(errors.write.get(), STDERR_FILENO);
        for (const FileDescriptor* file : files) fcntl(file->get(), F_SETFD, 0);
        if (output_write_.get() >= 0) fcntl(output_write_.get(), F_SETFD, 0);
        run_command(arguments.data(), status.write.get());
    }
    output_write_ = FileDescriptor();
    stdout_ = std::move(out.read);
    stderr_ = std::move(errors.read);
    status_ = std::move(status.read);
    life_ = std::move(life.write);
    for (const FileDescriptor* end : {&stdout_, &stderr_, &status_, &output_read_})
        if (end->get() >= 0) fcntl(end->get(), F_SETFL, O_NONBLOCK);
    output_open_ = output_read_.get() >= 0;
    stdout_open_ = stderr_open_ = status_open_ = true;
    return {};
}

void Process::take(int fd, std::string& into, bool& open) {
    std::array<char, 65536> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): read() fills it
    while (open) {
        const ssize_t bytes = ::read(fd, buffer.data(), buffer.size());
        if (bytes > 0) into.append(buffer.data(), static_cast<std::size_t>(bytes));
        else if (bytes == 0 || (errno != EAGAIN && errno != EINTR)) open = false;
        else if (errno == EAGAIN) return;
    }
}

Process::Read Process::read(std::chrono::milliseconds at_most) {
    Read result;
    constexpr std::size_t kept_errors = 4096;
    // QEMU's debug port writes byte by byte; to be woken by each costs more than what it says.
    constexpr unsigned collect_microseconds = 300;
    const auto end = std::chrono::steady_clock::now() + at_most;
    while (result.bytes.empty()) {
        if (!output_open_ && !stdout_open_ && !status_open_) {
            result.ended = true;
            return result;
        }
        std::vector<pollfd> watched;
        if (output_open_) watched.push_back({output_read_.get(), POLLIN, 0});
        if (stdout_open_) watched.push_back({stdout_.get(), POLLIN, 0});
        if (stderr_open_) watched.push_back({stderr_.get(), POLLIN, 0});
        if (status_open_) watched.push_back({status_.get(), POLLIN, 0});
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0 ||
            poll(watched.data(), watched.size(), static_cast<int>(left.count()) + 1) == 0) {
            result.silent = true;
            return result;
        }
        usleep(collect_microseconds);
        take(output_read_.get(), result.bytes, output_open_);
        take(stdout_.get(), result.bytes, stdout_open_);
        take(stderr_.get(), errors_, stderr_open_);
        take(status_.get(), status_bytes_, status_open_);
        if (errors_.size() > kept_errors) errors_.erase(0, errors_.size() - kept_errors);
    }
    return result;
}

void Process::end() {
    life_ = FileDescriptor(); // the guard sees it
    if (guard_ > 0)
        while (waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
        }
    guard_ = -1;
}

std::string Process::ending() const {
    Status status{};
    if (status_bytes_.size() < sizeof status) return {};
    std::memcpy(&status, status_bytes_.data(), sizeof status);
    if (status.error != 0)
        return fmt::format("it cannot be run: {}", std::generic_category().message(status.error));
    std::string text = WIFEXITED(status.ended) ? fmt::format("exit status {}", WEXITSTATUS(status.ended))
                                               : fmt::format("killed by signal {}", WTERMSIG(status.ended));
    std::string_view errors = errors_;
    while (errors.ends_with('\n') || errors.ends_with('\r')) errors.remove_suffix(1);
    if (const std::size_t line = errors.rfind('\n'); line != std::string_view::npos)
        errors.remove_prefix(line + 1);
    if (errors.empty()) return text;
    for (const char c : errors) // of a foreign program: nothing that moves a terminal's cursor
        if (static_cast<unsigned char>(c) < ' ') return text;
    return fmt::format("{}: {}", text, errors);
}

} // namespace lapicheck::programs::image
