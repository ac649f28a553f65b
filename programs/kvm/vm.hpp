// A virtual machine on /dev/kvm: made to a program's wishes, unmade when it goes out of scope.
//
// Source of the interface: Documentation/virt/kvm/api.rst and include/uapi/linux/kvm.h, Linux 6.1 to 6.18.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <linux/kvm.h>

#include "model/implementations/kvm_module.hpp"
#include "programs/program.hpp"
#include "traces/file_descriptor.hpp"

namespace lapicheck::programs {

// /dev/kvm is missing, forbidden, or no KVM.
class KvmAbsent : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};
// This KVM refused something that the machine needs; says what.
class KvmRefused : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// Memory of this process, shared with the kernel: the guest's RAM, or a vCPU's struct kvm_run.
class Mapping {
  public:
    Mapping() = default;
    Mapping(std::size_t bytes, int fd); // fd -1: zeros of our own
    ~Mapping();
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    std::uint8_t* data() const { return data_; }

  private:
    std::uint8_t* data_ = nullptr;
    std::size_t bytes_ = 0;
};

// ioctl(2) that is not ended by a signal; -1 and errno as there.
int kvm_ioctl(int fd, unsigned long request, std::uintptr_t argument = 0);
int kvm_ioctl(int fd, unsigned long request, const void* argument);

// The vendor module that runs guests here, as far as the kernel tells.
std::optional<model::KvmModule> kvm_module();

struct CpuidTable {
    std::uint32_t count = 0;
    std::uint32_t padding = 0;
    kvm_cpuid_entry2 entries[256] = {};
};

class Vm {
  public:
    // Throws KvmAbsent or KvmRefused.
    explicit Vm(const Machine& machine);

    int fd() const { return vm_.get(); }
    std::uint8_t* ram() const { return ram_.data(); }

    // A file descriptor of a new vCPU, its CPUID set as the machine says; `apic_id` is KVM's id too.
    traces::FileDescriptor create_vcpu(std::uint32_t apic_id) const;
    std::size_t run_bytes() const { return run_bytes_; } // of a vCPU's struct kvm_run
    // Of the guest's CPUID; none: it does not say.
    std::optional<bool> is_amd() const;
    std::optional<std::uint8_t> maxphyaddr() const;
    bool wide_ids() const { return wide_ids_; } // APIC IDs of 32 bits in messages and APIC state

    // A message signalled interrupt on the bus; false if it reached nobody. Throws KvmRefused.
    bool signal_msi(std::uint64_t address, std::uint32_t data) const;

  private:
    void open_device();
    void disable_quirks(const std::vector<std::string>& names) const;
    void create_irqchip(const Machine& machine);
    void route_level_interrupts() const;
    void create_ram();
    void read_cpuid(const Machine& machine);

    traces::FileDescriptor device_;
    traces::FileDescriptor vm_;
    Mapping ram_;
    CpuidTable cpuid_;
    std::size_t run_bytes_ = 0;
    bool wide_ids_ = false;
};

} // namespace lapicheck::programs
