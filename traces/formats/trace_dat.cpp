#include "traces/formats/trace_dat.hpp"

#include <utility>

#include <fmt/format.h>

#include "traces/loaded_object.hpp"

namespace lapicheck::traces {
namespace {

using namespace std::string_view_literals;

// Where the object or libtracecmd is missing.
class NoReader final : public FileReader {
  public:
    explicit NoReader(std::string why) { error_ = std::move(why); }
    std::string open(int) override {
        return fmt::format(
            "trace-cmd's binary recording, whose reader cannot be loaded: {}; put {} beside the program, and "
            "install libtracecmd (Debian: libtracecmd1), or run: trace-cmd report FILE | lapicheck check -",
            error_, trace_dat_object);
    }
    bool read(std::vector<Event>&) override { return false; }
};

std::unique_ptr<FileReader> make_reader() {
    static const LoadedSymbol make = load_symbol(trace_dat_object, trace_dat_symbol);
    if (make.symbol == nullptr) return std::make_unique<NoReader>(make.error);
    return std::unique_ptr<FileReader>(reinterpret_cast<MakeTraceDat>(make.symbol)());
}

} // namespace

extern const TraceFormat trace_dat_format;
const TraceFormat trace_dat_format = {
    .name = "trace-dat",
    .what = "trace-cmd record's trace.dat",
    .recognizes =
        [](std::string_view first_bytes) { return first_bytes.starts_with("\x17\x08\x44tracing"sv); },
    .make_file_reader = make_reader,
};

} // namespace lapicheck::traces
