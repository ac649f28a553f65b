#include "checker/cli/standard_streams.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

namespace lapicheck::checker {
namespace {

// SIGPIPE of this thread that comes meanwhile comes to nothing.
class WithoutSigpipe {
  public:
    WithoutSigpipe() {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~WithoutSigpipe() {
        const timespec at_once{};
        if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    WithoutSigpipe(const WithoutSigpipe&) = delete;
    WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

  private:
    sigset_t pipe_{};
    sigset_t before_{};
    bool was_pending_ = false;
};

ssize_t write_or_lose(void*, const char* text, size_t bytes) {
    const int error = errno; // the message may be about it
    const WithoutSigpipe safe;
    for (size_t done = 0; done < bytes;) {
        const ssize_t written = ::write(STDERR_FILENO, text + done, bytes - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) break;
        done += static_cast<size_t>(written);
    }
    errno = error;
    return static_cast<ssize_t>(bytes);
}

} // namespace

void secure_standard_streams() {
    // Opened the wrong way round: reading from it, or writing to it, fails as it would have.
    constexpr int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int descriptor = 0; descriptor <= 2; ++descriptor)
        if (::fcntl(descriptor, F_GETFD) < 0 && errno == EBADF) ::open("/dev/null", modes[descriptor]);
    cookie_io_functions_t functions{};
    functions.write = write_or_lose;
    if (std::FILE* const messages = ::fopencookie(nullptr, "w", functions); messages != nullptr) {
        std::setvbuf(messages, nullptr, _IOLBF, BUFSIZ);
        stderr = messages;
    }
}

} // namespace lapicheck::checker
