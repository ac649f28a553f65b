// Reads the log of QEMU's own trace events (-trace, -d trace:..., -D FILE) and what -d writes between them:
// what QEMU's APIC was asked by the guest, on TCG and, with kernel-irqchip=off, on KVM.
//
// A line names its thread only with time stamps (-msg timestamp=on), and a thread may run all vCPUs in turn.
// Whose APIC an access is to is told only where the log shows it, in one of these ways:
//   - memory_region_ops_read and _write name the vCPU;
//   - the resets at the start (cpu_get_apic_base) are of the BSP alone: there is one vCPU;
//   - a thread is a vCPU's, as KVM wants it (kvm_*), or because a second thread makes accesses, too.
// Elsewhere the events are counted, and nothing is judged that rests on an APIC's state.
//
// Source: hw/intc/trace-events, hw/intc/apic.c, hw/intc/apic_common.c, system/memory.c (softmmu/ before 8.2),
// accel/kvm/kvm-all.c, scripts/tracetool/backend/log.py, QEMU 7.2 and 10.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "traces/formats/text_reader.hpp"

namespace lapicheck::traces {

// "16457@1795443710.209836:apic_mem_readl 0xf0 = 0x000000ff"; without time stamps from the name on.
struct QemuLine {
    std::optional<std::uint32_t> thread;
    std::uint64_t time = 0; // nanoseconds
    std::string_view name;
    std::string_view text; // behind the name
};
// False: no trace event.
bool read_qemu_line(std::string_view line, QemuLine& read);
// What -d writes: registers, disassembly, interrupts that a CPU serves. It names no vCPU and no access.
bool is_qemu_debug_output(std::string_view line);

class QemuLog final : public TextReader {
  public:
    void feed(std::string_view bytes, std::vector<Event>& out) override;
    void finish(std::vector<Event>& out) override;

  private:
    // An access of the guest to QEMU's APIC.
    struct Access {
        bool write = false;
        bool has_vcpu = true;     // that `thread` is, alone
        bool reaches_apic = true; // an access of less than four bytes does not
        std::uint32_t thread = 0;
        std::uint64_t line = 0;
        std::uint64_t time = 0;
        std::uint64_t address = 0;
        std::uint64_t value = 0;
        std::uint32_t size = 4; // QEMU splits larger ones, and traces smaller ones only in memory_region_ops
    };

    void take_line(std::string_view line, std::vector<Event>& out);
    void take_event(const QemuLine& line, std::string_view whole, std::vector<Event>& out);
    bool take_register(const QemuLine& line, bool write, std::vector<Event>& out);
    bool take_region(const QemuLine& line, bool write, std::vector<Event>& out);
    bool take_either_way(const QemuLine& line, bool write, std::vector<Event>& out);
    bool take_base(const QemuLine& line, bool is_set, std::vector<Event>& out);
    bool take_ioctl(const QemuLine& line, std::vector<Event>& out);
    void note_time(const QemuLine& line, std::vector<Event>& out);
    // Null: whose APIC it is is not told.
    std::optional<std::uint32_t> vcpu_thread(const QemuLine& line);
    void emit(const Access& access, std::vector<Event>& out);
    void release(std::vector<Event>& out);
    // What the APICs' state was is not known from here on.
    void forget_state(std::vector<Event>& out);
    static void lose_track(std::uint64_t line, std::vector<Event>& out);

    LineSplitter lines_;
    bool has_stamps_ = false;
    bool shows_region_reads_ = false; // memory_region_ops_* of the APIC
    bool shows_region_writes_ = false;
    bool shows_writes_ = false; // of any kind: else they may not be traced at all
    bool is_kvm_ = false;
    bool shows_bsp_ = false; // resets before the first access: of the BSP, of others
    bool shows_others_ = false;
    bool is_first_access_ = true;
    std::optional<std::uint32_t> first_thread_; // that made an access
    bool second_thread_ = false;
    std::uint64_t last_time_ = 0;
    std::optional<std::uint64_t> base_; // IA32_APIC_BASE as it was last shown
    bool base_was_set_ = false;
    std::optional<Access> held_; // a read, which its memory_region_ops_read may follow
    std::uint64_t unassigned_ = 0;
    std::uint64_t either_way_ = 0;
};

} // namespace lapicheck::traces
