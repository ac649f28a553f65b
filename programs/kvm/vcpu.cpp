#include "programs/kvm/vcpu.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <sys/ioctl.h>

#include "model/registers.hpp"
#include "programs/kvm/guest_memory.hpp"

namespace lapicheck::programs {
namespace {

// struct kvm_msrs with one entry; see kvm_vm.cpp on flexible arrays.
struct OneMsr {
    std::uint32_t count = 1;
    std::uint32_t padding = 0;
    kvm_msr_entry entry = {};
};
constexpr unsigned long get_msrs = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x88, 8);
constexpr unsigned long set_msrs = _IOC(_IOC_WRITE, KVMIO, 0x89, 8);

// SDM Vol. 3A, 2.5 Control Registers; 2.2.1 Extended Feature Enable Register.
constexpr std::uint64_t cr0_pe = 1;
constexpr std::uint64_t cr0_long_mode = 0x8000'0031; // PG, NE, ET, PE
constexpr std::uint64_t cr4_pae = 0x20;
constexpr std::uint64_t efer_long_mode = 0x500; // LMA, LME
constexpr std::uint64_t rflags_reserved = 0x2;
constexpr std::uint64_t rflags_if = 0x200;
constexpr std::uint64_t reset_vector_segment = 0xffff'0000;

void must(int result, const char* what) {
    if (result < 0)
        throw KvmRefused(fmt::format("{} failed: {}", what, std::generic_category().message(errno)));
}

kvm_segment segment(std::uint16_t selector, std::uint8_t type, bool code) {
    kvm_segment s{};
    s.limit = 0xffff'ffff;
    s.selector = selector;
    s.type = type;
    s.present = s.s = s.g = 1;
    s.l = code ? 1 : 0;
    s.db = code ? 0 : 1;
    return s;
}

kvm_segment task_segment() {
    kvm_segment s{};
    s.limit = 0xffff;
    s.type = 11; // busy TSS: without one VMX does not enter
    s.present = 1;
    return s;
}

} // namespace

std::uint32_t register_of(const kvm_lapic_state& lapic, std::uint32_t offset) {
    std::uint32_t value = 0;
    std::memcpy(&value, lapic.regs + offset, sizeof value);
    return value;
}

KvmVcpu::KvmVcpu(const Vm& vm, std::uint32_t apic_id)
    : fd_(vm.create_vcpu(apic_id)), run_(vm.run_bytes(), fd_.get()), wide_ids_(vm.wide_ids()),
      hardware_id_(apic_id), reset_lapic_(lapic()), reset_apic_base_(apic_base()) {
    enter_guest_mode();
    set_mp_state(KVM_MP_STATE_RUNNABLE); // an AP does not wait for INIT and SIPI
}

int KvmVcpu::run() const { return ::ioctl(fd_.get(), KVM_RUN, 0) < 0 ? errno : 0; }

kvm_sregs KvmVcpu::sregs() const {
    kvm_sregs state{};
    must(kvm_ioctl(fd_.get(), KVM_GET_SREGS, &state), "KVM_GET_SREGS");
    return state;
}

void KvmVcpu::enter_guest_mode() const {
    kvm_sregs state = sregs();
    state.cs = segment(guest::code_selector, 11, true);
    state.ds = state.es = state.fs = state.gs = state.ss = segment(guest::data_selector, 3, false);
    state.tr = task_segment();
    state.ldt = {};
    state.ldt.unusable = 1;
    state.gdt.base = guest::gdt;
    state.gdt.limit = guest::gdt_limit;
    state.idt.base = guest::idt;
    state.idt.limit = guest::idt_limit;
    state.cr0 = cr0_long_mode;
    state.cr3 = guest::page_table;
    state.cr4 = cr4_pae;
    state.efer = efer_long_mode;
    must(kvm_ioctl(fd_.get(), KVM_SET_SREGS, &state), "KVM_SET_SREGS");
}

void KvmVcpu::go_to(std::uint64_t rip, std::uint64_t slot, std::uint64_t stack,
                    bool interrupts_enabled) const {
    kvm_regs state{};
    state.rip = rip;
    state.rdi = slot;
    state.rsp = stack;
    state.rflags = rflags_reserved | (interrupts_enabled ? rflags_if : 0);
    must(kvm_ioctl(fd_.get(), KVM_SET_REGS, &state), "KVM_SET_REGS");
}

std::uint64_t KvmVcpu::slot() const {
    kvm_regs state{};
    must(kvm_ioctl(fd_.get(), KVM_GET_REGS, &state), "KVM_GET_REGS");
    return state.rdi;
}

