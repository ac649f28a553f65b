#include <array>

#include "checker/cli/command.hpp"

namespace lapicheck::checker {

void add_check(CLI::App& app, Action& action);
void add_interrupts(CLI::App& app, Action& action);
void add_convert(CLI::App& app, Action& action);
void add_merge(CLI::App& app, Action& action);
void add_state(CLI::App& app, Action& action);
void add_results(CLI::App& app, Action& action);
void add_record(CLI::App& app, Action& action);
void add_watch(CLI::App& app, Action& action);
void add_run(CLI::App& app, Action& action);
void add_audit(CLI::App& app, Action& action);
void add_emit(CLI::App& app, Action& action);
void add_judge(CLI::App& app, Action& action);
void add_prove(CLI::App& app, Action& action);
void add_replay(CLI::App& app, Action& action);
void add_mutate(CLI::App& app, Action& action);
void add_explain(CLI::App& app, Action& action);
void add_list(CLI::App& app, Action& action);

// In the order of the help text.
std::span<const Command> commands() {
    static constexpr std::array all = {
        Command{"check", add_check},     Command{"interrupts", add_interrupts},
        Command{"convert", add_convert}, Command{"merge", add_merge},
        Command{"state", add_state},     Command{"results", add_results},
        Command{"record", add_record},   Command{"watch", add_watch},
        Command{"run", add_run},         Command{"audit", add_audit},
        Command{"emit", add_emit},       Command{"judge", add_judge},
        Command{"prove", add_prove},     Command{"replay", add_replay},
        Command{"mutate", add_mutate},   Command{"explain", add_explain},
        Command{"list", add_list},
    };
    return all;
}

} // namespace lapicheck::checker
