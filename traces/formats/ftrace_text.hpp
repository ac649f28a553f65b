// Reads ftrace text: the files `trace` and `trace_pipe` of the kernel and the output of trace-cmd
// report. docs/trace-formats.md says which texts of which kernels.
#pragma once

#include <string_view>
#include <vector>

#include "traces/formats/text_reader.hpp"

namespace lapicheck::traces {

class FtraceText final : public TextReader {
  public:
    static constexpr std::size_t max_line = LineSplitter::max_line;

    void feed(std::string_view bytes, std::vector<Event>& out) override;

    // A last line without newline may have been cut anywhere ("0x10" of
    // "0x100"), so it is counted and not used.
    void finish(std::vector<Event>& out) override;

  private:
    void take_line(std::string_view line, std::vector<Event>& out);
    bool take_mark(std::string_view line, std::vector<Event>& out);

    LineSplitter lines_;
    HeadReader heads_;
};

} // namespace lapicheck::traces
