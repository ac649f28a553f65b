#include "checker/ledger/accumulator.hpp"

namespace lapicheck::checker::ledger {

Ledger read_ledger(const std::string& path, const LedgerOptions& options) {
    Accumulator accumulator(options.deliveries);
    CheckOptions checking = options.check;
    checking.observer = &accumulator;
    Ledger ledger;
    ledger.check = check_trace(path, checking);
    ledger.recordings = accumulator.take_recordings();
    ledger.recordings_not_listed = accumulator.not_listed();
    return ledger;
}

} // namespace lapicheck::checker::ledger
