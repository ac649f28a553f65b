// The state of one vCPU's local APIC, and the words in which an access and its outcome are told.
#pragma once

#include <array>

#include "model/domains/known_bits.hpp"
#include "model/registers.hpp"

namespace lapicheck::model {

enum class Mode : u8 { disabled, xapic, x2apic };
inline constexpr std::size_t mode_count = 3;
constexpr std::string_view to_string(Mode mode) {
    constexpr std::array names = {std::string_view{"disabled"}, std::string_view{"xapic"},
                                  std::string_view{"x2apic"}};
    return names[static_cast<std::size_t>(mode)];
}

// Words of the state in which nothing of a register is kept: what these read is computed, or nothing.
constexpr bool holds_nothing(Reg reg) {
    return reg == Reg::ppr || reg == Reg::eoi || reg == Reg::self_ipi || reg == Reg::current_count;
}

// Registers on whose word no answer of the manual's APIC depends: what they give is computed, or unspecified.
// An implementation may keep anything there; where it shows, it shows in another answer.
constexpr bool no_answer_shows(Reg reg) {
    return holds_nothing(reg) || reg == Reg::apr || reg == Reg::remote_read || reg == Reg::none;
}

// What a CPU has. Nothing here changes while it runs.
template <class D>
struct Cpu {
    typename D::Bool amd;              // the guest CPU's vendor is AMD, else Intel
    typename D::Bool has_x2apic;       // CPUID.1:ECX[21]
    typename D::Bool has_tsc_deadline; // CPUID.1:ECX[24]
    typename D::Bool locked_x2apic;    // IA32_XAPIC_DISABLE_STATUS[0]
    typename D::U64 address_mask;      // bits MAXPHYADDR-1:0, CPUID.80000008H:EAX[7:0]
    typename D::U32 hardware_id;       // the x2APIC ID; its low byte is the initial xAPIC ID

    friend constexpr bool operator==(const Cpu&, const Cpu&) = default;
};

template <class D>
struct State {
    typename D::U64 apic_base;
    typename D::U64 tsc_deadline;
    typename D::U32 x2apic_id; // what the ID reads in x2APIC mode
    // By Reg. id: in xAPIC form (31:24). ppr, eoi, self_ipi and current_count hold nothing.
    // icr_high: bits 63:32 of the ICR in x2APIC mode.
    std::array<typename D::U32, window_register_count> regs;
    typename D::U32 esr_pending; // errors collected since the last write of ESR
    // Words that an implementation keeps besides; the manual's APIC has none of them, and no rule touches
    // them.
    typename D::U32 private_icr_high;       // ICR[63:32] of the mode that the APIC is not in
    typename D::U32 private_boot_processor; // 1: of the vCPU that the machine starts with
    // SVR[8] is 0 because software cleared it, not because of RESET or INIT.
    typename D::Bool cleared_by_software;
    // AMD's interrupt enable registers (IER), which are not modelled, may hold vectors of IRR back.
    typename D::Bool ier_written;

