// The RAM of the guest that carries out access programs: where its parts lie, page tables, descriptor
// tables and the handlers of its 256 vectors.
//
// The guest is in long mode with paging and knows no firmware. While a step runs, RDI holds the address
// of the step's slot; the handlers find everything by it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "programs/program.hpp"

namespace lapicheck::programs::guest {

// Guest-physical addresses, and the same linear; below 2 GiB so that displacements of 32 bits reach
// them, above what a PC has in its first megabytes, and far from an APIC's usual window.
inline constexpr std::uint64_t base = 0x4000'0000;
inline constexpr std::uint64_t page_table = base; // the PML4
inline constexpr std::uint64_t gdt = base + 0x4000;
inline constexpr std::uint16_t gdt_limit = 3 * 8 - 1;
inline constexpr std::uint64_t idt = base + 0x5000;
inline constexpr std::uint16_t idt_limit = 256 * 16 - 1;
inline constexpr std::uint16_t code_selector = 8;
inline constexpr std::uint16_t data_selector = 16;
// One area for each vCPU, aligned to its size.
inline constexpr std::uint64_t areas = base + 0x20'0000;
inline constexpr std::uint64_t area_bytes = 0x4'0000;
inline constexpr std::uint64_t ram_bytes = 0x20'0000 + limits::vcpus * area_bytes;

// OUT to these ports is how the guest comes out.
inline constexpr std::uint16_t port_sync = 0x80;  // a step is done, or the batch
inline constexpr std::uint16_t port_fault = 0x81; // an exception other than #GP; see Slot::fault

// What a step left.
struct Slot {
    std::uint64_t value;
    std::uint32_t gp;    // #GP was raised
    std::uint32_t fault; // vector of another exception, 0: none
};
struct LogEntry {
    std::uint32_t vector; // in its low 8 bits
    std::uint32_t slot;   // address of the slot of the step that was interrupted
};
inline constexpr std::size_t batch_steps = 1024;
inline constexpr std::size_t log_entries = 1024;

struct Area {
    std::array<std::uint8_t, 0x2'0000> code;
    std::array<Slot, batch_steps> slots;
    std::uint32_t log_count; // interrupts taken since the host set it to 0; the log is a ring
    std::uint32_t synced;    // the sync point of the batch that was reached last
    std::array<LogEntry, log_entries> log;
    std::array<std::uint8_t, 0x2000> stack;
};
static_assert(sizeof(Area) <= area_bytes);

// The guest's RAM as the host sees it.
class Memory {
  public:
    // `ram`: ram_bytes of zeros, guest-physical from `base` on. Writes tables and handlers.
    explicit Memory(std::uint8_t* ram);

    // A linear address that reaches guest-physical `address`, wherever that is, and 2 MiB behind it.
    // 0 if more places are named than the tables hold (65,536 pages of 2 MiB).
    std::uint64_t linear(std::uint64_t address);

    Area& area(std::size_t vcpu) const;
    static std::uint64_t area_address(std::size_t vcpu) { return areas + vcpu * area_bytes; }
    static std::uint64_t slot_address(std::size_t vcpu, std::size_t slot);
    static std::uint64_t stack_top(std::size_t vcpu);
    // Whether any of the bytes is the guest's own RAM, which no step may touch.
    static bool holds(std::uint64_t address, std::size_t bytes);

  private:
    void write_tables();
    void write_descriptors();
    void write_handlers();
    std::uint64_t& word(std::uint64_t address) const;

    std::uint8_t* ram_;
    std::unordered_map<std::uint64_t, std::size_t> mapped_; // 2-MiB page: its place in the tables
};

} // namespace lapicheck::programs::guest
