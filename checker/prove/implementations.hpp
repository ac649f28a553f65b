// The implementations by name, each in the three domains.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checker/prove/symbolic/symbolic.hpp"
#include "model/implementation.hpp"
#include "model/implementations/kvm_module.hpp"

namespace lapicheck::proof {

struct ImplementationEntry {
    std::string_view name;
    std::string_view summary;
    std::string_view source;
    std::unique_ptr<model::Implementation<model::Concrete>> (*concrete)();
    std::unique_ptr<model::Implementation<model::KnownBits>> (*known_bits)();
    std::unique_ptr<model::Implementation<Symbolic>> (*symbolic)();
    // It is meant to do all that KVM does today: each known departure of KVM is seen in it, or a reason
    // given.
    bool describes_kvm = false;
    // Of one that depends on KVM's vendor module; the others make that of kvm_pvm.
    std::unique_ptr<model::Implementation<model::Concrete>> (*with_module)(model::KvmModule) = nullptr;
};

// In the order of reports; the reference, `sdm`, comes first.
std::span<const ImplementationEntry> implementations();
const ImplementationEntry* find_implementation(std::string_view name);

} // namespace lapicheck::proof
