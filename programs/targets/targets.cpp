#include "programs/targets/targets.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include "checker/cli/names.hpp"
#include "programs/kvm/target.hpp"
#include "programs/sim/target.hpp"

namespace lapicheck::checker {
namespace {

constexpr std::string_view kvm = "kvm";
constexpr std::string_view model_prefix = "model:";

} // namespace

bool is_model(std::string_view name) { return name.starts_with(model_prefix); }

NamedParty make_party(std::string_view name, const traces::Found& like) {
    if (name == kvm) return {std::make_unique<traces::KvmGuest>(), {}};
    if (!is_model(name))
        return {nullptr, fmt::format("'{}' is nobody to run on; say kvm or model:NAME", name)};
    const std::string_view implementation = name.substr(model_prefix.size());
    const proof::ImplementationEntry* entry = proof::find_implementation(implementation);
    if (entry == nullptr) return {nullptr, unknown_implementation(implementation)};
    return {std::make_unique<ModelParty>(*entry, like), {}};
}

std::string kernel_release() {
    utsname names{};
    return uname(&names) == 0 ? names.release : "unknown";
}

std::string full_name(const traces::Party& party) {
    return party.name() == kvm ? fmt::format("kvm, Linux {}", kernel_release()) : party.name();
}

// A model can be made like any machine: it runs last.
TwoRuns run_both(std::string_view first, std::string_view second, const traces::Program& program) {
    const bool first_is_last = is_model(first) && !is_model(second);
    const std::string_view leader = first_is_last ? second : first;
    const std::string_view follower = first_is_last ? first : second;
    traces::Run led = make_party(leader).party->run(program);
    traces::Run followed = make_party(follower, led.found).party->run(program);
    if (first_is_last) return {std::move(followed), std::move(led)};
    return {std::move(led), std::move(followed)};
}

} // namespace lapicheck::checker
