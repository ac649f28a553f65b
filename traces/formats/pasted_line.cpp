#include "traces/formats/pasted_line.hpp"

#include <algorithm>

#include "traces/formats/scanner.hpp"

namespace lapicheck::traces {
namespace {

// Escape sequences away; tabs and the blanks of web pages (U+00A0) become blanks.
bool clean(std::string_view line, std::string& buffer) {
    buffer.clear();
    bool coloured = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\x1b' && i + 1 < line.size() && line[i + 1] == '[') {
            coloured = true;
            for (i += 2; i < line.size() && (line[i] < '@' || line[i] > '~');) ++i;
        } else if (c == '\t') {
            buffer += ' ';
        } else if (c == '\xc2' && i + 1 < line.size() && line[i + 1] == '\xa0') {
            buffer += ' ';
            ++i;
        } else {
            buffer += c;
        }
    }
    return coloured;
}

// "> ", ">> ", "> | ": each may come again.
std::string_view without_quotes(std::string_view text, bool& quoted) {
    while (true) {
        const std::size_t start = text.find_first_not_of(' ');
        if (start == std::string_view::npos || (text[start] != '>' && text[start] != '|')) return text;
        quoted = true;
        text.remove_prefix(start + 1);
    }
}

// "12:" or "12-" of grep -n, "dir/trace.txt:" and "trace.txt:12:" of grep -H.
std::string_view without_place(std::string_view text, bool& prefixed) {
    Scanner s(text);
    std::uint64_t number = 0;
    const std::size_t colon = text.find(':');
    const std::string_view path = text.substr(0, colon);
    const bool is_path = colon != std::string_view::npos && path.find(' ') == std::string_view::npos &&
                         path.find_first_of("./") != std::string_view::npos &&
                         std::ranges::any_of(path, [](char c) { return c >= 'a' && c <= 'z'; });
    if (is_path) {
        s.skip(colon + 1);
        prefixed = true;
        text = s.rest();
    }
    if (!s.decimal(number) || !(s.take(":") || s.take("-"))) return text;
    // A task's name follows, or blanks before it; not the fraction of a time.
    const char next = s.peek();
    const bool begins_line = next == ' ' || next == '<' || next == '#' || (next >= 'A' && next <= 'z');
    if (!begins_line) return text;
    prefixed = true;
    return s.rest();
}

// "[  123.456789] ", "<4>[  123.456789][ T1234] ", "Dec 01 10:00:00 host kernel: "
std::string_view without_stamp(std::string_view text, bool& prefixed) {
    constexpr std::string_view journal = " kernel: ";
    if (const std::size_t at = text.substr(0, 100).find(journal); at != std::string_view::npos) {
        text.remove_prefix(at + journal.size());
        prefixed = true;
    }
    Scanner s(text);
    std::uint64_t number = 0;
    if (s.take("<") && !(s.decimal(number) && s.take(">"))) return text;
    if (!s.take("[")) return text;
    s.skip_blanks();
    if (!s.decimal(number) || !s.take(".") || !s.decimal(number) || !s.take("]")) return text;
    s.skip_blanks();
    const std::size_t end = s.rest().find(']');
    if (s.peek() == '[' && end < 12) s.skip(end + 1); // "[ T1234]"
    prefixed = true;
    return s.rest();
}

} // namespace

Wrapping unwrap(std::string_view line, std::string& buffer) {
    Wrapping found;
    found.coloured = clean(line, buffer);
    found.text = without_quotes(buffer, found.quoted);
    found.text = without_place(found.text, found.prefixed);
    found.text = without_stamp(found.text, found.prefixed);
    const std::size_t last = found.text.find_last_not_of(' ');
    found.text = last == std::string_view::npos ? std::string_view{} : found.text.substr(0, last + 1);
    return found;
}

bool is_quoted_printable(std::string_view input) {
    return input.find("=3D") != std::string_view::npos ||
           input.find("Content-Transfer-Encoding: quoted-printable") != std::string_view::npos;
}

std::string decode_quoted_printable(std::string_view line) {
    std::string text;
    text.reserve(line.size());
    for (std::size_t i = 0; i < line.size(); ++i) {
        const bool is_code = line[i] == '=' && i + 2 < line.size();
        const unsigned high = is_code ? hex_values[static_cast<std::uint8_t>(line[i + 1])] : 0xffU;
        const unsigned low = is_code ? hex_values[static_cast<std::uint8_t>(line[i + 2])] : 0xffU;
        if (high == 0xff || low == 0xff) {
            text += line[i];
            continue;
        }
        text += static_cast<char>(high << 4 | low);
        i += 2;
    }
    return text;
}

} // namespace lapicheck::traces
