// Text of others as messages show it: what would act on a terminal, or is no ASCII, is a question mark.
#pragma once

#include <string>
#include <string_view>

namespace lapicheck::traces {

inline std::string printable(std::string_view text, std::size_t most = 200) {
    std::string shown(text.substr(0, most));
    for (char& c : shown)
        if (c < ' ' || c > '~') c = '?';
    return shown;
}

} // namespace lapicheck::traces
