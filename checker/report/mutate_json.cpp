#include "checker/report/json.hpp"

namespace lapicheck::checker {

void write_mutate_json(std::ostream& out, const prove::Mutation& mutation, const Presentation&) {
    using prove::Fate;
    json root = report_head();
    root["killed"] = mutation.count(Fate::killed);
    root["survived"] = mutation.count(Fate::survived);
    root["unknown"] = mutation.count(Fate::unknown);
    root["allowed"] = mutation.count(Fate::allowed);
    root["mutants"] = json::array();
    for (const prove::MutantResult& result : mutation.mutants)
        root["mutants"].push_back({{"mutant", result.mutant},
                                   {"rule", model::to_string(result.rule)},
                                   {"fate", to_string(result.fate)},
                                   {"killers", result.killers},
                                   {"remark", result.remark}});
    print(out, root);
}

} // namespace lapicheck::checker
