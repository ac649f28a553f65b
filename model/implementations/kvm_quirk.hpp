// KVM since 4.19, without APIC-access virtualization: KVM_X86_QUIRK_LAPIC_MMIO_HOLE (arch/x86/kvm/lapic.c:
// apic_mmio_read, apic_mmio_write). On, the default: the mail's answer. Off: the access leaves for
// userspace.
#pragma once

#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

template <class D>
class KvmQuirkOn : public AllOnesWindow<D> {
  public:
    static constexpr ImplementationInfo info{
        "kvm-quirk-on",
        "KVM with quirk LAPIC_MMIO_HOLE (default): outside xAPIC mode reads return ~0, writes are dropped",
        "arch/x86/kvm/lapic.c: apic_mmio_read, apic_mmio_write, Linux 6.1"};
};

template <class D>
class KvmQuirkOff : public ExitingWindow<D> {
  public:
    static constexpr ImplementationInfo info{
        "kvm-quirk-off", "KVM without quirk LAPIC_MMIO_HOLE: outside xAPIC mode an access exits to userspace",
        "arch/x86/kvm/lapic.c: apic_mmio_read, apic_mmio_write, Linux 6.1"};
};

} // namespace lapicheck::model
