// Examines a target, a KVM or an implementation, by the programs of programs.hpp: what it does that the
// manual does not allow, each kind once, with a shortest program that shows it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checker/audit/known_list.hpp"
#include "checker/audit/program_judge.hpp"
#include "checker/judge/profile.hpp"

namespace lapicheck::checker {

// What makes departures one: the same rule broken in the same way in the same mode, and the same that KVM is
// known to do. They may concern several registers.
struct AuditKey {
    Rule rule = Rule::M14;
    Mode mode = Mode::xapic;
    Fault fault = Fault::value;
    const specs::Departure* departure = nullptr;

    // By rule, mode and kind; of known departures by name.
    friend bool operator<(const AuditKey& a, const AuditKey& b);
};

struct AuditDeparture {
    AuditKey key;
    Divergence divergence;      // of `program`, its last step
    std::set<Reg> registers;    // in the table's order
    std::size_t count = 0;      // steps that show it
    std::string machine;        // what the machine is on which `program` runs
    bool by_one_vendor = false; // the manual of the CPU's vendor forbids it, the other one does not
    programs::Program program;  // no step of it can be left out
    std::optional<programs::StepOutcome> outcome; // of its last step, when it was run by itself
    // Of the same known root cause: what else it shows as.
    std::vector<AuditKey> consequences;
};

// A cell of the grid: a register in a mode.
struct AuditCell {
    std::size_t examined = 0; // steps of the programs of that mode that were judged
    std::set<Rule> broken;
    bool all_known = true; // what is broken is known of KVM
};

struct Audit {
    std::string target;
    std::string full_name;
    std::string kernel;               // the host's, if the target is its KVM; else empty
    std::vector<std::string> modules; // of the host's KVM that are loaded
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either; // as the guest's CPUID has it; either: it does not say
    std::size_t programs = 0;
    std::size_t accesses = 0; // of guests, judged
    std::size_t not_judged = 0;
    std::vector<AuditDeparture> departures; // those that are not known first
    std::map<std::pair<Reg, Mode>, AuditCell> grid;
    std::vector<std::string> machines; // examined
    std::vector<std::string> refused;  // "split irqchip: why": machines that it cannot be
    std::string absent;                // why there is no such target; then the rest is empty

    KnownList known; // which the departures' entries are of

    std::size_t count_unknown() const;
};

struct AuditRequest {
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either; // the machines' CPUs; either: the host's
    KnownList known;                 // of the target, if it is no KVM
    std::set<programs::Do> without;  // programs with such a step are left out
    // Told now and then what is being done.
    std::function<void(const std::string& what)> progress;
};

// `target`: a name that programs::make_target knows.
Audit audit(const std::string& target, const AuditRequest& request);
Audit audit(programs::Target& target, const AuditRequest& request);

// A departure's program with what it shows, to be run again. Its file is named RULE.N.json.
std::string audit_program_text(const Audit& audit, const AuditDeparture& departure);

} // namespace lapicheck::checker
