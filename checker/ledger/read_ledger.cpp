#include "checker/ledger/accumulator.hpp"
#include "traces/recordings.hpp"

namespace lapicheck::checker::ledger {

std::vector<Ledger> read_ledgers(const std::string& path, const LedgerOptions& options) {
    std::vector<Ledger> ledgers;
    traces::for_each_recording(path, [&](traces::ByteSource& source) {
        Accumulator accumulator(options.deliveries);
        CheckOptions checking = options.check;
        checking.observer = &accumulator;
        Ledger& ledger = ledgers.emplace_back();
        ledger.check = check_recording(source, checking);
        ledger.recordings = accumulator.take_recordings();
        ledger.recordings_not_listed = accumulator.not_listed();
    });
    return ledgers;
}

} // namespace lapicheck::checker::ledger
