#include "checker/judge/profile.hpp"

namespace lapicheck::checker {

std::string_view to_string(Profile profile) { return profile == Profile::sdm ? "sdm" : "kvm"; }

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
    case Verdict::conforms: return "conforms";
    case Verdict::diverges: return "diverges";
    case Verdict::inconclusive: break;
    }
    return "inconclusive";
}

} // namespace lapicheck::checker
