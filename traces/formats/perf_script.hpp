// Reads the text of perf script: its default, other --fields (comm, pid, tid, cpu, time, event, trace), --ns,
// call chains and --header. The texts of the tracepoints are those of ftrace, with "kvm:" before the name.
#pragma once

#include <string_view>
#include <vector>

#include "traces/formats/text_reader.hpp"

namespace lapicheck::traces {

class PerfScript final : public TextReader {
  public:
    void feed(std::string_view bytes, std::vector<Event>& out) override;
    void finish(std::vector<Event>& out) override;

  private:
    void take_line(std::string_view line, std::vector<Event>& out);
    void take_header(std::string_view line);
    bool take_lost(std::string_view line, const PartialHead& head, std::vector<Event>& out);

    LineSplitter lines_;
};

} // namespace lapicheck::traces
