// Mutation testing of the properties: models of the reference that are wrong in one place, and whether a
// property is refuted.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/prove/result.hpp"

namespace lapicheck::prove {

enum class Fate : std::uint8_t {
    killed,   // a property is refuted
    allowed,  // all it does is allowed by the manual: there is nothing to notice
    survived, // it does something that is not allowed, and no property is refuted
    unknown,  // the solver gave up
};
std::string_view to_string(Fate fate);

struct MutantResult {
    std::string mutant; // "X06 dropped at model/msr.hpp:41", "svr: bit 8 is reserved"
    model::Rule rule = model::Rule::M14;
    Fate fate = Fate::unknown;
    std::vector<std::string_view> killers; // the properties that are refuted
    std::string remark;                    // of a survivor: a step that is not allowed, and why none notices
};

struct MutationRequest {
    bool all_killers = false; // else the first one is enough
    std::size_t every = 1;    // of the list of mutants take every so many-th
    SearchBounds bounds{.budget = 20'000'000, .max_depth = 3};
    std::function<void(std::size_t done, std::size_t all)> progress; // never from two threads at once
};

struct Mutation {
    std::vector<MutantResult> mutants; // in the order of the model's text and of the register table

    std::size_t count(Fate fate) const;
    // Percent killed of those that do something that the manual does not allow.
    double share_killed() const;
};

// 0 every mutant that breaks a rule is noticed, 1 one is not, 4 not decided.
int exit_code_of(const Mutation& mutation);

} // namespace lapicheck::prove
