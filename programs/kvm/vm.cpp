#include "programs/kvm/vm.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <cpuid.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "programs/kvm/guest_memory.hpp"

namespace lapicheck::programs {
namespace {

// The header's macros take sizeof(struct kvm_cpuid2), which in C++ is not the 8 bytes it is in C: the
// flexible array's empty struct has a size.
constexpr unsigned long get_supported_cpuid = _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x05, 8);
constexpr unsigned long set_cpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, 8);

constexpr unsigned long set_gsi_routing = _IOC(_IOC_WRITE, KVMIO, 0x6a, 8);

// struct kvm_irq_routing. The pins of the I/O APIC that userspace would have: as many as there are vectors.
struct Routes {
    static constexpr std::uint32_t pins = 240;
    std::uint32_t count = pins;
    std::uint32_t flags = 0;
    kvm_irq_routing_entry entries[pins] = {};
};

constexpr std::uint32_t cpuid_x2apic = 1U << 21;
constexpr std::uint32_t cpuid_tsc_deadline = 1U << 24;

std::string reason() { return std::generic_category().message(errno); }

void must(int result, const char* what) {
    if (result < 0) throw KvmRefused(fmt::format("{} failed: {}", what, reason()));
}

void set_bit(std::uint32_t& word, std::uint32_t bit, bool value) { word = value ? word | bit : word & ~bit; }

