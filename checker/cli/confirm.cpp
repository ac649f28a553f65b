#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checker/audit/confirm.hpp"
#include "checker/cli/commands.hpp"
#include "programs/file.hpp"
#include "programs/json_place.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

using json = nlohmann::ordered_json;

struct Confirmed {
    std::string path;
    Confirmation confirmation;
    std::string error; // of the file; empty: none
};

Confirmed confirm_file(const std::string& path, const std::string& party) {
    const FileText file = read_text_file(path);
    if (!file.error.empty()) return {path, {}, file.error};
    const traces::ProgramText text = traces::read_program(file.text, file.name);
    if (!text.error.empty()) return {path, {}, text.error};
    try {
        return {path, confirm(text.program, party), {}};
    } catch (const traces::Refusal& refusal) {
        return {path, {}, fmt::format("{}: {}", file.name, refusal.what())};
    } catch (const json::exception& error) { // of a key that is no program's
        return {path, {}, fmt::format("{}: {}", file.name, error.what())};
    }
}

void print_json(const std::string& party, const std::vector<Confirmed>& all) {
    json root;
    root["schema_version"] = 1;
    root["tool"] = {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}};
    root["party"] = party;
    root["confirmations"] = json::array();
    for (const Confirmed& one : all)
        if (one.error.empty())
            root["confirmations"].push_back({{"path", one.path},
                                             {"answer", word_of(one.confirmation.answer)},
                                             {"why", one.confirmation.why}});
    std::cout << root.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

} // namespace

int run_confirm(const std::vector<std::string>& paths, const std::string& party, Format format) {
    if (const NamedParty named = make_party(party); named.party == nullptr) {
        fmt::print(stderr, "lapicheck: replay: {}\n", named.error);
        return 2;
    }
    std::vector<Confirmed> all;
    all.reserve(paths.size());
    for (const std::string& path : paths) all.push_back(confirm_file(path, party));
    for (const Confirmed& one : all)
        if (!one.error.empty()) fmt::print(stderr, "lapicheck: replay: {}\n", one.error);
    if (format == Format::json) {
        print_json(party, all);
    } else {
        for (const Confirmed& one : all)
            if (one.error.empty())
                std::cout << fmt::format("{}: {} {}{}{}\n", one.path, party,
                                         to_string(one.confirmation.answer),
                                         one.confirmation.why.empty() ? "" : ": ", one.confirmation.why);
    }
    const auto is = [&](Confirmation::Answer answer) {
        return std::ranges::any_of(all, [answer](const Confirmed& one) {
            return one.error.empty() && one.confirmation.answer == answer;
        });
    };
    if (std::ranges::any_of(all, [](const Confirmed& one) { return !one.error.empty(); })) return 2;
    if (is(Confirmation::Answer::shows)) return 1;
    return is(Confirmation::Answer::does_not) ? 0 : 4;
}

} // namespace lapicheck::checker
