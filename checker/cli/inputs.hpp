// Which files a command reads: as named, whole folders, from a list, and one part of them all.
#pragma once

#include <string>
#include <vector>

#include "checker/cli/command.hpp"

namespace lapicheck::checker {

struct Inputs {
    std::vector<std::string> named;
    bool recursive = false;
    std::string list; // a file with one path a line, or with NULs between them; "-" is standard input
    unsigned shard = 1;
    unsigned shards = 1; // the shard-th of so many parts
};

// TRACE..., -r, --files-from and --shard.
void add_inputs(CLI::App& command, Inputs& into);

struct InputPaths {
    std::vector<std::string> paths; // in the order named, those of a folder by name
    std::string error;              // empty: none
};
InputPaths expand(const Inputs& inputs);

} // namespace lapicheck::checker
