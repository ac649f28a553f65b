#include "checker/audit/run_result.hpp"

namespace lapicheck::checker {

RunCount count(const std::vector<StepVerdict>& verdicts) {
    RunCount n;
    for (const StepVerdict& verdict : verdicts) {
        bool all_known = true;
        for (const Divergence& divergence : verdict.divergences)
            all_known = all_known && divergence.known != nullptr;
        if (verdict.kind == StepVerdict::Kind::ok) ++n.ok;
        else if (verdict.kind == StepVerdict::Kind::not_judged) ++n.not_judged;
        else ++(all_known ? n.known : n.diverging);
    }
    return n;
}

void mark_known(std::vector<StepVerdict>& verdicts, Profile profile, const KnownList& known) {
    for (StepVerdict& verdict : verdicts)
        for (Divergence& divergence : verdict.divergences) {
            if (profile == Profile::kvm) divergence.known = divergence.mismatch.departure;
            if (const auto* entry = known.find(divergence.mismatch)) divergence.known = entry;
        }
}

Verdict verdict_of(const RunCount& n) {
    if (n.diverging != 0) return Verdict::diverges;
    return n.ok + n.known == 0 ? Verdict::inconclusive : Verdict::conforms;
}

} // namespace lapicheck::checker
