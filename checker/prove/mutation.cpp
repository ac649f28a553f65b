#include "checker/prove/mutation.hpp"

#include <algorithm>

namespace lapicheck::prove {

std::string_view to_string(Fate fate) {
    switch (fate) {
    case Fate::killed: return "killed";
    case Fate::allowed: return "allowed";
    case Fate::survived: return "survived";
    case Fate::unknown: break;
    }
    return "unknown";
}

std::size_t Mutation::count(Fate fate) const {
    return static_cast<std::size_t>(std::ranges::count(mutants, fate, &MutantResult::fate));
}

double Mutation::share_killed() const {
    const std::size_t wrong = mutants.size() - count(Fate::allowed);
    return wrong == 0 ? 100.0 : 100.0 * static_cast<double>(count(Fate::killed)) / static_cast<double>(wrong);
}

int exit_code_of(const Mutation& mutation) {
    if (mutation.count(Fate::survived) != 0) return 1;
    return mutation.count(Fate::unknown) != 0 ? 4 : 0;
}

} // namespace lapicheck::prove
