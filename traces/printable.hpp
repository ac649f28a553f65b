// Text of others as messages and reports show it.
#pragma once

#include <string>
#include <string_view>

namespace lapicheck::traces {

// What would act on a terminal, or is no ASCII, is a question mark.
inline std::string printable(std::string_view text, std::size_t most = 200) {
    std::string shown(text.substr(0, most));
    for (char& c : shown)
        if (c < ' ' || c > '~') c = '?';
    return shown;
}

// Names of files, keys and ids: what would act on a terminal is written as \x1b, the rest stays, UTF-8 too.
// Control characters are those below 20H, 7FH, and U+0080 to U+009F, in UTF-8 or as single bytes.
inline std::string visible(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr auto is_control = [](unsigned char c) { return c < ' ' || (c >= 0x7f && c < 0xa0); };
    std::string shown;
    shown.reserve(text.size());
    unsigned follow = 0; // bytes of a UTF-8 character to come
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
        const bool continues = follow != 0 && (c & 0xc0) == 0x80;
        if (continues) --follow;
        else follow = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
        const bool begins_control = !continues && c == 0xc2 && next >= 0x80 && next < 0xa0;
        if (begins_control) { // told by its second byte
            follow = 0;
            continue;
        }
        if (continues || !is_control(c)) {
            shown += text[i];
            continue;
        }
        shown += "\\x";
        shown += digits[c >> 4];
        shown += digits[c & 0xf];
    }
    return shown;
}

} // namespace lapicheck::traces
