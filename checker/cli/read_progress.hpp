// How far the reading of one recording is: share, rate and time left, on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "checker/cli/progress.hpp"

namespace lapicheck::checker {

class ReadProgress {
  public:
    explicit ReadProgress(std::string path);
    // `bytes` of the recording have been read; 0: the reader does not tell.
    void tell(std::uint64_t bytes);

  private:
    std::string text(std::uint64_t bytes) const;

    std::string path_;
    std::uint64_t all_ = 0; // bytes; 0: a pipe, or what is in a packed file is not known
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    ProgressLine line_;
};

} // namespace lapicheck::checker
