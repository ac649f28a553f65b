#include "checker/report/format.hpp"

#include <array>

namespace lapicheck::checker {

extern const ReportFormat text_format;  // text.cpp
extern const ReportFormat json_format;  // json.cpp
extern const ReportFormat jsonl_format; // json.cpp
extern const ReportFormat html_format;  // html.cpp

std::span<const ReportFormat* const> report_formats() {
    static constexpr std::array formats = {&text_format, &json_format, &jsonl_format, &html_format};
    return formats;
}

} // namespace lapicheck::checker
