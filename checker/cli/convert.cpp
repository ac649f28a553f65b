#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/report/whole_file.hpp"
#include "traces/formats/event_json.hpp"
#include "traces/formats/recording_reader.hpp"
#include "traces/recordings.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(Writes the events of a recording that say something of a local APIC as JSON, one object a line, whatever the format
they were recorded in. 'check' and 'interrupts' read that, too: it is the form for hypervisors, simulators and fuzzers of
your own (schema: specs/schema/events.schema.json), and shows what lapicheck understood of a recording.

Examples:
  lapicheck convert trace.dat | head
  lapicheck convert -o run.jsonl mail.txt && lapicheck check run.jsonl
  diff <(lapicheck convert trace.dat) <(lapicheck convert trace.txt)

Exit status: 0 converted, 2 wrong usage or input, or the output could not be written, 4 no event says anything of a local
APIC.)";

struct Options {
    std::vector<std::string> paths;
    CheckOptions reading; // its input format
    std::string output;
};

// To a file that is there whole or not at all, or to standard output.
class Sink {
  public:
    std::string open(const std::string& path) {
        to_file_ = !path.empty();
        return to_file_ ? file_.open(path) : std::string{};
    }
    void write(const std::string& line) {
        text_ += line;
        text_ += '\n';
        if (text_.size() > std::size_t{64} * 1024) flush();
    }
    void flush() {
        if (to_file_ && error_.empty()) error_ = file_.write(text_);
        if (!to_file_) std::cout << text_;
        text_.clear();
    }
    bool failed() const { return !error_.empty() || !std::cout; }
    // 0, or the exit code.
    int close() {
        flush();
        if (!to_file_) return printed(exit_code::conforms);
        if (error_.empty()) error_ = file_.keep();
        return error_.empty() ? exit_code::conforms : complain("convert", exit_code::bad_input, error_);
    }

  private:
    WholeFile file_;
    bool to_file_ = false;
    std::string text_;
    std::string error_;
};

// How many events were written, or nothing if the recording cannot be read to its end, which is told.
std::optional<std::uint64_t> convert(traces::ByteSource& source, const Options& options, Sink& sink) {
    traces::RecordingReader reader(source.name(), options.reading.input_format, true);
    std::uint64_t events = 0;
    bool has_header = false;
    const auto write = [&](const std::vector<traces::Event>& batch) {
        if (!has_header && !batch.empty()) sink.write(traces::header_line(reader.summary()));
        has_header = has_header || !batch.empty();
        for (const traces::Event& event : batch) sink.write(traces::event_line(event));
        events += batch.size();
    };
    std::string error =
        reader.read(source, [&](const std::vector<traces::Event>& batch, std::uint64_t) { write(batch); });
    std::vector<traces::Event> last;
    reader.finish(last);
    write(last);
    const traces::ReadSummary& read = reader.summary();
    std::vector<std::uint32_t> threads;
    for (const auto& [thread, info] : read.threads)
        if (!info.name.empty()) threads.push_back(thread);
    std::ranges::sort(threads);
    for (const std::uint32_t thread : threads)
        sink.write(traces::thread_line(thread, read.threads.at(thread)));

    const auto tell = [&source](std::string_view what) {
        message(fmt::format("{}: {}", source.name(), what));
    };
    for (const traces::Repair& repair : read.repairs)
        tell(fmt::format("repaired: {} lines {}", repair.lines, repair.what));
    for (const std::string& note : read.notes) tell(note);
    if (read.skipped_lines != 0)
        tell(fmt::format("{} lines were skipped, first line {}: {}", read.skipped_lines,
                         read.skipped.empty() ? 0 : read.skipped.front().line,
                         read.skipped.empty() ? "" : read.skipped.front().why));
    if (error.empty()) return events;
    message(error);
    return std::nullopt;
}

int convert_all(const Options& options) {
    Sink sink;
    if (const std::string error = sink.open(options.output); !error.empty())
        return complain("convert", exit_code::bad_input, error);
    errno = 0;
    bool failed = false;
    std::uint64_t events = 0;
    for (const std::string& path : options.paths)
        traces::for_each_recording(path, [&](traces::ByteSource& source) {
            const auto converted = convert(source, options, sink);
            failed = failed || !converted;
            events += converted.value_or(0);
        });
    if (const int code = sink.close(); code != exit_code::conforms) return code;
    if (failed) return exit_code::bad_input;
    return events == 0 ? exit_code::undecided : exit_code::conforms;
}

} // namespace

void add_convert(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("convert", "write the events of a recording as JSON, one a line");
    add_traces(*command, options->paths, options->reading);
    command->add_option("-o,--output", options->output, "write to this file")->option_text("FILE");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return convert_all(*options); }; });
}

} // namespace lapicheck::checker
