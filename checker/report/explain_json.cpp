#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"

namespace lapicheck::checker {
namespace {

json citations_json(const specs::RuleEntry& rule) {
    json out = json::array();
    for (const specs::Citation& c : rule.citations)
        out.push_back(
            {{"manual", c.manual}, {"number", c.number}, {"title", c.title}, {"revision", c.revision}});
    return out;
}

json short_rule_json(const specs::RuleEntry& rule) {
    return {{"id", rule.id},
            {"slug", rule.slug},
            {"level", std::string(1, specs::letter(rule.level))},
            {"statement", rule.statement},
            {"citations", citations_json(rule)}};
}

json explain(const specs::RuleEntry& rule) {
    json out = {{"what", "rule"}};
    out.update(short_rule_json(rule));
    out["vendor"] = specs::to_string(rule.vendor);
    out["registers"] = rule.registers;
    out["decided_by"] = text_or_null(rule.decided_by);
    out["departures"] = json::array();
    for (const specs::Departure& departure : specs::catalogue().departures)
        for (const std::string& id : departure.rules)
            if (id == rule.id) out["departures"].push_back(departure.id);
    return out;
}

json explain(const model::RegisterRow& row) {
    return {{"what", "register"},       {"name", row.name},          {"title", row.title},
            {"offset", row.offset},     {"msr", row.msr()},          {"reset", row.reset},
            {"writable", row.writable}, {"reserved", row.reserved()}};
}

json explain(const specs::PropertyEntry& property) {
    json out = {{"what", "property"},
                {"id", property.id},
                {"statement", property.statement},
                {"basis", basis_key(property.basis)},
                {"scope", scope_key(property.scope)},
                {"rules", json::array()}};
    for (const std::string_view id : rule_ids(property))
        if (const specs::RuleEntry* rule = specs::find_rule(id))
            out["rules"].push_back(short_rule_json(*rule));
    return out;
}

json explain(const model::ImplementationEntry& implementation) {
    return {{"what", "implementation"},
            {"name", implementation.name},
            {"summary", implementation.summary},
            {"source", implementation.source}};
}

} // namespace

void write_explanation_json(std::ostream& out, const Explanation& explanation, const Presentation&) {
    json all = json::array();
    if (explanation.rule != nullptr) all.push_back(explain(*explanation.rule));
    if (explanation.reg != nullptr) all.push_back(explain(*explanation.reg));
    if (explanation.property != nullptr) all.push_back(explain(*explanation.property));
    if (explanation.implementation != nullptr) all.push_back(explain(*explanation.implementation));
    print(out, all);
}

} // namespace lapicheck::checker
