// The writers of the form `text`, for people at a terminal, and what they share.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/report/format.hpp"

namespace lapicheck::checker {

inline std::string_view plural(std::size_t n) { return n == 1 ? "" : "s"; }

// Of so many departures, how many KVM is known to have: ", all of them known departures of KVM"; empty: none.
std::string known_share_text(std::size_t known, std::size_t all);

// Escape sequences for a terminal; none where the report goes elsewhere.
struct Ink {
    bool on = false;
    std::string_view bold() const { return on ? "\033[1m" : ""; }
    std::string_view green() const { return on ? "\033[1;32m" : ""; }
    std::string_view red() const { return on ? "\033[1;31m" : ""; }
    std::string_view yellow() const { return on ? "\033[1;33m" : ""; }
    std::string_view off() const { return on ? "\033[0m" : ""; }
    std::string_view of(Verdict verdict) const {
        return verdict == Verdict::conforms ? green() : verdict == Verdict::diverges ? red() : yellow();
    }
};

// "M01 no-mmio-read-in-x2apic (M): MMIO read of ... returned ...".
std::string titled_headline(const Divergence& divergence);
// The same with what is allowed, if the headline does not end with it.
std::string titled_sentence(const Divergence& divergence);
// A divergence in one line, for those who watch.
std::string line_text(const Divergence& divergence, const traces::ReadSummary& read);

void write_check_text(std::ostream& out, const CheckReport& all, const Presentation& presentation);
void write_interrupts_text(std::ostream& out, const LedgerReport& report, const Presentation& presentation);
void write_run_text(std::ostream& out, const JudgedRun& judged, const Presentation& presentation);
void write_random_text(std::ostream& out, const RandomFindings& found, const Presentation& presentation);
void write_compare_text(std::ostream& out, const TargetComparison& compared,
                        const Presentation& presentation);
void write_audit_text(std::ostream& out, const Audit& audit, const Presentation& presentation);
void write_prove_text(std::ostream& out, const ProveReport& report, const Presentation& presentation);
void write_refine_text(std::ostream& out, const RefineReport& report, const Presentation& presentation);
void write_mutate_text(std::ostream& out, const prove::Mutation& mutation, const Presentation& presentation);
void write_replay_text(std::ostream& out, const ReplayReport& report, const Presentation& presentation);
void write_confirm_text(std::ostream& out, const ConfirmReport& report, const Presentation& presentation);
void write_list_text(std::ostream& out, const Listing& what, const Presentation& presentation);
void write_explanation_text(std::ostream& out, const Explanation& explanation,
                            const Presentation& presentation);

} // namespace lapicheck::checker
