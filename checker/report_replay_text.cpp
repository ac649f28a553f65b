#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/report_matrix.hpp"
#include "checker/report_replay.hpp"

namespace lapicheck::checker {

void write_replay_text(std::ostream& out, const std::vector<Replayed>& replayed) {
    bool first = true;
    for (const Replayed& r : replayed) {
        fmt::print(out, "{}{}: {} {} {}\n", std::exchange(first, false) ? "" : "\n", r.path,
                   r.implementation->name, r.broken ? "breaks" : "does not break", r.property->id);
        write_property(out, *r.property);
        write_runs(out, *r.property, *r.implementation->concrete(), r.file.runs);
    }
}

} // namespace lapicheck::checker
