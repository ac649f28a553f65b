#include "recording.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "traces/formats/ftrace_line.hpp"

namespace lapicheck::metamorphic {
namespace {

template <class Of>
auto each_once(const std::vector<Line>& lines, Of of) {
    std::vector<std::decay_t<decltype(of(lines.front()))>> all;
    for (const Line& line : lines)
        if (!line.is_mark() && (all.empty() || all.back() != of(line))) all.push_back(of(line));
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

std::optional<Line> mark_of(std::string_view text) {
    Line line;
    line.text = text;
    if (const auto mark = traces::read_lost_mark(text)) line.cpu = mark->cpu;
    else if (const auto cpu = traces::read_buffer_start(text)) line.cpu = *cpu;
    else return std::nullopt;
    return line;
}

Line record_of(std::string_view text, const traces::LineHead& head) {
    Line line;
    line.text = text;
    line.cpu = head.cpu;
    line.thread = head.thread;
    line.time = head.time;
    line.event = head.event_text.substr(0, head.event_text.find(':'));
    const auto behind_stamp = text.size() - head.event_text.size() - std::string_view{": "}.size();
    const auto blank = text.rfind(' ', behind_stamp - 1);
    line.stamp = text.substr(blank + 1, behind_stamp - blank - 1);
    return line;
}

// A mark stands right before the next line of its CPU.
void stamp_marks(std::vector<Line>& lines) {
    std::vector<std::uint64_t> next;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
        if (line->cpu >= next.size()) next.resize(line->cpu + std::size_t{1});
        if (line->is_mark()) line->time = next[line->cpu];
        else next[line->cpu] = line->time;
    }
}

} // namespace

std::vector<std::uint16_t> Recording::cpus() const {
    return each_once(lines, [](const Line& line) { return line.cpu; });
}
std::vector<std::uint32_t> Recording::threads() const {
    return each_once(lines, [](const Line& line) { return line.thread; });
}
std::vector<std::string_view> Recording::events() const {
    return each_once(lines, [](const Line& line) { return line.event; });
}

std::optional<Recording> read_recording(const std::string& path, const std::string& name) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    Recording recording;
    recording.name = name;
    recording.text.assign(std::istreambuf_iterator<char>(file), {});
    traces::HeadReader heads;
    std::string_view rest = recording.text;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) break; // cut anywhere: the reader does not use it
        const std::string_view text = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        traces::LineHead head;
        if (const auto mark = mark_of(text)) recording.lines.push_back(*mark);
        else if (text.starts_with('#') && recording.lines.empty()) recording.head.emplace_back(text);
        else if (heads.read(text, head) == traces::HeadFault::none) {
            recording.lines.push_back(record_of(text, head));
            recording.clock_digits = head.clock_digits;
        }
    }
    if (recording.lines.empty()) return std::nullopt;
    stamp_marks(recording.lines);
    return recording;
}

} // namespace lapicheck::metamorphic
