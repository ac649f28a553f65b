// What the interrupt ledger's page has beside its data: style and script.
#pragma once

#include <string_view>

namespace lapicheck::checker {

extern const std::string_view interrupts_style;
// Draws the time lines; see interrupts_html.cpp for the data that it reads.
extern const std::string_view interrupts_script;

} // namespace lapicheck::checker
