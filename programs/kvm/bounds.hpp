// How long a program waits for what may never come.
#pragma once

#include <chrono>

namespace lapicheck::programs {

struct KvmBounds {
    std::chrono::microseconds halt{100'000};    // for something to end HLT
    std::chrono::microseconds timer{1'000'000}; // for timer-expires
};

} // namespace lapicheck::programs
