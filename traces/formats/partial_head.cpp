#include "traces/formats/partial_head.hpp"

#include <algorithm>
#include <array>

#include "traces/formats/ftrace_events.hpp"
#include "traces/formats/scanner.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::uint64_t max_thread = 999'999'999;
constexpr std::uint64_t max_cpu = 0xfffe;
constexpr std::size_t max_head = 400; // bytes: prefixes of mail, grep and dmesg included

constexpr bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

std::string_view take_name(std::string_view& text) {
    const auto end = std::ranges::find_if_not(text, is_name_byte);
    const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(name.size());
    return name;
}

// "kvm_entry: ", "kvm:kvm_entry:", "sys_ioctl(", and the place where a wrapped line ends behind the colon.
bool is_event(std::string_view text) {
    if (text.starts_with("PERF_RECORD_")) return true;
    std::string_view name = take_name(text);
    if (name.empty() || is_digit(name[0])) return false;
    if (text.size() > 1 && text[0] == ':' && is_name_byte(text[1])) {
        text.remove_prefix(1);
        name = take_name(text);
    }
    return text.starts_with(':') || (name.starts_with("sys_") && text.starts_with('('));
}

// Without a head, only what can be nothing else.
bool is_event_alone(std::string_view text) {
    if (!is_event(text)) return false;
    std::string_view name = take_name(text);
    if (name == "kvm" && text.starts_with(":kvm_")) {
        text.remove_prefix(1);
        name = take_name(text);
    }
    return text.starts_with(": ") && (name.starts_with("kvm_") || is_of_interest(name));
}

