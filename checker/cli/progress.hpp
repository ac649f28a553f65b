// One line on standard error that is written over and goes away at the end.
#pragma once

#include <chrono>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace lapicheck::checker {

inline bool shows_progress() { return isatty(STDERR_FILENO) != 0; }

class ProgressLine {
  public:
    ProgressLine() = default;
    ~ProgressLine() { erase(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    // `text()` is asked for only if it is time to show something new.
    template <class Text>
    void tell(Text text) {
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::milliseconds(300)) return;
        last_ = now;
        shown_ = true;
        fmt::print(stderr, "\r\033[K{}", text());
        std::fflush(stderr);
    }

    // Before something else is printed.
    void erase() {
        if (!shown_) return;
        fmt::print(stderr, "\r\033[K");
        std::fflush(stderr);
        shown_ = false;
    }

  private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
    bool shown_ = false;
};

} // namespace lapicheck::checker
