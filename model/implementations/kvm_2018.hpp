// KVM before the fix of 2018, without APIC-access virtualization: `apic_mmio_in_range` asks whether the APIC
// is enabled, not in which mode it is (arch/x86/kvm/lapic.c, Linux 4.17).
#pragma once

#include "model/implementation.hpp"

namespace lapicheck::model {

template <class D>
class Kvm2018 : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{
        "kvm-2018", "KVM before the fix of 2018: the MMIO window answers in x2APIC mode too",
        "arch/x86/kvm/lapic.c: apic_mmio_in_range, Linux 4.17"};
    typename D::Bool applies(const Application<D>& here, const typename D::Bool& condition) const override {
        const bool closes_in_x2apic = here.rule == Rule::M01 || here.rule == Rule::M02;
        return closes_in_x2apic ? typename D::Bool{false} : condition;
    }
};

} // namespace lapicheck::model
