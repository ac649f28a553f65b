#include "programs/targets/targets.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "programs/image/target.hpp"
#include "programs/kvm/target.hpp"
#include "programs/sim/target.hpp"
#include "specs/properties/names.hpp"

namespace lapicheck::programs {
namespace {

constexpr std::string_view kvm = "kvm";
constexpr std::string_view model_prefix = "model:";
constexpr std::string_view image_prefix = "image:";

NamedTarget make_image(std::string_view what) {
    image::NamedCommand named = image::machine_command(what);
    if (!named.error.empty()) return {nullptr, std::move(named.error)};
    return {std::make_unique<ImageTarget>(std::move(named.command)), {}};
}

} // namespace

std::vector<TargetKind> target_kinds() {
    std::vector<TargetKind> kinds = {
        {"kvm", "the KVM of this machine, in a guest of its own", access("/dev/kvm", R_OK | W_OK) == 0,
         "load kvm_intel or kvm_amd, and be in the group of /dev/kvm"},
        {"model:NAME", "an implementation of 'lapicheck list implementations'", true, ""}};
    for (const image::ReadyName& name : image::ready_names())
        kinds.push_back({fmt::format("image:{}", name.name), std::string(name.what), image::is_here(name),
                         std::string(name.how)});
    kinds.push_back({"image:COMMAND",
                     "any machine: {rom} or {kernel} in COMMAND stands for the bootable image", true, ""});
    return kinds;
}

bool is_model(std::string_view name) { return name.starts_with(model_prefix); }
bool is_kvm(std::string_view name) { return name == kvm; }

NamedTarget make_target(std::string_view name, const Found& like) {
    if (is_kvm(name)) return {std::make_unique<KvmTarget>(), {}};
    if (name.starts_with(image_prefix)) return make_image(name.substr(image_prefix.size()));
    if (!is_model(name))
        return {nullptr, fmt::format("unknown target '{}'; targets: {}", name, target_forms)};
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
    const std::unique_ptr<Target> leader = make_target(first_is_last ? second : first).target;
    Program fitting = program;
    fitting.machine = leader->nearest(program.machine);
    Execution led = leader->run(fitting);
    const std::unique_ptr<Target> follower = make_target(first_is_last ? first : second, led.found).target;
    Execution followed = follower->run(fitting);
    if (first_is_last) return {std::move(followed), std::move(led)};
    return {std::move(led), std::move(followed)};
}

} // namespace lapicheck::programs