std::uint64_t KvmVcpu::rip() const {
    kvm_regs state{};
    must(kvm_ioctl(fd_.get(), KVM_GET_REGS, &state), "KVM_GET_REGS");
    return state.rip;
}

void KvmVcpu::load_apic(const kvm_sregs& sregs, const kvm_lapic_state& lapic, const kvm_vcpu_events& events,
                        std::optional<std::uint64_t> deadline) const {
    // The base first: the mode says in which form the ID stands in the APIC's state.
    must(kvm_ioctl(fd_.get(), KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
    set_msr(model::apic_base::msr, sregs.apic_base);
    must(kvm_ioctl(fd_.get(), KVM_SET_LAPIC, &lapic), "KVM_SET_LAPIC");
    must(kvm_ioctl(fd_.get(), KVM_SET_VCPU_EVENTS, &events), "KVM_SET_VCPU_EVENTS");
    // Last: in other timer modes than the deadline mode writes are ignored.
    if (deadline) set_msr(model::tsc_deadline_msr, *deadline);
}

void KvmVcpu::reset_apic() const {
    kvm_sregs state = sregs();
    state.apic_base = reset_apic_base_;
    state.cr8 = 0;
    std::memset(state.interrupt_bitmap, 0, sizeof state.interrupt_bitmap);
    kvm_vcpu_events nothing_pending{};
    nothing_pending.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
    const bool has_deadline = msr(model::tsc_deadline_msr).has_value();
    load_apic(state, reset_lapic_, nothing_pending,
              has_deadline ? std::optional<std::uint64_t>{0} : std::nullopt);
}

void KvmVcpu::save_and_load() const {
    const kvm_sregs state = sregs();
    const kvm_lapic_state apic = lapic();
    kvm_vcpu_events events{};
    must(kvm_ioctl(fd_.get(), KVM_GET_VCPU_EVENTS, &events), "KVM_GET_VCPU_EVENTS");
    load_apic(state, apic, events, msr(model::tsc_deadline_msr));
}

std::uint32_t KvmVcpu::mp_state() const {
    kvm_mp_state state{};
    must(kvm_ioctl(fd_.get(), KVM_GET_MP_STATE, &state), "KVM_GET_MP_STATE");
    return state.mp_state;
}

void KvmVcpu::set_mp_state(std::uint32_t state) const {
    const kvm_mp_state wanted{state};
    must(kvm_ioctl(fd_.get(), KVM_SET_MP_STATE, &wanted), "KVM_SET_MP_STATE");
}

std::optional<KvmVcpu::RealMode> KvmVcpu::in_real_mode() const {
    const kvm_sregs state = sregs();
    if ((state.cr0 & cr0_pe) != 0) return std::nullopt;
    if (state.cs.base == reset_vector_segment) return RealMode{};
    return RealMode{static_cast<std::uint8_t>(state.cs.base >> 12)};
}

kvm_lapic_state KvmVcpu::lapic() const {
    kvm_lapic_state state{};
    must(kvm_ioctl(fd_.get(), KVM_GET_LAPIC, &state), "KVM_GET_LAPIC");
    return state;
}

std::uint32_t KvmVcpu::apic_id() const {
    if ((apic_base() & model::apic_base::enable) == 0) return hardware_id_; // what stands there is of no use
    constexpr std::uint64_t x2apic = model::apic_base::enable | model::apic_base::extd;
    const std::uint32_t id = register_of(lapic(), 0x20);
    // Where IDs are wide, the state holds 32 bits in x2APIC mode (KVM_CAP_X2APIC_API).
    return wide_ids_ && (apic_base() & x2apic) == x2apic ? id : id >> 24;
}

std::uint64_t KvmVcpu::apic_base() const { return sregs().apic_base; }

std::uint64_t KvmVcpu::tsc_deadline() const { return msr(model::tsc_deadline_msr).value_or(0); }

std::optional<std::uint64_t> KvmVcpu::msr(std::uint32_t index) const {
    OneMsr one;
    one.entry.index = index;
    if (kvm_ioctl(fd_.get(), get_msrs, &one) != 1) return std::nullopt;
    return one.entry.data;
}

void KvmVcpu::set_msr(std::uint32_t index, std::uint64_t value) const {
    OneMsr one;
    one.entry.index = index;
    one.entry.data = value;
    if (kvm_ioctl(fd_.get(), set_msrs, &one) != 1)
        throw KvmRefused(fmt::format("KVM_SET_MSRS failed: MSR {:X}H = {:#x}", index, value));
}

} // namespace lapicheck::programs
