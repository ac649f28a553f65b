#include "checker/cli/traced_command.hpp"

#include <string_view>

namespace lapicheck::checker {
namespace {

std::vector<std::string>& kept() {
    static std::vector<std::string> command;
    return command;
}

} // namespace

void keep_traced_command(int& argc, char** argv) {
    const std::string_view name = argc > 1 ? argv[1] : "";
    if (name != "record" && name != "watch") return;
    for (int i = 2; i < argc; ++i)
        if (std::string_view(argv[i]) == "--") {
            kept().assign(argv + i + 1, argv + argc);
            argc = i;
            return;
        }
}

const std::vector<std::string>& traced_command() { return kept(); }

} // namespace lapicheck::checker
