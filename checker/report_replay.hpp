// Prints runs that were carried out again.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "checker/counterexample.hpp"

namespace lapicheck::checker {

struct Replayed {
    std::string path;
    RunFile file;
    const proof::ImplementationEntry* implementation = nullptr;
    const proof::PropertyEntry* property = nullptr;
    bool broken = false; // the last step breaks the property
};

void write_replay_text(std::ostream& out, const std::vector<Replayed>& replayed);
void write_replay_json(std::ostream& out, const std::vector<Replayed>& replayed);

} // namespace lapicheck::checker
