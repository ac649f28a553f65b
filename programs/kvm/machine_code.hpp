// Machine code, byte by byte; who writes it states the instruction beside it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace lapicheck::programs::guest {

class Assembly {
  public:
    Assembly() = default;

    Assembly& bytes(std::initializer_list<int> list) {
        for (const int byte : list) code_.push_back(static_cast<std::uint8_t>(byte));
        return *this;
    }
    Assembly& u32(std::uint64_t value) { return little_endian(value, 4); }
    Assembly& u64(std::uint64_t value) { return little_endian(value, 8); }

    const std::vector<std::uint8_t>& code() const { return code_; }
    std::size_t size() const { return code_.size(); }

  private:
    Assembly& little_endian(std::uint64_t value, int count) {
        for (int i = 0; i < count; ++i) code_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
        return *this;
    }

    std::vector<std::uint8_t> code_;
};

} // namespace lapicheck::programs::guest
