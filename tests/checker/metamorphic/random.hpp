// Random numbers that are the same on every machine.
#pragma once

#include <cstdint>

namespace lapicheck::metamorphic {

class Random { // SplitMix64
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15);
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
        return z ^ (z >> 31);
    }
    std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
    // first <= x <= last
    std::uint64_t between(std::uint64_t first, std::uint64_t last) { return first + below(last - first + 1); }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    template <class Items>
    const auto& one_of(const Items& items) {
        return items[below(items.size())];
    }

  private:
    std::uint64_t state_;
};

} // namespace lapicheck::metamorphic
