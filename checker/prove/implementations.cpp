#include "checker/prove/implementations.hpp"

#include <algorithm>

#include "model/implementations/flexpriority.hpp"
#include "model/implementations/kvm_2018.hpp"
#include "model/implementations/kvm_6_18.hpp"
#include "model/implementations/kvm_quirk.hpp"
#include "model/implementations/kvm_rfc.hpp"
#include "model/implementations/sdm.hpp"
#include "model/implementations/shadow_page.hpp"
#include "model/implementations/userspace_qemu.hpp"

namespace lapicheck::proof {
namespace {

template <template <class> class I, class D>
std::unique_ptr<model::Implementation<D>> make() {
    return std::make_unique<I<D>>();
}

template <template <class> class I>
constexpr ImplementationEntry
entry(std::string_view name, std::string_view summary, std::string_view source, bool describes_kvm = false,
      std::unique_ptr<model::Implementation<model::Concrete>> (*with_module)(model::KvmModule) = nullptr) {
    return {name,
            summary,
            source,
            &make<I, model::Concrete>,
            &make<I, model::KnownBits>,
            &make<I, Symbolic>,
            describes_kvm,
            with_module};
}

constexpr bool describes_kvm = true;

std::unique_ptr<model::Implementation<model::Concrete>> make_kvm_618(model::KvmModule module) {
    return std::make_unique<model::Kvm618<model::Concrete>>(module);
}

using namespace model;

constexpr ImplementationEntry entries[] = {
    entry<Sdm>("sdm", "the manual; what it leaves open is left open",
               "Intel SDM Vol. 3A 325384-059US; AMD APM Vol. 2"),
    entry<Kvm2018>("kvm-2018", "the window answers in x2APIC mode too",
                   "arch/x86/kvm/lapic.c: apic_mmio_in_range, Linux 4.17"),
    entry<KvmRfc>("kvm-rfc", "the mail's patch: closed, reads give ~0, writes are dropped",
                  "x86/kvm/lapic: always disable MMIO interface in x2APIC mode, RFC, 2018-07-27"),
    entry<KvmQuirkOn>("kvm-quirk-on", "LAPIC_MMIO_HOLE, the default: reads give ~0, writes are dropped",
                      "arch/x86/kvm/lapic.c: apic_mmio_read, apic_mmio_write, Linux 6.1"),
    entry<KvmQuirkOff>("kvm-quirk-off", "LAPIC_MMIO_HOLE disabled: the access leaves for userspace",
                       "arch/x86/kvm/lapic.c: apic_mmio_read, apic_mmio_write, Linux 6.1"),
    entry<UserspaceQemu>("userspace-qemu", "the exit to userspace, where QEMU makes an MSI of a write",
                         "hw/i386/kvm/apic.c: kvm_apic_mem_write, QEMU 7.2"),
    entry<Flexpriority>("flexpriority",
                        "the APIC-access page of all vCPUs is plain memory when the window is closed",
                        "arch/x86/kvm/vmx/vmx.c: vmx_set_virtual_apic_mode, Linux 6.1"),
    entry<ShadowPageVcpu>("shadow-page-vcpu", "the mail's shadow page, one for each vCPU",
                          "the mail of 2018-07-27"),
    entry<ShadowPageVm>("shadow-page-vm", "the mail's shadow page, one for the VM", "the mail of 2018-07-27"),
    entry<Kvm618>("kvm-6.18", "the KVM of Linux 6.18 with all that it does otherwise",
                  "arch/x86/kvm/lapic.c, arch/x86/kvm/x86.c, Linux 6.18", describes_kvm, make_kvm_618),
};

} // namespace

std::span<const ImplementationEntry> implementations() { return entries; }

const ImplementationEntry* find_implementation(std::string_view name) {
    const auto found = std::ranges::find(entries, name, &ImplementationEntry::name);
    return found == std::end(entries) ? nullptr : found;
}

} // namespace lapicheck::proof
