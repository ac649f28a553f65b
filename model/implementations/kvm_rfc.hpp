// The mail's patch ("x86/kvm/lapic: always disable MMIO interface in x2APIC mode", RFC, July 2018): KVM
// claims the range even when the APIC is disabled; reads give ~0 and writes are dropped.
#pragma once

#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

template <class D>
class KvmRfc : public AllOnesWindow<D> {
  public:
    static constexpr ImplementationInfo info{
        "kvm-rfc", "KVM with the RFC patch of 2018: outside xAPIC mode reads return ~0, writes are dropped",
        "x86/kvm/lapic: always disable MMIO interface in x2APIC mode, RFC, 2018-07-27"};
};

} // namespace lapicheck::model
