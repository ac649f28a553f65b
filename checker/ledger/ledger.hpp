// The interrupt ledger of a recording: what became of each interrupt, as far as the recording shows it.
//
// It states what was seen and judges nothing. "Not seen" is said where an event is missing at the end of the
// recording; whether the interrupt was lost is for the reader, or for `check`.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/replay/check.hpp"

namespace lapicheck::checker::ledger {

// An event in the recording. Time as in Event::time: nanoseconds, or ticks of the trace's clock.
struct Point {
    u64 line = 0; // 0: not seen
    u64 time = 0;
    bool is_seen() const { return line != 0; }
};

struct Wait {
    u32 vector = 0;
    Point from;
    Point to;
    u64 length() const { return to.time > from.time ? to.time - from.time : 0; }
};

// Who asked for an interrupt.
enum class Source : std::uint8_t { ipi, self_ipi, timer, lvt, msi, ioapic, pit, unknown };
inline constexpr std::size_t source_count = 8;
// "IPI", "I/O APIC", ...
std::string_view name_of(Source source);
// "ipi", "ioapic", ...: in JSON.
std::string_view key_of(Source source);

// How long the interrupts of one kind waited.
struct Waits {
    u64 count = 0;
    u64 total = 0;
    Wait longest; // if count is not 0
    void add(const Wait& wait);
};

// An interrupt that was accepted and not injected since.
struct Pending {
    Point accepted = {};
    Source source = Source::unknown;
    bool level = false;
    bool dropped = false; // the APIC was software-disabled, or disabled: KVM does not take what it announces
    bool ambiguous = false; // another vCPU of the same number may be meant
    // While it was pending, vectors of lower priority were injected.
    u64 overtaken = 0;
    u32 overtaken_by = 0;
    u64 first_overtaken = 0; // lines
    u64 last_overtaken = 0;
    // The vCPU executed HLT while it was pending.
    u64 halts = 0;
    u64 first_halt = 0;
    u64 last_halt = 0;
};

// An interrupt that was injected and not ended since.
struct InService {
    Point accepted = {}; // not seen: it may be none of the APIC's
    Point injected = {};
    u64 halts = 0;
    u64 empty_eoi = 0; // the line of an EOI that ended nothing meanwhile
};

// A vector that was injected although a higher one was pending, which was injected later.
struct Overtaking {
    u32 vector = 0;
    Pending pending;
    Point injected = {};
};

// A level-triggered vector that is accepted again right after its EOI, time after time.
struct Storm {
    u64 rounds = 0; // of the longest one
    u64 first_line = 0;
    u64 last_line = 0;
    u64 longest_gap = 0; // from EOI to acceptance
};

// What one vCPU did with one vector.
struct VectorRow {
    std::array<u64, source_count> requested{}; // acceptances by who asked for them
    std::map<u32, u64> senders; // of IPIs: acceptances by the sender's index in Recording::vcpus
    u64 accepted = 0;
    u64 again = 0;   // while it was pending: one delivery
    u64 dropped = 0; // while the APIC was disabled: no delivery
    u64 level = 0;   // acceptances as level-triggered
    u64 injected = 0;
    u64 unrequested = 0; // of these: no acceptance was seen
    u64 reinjected = 0;
    u64 ended = 0;
    u64 ended_unseen = 0; // of these: no injection was seen
    u64 ended_lazily = 0; // of these: by PV EOI
    u64 broadcast = 0;    // EOIs that the I/O APIC received
    u64 abandoned = 0;    // pending or in service when INIT, RESET or lost events made it unknown
    Waits until_injected;
    Waits until_ended;    // from injection
    Waits accepted_ended; // from acceptance, where the injection is not seen
    Storm storm;
    std::optional<Pending> pending;
    std::optional<InService> in_service;
};

// Interrupts without a vector in IRR, and SIPI.
struct OtherMode {
    u64 count = 0;
    u64 first_line = 0;
    u64 last_line = 0;
};

// A SIPI to a vCPU that runs and has received no INIT since it was seen to run.
struct IdleSipi {
    u64 line = 0; // 0: none
    u32 vector = 0;
    u64 running_since = 0;    // line
    u64 entered_at_start = 0; // the line of an entry at the address where a SIPI starts; 0: none
};

// EOIs that ended a vector while a higher one was in service: how often, and the first.
struct LowerEoi {
    u64 count = 0;
    u32 ended = 0;
    u32 higher = 0;
    u64 line = 0;
    u64 ended_injected = 0; // lines
    u64 higher_injected = 0;
};

struct LastAccess {
    traces::GuestAccess access;
    std::string text; // "WRMSR 80BH (eoi) = 0x0"
};

// The APIC at the end, as replay knows it.
struct FinalState {
    std::optional<Mode> mode;
    Known<u64> apic_base;
    Known<u32> svr;
    Known<u32> tpr;
    Known<u32> ppr;
    std::array<Known<u32>, 8> irr;
    std::array<Known<u32>, 8> isr;
    struct Register {
        std::string_view name;
        Known<u32> value;
    };
    std::vector<Register> lvt; // and the timer's counts
    Known<u64> tsc_deadline;
    bool may_have_been_reset = false;
    bool is_in_userspace = false; // emulated there: its interrupts leave no event
};

struct VcpuLedger {
    std::string label;         // "vCPU 0 (thread 2101)"
    u32 machine = 0;           // the VM that it belongs to
    std::optional<u64> id;     // as KVM names it
    std::optional<u32> thread; // that runs it
    bool is_ambiguous = false; // acceptances that may be of several vCPUs: nothing is known but their number
    std::map<u32, VectorRow> vectors;
    std::map<traces::DeliveryMode, OtherMode> others;
    std::map<u32, OtherMode> unanswered; // IPIs that it sent and no vCPU was seen to accept, by vector
    IdleSipi idle_sipi;
    LowerEoi lower_eoi;
    OtherMode empty_eois;    // EOIs with nothing in service
    u64 vectorless_eois = 0; // EOIs of which the recording does not tell what they ended
    u64 entries = 0;
    u64 halts = 0;
    u64 halts_while_pending = 0;
    Point halted;                             // the last exit was HLT, and no entry since
    std::vector<Wait> longest_until_injected; // the longest first
    std::vector<Wait> longest_until_ended;
    std::vector<Overtaking> overtakings; // the first ones
    u64 overtakings_not_listed = 0;
    std::vector<LastAccess> last_accesses;
    std::optional<FinalState> state;
};

// What the recording shows; each is the line where it was first seen, 0: never.
struct Shown {
    u64 accepts = 0;
    u64 injections = 0;
    u64 eois = 0; // kvm_eoi
    u64 eoi_accesses = 0;
    u64 ipis = 0;
    u64 requests = 0; // of MSIs and the I/O APIC
    u64 entries = 0;
    u64 exits = 0;
    u64 registers = 0; // kvm_apic
    u64 msrs = 0;
    u64 accelerated = 0;
    std::string_view accelerated_by; // the events that show it
    u64 own_eoi = 0;                 // an EOI that is no access of the guest
    u64 pv_eois = 0;
    u64 nested = 0;
    u64 synic = 0; // Hyper-V's SynIC, whose vectors may end by themselves
    u64 lost = 0;
};

// What a reader would conclude, the most important first.
enum class Weight : std::uint8_t {
    finding, // worth a look
    blind,   // what cannot be seen, and what to do
    note,    // as it may be
};
std::string_view name_of(Weight weight);
struct Conclusion {
    Weight weight = Weight::note;
    std::string_view kind; // "overtaken", "no-injection", ...: stable, for programs
    std::string text;
    std::optional<u32> vcpu = {}; // index in Recording::vcpus
    std::optional<u32> vector = {};
    std::vector<u64> lines = {};
};

// One interrupt on its way, to be drawn.
struct Delivery {
    enum class End : std::uint8_t { ended, pending, in_service, dropped, abandoned, unanswered };
    u32 vcpu = 0;
    std::optional<u32> sender = {}; // vCPU
    std::uint8_t vector = 0;
    Source source = Source::unknown;
    bool level = false;
    End end = End::ended;
    Point requested = {};
    Point accepted = {};
    Point injected = {};
    Point ended = {};
};

// One recording; an input may hold several, one behind the other.
struct Recording {
    u64 first_line = 1;
    u64 last_line = 0;
    u64 last_time = 0;
    u64 first_time = 0;
    Shown shown;
    std::vector<Conclusion> conclusions;
    std::vector<VcpuLedger> vcpus;    // by VM and number
    std::vector<Delivery> deliveries; // to be drawn, by time
    u64 delivery_stride = 1;          // of those that ended each so many-th is kept
    u64 deliveries_seen = 0;
    bool is_overfull = false; // more vCPUs than are kept
    // No interrupt and no access to a local APIC is in it.
    bool is_empty() const;
};

struct Ledger {
    TraceReport check; // of the same input, in the same pass
    std::vector<Recording> recordings;
    u64 recordings_not_listed = 0;
    bool is_empty() const;
};

struct LedgerOptions {
    CheckOptions check;
    std::size_t deliveries = 0; // so many at most are kept to be drawn
};

// Of each recording that the path stands for; "-" is standard input. An error stands in `check.error`.
std::vector<Ledger> read_ledgers(const std::string& path, const LedgerOptions& options);

// "ECH".
std::string vector_name(u32 vector);
// "1.234 ms"; in ticks where the clock's rate is not known.
std::string duration_text(u64 length, bool clock_in_seconds);

} // namespace lapicheck::checker::ledger
