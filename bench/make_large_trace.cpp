// Makes a large ftrace text out of real recordings, for measuring:
//
//   make_large_trace EVENTS OUTPUT RECORDING...
//
// The recordings are played in turn, each to its end, until at least EVENTS events are written. A
// second playing must not look as if the guest had jumped back to its beginning, so each gets thread
// ids of its own: it is the run of another VM. Time stamps move on, so that time never goes back.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

// A line's head as kernel/trace/trace_output.c prints it: "%16s-%-7d [%03d] ..... %5lu.%06lu: ".
constexpr std::size_t task_width = 16;
constexpr std::size_t thread_width = 7;
constexpr std::size_t seconds_width = 5;
constexpr std::size_t cpu_column = 25;
constexpr std::string_view pit_thread = "kvm-pit/"; // KVM's timer thread has its VM's process id in the name

constexpr std::uint64_t first_thread = 1000;
constexpr std::uint64_t last_thread = 4'194'303;   // PID_MAX_LIMIT
constexpr std::uint64_t pauses_in_a_second = 1000; // between two recordings: a millisecond

struct Line {
    std::string_view task; // without its padding
    std::uint64_t thread = 0;
    std::string_view cpu_and_flags; // "[000] d...."
    std::uint64_t time = 0;         // in units of the last digit
    std::string_view event;         // ": kvm_msr: ..." without the newline
};

struct Recording {
    std::string name;
    std::string text;
    std::vector<std::string_view> header;
    std::vector<Line> lines;
    std::vector<std::uint64_t> threads; // all that occur, sorted
    std::size_t fraction_digits = 0;
};

std::optional<std::uint64_t> to_number(std::string_view digits) {
    std::uint64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), end, value);
    if (result.ec != std::errc{} || result.ptr != end) return std::nullopt;
    return value;
}

std::string_view without_padding(std::string_view text) {
    const auto begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// The process id within "kvm-pit/6579".
std::optional<std::uint64_t> process_of_pit_thread(std::string_view task) {
    if (!task.starts_with(pit_thread)) return std::nullopt;
    return to_number(task.substr(pit_thread.size()));
}

struct Stamp {
    std::uint64_t time;
    std::size_t fraction_digits;
};

std::optional<Stamp> parse_stamp(std::string_view text) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    std::string digits{text.substr(0, dot)};
    digits += text.substr(dot + 1);
    const auto time = to_number(digits);
    if (!time) return std::nullopt;
    return Stamp{*time, text.size() - dot - 1};
}

std::optional<Line> parse_line(std::string_view text, std::size_t& fraction_digits) {
    if (text.size() <= cpu_column || text[task_width] != '-' || text[cpu_column] != '[') return std::nullopt;
    const auto flags = text.find(' ', cpu_column);
    if (flags == std::string_view::npos) return std::nullopt;
    const auto flags_end = text.find(' ', flags + 1);
    if (flags_end == std::string_view::npos) return std::nullopt;
    const auto colon = text.find(':', flags_end);
    if (colon == std::string_view::npos) return std::nullopt;

    const auto thread = to_number(without_padding(text.substr(task_width + 1, thread_width)));
    const auto stamp = parse_stamp(without_padding(text.substr(flags_end, colon - flags_end)));
    if (!thread || !stamp) return std::nullopt;
    fraction_digits = stamp->fraction_digits;
    return Line{without_padding(text.substr(0, task_width)), *thread,
                text.substr(cpu_column, flags_end - cpu_column), stamp->time, text.substr(colon)};
}

std::string read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (!file) throw std::runtime_error(name + ": cannot be read");
    return text;
}

void keep_sorted_and_unique(std::vector<std::uint64_t>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

void parse(Recording& recording) {
    const std::string_view text = recording.text;
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = std::min(text.find('\n', begin), text.size());
        const auto row = text.substr(begin, end - begin);
        begin = end + 1;
        ++number;
        if (row.starts_with('#')) {
            recording.header.push_back(row);
            continue;
        }
        const auto line = parse_line(row, recording.fraction_digits);
        if (!line) {
            throw std::runtime_error(recording.name + ":" + std::to_string(number) +
                                     ": not an event of an ftrace text with stamps in seconds");
        }
        recording.threads.push_back(line->thread);
        if (const auto process = process_of_pit_thread(line->task)) recording.threads.push_back(*process);
        recording.lines.push_back(*line);
    }
    if (recording.lines.empty()) throw std::runtime_error(recording.name + ": no events in it");
    keep_sorted_and_unique(recording.threads);
}

class Writer {
  public:
    explicit Writer(const std::string& name) : file_(name, std::ios::binary) {
        if (!file_) throw std::runtime_error(name + ": cannot be written");
    }

    void append(std::string_view text) { buffer_ += text; }
    void append_right(std::string_view text, std::size_t width, char fill = ' ') {
        buffer_.append(width - std::min(width, text.size()), fill);
        buffer_ += text;
    }
    void append_left(std::string_view text, std::size_t width) {
        buffer_ += text;
        buffer_.append(width - std::min(width, text.size()), ' ');
    }
    void end_line() {
        buffer_ += '\n';
        if (buffer_.size() >= flush_size) flush();
    }
    void finish(const std::string& name) {
        flush();
        file_.close();
        if (!file_) throw std::runtime_error(name + ": could not be written to its end");
    }

