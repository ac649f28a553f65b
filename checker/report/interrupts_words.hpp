// The interrupt ledger in words and cells, as text and page show it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "checker/ledger/ledger.hpp"

namespace lapicheck::checker {

// A row of a vCPU's table; empty cells: nothing of the kind.
struct InterruptCells {
    std::string vector;       // "ECH / 236"; "NMI"
    std::string asked_by;     // "timer 120, IPI by vCPU 1 3"
    std::string accepted;     // "123 (3 while pending)"
    std::string injected;     // "120 (+1 again)"
    std::string ended;        // "120"
    std::string to_injection; // the longest wait: "1.200 ms (lines 12-90)"
    std::string to_end;
    std::string at_end; // "pending since line 812"
};
InterruptCells interrupt_headings();
std::vector<InterruptCells> interrupt_cells(const ledger::Recording& recording,
                                            const ledger::VcpuLedger& vcpu, bool clock_in_seconds);

// What is known of the APIC at the end, and what was done last: label and text.
std::vector<std::pair<std::string, std::string>> state_words(const ledger::VcpuLedger& vcpu,
                                                             bool clock_in_seconds);

// Where there is nothing to conclude: what that means.
std::string nothing_to_conclude(const ledger::Recording& recording);

// "diverges: P02 at line 22, ..."; the verdict of `check` on the same recording.
std::string check_words(const ledger::Ledger& ledger, Profile profile);

} // namespace lapicheck::checker
