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
    fmt::print(out,
               "\n{} mutants: {} killed, {} survived, {} not decided, {} do only what the manual allows.\n"
               "Of those that do not, {:.1f} % are killed.\n",
               mutation.mutants.size(), mutation.count(Fate::killed), mutation.count(Fate::survived),
               mutation.count(Fate::unknown), mutation.count(Fate::allowed), mutation.share_killed());
}

} // namespace lapicheck::checker
