#include <ostream>

#include <nlohmann/json.hpp>

#include "checker/report/matrix.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

json result_json(const proof::Result& result) {
    const bool refuted = result.status == proof::Status::refuted;
    json out;
    out["impl"] = result.implementation->name;
    out["property"] = result.property->id;
    out["rules"] = json::array();
    for (const model::Rule rule : result.property->rules) out["rules"].push_back(model::to_string(rule));
    out["status"] = to_string(result.status);
    out["method"] = result.method;
    const bool has_depth = refuted || result.status == proof::Status::bounded;
    out["depth"] = has_depth ? json(result.depth) : json(nullptr);
    out["steps"] = refuted && result.counterexample ? json(result.counterexample->steps()) : json(nullptr);
    return out;
}

} // namespace

void write_matrix_json(std::ostream& out, const Matrix& matrix, const MatrixExtras& extras) {
    json root;
    root["schema_version"] = 1;
    root["tool"] = {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}};
    root["results"] = json::array();
    for (std::size_t i = 0; i < matrix.results.size(); ++i) {
        const proof::Result& result = matrix.results[i];
        json& entry = root["results"].emplace_back(result_json(result));
        if (extras.timings)
            entry["cost"] = {{"questions", result.questions}, {"milliseconds", matrix.milliseconds[i]}};
    }
    if (!extras.party.empty()) {
        root["party"] = extras.party;
        root["confirmations"] = json::array();
        for (const Confirmed& one : extras.confirmed)
            root["confirmations"].push_back({{"impl", one.result->implementation->name},
                                             {"property", one.result->property->id},
                                             {"answer", word_of(one.confirmation.answer)},
                                             {"why", one.confirmation.why}});
    }
    out << root.dump(2) << '\n';
}

} // namespace lapicheck::checker
