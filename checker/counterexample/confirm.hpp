// Whether a target shows what a run was kept for: a counterexample, or a divergence of a recording.
//
// The program is run on the target and judged. What the last step did to registers is looked at by reading
// them all behind it. It counts what the file's own implementation shows there too, and would not show
// without the last step: other departures of the target are not taken for this one.
#pragma once

#include <string>
#include <vector>

#include "programs/program.hpp"

namespace lapicheck::checker {

struct Confirmation {
    enum class Answer : std::uint8_t { shows, does_not, cannot };
    Answer answer = Answer::cannot;
    std::string why;     // of cannot; of shows: what was seen
    bool absent = false; // there is no such target here
};
std::string_view to_string(Confirmation::Answer answer);
// "shows", "does-not", "cannot": as reports for programs have it.
std::string_view word_of(Confirmation::Answer answer);

// `program`: a file that 'prove --export' or 'check --export' wrote. Throws programs::Refusal for one that is
// none.
Confirmation confirm(const programs::Program& program, const std::string& target);

} // namespace lapicheck::checker
