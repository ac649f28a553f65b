// The forms in which results are printed. A form is a table of writers, one for each kind of result that it
// has a shape for; to add one, write its file and put it into the list in format.cpp.
#pragma once

#include <iosfwd>
#include <span>
#include <string_view>

#include "checker/report/reports.hpp"

namespace lapicheck::checker {

// What the reader's terminal and wishes ask of a writer.
struct Presentation {
    bool colour = false;
    bool verbose = false; // each refuting run, each killed mutant
};

template <class Report>
using Writer = void (*)(std::ostream& out, const Report& report, const Presentation& presentation);

// A writer that is null: the form has no shape for it, and the command does not offer the form.
struct ReportFormat {
    std::string_view name;         // as --format names it
    bool is_for_terminals = false; // what is told while a command runs may stand between its lines
    bool streams = false;          // each recording is a report of its own, printed when it is done
    bool draws = false;            // each event of a recording may be in it
    Writer<CheckReport> check = nullptr;
    Writer<LedgerReport> interrupts = nullptr;
    Writer<JudgedRun> run = nullptr;
    Writer<RandomFindings> random = nullptr;
    Writer<TargetComparison> compare = nullptr;
    Writer<Audit> audit = nullptr;
    Writer<ProveReport> prove = nullptr;
    Writer<RefineReport> refine = nullptr;
    Writer<prove::Mutation> mutate = nullptr;
    Writer<ReplayReport> replay = nullptr;
    Writer<ConfirmReport> confirm = nullptr;
    Writer<Listing> list = nullptr;
    Writer<Explanation> explain = nullptr;
};

// In the order of help texts; the first one is the default.
std::span<const ReportFormat* const> report_formats();

} // namespace lapicheck::checker
