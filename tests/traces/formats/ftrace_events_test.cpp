#include "traces/formats/ftrace_events.hpp"

#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/traces/read_text.hpp"

namespace lapicheck::traces {
namespace {

// The one Event that a text is read as.
Event read_one(std::string_view event_text) {
    const ReadResult result = read_record(event_text);
    CAPTURE(event_text);
    CAPTURE(result.text());
    REQUIRE(result.events.size() == 1);
    CHECK(result.summary.skipped_lines == 0);
    const Event& event = result.events.front();
    CHECK(event.thread == 4711);
    CHECK(event.cpu == 3);
    CHECK(event.line == 1);
    CHECK(event.time == 100'000'001'000);
    return event;
}

void check_ignored(std::string_view event_text) {
    const ReadResult result = read_record(event_text);
    CAPTURE(event_text);
    CHECK(result.events.empty());
    CHECK(result.summary.events == 1);
    CHECK(result.summary.skipped_lines == 0);
}

TEST_CASE("kvm_apic: the register is its offset in the window, whatever its name") {
    struct Register {
        std::string_view name;
        std::uint32_t offset;
    };
    // arch/x86/include/asm/apicdef.h
    const Register registers[] = {
        {"ID", 0x20},    {"LVR", 0x30},       {"TASKPRI", 0x80}, {"ARBPRI", 0x90},   {"PROCPRI", 0xa0},
        {"EOI", 0xb0},   {"RRR", 0xc0},       {"LDR", 0xd0},     {"DFR", 0xe0},      {"SPIV", 0xf0},
        {"ISR", 0x100},  {"TMR", 0x180},      {"IRR", 0x200},    {"ESR", 0x280},     {"LVTCMCI", 0x2f0},
        {"ICR", 0x300},  {"ICR2", 0x310},     {"LVTT", 0x320},   {"LVTTHMR", 0x330}, {"LVTPC", 0x340},
        {"LVT0", 0x350}, {"LVT1", 0x360},     {"LVTERR", 0x370}, {"TMICT", 0x380},   {"TMCCT", 0x390},
        {"TDCR", 0x3e0}, {"SELF_IPI", 0x3f0}, {"EFEAT", 0x400},  {"ECTRL", 0x410},
    };
    for (const auto& [name, offset] : registers) {
        const Event event = read_one(fmt::format("kvm_apic: apic_read APIC_{} = 0x50014", name));
        CHECK(event.kind == EventKind::apic_read);
        CHECK(event.where == offset);
        CHECK(event.value == 0x50014);
    }
    const Event by_offset = read_one("kvm_apic: apic_write 0x110 = 0xffffffff");
    CHECK(by_offset.kind == EventKind::apic_write);
    CHECK(by_offset.where == 0x110);
    CHECK(by_offset.value == 0xffff'ffff);
    CHECK(read_one("kvm_apic: apic_write APIC_ICR = 0x1000000c4500").value == 0x1000'000c'4500);
    CHECK(read_one("kvm_apic: apic_write APIC_ICR = 0xffffffffffffffff").value == ~std::uint64_t{0});
}

TEST_CASE("kvm_apic_ipi: destination in hexadecimal, vector in decimal, all names") {
    const Event ipi = read_one("kvm_apic_ipi: dst 10 vec 207 (LowPrio|logical|de-assert|level|all-but-self)");
    CHECK(ipi.kind == EventKind::apic_ipi);
    CHECK(ipi.where == 0x10);
    CHECK(ipi.value == 207);
    CHECK(ipi.interrupt.delivery_mode == DeliveryMode::lowest_priority);
    CHECK(ipi.interrupt.shorthand == Shorthand::all_but_self);
    CHECK(ipi.interrupt.logical);
    CHECK(!ipi.interrupt.assert_level);
    CHECK(ipi.interrupt.level_triggered);
    const std::string_view modes[] = {"Fixed", "LowPrio", "SMI", "Res3", "NMI", "INIT", "SIPI", "ExtINT"};
    for (std::uint8_t mode = 0; mode < 8; ++mode) {
        const Event e =
            read_one(fmt::format("kvm_apic_ipi: dst ff vec 0 ({}|physical|assert|edge|dst)", modes[mode]));
        CHECK(static_cast<std::uint8_t>(e.interrupt.delivery_mode) == mode);
        CHECK(e.interrupt.assert_level);
        CHECK(!e.interrupt.logical);
    }
    const std::string_view shorthands[] = {"dst", "self", "all", "all-but-self"};
    for (std::uint8_t code = 0; code < 4; ++code) {
        const Event e = read_one(
            fmt::format("kvm_apic_ipi: dst 0 vec 0 (Fixed|physical|assert|edge|{})", shorthands[code]));
        CHECK(static_cast<std::uint8_t>(e.interrupt.shorthand) == code);
    }
}

TEST_CASE("accepted interrupts and EOIs name an APIC ID in hexadecimal") {
    const Event accepted = read_one("kvm_apic_accept_irq: apicid 1f vec 241 (Fixed|level)");
    CHECK(accepted.kind == EventKind::accept_irq);
    CHECK(accepted.where == 0x1f);
    CHECK(accepted.value == 241);
    CHECK(accepted.interrupt.level_triggered);
    CHECK(!accepted.virtualized);
    CHECK(read_one("kvm_apic_accept_irq: apicid 0 vec 0 (NMI|edge) (coalesced)").interrupt.delivery_mode ==
          DeliveryMode::nmi);
    const Event virtualized = read_one("kvm_apicv_accept_irq: apicid 2 vec 32 (LowPrio|edge)");
    CHECK(virtualized.kind == EventKind::accept_irq);
    CHECK(virtualized.virtualized);

    const Event eoi = read_one("kvm_eoi: apicid a vector 32");
    CHECK(eoi.kind == EventKind::eoi);
    CHECK(eoi.where == 0xa);
    CHECK(eoi.value == 32);
    CHECK(read_one("kvm_eoi: apicid 0 vector -1").value == ~std::uint64_t{0});
    CHECK(read_one("kvm_pv_eoi: apicid 0 vector 48").kind == EventKind::pv_eoi);
}

TEST_CASE("requests from outside: who asks, and what is no request") {
    const Event line = read_one("kvm_set_irq: gsi 14 level 1 source 2");
    CHECK(line.kind == EventKind::set_irq);
    CHECK(line.where == 14);
    CHECK(line.value == 1);
    CHECK(line.size == 2);
    const Event msi = read_one("kvm_msi_set_irq: dst 1f vec 112 (LowPrio|logical|level|rh)");
    CHECK(msi.kind == EventKind::msi_request);
    CHECK(msi.where == 0x1f);
    CHECK(msi.value == 112);
    CHECK(msi.interrupt.delivery_mode == DeliveryMode::lowest_priority);
    CHECK(msi.interrupt.logical);
    CHECK(msi.interrupt.level_triggered);
    for (const char* text : {"kvm_ioapic_set_irq: pin 14 dst 0 vec 152 (Fixed|physical|level)",
                             "kvm_ioapic_set_irq: pin 14 dst 0 vec=152 (Fixed|physical|edge)",
                             "kvm_ioapic_delayed_eoi_inj: dst 0 vec 152 (Fixed|physical|level)"}) {
        const Event request = read_one(text);
        CHECK(request.kind == EventKind::ioapic_request);
        CHECK(request.value == 152);
    }
    CHECK(read_one("kvm_ack_irq: irqchip IOAPIC pin 11").kind == EventKind::ioapic_eoi);
    check_ignored("kvm_ack_irq: irqchip PIC master pin 4");
    check_ignored("kvm_ioapic_set_irq: pin 4 dst 0 vec 0 (Fixed|physical|edge|masked)");
    check_ignored("kvm_ioapic_set_irq: pin 4 dst 0 vec 32 (Fixed|physical|edge) (coalesced)");
    check_ignored("kvm_msi_set_irq: dst 0 of another form");
}

TEST_CASE("kvm_msr: index without 0x, and #GP") {
    const Event write = read_one("kvm_msr: msr_write 4b564d01 = 0xe8c21");
    CHECK(write.kind == EventKind::msr_write);
    CHECK(write.where == 0x4b56'4d01);
    CHECK(write.value == 0xe8c21);
    CHECK(!write.gp);
    const Event read = read_one("kvm_msr: msr_read 800 = 0x0 (#GP)");
    CHECK(read.kind == EventKind::msr_read);
    CHECK(read.gp);
}

TEST_CASE("kvm_mmio: the three kinds") {
    const Event write = read_one("kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x1");
    CHECK(write.kind == EventKind::mmio_write);
    CHECK(write.size == 4);
    CHECK(write.where == 0xfee0'00b0);
    CHECK(write.value == 1);
    CHECK(read_one("kvm_mmio: mmio read len 8 gpa 0xfee00030 val 0xffffffffffffffff").kind ==
          EventKind::mmio_read);
    CHECK(read_one("kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfee00030 val 0x0").kind ==
          EventKind::mmio_unsatisfied_read);
}

TEST_CASE("kvm_entry in the words of all kernels and of trace-cmd") {
    struct Case {
        std::string_view text;
        std::int32_t vcpu;
        std::uint64_t rip;
    };
    const Case cases[] = {
        {"kvm_entry: vcpu 0", 0, no_rip},                             // up to Linux 5.9
        {"kvm_entry: vcpu 17, rip 0xfff0", 17, 0xfff0},               // since 5.10
        {"kvm_entry: vcpu 0, rip 0xfff0[immediate exit]", 0, 0xfff0}, // since 6.9, and in Debian's 6.1
        {"kvm_entry: vcpu 0, rip 0xffffffff81000000 intr_info 0x800000ec error_code 0x00000000", 0,
         0xffff'ffff'8100'0000}, // since 6.14
        {"kvm_entry: vcpu 0, rip 0x1 intr_info 0x00000000 error_code 0x00000000[immediate exit]", 0, 1},
        {"kvm_entry:             vcpu 3 rip 0x407d07", 3, 0x407d07}, // libtraceevent
        {"kvm_entry:             vcpu 3 rip 0x407d07 start_kernel+0x7", 3, 0x407d07},
    };
    for (const Case& expected : cases) {
        const Event event = read_one(expected.text);
        CHECK(event.kind == EventKind::entry);
        CHECK(event.vcpu == expected.vcpu);
        CHECK(event.where == expected.rip);
    }
}

TEST_CASE("kvm_exit in the words of all kernels and of trace-cmd") {
    struct Case {
        std::string_view text;
        std::int32_t vcpu;
        ExitReason reason;
    };
    const Case cases[] = {
        {"kvm_exit: reason write_cr8 rip 0xfff0 info 0 0", -1, ExitReason::cr8_write}, // 3.6, SVM
        {"kvm_exit: reason CR_ACCESS rip 0xfff0 info 18 0", -1, ExitReason::other},    // 3.6, VMX
        {"kvm_exit: vcpu 1 reason MSR_WRITE rip 0x1 info 0 0", 1, ExitReason::msr},    // 5.5
        {"kvm_exit: vcpu 0 reason npf rip 0xfff0 info1 0x0000000100000014 info2 0x00000000fffffff0 "
         "intr_info 0x00000000 error_code 0x00000000",
         0, ExitReason::mmio}, // 6.1
        {"kvm_exit: vcpu 0 reason DB excp rip 0x40743d info1 0x0 info2 0x0", 0, ExitReason::other},
        {"kvm_exit: vcpu 0 reason TRIPLE_FAULT FAILED_VMENTRY rip 0x0 info1 0x0", 0, ExitReason::shutdown},
        {"kvm_exit: vcpu 2 reason APIC_WRITE rip 0x0 info1 0x0 info2 0x0 intr_info 0x0 error_code 0x0 "
         "requests 0x0000000000000000",
         2, ExitReason::apic_accelerated}, // 6.14
        {"kvm_exit: vcpu 2 reason EOI_INDUCED rip 0x0", 2, ExitReason::apic_accelerated},
        {"kvm_exit: vcpu 2 reason avic_incomplete_ipi rip 0x0", 2, ExitReason::apic_accelerated},
        {"kvm_exit: vcpu 2 reason avic_unaccelerated_access rip 0x0", 2, ExitReason::apic_accelerated},
        {"kvm_exit: vcpu 2 reason shutdown rip 0x0", 2, ExitReason::shutdown},
        {"kvm_exit: vcpu 2 reason msr rip 0x0", 2, ExitReason::msr},
        {"kvm_exit: vcpu 2 reason MSR_READ rip 0x0", 2, ExitReason::msr},
        {"kvm_exit: vcpu 2 reason APIC_ACCESS rip 0x0", 2, ExitReason::mmio},
        {"kvm_exit: vcpu 2 reason EPT_MISCONFIG rip 0x0", 2, ExitReason::mmio},
        {"kvm_exit: vcpu 2 reason EPT_VIOLATION rip 0x0", 2, ExitReason::mmio},
        {"kvm_exit: vcpu 2 reason 0x404 rip 0x0", 2, ExitReason::other},
        {"kvm_exit:              reason EXIT_WRITE_CR8 rip 0x1 info 0 0", -1,
         ExitReason::cr8_write}, // libtraceevent
        {"kvm_exit:              reason EXIT_MSR rip 0x1 info 0 0", -1, ExitReason::msr},
        {"kvm_exit:              reason UNKNOWN (1027) rip 0x1 info 0 0", -1, ExitReason::other},
    };
    for (const Case& expected : cases) {
        const Event event = read_one(expected.text);
        CHECK(event.kind == EventKind::exit);
        CHECK(event.vcpu == expected.vcpu);
        CHECK(event.value2 == static_cast<std::uint64_t>(expected.reason));
    }
    CHECK(read_one("kvm_exit: vcpu 0 reason npf rip 0xfff0 info1 0x0 info2 0x0").where == 0xfff0);
    CHECK(read_one("kvm_exit: vcpu 0 reason DB excp rip 0x40743d info1 0x0").where == 0x40743d);
    CHECK(read_one("kvm_exit: vcpu 0 reason TRIPLE_FAULT FAILED_VMENTRY rip 0x1 info1 0x0").where == 1);
    CHECK(read_one("kvm_exit:              reason UNKNOWN (1027) rip 0xabc info 0 0").where == 0xabc);
    CHECK(read_one("kvm_exit: vcpu 0 reason npf").where == no_rip);
}

TEST_CASE("kvm_inj_virq: decimal in old kernels, hexadecimal in new ones") {
    const Event old = read_one("kvm_inj_virq: irq 32");
    CHECK(old.kind == EventKind::inject_irq);
    CHECK(old.where == 32);
    CHECK(!old.reinjected);
    CHECK(read_one("kvm_inj_virq: IRQ 0x32").where == 0x32);
    CHECK(!read_one("kvm_inj_virq: IRQ 0x32").reinjected);
    CHECK(read_one("kvm_inj_virq: IRQ 0x8 [reinjected]").reinjected);
    CHECK(read_one("kvm_inj_virq: Soft/INTn 0x19 [reinjected]").where == 0x19);
    CHECK(read_one("kvm_inj_virq: Soft/INTn 0x19").reinjected);
}

TEST_CASE("kvm_inj_exception: by name, by number, and as trace-cmd fails to print it") {
    CHECK(read_one("kvm_inj_exception: #GP (0x0)").where == 13);
    CHECK(read_one("kvm_inj_exception: #UD").where == 6);
    CHECK(read_one("kvm_inj_exception: #PF (0x2) [reinjected]").reinjected);
    CHECK(read_one("kvm_inj_exception: #MC").kind == EventKind::inject_exception);
    CHECK(read_one("kvm_inj_exception: 0x15").where == 0x15);
    const Event unformatted = read_one(
        "kvm_inj_exception:    [FAILED TO PARSE] exception=13 has_error=1 error_code=0 reinjected=1");
    CHECK(unformatted.where == 13);
    CHECK(unformatted.reinjected);
}

TEST_CASE("kvm_cpuid with and without its index") {
    const Event event =
        read_one("kvm_cpuid: func b idx 1 rax 10000000a rbx 2 rcx 3 rdx 4, cpuid entry found");
    CHECK(event.kind == EventKind::cpuid);
    CHECK(event.where == 0x1'0000'000b);
    CHECK(event.value2 == 0x2'0000'000a);
    CHECK(event.value == 0x4'0000'0003);
    CHECK(read_one("kvm_cpuid: func 1 rax 1 rbx 2 rcx 3 rdx 4").where == 1);
    Event absent;
    CHECK_FALSE(
        read_event_text("kvm_cpuid: func 1 idx 0 rax 0 rbx 0 rcx 0 rdx 0, cpuid entry not found", absent));
    CHECK(absent.kind == EventKind::other);
}

TEST_CASE("ioctls of all kernels, and of trace-cmd") {
    for (const std::string_view text : {
             "sys_ioctl(fd: 0xb, cmd: 0x4400ae8f, arg: 0x7f31fc002010)",
             "sys_ioctl(fd: b, cmd: 4400ae8f, arg: 7f31fc002010)",
             "sys_ioctl(unsigned int fd: b, unsigned int cmd: 4400ae8f, unsigned long arg: 0)",
             "sys_enter_ioctl:      fd: 0x0000000b, cmd: 0x4400ae8f, arg: 0x7f31fc002010",
         }) {
        const Event event = read_one(text);
        CHECK(event.kind == EventKind::ioctl);
        CHECK(event.where == 0x4400'ae8f);
        CHECK(event.value == 0xb);
    }
    check_ignored("sys_ioctl -> 0x0");
    check_ignored("sys_exit_ioctl:       0x0");
}

TEST_CASE("other tracepoints of interest only say that they happened") {
    CHECK(read_one("kvm_userspace_exit: reason KVM_EXIT_IO (2)").kind == EventKind::userspace_exit);
    CHECK(read_one("kvm_userspace_exit: reason KVM_EXIT_IO (2)").where == 0);
    CHECK(read_one("kvm_userspace_exit: reason KVM_EXIT_IOAPIC_EOI (26)").where == 1);
    CHECK(read_one("kvm_userspace_exit: reason restart (4)").kind == EventKind::userspace_exit);
    CHECK(read_one("kvm_hypercall: nr 0xa a0 0x1 a1 0x0 a2 0x0 a3 0x31").kind == EventKind::hypercall);
    CHECK(read_one("kvm_hv_hypercall: code 0xb fast var_cnt 0x0 rep_cnt 0x0 idx 0x0 in 0x0 out 0x0").kind ==
          EventKind::hypercall);
    CHECK(read_one("kvm_avic_incomplete_ipi: vcpu=0, icrh:icrl=0x00000000:000000fb, id=1, index=0").kind ==
          EventKind::accelerated);
    CHECK(read_one("kvm_avic_doorbell: vcpuid=1, apicid=1").kind == EventKind::accelerated);
    CHECK(read_one("kvm_apicv_something_new: x").kind == EventKind::accelerated);
    const Event cr8 = read_one("kvm_cr: cr_write 8 = 0xf");
    CHECK(cr8.kind == EventKind::cr_write);
    CHECK(cr8.where == 8);
    CHECK(cr8.value == 0xf);
    CHECK(read_one("kvm:kvm_eoi: apicid 0 vector 32").kind == EventKind::eoi);
    CHECK(read_one("(+12)    kvm_eoi:              apicid 0 vector 32").kind == EventKind::eoi);
}

TEST_CASE("tracepoints of no interest are counted and not handed on") {
    check_ignored("kvm_apicv_inhibit_changed: set reason=0, inhibits=0x1 DISABLED");
    check_ignored("kvm_apicv_update_request: activate bit=1");
    check_ignored("kvm_cr: cr_read 8 = 0x0");
    check_ignored("kvm_fpu: load");
    check_ignored("kvm_apic_something: apic_write APIC_EOI = 0x0");
    check_ignored("kvm_ap");
    check_ignored("tracing_mark_write: kvm_apic: apic_write APIC_EOI = 0x0");
    check_ignored("vcpu_enter_guest <-kvm_arch_vcpu_ioctl_run");
    check_ignored("<stack trace>");
    check_ignored(":");
    check_ignored("\xff\xfe");
}

TEST_CASE("a text that cannot be read is counted with its reason and leaves a hole") {
    struct Case {
        std::string_view text;
        std::string_view why;
    };
    const Case cases[] = {
        {"kvm_apic: apic_read APIC_NEW = 0x0", "kvm_apic: unknown register name"},
        {"kvm_apic: apic_read APIC_ = 0x0", "kvm_apic: unknown register name"},
        {"kvm_apic: apic_read APIC_ID = 0x0x", "kvm_apic: text not understood"},
        {"kvm_apic: apic_read APIC_ID = 0x", "kvm_apic: text not understood"},
        {"kvm_apic: apic_read APIC_ID = 0x11112222333344445", "kvm_apic: text not understood"},
        {"kvm_apic: apic_read APIC_ID = 10", "kvm_apic: text not understood"},
        {"kvm_apic: [FAILED TO PARSE] rw=1 reg=176 val=0", "kvm_apic: text not understood"},
        {"kvm_apic:", "kvm_apic: text not understood"},
        {"kvm_apic_ipi: dst 0 vec 256 (Fixed|physical|assert|edge|dst)", "kvm_apic_ipi: text not understood"},
        {"kvm_apic_ipi: dst 0 vec 25 (Fixed|physical|assert|edge", "kvm_apic_ipi: text not understood"},
        {"kvm_apic_ipi: dst 0 vec 25 (fixed|physical|assert|edge|dst)", "kvm_apic_ipi: text not understood"},
        {"kvm_apic_accept_irq: apicid 0 vec 25 (Fixed|edge) (later)",
         "kvm_apic_accept_irq: text not understood"},
        {"kvm_eoi: apicid 0 vector -2", "kvm_eoi: text not understood"},
        {"kvm_msr: msr_write 80b = 0x0 (#GP", "kvm_msr: text not understood"},
        {"kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0 [more]", "kvm_mmio: text not understood"},
        {"kvm_mmio: mmio peek len 4 gpa 0xfee000b0 val 0x0", "kvm_mmio: text not understood"},
        {"kvm_inj_virq: IRQ 32", "kvm_inj_virq: text not understood"},
        {"kvm_inj_virq: irq 256", "kvm_inj_virq: text not understood"},
        {"kvm_cr: cr_write 8 = f", "kvm_cr: text not understood"},
        {"sys_ioctl(fd: 0xb", "sys_ioctl: text not understood"},
    };
    for (const Case& expected : cases) {
        const ReadResult result = read_record(expected.text);
        CAPTURE(expected.text);
        REQUIRE(result.events.size() == 1);
        const Event& event = result.events.front();
        CHECK(event.kind == EventKind::lost);
        CHECK(event.where == 1);
        CHECK(event.value == 0);
        CHECK(event.thread == 4711);
        CHECK(event.cpu == 3);
        REQUIRE(result.summary.skipped.size() == 1);
        CHECK(result.summary.skipped.front().why == expected.why);
        CHECK(result.summary.events == 1);
        CHECK(result.summary.lost_marks == 0);
    }
}

TEST_CASE("an unreadable text of an event that only accompanies others leaves no hole") {
    for (const std::string_view text :
         {"kvm_entry: vcpu x", "kvm_entry: vcpu 0, rip 0x", "kvm_exit: vcpu 0 rip 0x0",
          "kvm_exit: vcpu 0 reason npf rip 0x", "kvm_inj_exception: GP", "kvm_inj_exception: #XX",
          "kvm_cpuid: func"}) {
        const ReadResult result = read_record(text);
        CAPTURE(text);
        CHECK(result.events.empty());
        CHECK(result.summary.skipped_lines == 1);
    }
}

} // namespace
} // namespace lapicheck::traces
