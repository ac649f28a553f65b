// What a reader would conclude from a recording's ledger, in plain words.
#pragma once

#include "checker/ledger/ledger.hpp"

namespace lapicheck::checker::ledger {

// Findings first, then what cannot be seen, then the rest. Every sentence holds whatever came before and
// after the recording: what is missing was "not seen".
std::vector<Conclusion> conclude(const Recording& recording, bool clock_in_seconds);

} // namespace lapicheck::checker::ledger
