#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <sys/utsname.h>

#include "checker/commands.hpp"
#include "checker/program_file.hpp"
#include "checker/run_text.hpp"
#include "traces/kvm_guest.hpp"

namespace lapicheck::checker {
namespace {

constexpr int ran = 0;
constexpr int bad_input = 2;
constexpr int not_to_be_had = 4;

int complain(int status, std::string_view what) {
    fmt::print(stderr, "lapicheck: {}\n", what);
    return status;
}

traces::ProgramText read_file(const std::string& path) {
    const FileText file = read_text_file(path);
    if (!file.error.empty()) return {{}, file.error};
    return traces::read_program(file.text, file.name);
}

std::string kernel_release() {
    utsname names{};
    return uname(&names) == 0 ? names.release : "unknown";
}

void print_text(const std::string& party, const traces::Program& program, const traces::Run& run) {
    fmt::print("{}, Linux {}: {} steps on {} vCPUs\n\n", party, kernel_release(), program.steps.size(),
               program.machine.apic_ids.size());
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        const traces::Step& step = program.steps[i];
        fmt::print("{:>6}  vCPU {}  {:<44} -> {}\n", i, step.vcpu, step_text(step),
                   outcome_text(step, run.outcomes[i]));
    }
}

// The program with its outcomes: what was printed can be run again.
void print_json(const std::string& party, traces::Program program, const traces::Run& run) {
    auto& others = program.others;
    std::erase_if(others, [](const auto& entry) {
        return entry.first == "tool" || entry.first == "party" || entry.first == "host";
    });
    const std::pair<std::string, std::string> head[] = {
        {"tool", fmt::format(R"({{"name":"lapicheck","version":"{}"}})", LAPICHECK_VERSION)},
        {"party", fmt::format("\"{}\"", party)},
        {"host", fmt::format(R"({{"kernel":"{}"}})", kernel_release())}};
    others.insert(others.begin(), std::begin(head), std::end(head));
    fmt::print("{}", traces::write_program(program, run.outcomes));
}

} // namespace

int run_run(const std::string& path, const std::string& on, Format format) {
    if (on != "kvm")
        return complain(bad_input, fmt::format("run: '{}' is nobody to run on; say --on kvm", on));
    const traces::ProgramText text = read_file(path);
    if (!text.error.empty()) return complain(bad_input, text.error);
    traces::KvmGuest party;
    const traces::Run run = party.run(text.program);
    if (run.status != traces::Run::Status::ran)
        return complain(not_to_be_had, fmt::format("run: {}", run.reason));
    if (format == Format::json) print_json(party.name(), text.program, run);
    else print_text(party.name(), text.program, run);
    if (std::fflush(stdout) != 0) return complain(bad_input, "cannot write the report");
    return ran;
}

} // namespace lapicheck::checker
