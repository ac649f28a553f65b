// The bytes of a file, a pipe or the standard input, block by block.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "traces/byte_source.hpp"

namespace lapicheck::traces {

class Input final : public ByteSource {
  public:
    static constexpr std::size_t block_size = 64 * 1024;

    // Opens `path`; "-" is the standard input. Whether that worked says error().
    explicit Input(std::string path);
    ~Input() override;

    // A live trace_pipe is not held back until a block is full.
    std::string_view read() override;
    const std::string& error() const override { return error_; }
    // The path, or "stdin".
    const std::string& name() const override { return name_; }
    int file() const override { return is_regular_ ? file_ : -1; }

  private:
    void look_at_kind();

    std::string name_;
    std::string error_;
    int file_ = -1;
    bool owns_file_ = false;
    bool is_regular_ = false;
    std::vector<char> block_;
};

} // namespace lapicheck::traces
