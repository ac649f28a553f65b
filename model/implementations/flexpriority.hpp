// APIC-access virtualization (flexpriority): in xAPIC mode the processor answers for the APIC; in the other
// modes the mapped APIC-access page is plain memory, one page for all vCPUs, and no access to it exits
// (arch/x86/kvm/vmx/vmx.c: vmx_set_virtual_apic_mode; x86/kvm/lapic.c: kvm_alloc_apic_access_page). It lies
// at the default base; what an APIC does whose base software has moved is not told apart here.
#pragma once

#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

template <class D>
class Flexpriority : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{"flexpriority",
                                             "VMX flexpriority: outside xAPIC mode the window is the "
                                             "APIC-access page, plain memory that all vCPUs share",
                                             "arch/x86/kvm/vmx/vmx.c: vmx_set_virtual_apic_mode, Linux 6.1"};
    bool answers_closed_window(Surroundings<D>& around, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        access_page(around.shared, access, out);
        return true;
    }
};

} // namespace lapicheck::model
