// What is reported: the results as the flows give them, put together with what a reader is told beside them.
#pragma once

#include <string>
#include <vector>

#include "checker/audit/audit.hpp"
#include "checker/audit/run_result.hpp"
#include "checker/counterexample/confirm.hpp"
#include "checker/counterexample/counterexample.hpp"
#include "checker/ledger/ledger.hpp"
#include "checker/prove/mutation.hpp"
#include "checker/prove/refined.hpp"
#include "checker/prove/result.hpp"
#include "checker/replay/check.hpp"
#include "checker/results/read_log.hpp"
#include "model/outside_registers.hpp"

namespace lapicheck::checker {

struct CheckReport {
    std::vector<TraceReport> traces;
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either;
    std::vector<ReadLog> logs; // of the tests that the one recording is of; none: not given
};

struct LedgerReport {
    std::vector<ledger::Ledger> ledgers;
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either;
};

struct ProveReport {
    prove::Matrix matrix;
    bool timings = false; // the cost of each result, which no run has twice
    std::string target;   // that was asked to confirm the counterexamples; empty: none
    // Whether it shows what a result's counterexample does.
    struct Confirmed {
        const prove::Result* result = nullptr;
        Confirmation confirmation;
    };
    std::vector<Confirmed> confirmed;
};

struct RefineReport {
    std::vector<prove::Refined> results;
};

// Scenarios that were carried out again.
struct ReplayedScenario {
    std::string path;
    ScenarioFile file;
    // Null: nobody carried it out, the outcome is the recorded one.
    const model::ImplementationEntry* implementation = nullptr;
    bool shows = false; // the last step breaks the property, or the rule
};
struct ReplayReport {
    std::vector<ReplayedScenario> replayed;
};

struct ConfirmReport {
    std::string target;
    struct One {
        std::string path;
        Confirmation confirmation;
    };
    std::vector<One> confirmations;
};

// What `list` lists.
enum class Listing : std::uint8_t { rules, registers, properties, implementations, departures, targets };

// All that has a name; null: nothing of that kind.
struct Explanation {
    const specs::RuleEntry* rule = nullptr;
    const model::RegisterRow* reg = nullptr;
    const model::OutsideRegister* outside_reg = nullptr;
    const specs::PropertyEntry* property = nullptr;
    const model::ImplementationEntry* implementation = nullptr;
    const specs::Departure* departure = nullptr;
    bool empty() const {
        return rule == nullptr && reg == nullptr && outside_reg == nullptr && property == nullptr &&
               implementation == nullptr && departure == nullptr;
    }
};

} // namespace lapicheck::checker
