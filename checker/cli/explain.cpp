#include <cstdio>
#include <iostream>

#include <fmt/format.h>

#include "checker/cli/commands.hpp"
#include "checker/report/explain.hpp"

namespace lapicheck::checker {
namespace {

std::vector<std::string> near(const std::string& name) {
    std::vector<std::string_view> known;
    for (const specs::Rule& rule : specs::catalogue().rules) {
        known.emplace_back(rule.id);
        known.emplace_back(rule.slug);
    }
    for (const auto& property : proof::properties())
        if (specs::find_rule(property.id) == nullptr) known.push_back(property.id);
    for (const auto& implementation : proof::implementations()) known.push_back(implementation.name);
    return specs::near_names(name, known);
}

// `use(thing)` for each thing that is called so.
template <class Use>
void each_named(const std::string& name, Use use) {
    if (const specs::Rule* rule = specs::find_rule(name)) use(*rule);
    if (const model::RegisterRow* row = model::find_register(name)) use(*row);
    if (const proof::PropertyEntry* property = proof::find_property(name)) use(*property);
    if (const auto* implementation = proof::find_implementation(name)) use(*implementation);
}

} // namespace

int run_explain(const std::string& name, Format format) {
    auto all = nlohmann::ordered_json::array();
    unsigned found = 0;
    each_named(name, [&](const auto& thing) {
        if (format == Format::json) {
            all.push_back(explain_json(thing));
        } else {
            if (found != 0) fmt::print("\n");
            explain_text(thing);
        }
        ++found;
    });
    if (found == 0) {
        const auto names = near(name);
        fmt::print(
            stderr,
            "lapicheck: explain: no rule, register, property or implementation is called '{}'{}{}; see "
            "'lapicheck list rules'\n",
            name, names.empty() ? "" : "; near: ", fmt::join(names, ", "));
        return 2;
    }
    if (format == Format::json) std::cout << all.dump(2) << '\n';
    return 0;
}

} // namespace lapicheck::checker
