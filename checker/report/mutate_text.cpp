#include "checker/report/text.hpp"

namespace lapicheck::checker {

void write_mutate_text(std::ostream& out, const prove::Mutation& mutation, const Presentation& presentation) {
    using prove::Fate;
    for (const prove::MutantResult& result : mutation.mutants) {
        if (result.fate == Fate::survived || result.fate == Fate::unknown)
            fmt::print(out, "{:9} {}: {}\n", to_string(result.fate), result.mutant, result.remark);
        else if (presentation.verbose)
            fmt::print(out, "{:9} {}{}{}\n", to_string(result.fate), result.mutant,
                       result.killers.empty() ? "" : ": ", fmt::join(result.killers, ", "));
    }
    fmt::print(
        out,
        "\n{} mutant{}: {} killed, {} survived, {} not decided, {} equivalent (the manual allows all they "
        "do).\n{:.1f} % of those that are not equivalent are killed.\n",
        mutation.mutants.size(), plural(mutation.mutants.size()), mutation.count(Fate::killed),
        mutation.count(Fate::survived), mutation.count(Fate::unknown), mutation.count(Fate::allowed),
        mutation.share_killed());
}

} // namespace lapicheck::checker
