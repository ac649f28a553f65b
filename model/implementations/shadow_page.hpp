// The mail's last alternative: a `shadow' page for APICs that are disabled or in x2APIC mode, to which reads
// and writes are redirected. The mail does not say whose page it is: each vCPU's, or the VM's.
#pragma once

#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

template <class D>
class ShadowPageVcpu : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{
        "shadow-page-vcpu", "proposed beside the RFC patch: outside xAPIC mode a shadow page for each vCPU",
        "x86/kvm/lapic: always disable MMIO interface in x2APIC mode, RFC, 2018-07-27"};
    bool answers_closed_window(Surroundings<D>& around, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        access_page(around.own, access, out);
        return true;
    }
};

template <class D>
class ShadowPageVm : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{
        "shadow-page-vm", "proposed beside the RFC patch: outside xAPIC mode one shadow page for the VM",
        "x86/kvm/lapic: always disable MMIO interface in x2APIC mode, RFC, 2018-07-27"};
    bool answers_closed_window(Surroundings<D>& around, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        access_page(around.shared, access, out);
        return true;
    }
};

} // namespace lapicheck::model
