// The command line: options in, sub-command out.
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checker/cli/commands.hpp"

namespace {

using namespace lapicheck::checker;

constexpr int usage_error = 2;

// An option that takes one of a few words.
template <class Enum>
void add_choice(CLI::App& command, const std::string& option, Enum& into, std::map<std::string, Enum> words,
                const std::string& help) {
    std::string list;
    for (const auto& [word, value] : words) list += (list.empty() ? "" : "|") + word;
    std::vector<std::string> allowed;
    allowed.reserve(words.size());
    for (const auto& [word, value] : words) allowed.push_back(word);
    command
        .add_option_function<std::string>(
            option, [&into, words = std::move(words)](const std::string& word) { into = words.at(word); },
            help)
        ->check(CLI::IsMember(allowed))
        ->option_text(list);
}

const std::map<std::string, Format> formats = {{"text", Format::text}, {"json", Format::json}};

// What decides how a recording is judged.
void add_judging(CLI::App& command, CheckOptions& options) {
    add_choice<Profile>(command, "--profile", options.profile, {{"sdm", Profile::sdm}, {"kvm", Profile::kvm}},
                        "sdm (default): the manual alone; kvm: KVM's documented departures are known");
    add_choice<GuestCpu>(command, "--cpu", options.cpu, {{"intel", GuestCpu::intel}, {"amd", GuestCpu::amd}},
                         "the guest CPU's vendor; untold, what either manual allows is allowed");
}

constexpr auto footer = R"(Examples:
  lapicheck check trace.txt                       a recording against the manual
  lapicheck check --profile kvm --format json *.txt
  trace-cmd report trace.dat | lapicheck check -  what trace-cmd recorded
  zstd -dc trace.txt.zst | lapicheck check -
  lapicheck record -o trace.txt -- COMMAND        what KVM does while COMMAND runs; watch judges it at once
  lapicheck run program.json --on kvm             accesses on the KVM of this machine, judged
  lapicheck prove --impl kvm-2018                 an implementation against the rules' properties
  lapicheck explain M01                           a rule, its source, KVM's departures from it
  lapicheck list registers                        or rules, properties, implementations

Exit status: 0 conforms, 1 a divergence, 2 wrong usage or input, 4 nothing could be checked or run.)";

constexpr auto prove_footer = R"(Examples:
  lapicheck prove                                 every property of every implementation
  lapicheck prove --impl kvm-2018                 one implementation, with the runs that refute
  lapicheck prove --impl kvm-rfc --property mmio-isolation
  lapicheck prove --format json --export runs     and one file for each refuting run
  lapicheck prove --impl kvm-6.18 --confirm kvm   and whether this machine's KVM shows it

Exit status: 0 all that was asked holds or is not applicable, 1 something is refuted, 2 wrong usage, or a
counterexample that did not stand the trial, 4 nothing is refuted, but something is not proved.)";

constexpr auto replay_footer = R"(Examples:
  lapicheck replay runs/kvm-2018.no-mmio-read-in-x2apic.json
  lapicheck replay runs/kvm-2018.*.json --impl kvm-rfc
  lapicheck replay runs/kvm-2018.*.json --on kvm             does this machine's KVM show it?

Exit status: 0 no run shows what it was kept for, 1 one does, 2 wrong usage or a damaged file, 4 with --on: no
run could be made to.)";

constexpr auto run_footer = R"(Examples:
  lapicheck run program.json --on kvm                       what this machine's KVM does, judged
  lapicheck run program.json --on model:kvm-2018 --format json
  lapicheck run program.json --compare kvm model:sdm        the steps on which two parties differ
  lapicheck run --random 1 --steps 100000 --compare kvm model:kvm-6.18
  lapicheck run --random 7 --steps 500 --on kvm --profile kvm

A party is kvm (/dev/kvm) or model:NAME, an implementation of 'lapicheck list implementations'.

Exit status: 0 all that was judged conforms (the parties agree), 1 a divergence (a difference), 2 wrong usage
or a damaged program, 4 no such party here, or nothing could be judged.)";