struct VendorName {
    std::uint32_t ebx, edx, ecx;
};
constexpr VendorName intel_name = {0x756e'6547, 0x4965'6e69, 0x6c65'746e}; // "GenuineIntel"
constexpr VendorName amd_name = {0x6874'7541, 0x6974'6e65, 0x444d'4163};   // "AuthenticAMD"

void set_vendor(kvm_cpuid_entry2& entry, const VendorName& name) {
    entry.ebx = name.ebx;
    entry.ecx = name.ecx;
    entry.edx = name.edx;
}

void fit_to_machine(kvm_cpuid_entry2& entry, const Machine& machine) {
    switch (entry.function) {
    case 0:
    case 0x8000'0000:
        if (machine.vendor == GuestVendor::intel) set_vendor(entry, intel_name);
        if (machine.vendor == GuestVendor::amd) set_vendor(entry, amd_name);
        break;
    case 1:
        set_bit(entry.ecx, cpuid_x2apic, machine.x2apic);
        set_bit(entry.ecx, cpuid_tsc_deadline, machine.tsc_deadline);
        break;
    case 0x8000'0008:
        if (machine.maxphyaddr) entry.eax = (entry.eax & ~0xffU) | *machine.maxphyaddr;
        break;
    default: break;
    }
}

void set_apic_id(kvm_cpuid_entry2& entry, std::uint32_t id) {
    if (entry.function == 1) entry.ebx = (entry.ebx & 0x00ff'ffff) | (id << 24);
    if (entry.function == 0xb || entry.function == 0x1f) entry.edx = id;
}

} // namespace

int kvm_ioctl(int fd, unsigned long request, std::uintptr_t argument) {
    int result = 0;
    do result = ::ioctl(fd, request, argument);
    while (result < 0 && errno == EINTR);
    return result;
}

int kvm_ioctl(int fd, unsigned long request, const void* argument) {
    return kvm_ioctl(fd, request, reinterpret_cast<std::uintptr_t>(argument));
}

Mapping::Mapping(std::size_t bytes, int fd) : bytes_(bytes) {
    const int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (mapped == MAP_FAILED) throw KvmRefused(fmt::format("cannot map memory for the guest: {}", reason()));
    data_ = static_cast<std::uint8_t*>(mapped);
}

Mapping::~Mapping() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

Vm::Vm(const Machine& machine) {
    open_device();
    // Before the vCPUs: LINT0_REENABLED acts when they are made.
    disable_quirks(machine.disabled_quirks);
    create_irqchip(machine);
    create_ram();
    read_cpuid(machine);
}

void Vm::open_device() {
    device_ = traces::FileDescriptor(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (device_.get() < 0) {
        const char* advice =
            errno == EACCES   ? " (run as root, or join the group that owns it)"
            : errno == ENOENT ? " (load kvm_intel or kvm_amd; a virtual machine needs nested virtualization)"
                              : "";
        throw KvmAbsent(fmt::format("cannot open /dev/kvm: {}{}", reason(), advice));
    }
    if (kvm_ioctl(device_.get(), KVM_GET_API_VERSION) != KVM_API_VERSION)
        throw KvmAbsent("/dev/kvm does not have version 12 of the KVM API");
    vm_ = traces::FileDescriptor(kvm_ioctl(device_.get(), KVM_CREATE_VM));
    if (vm_.get() < 0) throw KvmAbsent(fmt::format("KVM_CREATE_VM failed: {}", reason()));
    const int bytes = kvm_ioctl(device_.get(), KVM_GET_VCPU_MMAP_SIZE);
    must(bytes, "KVM_GET_VCPU_MMAP_SIZE");
    run_bytes_ = static_cast<std::size_t>(bytes);
}

void Vm::disable_quirks(const std::vector<std::string>& names) const {
    if (names.empty()) return;
    kvm_enable_cap capability{};
    capability.cap = KVM_CAP_DISABLE_QUIRKS2;
    const int known = kvm_ioctl(vm_.get(), KVM_CHECK_EXTENSION, std::uintptr_t{KVM_CAP_DISABLE_QUIRKS2});
    for (const std::string& name : names) {
        const auto found = std::find(quirk_names().begin(), quirk_names().end(), name);
        const auto bit = 1U << (found - quirk_names().begin());
        if (known <= 0 || (static_cast<unsigned>(known) & bit) == 0)
            throw KvmRefused(fmt::format("this KVM cannot disable the quirk {}", name));
        capability.args[0] |= bit;
    }
    must(kvm_ioctl(vm_.get(), KVM_ENABLE_CAP, &capability), "KVM_ENABLE_CAP(KVM_CAP_DISABLE_QUIRKS2)");
}

void Vm::create_irqchip(const Machine& machine) {
    if (machine.split_irqchip) {
        kvm_enable_cap capability{};
        capability.cap = KVM_CAP_SPLIT_IRQCHIP;
        capability.args[0] = Routes::pins;
        must(kvm_ioctl(vm_.get(), KVM_ENABLE_CAP, &capability), "KVM_ENABLE_CAP(KVM_CAP_SPLIT_IRQCHIP)");
        route_level_interrupts();
    } else {
        must(kvm_ioctl(vm_.get(), KVM_CREATE_IRQCHIP), "KVM_CREATE_IRQCHIP");
    }
    const auto largest = *std::max_element(machine.apic_ids.begin(), machine.apic_ids.end());
    if (largest > 0xfe) {
        kvm_enable_cap capability{};
        capability.cap = KVM_CAP_X2APIC_API;
        capability.args[0] = KVM_X2APIC_API_USE_32BIT_IDS;
        must(kvm_ioctl(vm_.get(), KVM_ENABLE_CAP, &capability),
             "KVM_ENABLE_CAP(KVM_CAP_X2APIC_API), for APIC IDs above 254,");
        wide_ids_ = true;
    }
    const std::uintptr_t boot_id = machine.apic_ids.front();
    if (boot_id != 0 && kvm_ioctl(vm_.get(), KVM_SET_BOOT_CPU_ID, boot_id) < 0)
        throw KvmRefused(fmt::format("KVM_SET_BOOT_CPU_ID failed for APIC ID {}: {}", boot_id, reason()));
}

// A pin of userspace's I/O APIC for each vector, level-triggered: KVM tells of their EOIs alone.
void Vm::route_level_interrupts() const {
    Routes routes;
    constexpr std::uint32_t everybody = 0xfee0'0000 | 0xff << 12;
    constexpr std::uint32_t level_asserted = 0xc000;
    for (std::uint32_t pin = 0; pin < Routes::pins; ++pin) {
        kvm_irq_routing_entry& entry = routes.entries[pin];
        entry.gsi = pin;
        entry.type = KVM_IRQ_ROUTING_MSI;
        entry.u.msi.address_lo = everybody;
        entry.u.msi.data = level_asserted | (pin + 0x10);
    }
    must(kvm_ioctl(vm_.get(), set_gsi_routing, &routes), "KVM_SET_GSI_ROUTING");
}

void Vm::create_ram() {
    ram_ = Mapping(guest::ram_bytes, -1);
    kvm_userspace_memory_region region{};
    region.guest_phys_addr = guest::base;
    region.memory_size = guest::ram_bytes;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(ram_.data());
    must(kvm_ioctl(vm_.get(), KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

void Vm::read_cpuid(const Machine& machine) {
    cpuid_.count = static_cast<std::uint32_t>(std::size(cpuid_.entries));
    must(kvm_ioctl(device_.get(), get_supported_cpuid, &cpuid_), "KVM_GET_SUPPORTED_CPUID");
    for (std::uint32_t i = 0; i < cpuid_.count; ++i) fit_to_machine(cpuid_.entries[i], machine);
}

// A module that is built in has its directory too where it found nothing to work with.
std::optional<model::KvmModule> kvm_module() {
    const auto is_there = [](model::KvmModule module) {
        std::error_code error;
        return std::filesystem::exists(fmt::format("/sys/module/{}", to_string(module)), error);
    };
    constexpr std::uint32_t svm = 1U << 2;
    constexpr std::uint32_t vmx = 1U << 5;
    std::uint32_t a = 0;
    std::uint32_t b = 0;
    std::uint32_t c = 0;
    std::uint32_t d = 0;
    using model::KvmModule;
    if (is_there(KvmModule::svm) && __get_cpuid(0x8000'0001, &a, &b, &c, &d) != 0 && (c & svm) != 0)
        return KvmModule::svm;
    if (is_there(KvmModule::vmx) && __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & vmx) != 0)
        return KvmModule::vmx;
    if (is_there(KvmModule::pvm)) return KvmModule::pvm;
    return std::nullopt;
}

std::optional<bool> Vm::is_amd() const {
    for (std::uint32_t i = 0; i < cpuid_.count; ++i) {
        const kvm_cpuid_entry2& entry = cpuid_.entries[i];
        if (entry.function != 0) continue;
        const auto is = [&entry](const VendorName& name) {
            return entry.ebx == name.ebx && entry.ecx == name.ecx && entry.edx == name.edx;
        };
        if (is(amd_name)) return true;
        if (is(intel_name)) return false;
    }
    return std::nullopt;
}

std::optional<std::uint8_t> Vm::maxphyaddr() const {
    for (std::uint32_t i = 0; i < cpuid_.count; ++i)
        if (cpuid_.entries[i].function == 0x8000'0008)
            return static_cast<std::uint8_t>(cpuid_.entries[i].eax & 0xff);
    return std::nullopt;
}

traces::FileDescriptor Vm::create_vcpu(std::uint32_t apic_id) const {
    traces::FileDescriptor vcpu(kvm_ioctl(vm_.get(), KVM_CREATE_VCPU, std::uintptr_t{apic_id}));
    if (vcpu.get() < 0)
        throw KvmRefused(fmt::format("KVM_CREATE_VCPU failed for APIC ID {}: {}", apic_id, reason()));
    CpuidTable cpuid = cpuid_;
    for (std::uint32_t i = 0; i < cpuid.count; ++i) set_apic_id(cpuid.entries[i], apic_id);
    must(kvm_ioctl(vcpu.get(), set_cpuid2, &cpuid), "KVM_SET_CPUID2");
    return vcpu;
}

bool Vm::signal_msi(std::uint64_t address, std::uint32_t data) const {
    kvm_msi msi{};
    msi.address_lo = static_cast<std::uint32_t>(address);
    msi.address_hi = static_cast<std::uint32_t>(address >> 32);
    msi.data = data;
    const int delivered = kvm_ioctl(vm_.get(), KVM_SIGNAL_MSI, &msi);
    // KVM gives -1 (EPERM as an errno) for a message that no APIC takes.
    if (delivered < 0 && errno != EPERM) must(delivered, "KVM_SIGNAL_MSI");
    return delivered > 0;
}

} // namespace lapicheck::programs
