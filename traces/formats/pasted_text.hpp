// Reads ftrace and perf script text as people paste it into mails, bug reports and web pages: quoted, with
// the prefixes of grep and dmesg, wrapped by a mail program, quoted-printable, coloured, in ftrace's latency
// format, and with columns cut away. What had to be repaired is counted.
//
// It is chosen where it reads more than the readers of undamaged text, whose speed it leaves alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "traces/formats/text_reader.hpp"

namespace lapicheck::traces {

class PastedText final : public TextReader {
  public:
    void feed(std::string_view bytes, std::vector<Event>& out) override;
    void finish(std::vector<Event>& out) override;

  private:
    // Which columns each record must have, by the best one of the input's beginning: a line with fewer is the
    // rest of the one before.
    enum class Columns : std::uint8_t { event, time, thread };

    // A line that the next one may continue.
    struct Held {
        std::uint64_t number = 0;
        std::string text;
        std::size_t last_size = 0; // of its last line, as it was
        unsigned lines = 0;        // 0: none is held
        bool is_record = false;
        bool quoted = false;
        bool prefixed = false;
        bool coloured = false;
        bool printable = false; // quoted-printable, and changed by that
    };

    void look_at(std::string_view first_bytes);
    void take_coded_line(std::string_view line, std::vector<Event>& out);
    void take_line(std::string_view line, bool printable, std::vector<Event>& out);
    bool read_head(std::string_view line, PartialHead& head) const;
    bool continues(std::string_view text) const;
    void release(std::vector<Event>& out);

    LineSplitter lines_;
    bool looked_at_ = false;
    bool is_quoted_printable_ = false;
    Columns columns_ = Columns::event;
    Held held_;
    std::string coded_; // a quoted-printable line that goes on
    std::string buffer_;
};

} // namespace lapicheck::traces
