// The implementations by name, on plain and on partly known values.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "model/implementation.hpp"
#include "model/implementations/kvm_module.hpp"

namespace lapicheck::model {

struct ImplementationEntry : ImplementationInfo {
    std::unique_ptr<Implementation<Concrete>> (*concrete)();
    std::unique_ptr<Implementation<KnownBits>> (*known_bits)();
    // It is meant to do all that KVM does today: each known departure of KVM is seen in it, or a reason
    // given.
    bool describes_kvm = false;
    // Of one that depends on KVM's vendor module; `concrete` makes that of kvm_pvm. Null: it depends on none.
    std::unique_ptr<Implementation<Concrete>> (*with_module)(KvmModule) = nullptr;
};

// In the order of `Implementations` (all.hpp).
std::span<const ImplementationEntry> implementations();
const ImplementationEntry* find_implementation(std::string_view name);

} // namespace lapicheck::model
