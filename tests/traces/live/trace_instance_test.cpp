#include <doctest/doctest.h>

#include "traces/formats/ftrace_events.hpp"
#include "traces/live/trace_instance.hpp"

using namespace lapicheck::traces;

TEST_CASE("events are recorded if their text is read, and no others") {
    for (const char* name :
         {"kvm_apic", "kvm_msr", "kvm_mmio", "kvm_apic_ipi", "kvm_apic_accept_irq", "kvm_eoi", "kvm_inj_virq",
          "kvm_entry", "kvm_exit", "kvm_userspace_exit", "kvm_cpuid", "sys_enter_ioctl",
          "kvm_avic_incomplete_ipi", "kvm_apicv_accept_irq", "kvm_set_irq", "kvm_msi_set_irq",
          "kvm_ioapic_set_irq", "kvm_ack_irq"})
        CHECK_MESSAGE(is_of_interest(name), name);
    for (const char* name :
         {"", "kvm_pio", "kvm_page_fault", "kvm_apicv_inhibit_changed", "kvm_fpu", "sched_switch"})
        CHECK_MESSAGE(!is_of_interest(name), name);
}

TEST_CASE("the filter on ioctl lets through what replay uses") {
    CHECK(ioctl_filter() ==
          "cmd == 0xae41 || cmd == 0xae80 || cmd == 0x4400ae8f || cmd == 0x4138ae84 || "
          "cmd == 0x4140aecd || cmd == 0x4008ae89 || cmd == 0x4040aea0 || cmd == 0x4004ae99");
}