constexpr auto audit_footer = R"(Examples:
  lapicheck audit                                 what this machine's KVM does that the manual does not allow
  lapicheck audit --profile kvm                   the same; known departures of KVM do not fail it
  lapicheck audit --on model:kvm-2018             an implementation
  lapicheck audit --format json --export programs --html audit.html

Exit status: 0 no departure, 1 one that is not known (profile sdm: any), 2 wrong usage, 4 no such party here.)";

constexpr auto mutate_footer = R"(Examples:
  lapicheck mutate                                all mutants; those that no property notices are listed
  lapicheck mutate --every 20 --all-killers --verbose
  lapicheck mutate --format json

Exit status: 0 every mutant that breaks a rule is noticed, 1 one is not, 2 wrong usage, 4 not decided.)";

constexpr auto record_footer =
    R"(COMMAND runs with its own streams; the recording ends with it, or with Ctrl-C, which COMMAND gets too. Without
COMMAND, Ctrl-C ends it. Every guest of this machine's KVM is recorded, whoever runs it. Needs root.

Examples:
  lapicheck record -o trace.txt -- qemu-system-x86_64 -accel kvm -kernel apic.flat
  lapicheck record -o trace.txt                   guests that run already, until Ctrl-C
  lapicheck check trace.txt                       what the recording shows

Exit status: 0 recorded, however COMMAND ended, which is told; 2 wrong usage, COMMAND cannot be run, or the
file not be written; 4 tracing is not to be had here, and why.)";

constexpr auto watch_footer =
    R"(A line for each kind of divergence when it is first seen, the report of 'check' at the end. COMMAND, Ctrl-C
and root as for 'record'.

Examples:
  lapicheck watch                                 guests that run already, until Ctrl-C
  lapicheck watch --profile kvm -- qemu-system-x86_64 -accel kvm -kernel apic.flat
  lapicheck watch -o trace.txt -- COMMAND         keeps what it saw

Exit status: 0 conforms, 1 a divergence, 2 wrong usage, COMMAND cannot be run, or the file not be written;
4 nothing could be checked, or tracing is not to be had here, and why.)";

// What stands behind "--" is a command line of its own, whatever its words look like.
std::vector<std::string> cut_command(int& argc, char** argv) {
    const std::string_view name = argc > 1 ? argv[1] : "";
    if (name != "record" && name != "watch") return {};
    for (int i = 2; i < argc; ++i)
        if (std::string_view(argv[i]) == "--") {
            std::vector<std::string> command(argv + i + 1, argv + argc);
            argc = i;
            return command;
        }
    return {};
}

