// The writers of the form `html`, and what they share. Each page is one file that needs nothing beside it.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include "checker/report/format.hpp"

namespace lapicheck::checker {

// As the text of an element, or the value of an attribute in double quotes.
std::string escaped(std::string_view text);

void write_interrupts_html(std::ostream& out, const LedgerReport& report, const Presentation& presentation);

} // namespace lapicheck::checker
