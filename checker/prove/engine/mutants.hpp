// Mutants of the reference: models that are wrong in one place, to see whether the properties notice.
//
// A mutant acts otherwise at one application of a rule (the check is dropped, forced, negated), or one cell
// of its register table is wrong.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checker/prove/engine/search.hpp"
#include "checker/prove/mutation.hpp"
#include "checker/prove/symbolic/paths.hpp"

namespace lapicheck::prove {

enum class Twist : std::uint8_t { drop, force, negate };

// Where in the model's text a rule is applied.
struct RulePlace {
    model::Rule rule = model::Rule::M14;
    std::string file; // "model/msr.hpp"
    unsigned line = 0;

    friend auto operator<=>(const RulePlace&, const RulePlace&) = default;
};

struct Mutant {
    std::string name; // "X06 dropped at model/msr.hpp:41", "svr: bit 8 is reserved"
    model::Rule rule = model::Rule::M14;
    std::optional<std::pair<RulePlace, Twist>> twist; // or else
    std::optional<model::RegisterTable> table;

    std::unique_ptr<SymImplementation> symbolic() const;
    std::unique_ptr<PlainImplementation> plain() const;
};

// All mutants of the reference, in the order of the model's text and of the table.
std::vector<Mutant> mutants();

// What becomes of the mutants, in their order.
Mutation mutate(const MutationRequest& request);

} // namespace lapicheck::prove
