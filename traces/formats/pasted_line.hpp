// What mail programs, grep, dmesg and terminals put around the lines of a trace, taken off again.
#pragma once

#include <string>
#include <string_view>

namespace lapicheck::traces {

// What was found in front of a line, or in it.
struct Wrapping {
    bool quoted = false;   // "> "
    bool prefixed = false; // "12:", "trace.txt:12:", "[  123.456789] "
    bool coloured = false; // escape sequences of a terminal
    std::string_view text; // the line without that
};

// `buffer` holds the text where it had to be changed.
Wrapping unwrap(std::string_view line, std::string& buffer);

// "=3D" in an input shows that it is quoted-printable, in which a '=' at the end of a line continues it.
bool is_quoted_printable(std::string_view input);
std::string decode_quoted_printable(std::string_view line);

} // namespace lapicheck::traces
