// Prints runs that were carried out again.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "checker/prove/counterexample.hpp"

namespace lapicheck::checker {

struct ReplayedRun {
    std::string path;
    RunFile file;
    // Null: nobody carried it out, the outcome is the recorded one.
    const proof::ImplementationEntry* implementation = nullptr;
    bool broken = false; // the last step breaks the property, or the rule
};

void write_replay_text(std::ostream& out, const std::vector<ReplayedRun>& replayed);
void write_replay_json(std::ostream& out, const std::vector<ReplayedRun>& replayed);

} // namespace lapicheck::checker
