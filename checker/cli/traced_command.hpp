// The command line behind "--" of `record` and `watch`, whatever its words look like.
#pragma once

#include <string>
#include <vector>

namespace lapicheck::checker {

// Takes it out of the arguments before they are parsed.
void keep_traced_command(int& argc, char** argv);
const std::vector<std::string>& traced_command();

} // namespace lapicheck::checker
