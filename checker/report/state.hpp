// The writers of `lapicheck state`.
#pragma once

#include <ostream>
#include <vector>

#include "checker/state/judge_dump.hpp"

namespace lapicheck::checker {

// A file that could not be read, or holds no dump.
struct UnreadDump {
    std::string path;
    std::string error;
};

void write_states_text(std::ostream& out, const std::vector<StateReport>& states);
void write_states_json(std::ostream& out, const std::vector<StateReport>& states,
                       const std::vector<UnreadDump>& unread);

} // namespace lapicheck::checker