int run(int argc, char** argv) {
    LiveOptions live;
    live.command = cut_command(argc, argv);
    CLI::App app{"Holds what a hypervisor's local APIC did against the rules of the manual.", "lapicheck"};
    app.set_version_flag("--version", std::string{"lapicheck "} + LAPICHECK_VERSION);
    app.require_subcommand(1);
    app.footer(footer);

    std::vector<std::string> paths;
    CheckOptions options;
    Format format = Format::text;
    CLI::App* check = app.add_subcommand("check", "check recordings (ftrace text) of KVM");
    check
        ->add_option("TRACE", paths,
                     "files of ftrace text (`trace`, `trace_pipe`, trace-cmd report); - is standard input")
        ->required();
    add_judging(*check, options);
    add_choice(*check, "--format", format, formats, "how to report");
    check->add_flag(
        "--monitor", options.monitor,
        "hold every access against the properties of `prove` too, not only those that diverge; slower");
    std::string export_to;
    check
        ->add_option("--export", export_to,
                     "write a run from RESET for each divergence to DIR/TRACE.RULE.N.json")
        ->option_text("DIR");
    check->footer(footer);

    ProveOptions prove_options;
    CLI::App* prove = app.add_subcommand("prove", "prove properties of implementations, or refute them");
    prove->add_option("--impl", prove_options.implementations, "an implementation, or several; default: all")
        ->option_text("NAME|all");
    prove->add_option("--property", prove_options.properties, "a property, or several; default: all")
        ->option_text("ID|all");
    prove->add_flag("--verbose", prove_options.verbose,
                    "show each refuting run, however many were asked for");
    prove
        ->add_option("--export", prove_options.export_to,
                     "write each refuting run to DIR/NAME.ID.json; with --refines: each departure's to "
                     "DIR/NAME.RULE.N.json, which 'run' takes")
        ->option_text("DIR");
    prove
        ->add_flag("--witnesses", prove_options.witnesses,
                   "with --export: of proofs too, a run that the property speaks of")
        ->needs("--export");
    prove->add_option("--dump-smt2", prove_options.dump_to, "write each obligation to DIR as SMT-LIB 2")
        ->option_text("DIR");
    prove
        ->add_option("--confirm", prove_options.confirm_on,
                     "try each refuting run on this party: it shows it, does not, or cannot be made to")
        ->option_text("kvm|model:NAME");
    prove->add_option("--jobs", prove_options.threads, "implementations at a time; default: one a processor")
        ->option_text("N")
        ->check(CLI::Range(1U, 256U));
    prove->add_flag("--timings", prove_options.timings,
                    "what each result cost: questions to the solver and milliseconds; no two runs alike");
    add_choice(*prove, "--format", format, formats, "how to report");
    prove->footer(prove_footer);

    std::string refines;
    prove
        ->add_option("--refines", refines,
                     "whether all that the implementation does is allowed by the manual")
        ->option_text("sdm")
        ->check(CLI::IsMember({"sdm"}))
        ->excludes("--property", "--witnesses", "--dump-smt2", "--timings");

    AuditOptions audit_options;
    CLI::App* audit = app.add_subcommand("audit", "examine the KVM of this machine, register by register");
    audit->add_option("--on", audit_options.on, "kvm (default), or model:NAME")->option_text("PARTY");
    add_choice<Profile>(*audit, "--profile", audit_options.profile,
                        {{"sdm", Profile::sdm}, {"kvm", Profile::kvm}},
                        "sdm (default): the manual alone; kvm: KVM's documented departures do not fail it");
    add_choice<GuestCpu>(
        *audit, "--cpu", audit_options.cpu, {{"intel", GuestCpu::intel}, {"amd", GuestCpu::amd}},
        "the guest CPU's vendor, whose manual decides where the two differ; untold, the host's");
    audit
        ->add_option("--export", audit_options.export_to, "write each departure's program to DIR/RULE.N.json")
        ->option_text("DIR");
    audit->add_option("--html", audit_options.html, "write one page with a grid of registers and modes")
        ->option_text("FILE");
    add_choice(*audit, "--format", format, formats, "how to report");
    audit->footer(audit_footer);

    MutateOptions mutate_options;
    CLI::App* mutate = app.add_subcommand(
        "mutate", "make the model wrong in one place after the other and see whether a property notices");
    mutate->add_flag("--all-killers", mutate_options.all_killers,
                     "name each property that notices, not the first one only");
    mutate->add_flag("--verbose", mutate_options.verbose, "list the mutants that are noticed too");
    mutate->add_option("--every", mutate_options.every, "take every N-th mutant only")
        ->option_text("N")
        ->check(CLI::Range(1, 1000));
    add_choice(*mutate, "--format", format, formats, "how to report");
    mutate->footer(mutate_footer);

    std::string replay_on;
    CLI::App* replay =
        app.add_subcommand("replay", "carry out runs that 'prove --export' or 'check --export' wrote");
    replay->add_option("FILE", paths, "specs/schema/program.schema.json; - is standard input")->required();
    replay->add_option("--impl", replay_on, "on this implementation; default: the file's")
        ->option_text("NAME");
    std::string confirm_on;
    replay
        ->add_option("--on", confirm_on,
                     "on this party, by what a guest can see: it shows it, does not, or cannot be made to")
        ->option_text("kvm|model:NAME")
        ->excludes("--impl");
    add_choice(*replay, "--format", format, formats, "how to report");
    replay->footer(replay_footer);

    std::string name;
    CLI::App* explain = app.add_subcommand(
        "explain", "explain a rule (M01), a register (svr), a property or an implementation");
    explain->add_option("NAME", name)->required();
    add_choice(*explain, "--format", format, formats, "how to print");

    std::string what;
    CLI::App* list = app.add_subcommand("list", "list the rules, registers, properties or implementations");
    list->add_option("WHAT", what, "rules, registers, properties or implementations")
        ->required()
        ->check(CLI::IsMember({"rules", "registers", "properties", "implementations"}));
    add_choice(*list, "--format", format, formats, "how to print");

    RunOptions run_options;
    CLI::App* run_program =
        app.add_subcommand("run", "run an access program (JSON) and judge what came of it");
    CLI::Option* program = run_program->add_option("PROGRAM", run_options.path,
                                                   "specs/schema/program.schema.json; - is standard input");
    CLI::Option* on =
        run_program->add_option("--on", run_options.on, "who runs it: kvm (/dev/kvm) or model:NAME");
    on->option_text("PARTY");
    run_program
        ->add_option("--compare", run_options.compare, "the steps on which two parties differ, unjudged")
        ->expected(2)
        ->option_text("PARTY PARTY")
        ->excludes(on);
    CLI::Option* random =
        run_program->add_option("--random", run_options.seed, "random programs, drawn with this seed");
    random->option_text("SEED")->excludes(program);
    run_program->add_option("--steps", run_options.steps, "with --random: steps in all; default: 10000")
        ->option_text("N")
        ->needs(random)
        ->check(CLI::Range(std::size_t{1}, std::size_t{100'000'000}));
    add_choice<Profile>(*run_program, "--profile", run_options.profile,
                        {{"sdm", Profile::sdm}, {"kvm", Profile::kvm}},
                        "sdm (default): the manual alone; kvm: KVM's documented departures are known");
    add_choice(*run_program, "--format", format, formats, "how to report");
    run_program->footer(run_footer);

    CLI::App* record = app.add_subcommand(
        "record", "record what KVM does while a command runs: record [OPTIONS] -- COMMAND...");
    record->add_option("-o,--output", live.output, "the recording; default: lapicheck.trace.txt")
        ->option_text("FILE");
    CLI::App* watch =
        app.add_subcommand("watch", "judge what KVM does while it happens: watch [OPTIONS] [-- COMMAND...]");
    watch->add_option("-o,--output", live.output, "keep the recording, too")->option_text("FILE");
    add_judging(*watch, options);
    add_choice(*watch, "--format", format, formats,
               "how to report at the end; with json, lines go to standard error");
    for (CLI::App* command : {record, watch})
        command
            ->add_option("--buffer", live.buffer_kb,
                         "KB of ring buffer for each CPU; more, if events are lost (default: up to 65536, as "
                         "memory and CPUs allow)")
            ->option_text("KB")
            ->check(CLI::Range(std::size_t{16}, std::size_t{16} << 20));
    std::vector<std::string> without_dashes;
    for (CLI::App* command : {record, watch})
        command->add_option("COMMAND", without_dashes, "what to run, behind --")
            ->option_text("-- COMMAND...");
    record->footer(record_footer);
    watch->footer(watch_footer);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error);
        return code == 0 ? 0 : usage_error;
    }
    if (check->parsed()) return run_check(paths, options, format, export_to);
    if (prove->parsed() && !refines.empty())
        return run_refine({prove_options.implementations, prove_options.export_to}, format);
    if (prove->parsed()) return run_prove(prove_options, format);
    if (mutate->parsed()) return run_mutate(mutate_options, format);
    if (audit->parsed()) return run_audit(audit_options, format);
    if (replay->parsed() && !confirm_on.empty()) return run_confirm(paths, confirm_on, format);
    if (replay->parsed()) return run_replay(paths, replay_on, format);
    if (!without_dashes.empty()) {
        fmt::print(stderr, "lapicheck: {}: say -- before COMMAND: {} -- {}\n", argv[1], argv[1],
                   fmt::join(without_dashes, " "));
        return usage_error;
    }
    if (record->parsed()) return run_record(live);
    if (watch->parsed()) return run_watch(live, options, format);
    if (explain->parsed()) return run_explain(name, format);
    if (run_program->parsed()) return run_run(run_options, format);
    return run_list(what, format);
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "lapicheck: {}\n", error.what());
        return usage_error;
    }
}
