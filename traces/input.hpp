// The bytes of a file, a pipe or the standard input, block by block.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lapicheck::traces {

class Input {
  public:
    static constexpr std::size_t block_size = 64 * 1024;

    // Opens `path`; "-" is the standard input. Whether that worked says error().
    explicit Input(std::string path);
    ~Input();
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    // The next bytes, as soon as there are any: a live trace_pipe is not held back until a block
    // is full. Empty at the end of the input and after an error. Valid until the next call.
    std::string_view read();

    // "trace.txt: cannot open: No such file or directory"; empty: no error so far.
    const std::string& error() const { return error_; }
    // The name for messages: the path, or "stdin".
    const std::string& name() const { return name_; }

  private:
    void refuse_directory();

    std::string name_;
    std::string error_;
    int file_ = -1;
    bool owns_file_ = false;
    std::vector<char> block_;
};

} // namespace lapicheck::traces
