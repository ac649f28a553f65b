// The sub-commands. Each prints to standard output and returns the exit code.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checker/replay/check.hpp"

namespace lapicheck::checker {

enum class Format : std::uint8_t { text, json };

// `export_to`: a folder for a run from RESET for each divergence; empty: none.
int run_check(const std::vector<std::string>& paths, CheckOptions options, Format format,
              const std::string& export_to);

struct ProveOptions {
    std::vector<std::string> implementations = {"all"};
    std::vector<std::string> properties = {"all"};
    bool verbose = false;   // each refuting run
    std::string export_to;  // a folder; empty: none
    std::string dump_to;    // a folder for the obligations as SMT-LIB 2; empty: none
    std::string confirm_on; // a party on which each refuting run is tried; empty: none
    bool witnesses = false; // export those of proofs too
    bool timings = false;   // of each result, what it cost: no run gives the same
    unsigned threads = 0;   // 0: as many as there are processors
};
int run_prove(const ProveOptions& options, Format format);

struct RefineOptions {
    std::vector<std::string> implementations = {"all"};
    std::string export_to; // a folder for a run for each departure; empty: none
};
// What an implementation does that the manual does not allow: 1 if anything, 4 if that was not decided.
int run_refine(const RefineOptions& options, Format format);

struct MutateOptions {
    bool all_killers = false; // of each mutant, not the first one only
    bool verbose = false;     // list the killed ones too
    std::size_t every = 1;    // of the list of mutants take every so many-th
};
// Models that are wrong in one place, held against the properties: 1 if one survives.
int run_mutate(const MutateOptions& options, Format format);
// Runs that were exported, on the implementation of each file or on a named one: 1 if one still shows
// what it was kept for.
int run_replay(const std::vector<std::string>& paths, const std::string& implementation, Format format);
// The same on a party ("kvm"), judged by what a guest can see: shows it, does not, cannot be made to. 4: none
// could be made to.
int run_confirm(const std::vector<std::string>& paths, const std::string& party, Format format);

struct LiveOptions {
    std::vector<std::string> command; // and its arguments; empty: until a signal ends it
    std::string output;               // a file for the recording; empty: none
    std::size_t buffer_kb = 0;        // for each CPU; 0: what suits this machine
};
// What KVM does meanwhile, into a file that `check` reads: 4 if tracing is not to be had here.
int run_record(const LiveOptions& options);
// The same judged while it happens, in the words of `check` and with its exit codes.
int run_watch(const LiveOptions& options, const CheckOptions& check, Format format);

// What has this name: a rule (by id or slug), a register, a property, an implementation; all of them if
// several have it.
int run_explain(const std::string& name, Format format);

struct RunOptions {
    std::string path;                 // an access program (JSON; - is standard input)
    std::string on;                   // a party: "kvm", "model:NAME"
    std::vector<std::string> compare; // two parties
    Profile profile = Profile::sdm;
    std::optional<std::uint64_t> seed; // of random programs, in place of `path`
    std::size_t steps = 10'000;        // of those, in all
};
// 1: a divergence, or a difference; 4: there is no such party here, or nothing could be judged.
int run_run(const RunOptions& options, Format format);

struct AuditOptions {
    std::string on = "kvm"; // a party
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either; // the host's
    std::string export_to;           // a folder for the programs; empty: none
    std::string html;                // a file; empty: none
};
// A party examined by programs of our own: 1 a departure, 4 there is no such party here.
int run_audit(const AuditOptions& options, Format format);
int run_list(const std::string& what, Format format);

} // namespace lapicheck::checker
