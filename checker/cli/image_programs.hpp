// What 'emit' writes and 'judge' finds in an image's output: one access program, or an audit's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "programs/program.hpp"

namespace lapicheck::checker {

struct ImageOptions {
    std::string path;   // an access program (JSON; - is standard input)
    bool audit = false; // in place of it, all programs of an audit
    unsigned vcpus = 1; // of an audit: at most
};
void add_image_programs(CLI::App& command, ImageOptions& into);

struct ImagePrograms {
    std::vector<programs::Program> programs; // of an audit: one for each machine that CPUID may show
    std::string error;
};
ImagePrograms image_programs(const ImageOptions& options);

} // namespace lapicheck::checker
