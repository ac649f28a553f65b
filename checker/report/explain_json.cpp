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

json explain(const model::OutsideRegister& reg) {
    u64 writable = 0;
    for (const model::OutsideField& field : reg.fields)
        if (field.kind.find("writable") != std::string_view::npos) writable |= field.mask;
    return {{"what", "register"},
            {"name", reg.name},
            {"title", reg.title},
            {"offset", nullptr},
            {"msr", reg.msr == 0 ? json(nullptr) : json(reg.msr)},
            {"reset", reg.reset},
            {"writable", writable},
            {"reserved", reg.reserved()}};
}

json explain(const specs::Departure& departure) {
    json sources = json::array();
    for (const specs::SourceLocation& source : departure.sources)
        sources.push_back(
            {{"file", source.file}, {"function", source.function}, {"version", source.version}});
    return {{"what", "departure"},
            {"id", departure.id},
            {"summary", departure.summary},
            {"rules", departure.rules},
            {"registers", departure.registers},
            {"access", departure.access},
            {"modes", departure.modes},
            {"vendor", specs::to_string(departure.vendor)},
            {"kernels", departure.kernels},
            {"module", text_or_null(module_of(departure))},
            {"reason", departure.reason},
            {"sources", std::move(sources)},
            {"in_trace", departure.in_trace},
            {"not_in_model", text_or_null(departure.not_in_model)}};
}

} // namespace

void write_explanation_json(std::ostream& out, const Explanation& explanation, const Presentation&) {
    json all = json::array();
    if (explanation.rule != nullptr) all.push_back(explain(*explanation.rule));
    if (explanation.reg != nullptr) all.push_back(explain(*explanation.reg));
    if (explanation.outside_reg != nullptr) all.push_back(explain(*explanation.outside_reg));
    if (explanation.property != nullptr) all.push_back(explain(*explanation.property));
    if (explanation.implementation != nullptr) all.push_back(explain(*explanation.implementation));
    if (explanation.departure != nullptr) all.push_back(explain(*explanation.departure));
    print(out, all);
}

} // namespace lapicheck::checker
