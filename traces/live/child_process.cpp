#include "traces/live/child_process.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace lapicheck::traces {
namespace {

std::string describe(int error) { return std::generic_category().message(error); }

// If nobody handles it. Not those that no process can, and not those of glibc's threads (32 and 33).
bool ends_a_process(int signal) {
    switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGCONT:
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH: return false;
    default: return signal < 32 || signal >= SIGRTMIN;
    }
}

// By who started us: nohup(1).
bool is_ignored(int signal) {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

} // namespace

SignalQueue::SignalQueue() {
    sigset_t ours;
    sigemptyset(&ours);
    for (int signal = 1; signal <= SIGRTMAX; ++signal)
        if (ends_a_process(signal) && !is_ignored(signal)) sigaddset(&ours, signal);
    for (const int signal : {SIGCHLD, SIGPIPE}) sigaddset(&ours, signal);
    sigprocmask(SIG_BLOCK, &ours, &before_);
    queue_ = FileDescriptor(signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC));
    if (queue_.get() < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
}

SignalQueue::~SignalQueue() {
    while (next()) {
    } // or they would end us as soon as they may
    sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<SignalQueue::Received> SignalQueue::next() {
    signalfd_siginfo info{};
    while (::read(queue_.get(), &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGPIPE)
            return Received{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
    return std::nullopt;
}

std::string ChildProcess::start(const std::vector<std::string>& command, const sigset_t& mask) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &mask);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int error = posix_spawnp(&id_, arguments[0], nullptr, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error == 0) return {};
    id_ = -1;
    return fmt::format("cannot run {}: {}", command.front(), describe(error));
}

bool ChildProcess::runs() {
    if (id_ < 0 || status_) return false;
    int status = 0;
    pid_t ended = 0;
    do ended = waitpid(id_, &status, WNOHANG);
    while (ended < 0 && errno == EINTR);
    if (ended < 0) return false; // somebody waited for it
    if (ended == id_) status_ = status;
    return !status_;
}

void ChildProcess::send(int signal) const {
    if (id_ > 0 && !status_) kill(id_, signal);
}

std::string ChildProcess::ending() const {
    if (!status_) return {};
    if (WIFEXITED(*status_)) return fmt::format("exit status {}", WEXITSTATUS(*status_));
    const char* const name = sigabbrev_np(WTERMSIG(*status_));
    return name != nullptr ? fmt::format("killed by SIG{}", name)
                           : fmt::format("killed by signal {}", WTERMSIG(*status_));
}

} // namespace lapicheck::traces
