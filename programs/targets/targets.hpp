// Who can run an access program, by name: "kvm", "model:NAME", "image:qemu-tcg".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "programs/target.hpp"

namespace lapicheck::programs {

struct NamedTarget {
    std::unique_ptr<Target> target;
    std::string error; // why there is none of this name; empty: none
};
// `like`: what another target's machine has, for one that can be made so.
NamedTarget make_target(std::string_view name, const Found& like = {});
// As messages list them.
inline constexpr std::string_view target_forms = "kvm, model:NAME, image:NAME, image:COMMAND";
struct TargetKind {
    std::string name; // "kvm", "model:NAME", "image:bochs"
    std::string what;
    bool is_here = false;
    std::string how; // to get it
};
std::vector<TargetKind> target_kinds();
bool is_model(std::string_view name);
bool is_kvm(std::string_view name); // of this machine

// "kvm, Linux 6.18.44", "model:kvm-2018": the name with what makes it the one it is.
std::string full_name(const Target& target);
// The kernel's release, as uname(2) has it.
std::string kernel_release();

// Both run the program on like machines.
struct TwoExecutions {
    Execution first;
    Execution second;

    // Of the KVM, if one of them is one: a model does as with that.
    std::optional<model::KvmModule> module() const {
        return first.found.module ? first.found.module : second.found.module;
    }
};
TwoExecutions run_both(std::string_view first, std::string_view second, const Program& program);

} // namespace lapicheck::programs
