#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"

namespace lapicheck::checker {
namespace {

json result_json(const prove::Result& result) {
    const bool refuted = result.status == prove::Status::refuted;
    json out;
    out["impl"] = result.implementation->name;
    out["property"] = result.property->id;
    out["rules"] = rule_ids(*result.property);
    out["status"] = to_string(result.status);
    out["method"] = result.method;
    const bool has_depth = refuted || result.status == prove::Status::bounded;
    out["depth"] = has_depth ? json(result.depth) : json(nullptr);
    out["steps"] = refuted && result.counterexample ? json(result.counterexample->steps()) : json(nullptr);
    return out;
}

} // namespace

void write_prove_json(std::ostream& out, const ProveReport& report, const Presentation&) {
    json root = report_head();
    root["results"] = json::array();
    for (std::size_t i = 0; i < report.matrix.results.size(); ++i) {
        const prove::Result& result = report.matrix.results[i];
        json& entry = root["results"].emplace_back(result_json(result));
        if (report.timings)
            entry["cost"] = {{"questions", result.questions},
                             {"milliseconds", report.matrix.milliseconds[i]}};
    }
    if (!report.target.empty()) {
        root["party"] = report.target;
        root["confirmations"] = json::array();
        for (const ProveReport::Confirmed& one : report.confirmed)
            root["confirmations"].push_back({{"impl", one.result->implementation->name},
                                             {"property", one.result->property->id},
                                             {"answer", word_of(one.confirmation.answer)},
                                             {"why", one.confirmation.why}});
    }
    print(out, root);
}

} // namespace lapicheck::checker