    constexpr typename D::U32& operator[](Reg reg) { return regs[index_of(reg)]; }
    constexpr const typename D::U32& operator[](Reg reg) const { return regs[index_of(reg)]; }
};

// A word of the state: how it is called, and the register by which a report names what it holds (none: an
// implementation's own).
struct StateWord {
    std::string_view name;
    Reg reg = Reg::none;
};
inline constexpr std::size_t state_word_count = window_register_count + 8;

// Calls `visit(StateWord, word...)` for each word, in one order, with the words of all `states` (of any
// domains) side by side. Whatever is done to a whole state is done through this, so that no word is
// forgotten.
template <class Visit, class... States>
constexpr void for_each_word(Visit visit, States&... states) {
    visit(StateWord{"apic_base", Reg::apic_base}, states.apic_base...);
    visit(StateWord{"tsc_deadline", Reg::tsc_deadline}, states.tsc_deadline...);
    visit(StateWord{"x2apic_id", Reg::id}, states.x2apic_id...);
    visit(StateWord{"esr_pending", Reg::esr}, states.esr_pending...);
    visit(StateWord{"private_icr_high", Reg::none}, states.private_icr_high...);
    visit(StateWord{"private_boot_processor", Reg::none}, states.private_boot_processor...);
    visit(StateWord{"cleared_by_software", Reg::svr}, states.cleared_by_software...);
    visit(StateWord{"ier_written", Reg::irr0}, states.ier_written...);
    for (std::size_t i = 0; i < window_register_count; ++i)
        visit(StateWord{sdm_registers[i].name, static_cast<Reg>(i)}, states.regs[i]...);
}

// What is known of a state whose words all are.
constexpr State<KnownBits> known_state(const State<Concrete>& plain) {
    State<KnownBits> known{};
    for_each_word([](StateWord, auto& to, const auto& from) { to = from; }, known, plain);
    return known;
}
constexpr Cpu<KnownBits> known_cpu(const Cpu<Concrete>& cpu) {
    return {cpu.amd,           cpu.has_x2apic,   cpu.has_tsc_deadline,
            cpu.locked_x2apic, cpu.address_mask, cpu.hardware_id};
}

// What a guest does, and external events.
enum class AccessKind : u8 {
    mmio_read,
    mmio_write,
    rdmsr,
    wrmsr,
    cr8_read,
    cr8_write,
    message,        // an interrupt message on the bus: from another APIC, an I/O APIC, an MSI
    take_interrupt, // the processor asks for the interrupt to run
    timer_expires,  // the count has come to 0, or the deadline has passed
    hardware,       // what hardware does by itself: bus errors, a performance counter's overflow
    init,           // the INIT signal
    reset,          // RESET or power-up
};
inline constexpr std::array access_kind_names = {
    std::string_view{"mmio-read"}, std::string_view{"mmio-write"},     std::string_view{"rdmsr"},
    std::string_view{"wrmsr"},     std::string_view{"cr8-read"},       std::string_view{"cr8-write"},
    std::string_view{"message"},   std::string_view{"take-interrupt"}, std::string_view{"timer-expires"},
    std::string_view{"hardware"},  std::string_view{"init"},           std::string_view{"reset"}};
constexpr std::string_view to_string(AccessKind kind) {
    return access_kind_names[static_cast<std::size_t>(kind)];
}
constexpr bool is_mmio(AccessKind kind) { return kind <= AccessKind::mmio_write; }
constexpr bool is_msr(AccessKind kind) { return kind == AccessKind::rdmsr || kind == AccessKind::wrmsr; }
constexpr bool is_write(AccessKind kind) {
    return kind == AccessKind::mmio_write || kind == AccessKind::wrmsr || kind == AccessKind::cr8_write;
}

// The register at the address of an MMIO access to a window, or at an MSR's index; none if there is none.
constexpr Reg register_addressed(AccessKind kind, u64 address) {
    if (is_mmio(kind)) return register_at(address & (window_bytes - 1));
    if (address == apic_base::msr) return Reg::apic_base;
    if (address == tsc_deadline_msr) return Reg::tsc_deadline;
    const bool in_space = address >= x2apic_msr_first && address <= x2apic_msr_last;
    return in_space ? register_at((address - x2apic_msr_first) << 4) : Reg::none;
}

// The only kind of MMIO access to a register of which the manual says what it does (M08, M09).
constexpr bool is_aligned_word(u64 address, u64 size) { return size == 4 && (address & 0xf) == 0; }

template <class D>
struct Access {
    AccessKind kind;
    // Guest-physical address, or MSR index. Of a message: its destination, in the receiver's format.
    typename D::U64 address;
    u32 size = 4;            // bytes of an MMIO access
    typename D::U64 value{}; // written. Of a message: vector and modes as ICR[31:0] has them, and by_device
};

// Of a message's value: an MSI or an I/O APIC's message, else an IPI.
inline constexpr u64 by_device = u64{1} << 32;

// The bits that an access of `size` bytes has; of more than 8 bytes the first 8 are looked at.
constexpr u64 size_mask(u32 size) { return size >= 8 ? ~u64{0} : (u64{1} << (8 * size)) - 1; }

enum class Answer : u8 {
    apic,        // the APIC, by the rule
    elsewhere,   // nothing of the APIC answers or changes
    unspecified, // the manuals do not say: anything goes but what other rules exclude
};

// What an access does on one path of the step: conditions are decided, words may not be.
template <class D>
struct Outcome {
    Rule rule = Rule::M14; // the rule that decided
    Answer answer = Answer::elsewhere;
    bool gp = false;
    bool sends_ipi = false; // the write of the ICR or SELF IPI that leaves the APIC
    bool ends_interrupt = false;
    bool exits_to_userspace = false; // who then answers is not the APIC's matter
    bool sends_msi = false;          // somebody made a message-signalled interrupt of the write
    bool bounded = false;            // `value` is at most `limit`
    bool exceeds = false;            // `value` is greater than `limit`
    Reg reg = Reg::none;             // the register concerned
    typename D::U64 value{};         // read
    typename D::U32 limit{};
    typename D::Bool broadcasts_eoi{false}; // with ends_interrupt
    typename D::Bool raises_error{false};   // the LVT's error entry fires (E05)
};

template <class D>
constexpr typename D::Bool is_enabled(const State<D>& s) {
    return has_any(s.apic_base, apic_base::enable);
}
template <class D>
constexpr typename D::Bool has_extd(const State<D>& s) {
    return has_any(s.apic_base, apic_base::extd);
}
template <class D>
constexpr typename D::Bool in_x2apic(const State<D>& s) {
    return both(is_enabled(s), has_extd(s));
}
template <class D>
constexpr typename D::Bool in_xapic(const State<D>& s) {
    return both(is_enabled(s), negate(has_extd(s)));
}
template <class D>
constexpr typename D::Bool is_software_enabled(const State<D>& s) {
    return has_any(s[Reg::svr], svr::enable);
}

// The LVT's entries, in the order of the window.
inline constexpr std::array lvt_entries = {Reg::lvt_cmci,  Reg::lvt_timer, Reg::lvt_thermal, Reg::lvt_pmc,
                                           Reg::lvt_lint0, Reg::lvt_lint1, Reg::lvt_error};
constexpr bool is_lvt(Reg reg) {
    return reg == Reg::lvt_cmci || (reg >= Reg::lvt_timer && reg <= Reg::lvt_error);
}
constexpr bool is_bitmap(Reg reg) { return reg >= Reg::isr0 && reg <= Reg::irr7; }

} // namespace lapicheck::model
