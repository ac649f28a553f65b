#include "checker/report/text.hpp"
#include "traces/printable.hpp"

namespace lapicheck::checker {

void write_confirm_text(std::ostream& out, const ConfirmReport& report, const Presentation&) {
    for (const ConfirmReport::One& one : report.confirmations)
        fmt::print(out, "{}: {} {}{}{}\n", traces::visible(one.path), report.target,
                   to_string(one.confirmation.answer), one.confirmation.why.empty() ? "" : ": ",
                   one.confirmation.why);
}

} // namespace lapicheck::checker
