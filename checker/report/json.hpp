// The writers of the form `json`, and what they share. Each report follows a schema in specs/schema/.
#pragma once

#include <ostream>

#include <nlohmann/json.hpp>

#include "checker/report/format.hpp"
#include "programs/tool_json.hpp"

namespace lapicheck::checker {

using json = nlohmann::ordered_json;

// How every report begins.
inline json report_head() {
    json head;
    head["schema_version"] = 1;
    head["tool"] = programs::tool_json();
    return head;
}

// Paths, and names in a trace, need not be UTF-8.
inline void print(std::ostream& out, const json& report) {
    out << report.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

inline void print_line(std::ostream& out, const json& report) {
    out << report.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

// Null for an empty text.
inline json text_or_null(std::string_view text) { return text.empty() ? json(nullptr) : json(text); }

void write_check_json(std::ostream& out, const CheckReport& report, const Presentation& presentation);
void write_check_jsonl(std::ostream& out, const CheckReport& report, const Presentation& presentation);
void write_interrupts_json(std::ostream& out, const LedgerReport& report, const Presentation& presentation);
void write_run_json(std::ostream& out, const JudgedRun& judged, const Presentation& presentation);
void write_random_json(std::ostream& out, const RandomFindings& found, const Presentation& presentation);
void write_compare_json(std::ostream& out, const TargetComparison& compared,
                        const Presentation& presentation);
void write_audit_json(std::ostream& out, const Audit& audit, const Presentation& presentation);
void write_prove_json(std::ostream& out, const ProveReport& report, const Presentation& presentation);
void write_refine_json(std::ostream& out, const RefineReport& report, const Presentation& presentation);
void write_mutate_json(std::ostream& out, const prove::Mutation& mutation, const Presentation& presentation);
void write_replay_json(std::ostream& out, const ReplayReport& report, const Presentation& presentation);
void write_confirm_json(std::ostream& out, const ConfirmReport& report, const Presentation& presentation);
void write_list_json(std::ostream& out, const Listing& what, const Presentation& presentation);
void write_explanation_json(std::ostream& out, const Explanation& explanation,
                            const Presentation& presentation);

} // namespace lapicheck::checker