constexpr std::array<std::uint32_t, 10> nanoseconds = {
    1'000'000'000, 100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};

// "7079.002646:"
bool read_seconds(std::string_view word, LineHead& head) {
    Scanner s(word);
    std::uint64_t seconds = 0;
    std::uint64_t fraction = 0;
    if (!s.decimal(seconds) || seconds > 9'999'999'999 || !s.take(".")) return false;
    const std::size_t before = s.left();
    if (!s.decimal(fraction)) return false;
    const std::size_t digits = before - s.left();
    if (digits < 3 || digits > 9 || !s.take(":") || !s.done()) return false;
    head.time = seconds * 1'000'000'000 + fraction * nanoseconds[digits];
    head.clock_digits = static_cast<unsigned>(std::max<std::size_t>(digits, 6));
    return true;
}

// "1234us", "1234us+:", in front of which nothing else is a time
bool read_microseconds(std::string_view word, LineHead& head) {
    Scanner s(word);
    std::uint64_t microseconds = 0;
    if (!s.decimal(microseconds) || microseconds > 9'999'999'999'999 || !s.take("us")) return false;
    const std::string_view rest = s.rest();
    if (rest.size() > 2 || rest.find_first_not_of("+!#*@$:") != std::string_view::npos) return false;
    head.time = microseconds * 1000;
    head.clock_digits = 6;
    return true;
}

std::string_view without_end_blanks(std::string_view text) {
    const std::size_t last = text.find_last_not_of(' ');
    return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

// The last word, which is taken off `text`.
std::string_view take_last_word(std::string_view& text) {
    text = without_end_blanks(text);
    const std::size_t blank = text.rfind(' ');
    const std::string_view word = blank == std::string_view::npos ? text : text.substr(blank + 1);
    text.remove_suffix(word.size());
    return word;
}

bool read_cpu(std::string_view word, PartialHead& head) {
    Scanner s(word);
    std::uint64_t cpu = 0;
    if (!s.take("[") || !s.decimal(cpu) || cpu > max_cpu || !s.take("]") || !s.done()) return false;
    head.cpu = static_cast<std::uint16_t>(cpu);
    head.has_cpu = true;
    return true;
}

bool are_flags(std::string_view word) {
    constexpr std::string_view letters = ".dDbNnpBsShHzZxXlL#0123456789abcdef";
    return word.size() >= 3 && word.size() <= 10 &&
           word.find_first_not_of(letters) == std::string_view::npos &&
           word.find_first_of(".dNnpsShHzZ#") != std::string_view::npos;
}

// "0d..2", "  1.....": the CPU with the flags at it
bool read_cpu_and_flags(std::string_view word, PartialHead& head) {
    Scanner s(word);
    std::uint64_t cpu = 0;
    if (!s.decimal(cpu) || cpu > max_cpu || !are_flags(s.rest())) return false;
    head.cpu = static_cast<std::uint16_t>(cpu);
    head.has_cpu = true;
    return true;
}

bool set_thread(std::uint64_t thread, std::string_view name, PartialHead& head) {
    if (thread > max_thread) return false;
    head.thread = static_cast<std::uint32_t>(thread);
    const std::size_t start = name.find_first_not_of(' ');
    head.name = start == std::string_view::npos ? std::string_view{} : without_end_blanks(name.substr(start));
    head.has_thread = true;
    return true;
}

// "1234", "1203/1234", "qemu-system-x86-1234"
bool read_thread(std::string_view before, std::string_view word, PartialHead& head) {
    std::uint64_t process = 0;
    std::uint64_t thread = 0;
    const std::size_t separator = word.find_last_of("-/");
    Scanner s(separator == std::string_view::npos ? word : word.substr(separator + 1));
    if (!s.decimal(thread) || !s.done()) return false;
    if (separator == std::string_view::npos) return set_thread(thread, before, head);
    if (word[separator] == '-') {
        const std::string_view all(before.data(), before.size() + separator);
        return set_thread(thread, all, head);
    }
    Scanner group(word.substr(0, separator));
    if (!group.decimal(process) || !group.done() || process > max_thread) return false;
    head.process = static_cast<std::uint32_t>(process);
    return set_thread(thread, before, head);
}

// What stands before the time, from right to left.
void read_columns(std::string_view text, PartialHead& head) {
    std::string_view word = take_last_word(text);
    if (read_cpu_and_flags(word, head)) word = take_last_word(text);
    else {
        if (are_flags(word)) word = take_last_word(text);
        if (word.starts_with('(')) word = take_last_word(text); // "(-----)": record-tgid
        if (read_cpu(word, head)) word = take_last_word(text);
        if (word.starts_with('(')) word = take_last_word(text);
        if (head.has_cpu && are_flags(word) && !text.empty()) word = take_last_word(text);
    }
    read_thread(text, word, head);
}

} // namespace

bool read_partial_head(std::string_view line, PartialHead& head) {
    const std::string_view looked_at = line.substr(0, max_head);
    for (std::size_t at = 0; at < looked_at.size();) {
        const std::size_t start = looked_at.find_first_not_of(' ', at);
        if (start == std::string_view::npos) break;
        const std::size_t end = std::min(looked_at.find(' ', start), looked_at.size());
        at = end;
        const std::string_view word = looked_at.substr(start, end - start);
        if (!is_digit(word[0])) continue;
        const bool is_seconds = read_seconds(word, head);
        if (!is_seconds && !read_microseconds(word, head)) continue;
        std::string_view rest = line.substr(end);
        rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        if (!word.ends_with(':')) { // "1234us : kvm_entry"
            if (!rest.starts_with(": ")) continue;
            rest.remove_prefix(1);
            rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
        }
        if (!is_event(rest)) continue;
        head.has_time = true;
        head.event_text = rest;
        read_columns(line.substr(0, start), head);
        return true;
    }
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos || !is_event_alone(line.substr(start))) return false;
    head = {};
    head.event_text = line.substr(start);
    return true;
}

bool read_head_anywhere(std::string_view line, PartialHead& head) {
    const std::size_t end = std::min(line.size(), max_head);
    for (std::size_t dash = line.find('-'); dash < end; dash = line.find('-', dash + 1)) {
        HeadColumns columns;
        if (read_head_at(line, dash, head, columns) != HeadFault::none || !is_event(head.event_text))
            continue;
        head.has_thread = head.has_cpu = head.has_time = true;
        return true;
    }
    return false;
}

} // namespace lapicheck::traces
