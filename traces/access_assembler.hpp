// Puts the events of one guest access together again: KVM traces the decode (kvm_mmio, kvm_msr), the
// register (kvm_apic) and the consequences (kvm_apic_ipi, kvm_eoi) one by one, per thread.
//
//   MMIO write   kvm_mmio, [kvm_apic, [kvm_apic_ipi, kvm_apic_accept_irq, kvm_eoi]]
//   MMIO read    [kvm_apic], kvm_mmio
//   WRMSR        [kvm_apic_ipi, kvm_apic_accept_irq], [kvm_apic, [kvm_apic_ipi, kvm_eoi]], kvm_msr
//   RDMSR        [kvm_apic], kvm_msr
//
// Source: arch/x86/kvm/lapic.c and x86.c, Linux 3.6 to 6.18 (where the order differs by version, both
// are taken).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "model/state.hpp"
#include "traces/event.hpp"

namespace lapicheck::traces {

// What the trace shows of what an access did to the APIC: its kvm_apic, kvm_apic_ipi and kvm_eoi events.
struct ApicEffects {
    bool reached_apic = false;     // a kvm_apic event belongs to it
    bool ended_interrupt = false;  // a kvm_eoi belongs to it
    std::uint8_t ipis = 0;         // how many kvm_apic_ipi belong to it
    std::uint32_t apic_offset = 0; // of the kvm_apic event
    std::uint64_t apic_value = 0;
    std::uint64_t eoi_line = 0;
    std::uint64_t eoi_id = 0;     // the vCPU that the kvm_eoi names
    std::uint64_t eoi_vector = 0; // ~0: none was in service
    std::uint64_t ipi_line = 0;   // of the last kvm_apic_ipi
    std::uint64_t ipi_vector = 0;
    std::uint64_t ipi_destination = 0;
    Interrupt ipi;
};

// A guest's access to a local APIC, or to where one may be, with all that the trace shows of it.
struct GuestAccess : ApicEffects {
    model::AccessKind kind = model::AccessKind::mmio_read;
    bool gp = false;           // KVM raised #GP
    bool begins_late = false;  // its earlier events may be missing: the thread's first access here
    bool ends_early = false;   // its later events may be missing: the trace ends
    bool by_userspace = false; // the read left KVM and came back with a value
    bool unanswered = false;   // nothing in the kernel took it: seen where an access program runs
    bool unfinished = false;   // the vCPU stopped in it: seen there, too
    // Its kvm_apic may be that of a refused WRMSR of the same register and value right behind it.
    bool apic_is_doubtful = false;
    std::uint16_t cpu = 0; // host CPU
    std::uint32_t thread = 0;
    std::int32_t vcpu = -1;       // as kvm_entry or kvm_exit last named it on this thread, else -1
    std::uint32_t size = 0;       // bytes, of MMIO
    std::uint64_t address = 0;    // guest-physical address or MSR index
    std::uint64_t value = 0;      // what the guest wrote or read
    std::uint64_t line = 0;       // of its kvm_mmio or kvm_msr
    std::uint64_t first_line = 0; // of its first event; `line` and the others lie between the two
    std::uint64_t last_line = 0;
    std::uint64_t time = 0;

    ApicEffects& effects() { return *this; }
};

class AssemblerSink {
  public:
    virtual ~AssemblerSink() = default;
    virtual void on_access(const GuestAccess& access) = 0;
    // A kvm_apic write, kvm_eoi or kvm_apic_ipi that belongs to no access of the guest that the trace
    // shows: KVM's own EOI, an access that hardware virtualizes, a hypercall.
    virtual void on_stray(const Event& event) = 0;
    // Every other event but those from outside, in the order of the trace; accept_irq too when it belongs to
    // an access, before that access.
    virtual void on_event(const Event& event) = 0;
};

class Assembler {
  public:
    explicit Assembler(AssemblerSink& sink) : sink_(sink) {}

    void feed(std::span<const Event> events);
    void finish();

  private:
    static constexpr std::size_t most_leading = 6;

    // What a thread has shown of an access that is not complete yet.
    struct Thread {
        bool seen = false;          // an event of this thread came before, with no gap since
        bool since_gap = false;     // it has shown something since the last gap
        bool leading_late = false;  // ... or when the first of `events` came
        bool pending_write = false; // an MMIO write that may still get its consequences
        std::uint8_t leading = 0;
        std::int32_t vcpu = -1;
        std::uint64_t userspace_read = ~std::uint64_t{0}; // address that userspace is asked for
        GuestAccess write;
        std::array<Event, most_leading> events; // kvm_apic and what came before the kvm_msr or kvm_mmio
    };

    Thread& thread_of(std::uint32_t id) {
        return last_ != nullptr && last_id_ == id ? *last_ : find_thread(id);
    }
    Thread& find_thread(std::uint32_t id);
    void take(Thread& thread, const Event& event);
    void hold(Thread& thread, const Event& event);
    void close_write(Thread& thread, bool ends_early = false);
    void discard_leading(Thread& thread);
    void begin_write(Thread& thread, const Event& event);
    void complete_read(Thread& thread, const Event& event);
    void complete_msr(Thread& thread, const Event& event);
    void on_lost(const Event& event);
    static Event with_command(const Thread& thread, const Event& accepted);
    static void hand_over(GuestAccess& mmio, GuestAccess& msr);
    [[gnu::noinline]] static void start(GuestAccess& access, const Thread& thread, const Event& event,
                                        model::AccessKind kind);
    bool claim_consequence(Thread& thread, const Event& event);

    AssemblerSink& sink_;
    std::unordered_map<std::uint32_t, Thread> threads_;
    std::vector<Thread*> since_gap_; // those that have: the others have nothing to lose in the next one
    Thread* last_ = nullptr;
    std::uint32_t last_id_ = 0;
};

} // namespace lapicheck::traces
