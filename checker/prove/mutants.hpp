// Mutants of the reference: models that are wrong in one place, to see whether the properties notice.
//
// A mutant acts otherwise at one application of a rule (the check is dropped, forced, negated), or one cell
// of its register table is wrong.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checker/prove/search.hpp"
#include "checker/prove/symbolic/paths.hpp"

namespace lapicheck::proof {

enum class Twist : std::uint8_t { drop, force, negate };

// Where in the model's text a rule is applied.
struct Application {
    model::Rule rule = model::Rule::M14;
    std::string file; // "model/msr.hpp"
    unsigned line = 0;

    friend auto operator<=>(const Application&, const Application&) = default;
};

struct Mutant {
    std::string name; // "X06 dropped at model/msr.hpp:41", "svr: bit 8 is reserved"
    model::Rule rule = model::Rule::M14;
    std::optional<std::pair<Application, Twist>> twist; // or else
    std::optional<model::RegisterTable> table;

    std::unique_ptr<SymImplementation> symbolic() const;
    std::unique_ptr<PlainImplementation> plain() const;
};

// All mutants of the reference, in the order of the model's text and of the table.
std::vector<Mutant> mutants();

enum class Fate : std::uint8_t {
    killed,   // a property is refuted
    allowed,  // all it does is allowed by the manual: there is nothing to notice
    survived, // it does something that is not allowed, and no property notices
    unknown,  // the solver gave up
};
std::string_view to_string(Fate fate);

struct MutantResult {
    Fate fate = Fate::unknown;
    std::vector<std::string_view> killers; // the properties that are refuted
    std::string remark;                    // of a survivor: a step that is not allowed, and why none notices
};

struct MutationOptions {
    bool all_killers = false; // else the first one is enough
    SearchBounds bounds{.budget = 20'000'000, .max_depth = 3};
};

// What becomes of mutants; it keeps what the solver has learnt from one to the next.
class MutationRun {
  public:
    explicit MutationRun(MutationOptions options);
    ~MutationRun();
    MutantResult judge(const Mutant& mutant);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace lapicheck::proof
