// The text of a JSON file that a user names.
#pragma once

#include <string>

namespace lapicheck::programs {

struct FileText {
    std::string name; // as errors name it: the path, or "stdin" for -
    std::string text;
    std::string error; // with the name; empty: none
};
FileText read_text_file(const std::string& path);

} // namespace lapicheck::programs
