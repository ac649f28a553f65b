#include "checker/report/explain.hpp"
#include "checker/report/property_text.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

json citations_json(const specs::Rule& rule) {
    json out = json::array();
    for (const specs::Citation& c : rule.citations)
        out.push_back(
            {{"manual", c.manual}, {"number", c.number}, {"title", c.title}, {"revision", c.revision}});
    return out;
}

json short_rule_json(const specs::Rule& rule) {
    return {{"id", rule.id},
            {"slug", rule.slug},
            {"level", std::string(1, specs::letter(rule.level))},
            {"statement", rule.statement},
            {"citations", citations_json(rule)}};
}

} // namespace

json explain_json(const specs::Rule& rule) {
    json out = {{"what", "rule"}};
    out.update(short_rule_json(rule));
    out["vendor"] = specs::to_string(rule.vendor);
    out["registers"] = rule.registers;
    out["decided_by"] = rule.decided_by.empty() ? json(nullptr) : json(rule.decided_by);
    out["departures"] = json::array();
    for (const specs::Departure& departure : specs::catalogue().departures)
        for (const std::string& id : departure.rules)
            if (id == rule.id) out["departures"].push_back(departure.id);
    return out;
}

json explain_json(const model::RegisterRow& row) {
    return {{"what", "register"},       {"name", row.name},          {"title", row.title},
            {"offset", row.offset},     {"msr", row.msr()},          {"reset", row.reset},
            {"writable", row.writable}, {"reserved", row.reserved()}};
}

json explain_json(const proof::PropertyEntry& property) {
    json out = {{"what", "property"},
                {"id", property.id},
                {"statement", property.statement},
                {"basis", to_word(property.basis)},
                {"scope", to_word(property.scope)},
                {"rules", json::array()}};
    for (const std::string& id : rule_ids(property))
        if (const specs::Rule* rule = specs::find_rule(id)) out["rules"].push_back(short_rule_json(*rule));
    return out;
}

json explain_json(const proof::ImplementationEntry& implementation) {
    return {{"what", "implementation"},
            {"name", implementation.name},
            {"summary", implementation.summary},
            {"source", implementation.source}};
}

} // namespace lapicheck::checker
