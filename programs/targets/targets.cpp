#include "programs/targets/targets.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include "programs/kvm/target.hpp"
#include "programs/sim/target.hpp"
#include "specs/properties/names.hpp"

namespace lapicheck::programs {
namespace {

constexpr std::string_view kvm = "kvm";
constexpr std::string_view model_prefix = "model:";

} // namespace

bool is_model(std::string_view name) { return name.starts_with(model_prefix); }
bool is_kvm(std::string_view name) { return name == kvm; }

NamedTarget make_target(std::string_view name, const Found& like) {
    if (is_kvm(name)) return {std::make_unique<KvmTarget>(), {}};
    if (!is_model(name)) return {nullptr, fmt::format("unknown target '{}'; targets: kvm, model:NAME", name)};
    const std::string_view implementation = name.substr(model_prefix.size());
    const model::ImplementationEntry* entry = model::find_implementation(implementation);
    if (entry == nullptr) return {nullptr, specs::unknown_implementation(implementation)};
    return {std::make_unique<ModelTarget>(*entry, like), {}};
}

std::string kernel_release() {
    utsname names{};
    return uname(&names) == 0 ? names.release : "unknown";
}

std::string full_name(const Target& target) {
    return is_kvm(target.name()) ? fmt::format("kvm, Linux {}", kernel_release()) : target.name();
}

// A model can be made like any machine: it runs last.
TwoExecutions run_both(std::string_view first, std::string_view second, const Program& program) {
    const bool first_is_last = is_model(first) && !is_model(second);
    const std::string_view leader = first_is_last ? second : first;
    const std::string_view follower = first_is_last ? first : second;
    Execution led = make_target(leader).target->run(program);
    Execution followed = make_target(follower, led.found).target->run(program);
    if (first_is_last) return {std::move(followed), std::move(led)};
    return {std::move(led), std::move(followed)};
}

} // namespace lapicheck::programs
