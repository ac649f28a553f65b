// The exit to userspace with QEMU there: hw/i386/kvm/apic.c, kvm_apic_mem_write makes a message-signalled
// interrupt of every write (its address is the offset in the APIC's 1 MiB region, so that the destination is
// 0); kvm_apic_mem_read gives ones.
#pragma once

#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

template <class D>
class UserspaceQemu : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{
        "userspace-qemu", "kvm-quirk-off with QEMU: QEMU turns a write that exits to userspace into an MSI",
        "hw/i386/kvm/apic.c: kvm_apic_mem_write, QEMU 7.2"};
    bool answers_closed_window(Surroundings<D>&, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        out.exits_to_userspace = true;
        if (is_write(access.kind)) out.sends_msi = true;
        else out.value = typename D::U64{size_mask(access.size)};
        return true;
    }
};

} // namespace lapicheck::model
