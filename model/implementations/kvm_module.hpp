// Which vendor module a KVM runs its guests with: what it does to the local APIC besides lapic.c.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lapicheck::model {

enum class KvmModule : std::uint8_t {
    pvm, // the processor is virtualized in software
    vmx, // kvm_intel, without APICv
    svm, // kvm_amd, without AVIC
};
// As the kernel names them.
inline constexpr std::array kvm_module_names = {std::string_view{"kvm_pvm"}, std::string_view{"kvm_intel"},
                                                std::string_view{"kvm_amd"}};
constexpr std::string_view to_string(KvmModule module) {
    return kvm_module_names[static_cast<std::size_t>(module)];
}

} // namespace lapicheck::model
