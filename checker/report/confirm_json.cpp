#include "checker/report/json.hpp"

namespace lapicheck::checker {

void write_confirm_json(std::ostream& out, const ConfirmReport& report, const Presentation&) {
    json root = report_head();
    root["party"] = report.target;
    root["confirmations"] = json::array();
    for (const ConfirmReport::One& one : report.confirmations)
        root["confirmations"].push_back({{"path", one.path},
                                         {"answer", word_of(one.confirmation.answer)},
                                         {"why", one.confirmation.why}});
    print(out, root);
}

} // namespace lapicheck::checker