  private:
    static constexpr std::size_t flush_size = std::size_t{1} << 20U;

    void flush() {
        file_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
        buffer_.clear();
    }

    std::ofstream file_;
    std::string buffer_;
};

class Decimal {
  public:
    explicit Decimal(std::uint64_t value)
        : end_(std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr) {}
    Decimal(const Decimal&) = delete;
    Decimal& operator=(const Decimal&) = delete;

    std::string_view text() const {
        return {digits_.data(), static_cast<std::size_t>(end_ - digits_.data())};
    }

  private:
    std::array<char, 20> digits_{};
    const char* end_;
};

class Player {
  public:
    Player(Writer& out, std::size_t fraction_digits) : out_(out), fraction_digits_(fraction_digits) {
        for (std::size_t digit = 0; digit < fraction_digits; ++digit) second_ *= 10;
    }

    void play(const Recording& recording) {
        const auto start = time_ + std::max<std::uint64_t>(second_ / pauses_in_a_second, 1);
        const auto recorded_start = recording.lines.front().time;
        for (const auto& line : recording.lines) {
            // Stamps of two CPUs may be out of order within a recording.
            if (line.time > recorded_start) time_ = std::max(time_, start + (line.time - recorded_start));
            time_ = std::max(time_, start);
            write(line, recording.threads);
        }
        next_thread_ += recording.threads.size();
        if (next_thread_ > last_thread) throw std::runtime_error("more events than there are thread ids for");
    }

  private:
    std::uint64_t renumbered(std::uint64_t thread, const std::vector<std::uint64_t>& threads) const {
        const auto place = std::lower_bound(threads.begin(), threads.end(), thread);
        return next_thread_ + static_cast<std::uint64_t>(place - threads.begin());
    }

    void write(const Line& line, const std::vector<std::uint64_t>& threads) {
        if (const auto process = process_of_pit_thread(line.task)) {
            std::string task{pit_thread};
            task += Decimal(renumbered(*process, threads)).text();
            task.resize(std::min(task.size(), task_width - 1)); // TASK_COMM_LEN - 1
            out_.append_right(task, task_width);
        } else {
            out_.append_right(line.task, task_width);
        }
        out_.append("-");
        out_.append_left(Decimal(renumbered(line.thread, threads)).text(), thread_width);
        out_.append(" ");
        out_.append(line.cpu_and_flags);
        out_.append(" ");
        out_.append_right(Decimal(time_ / second_).text(), seconds_width);
        out_.append(".");
        out_.append_right(Decimal(time_ % second_).text(), fraction_digits_, '0');
        out_.append(line.event);
        out_.end_line();
    }

    Writer& out_;
    std::size_t fraction_digits_;
    std::uint64_t second_ = 1; // in units of the last digit
    std::uint64_t time_ = 0;
    std::uint64_t next_thread_ = first_thread;
};

// How many recordings must be played, in turn, for at least `wanted` events; and how many that makes.
struct Plan {
    std::size_t plays = 0;
    std::uint64_t events = 0;
};

Plan plan(const std::vector<Recording>& recordings, std::uint64_t wanted) {
    Plan result;
    while (result.events < wanted) {
        result.events += recordings[result.plays % recordings.size()].lines.size();
        ++result.plays;
    }
    return result;
}

void write_header(Writer& out, const Recording& recording, std::uint64_t events) {
    constexpr std::string_view count_row = "# entries-in-buffer/entries-written: ";
    for (const auto row : recording.header) {
        if (row.starts_with(count_row)) {
            const auto rest = row.find(' ', count_row.size());
            out.append(count_row);
            out.append(Decimal(events).text());
            out.append("/");
            out.append(Decimal(events).text());
            if (rest != std::string_view::npos) out.append(row.substr(rest));
        } else {
            out.append(row);
        }
        out.end_line();
    }
}

void make_large_trace(std::uint64_t wanted, const std::string& output,
                      const std::vector<std::string>& names) {
    std::vector<Recording> recordings(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        recordings[i].name = names[i];
        recordings[i].text = read_file(names[i]);
        parse(recordings[i]);
        if (recordings[i].fraction_digits != recordings[0].fraction_digits) {
            throw std::runtime_error(names[i] + ": its clock has another precision than " + names[0]);
        }
    }

    const auto todo = plan(recordings, wanted);
    Writer out(output);
    write_header(out, recordings.front(), todo.events);
    Player player(out, recordings.front().fraction_digits);
    for (std::size_t i = 0; i < todo.plays; ++i) player.play(recordings[i % recordings.size()]);
    out.finish(output);
    std::printf("%s: %llu events, %zu runs\n", output.c_str(), static_cast<unsigned long long>(todo.events),
                todo.plays);
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto wanted = arguments.empty() ? std::nullopt : to_number(arguments[0]);
    if (arguments.size() < 3 || !wanted || *wanted == 0) {
        std::fputs("usage: make_large_trace EVENTS OUTPUT RECORDING...\n", stderr);
        return 2;
    }
    try {
        make_large_trace(*wanted, arguments[1], {arguments.begin() + 2, arguments.end()});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "make_large_trace: %s\n", error.what());
        return 2;
    }
    return 0;
}
