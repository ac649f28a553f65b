#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

json list_rules() {
    json out = json::array();
    for (const specs::RuleEntry& rule : specs::catalogue().rules)
        out.push_back({{"id", rule.id},
                       {"slug", rule.slug},
                       {"level", std::string(1, specs::letter(rule.level))},
                       {"vendor", specs::to_string(rule.vendor)},
                       {"statement", rule.statement},
                       {"decided_by", text_or_null(rule.decided_by)}});
    return out;
}

json list_registers() {
    json out = json::array();
    for (const model::RegisterRow& row : model::sdm_registers)
        out.push_back({{"name", row.name},
                       {"offset", row.offset},
                       {"msr", row.msr()},
                       {"reset", row.reset},
                       {"writable", row.writable},
                       {"reserved", row.reserved()},
                       {"title", row.title}});
    return out;
}

json list_properties() {
    json out = json::array();
    for (const specs::PropertyEntry& entry : specs::properties())
        out.push_back({{"id", entry.id},
                       {"basis", basis_key(entry.basis)},
                       {"scope", scope_key(entry.scope)},
                       {"rules", rule_ids(entry)},
                       {"statement", entry.statement}});
    return out;
}

json list_implementations() {
    json out = json::array();
    for (const model::ImplementationEntry& entry : model::implementations())
        out.push_back({{"name", entry.name}, {"summary", entry.summary}, {"source", entry.source}});
    return out;
}

json list_departures() {
    json out = json::array();
    for (const specs::Departure& entry : specs::catalogue().departures)
        out.push_back({{"id", entry.id},
                       {"rules", entry.rules},
                       {"module", text_or_null(module_of(entry))},
                       {"kernels", entry.kernels},
                       {"summary", entry.summary}});
    return out;
}

json list_targets() {
    json out = json::array();
    for (const programs::TargetKind& kind : programs::target_kinds())
        out.push_back({{"name", kind.name}, {"what", kind.what}, {"here", kind.is_here}, {"how", kind.how}});
    return out;
}

} // namespace

void write_list_json(std::ostream& out, const Listing& what, const Presentation&) {
    switch (what) {
    case Listing::rules: return print(out, list_rules());
    case Listing::registers: return print(out, list_registers());
    case Listing::properties: return print(out, list_properties());
    case Listing::departures: return print(out, list_departures());
    case Listing::targets: return print(out, list_targets());
    case Listing::implementations: break;
    }
    print(out, list_implementations());
}

} // namespace lapicheck::checker
