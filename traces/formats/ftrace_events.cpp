#include "traces/formats/ftrace_events.hpp"

#include <array>

#include "traces/formats/ftrace_fields.hpp"
#include "traces/formats/ftrace_requests.hpp"

namespace lapicheck::traces {
namespace {

constexpr Fault not_understood = "text not understood";

Fault fault_unless(bool understood) { return understood ? no_fault : not_understood; }

bool take_0x_hex(Scanner& s, std::uint64_t& value) { return s.take("0x") && s.hex(value); }

// ----- kvm_apic: "apic_%s %s = 0x%llx", 32 bits wide up to Linux 5.17, then 64 -----

// kvm_trace_symbol_apic of arch/x86/kvm/trace.h with the offsets of apicdef.h, all behind "APIC_".
// What has no name here is printed as its offset: words 1 to 7 of ISR, TMR and IRR among others.
constexpr NamedValue<std::uint32_t> register_rows[] = {
    {"ID", 0x020},   {"LVR", 0x030},      {"TASKPRI", 0x080}, {"ARBPRI", 0x090},  {"PROCPRI", 0x0a0},
    {"EOI", 0x0b0},  {"RRR", 0x0c0},      {"LDR", 0x0d0},     {"DFR", 0x0e0},     {"SPIV", 0x0f0},
    {"ISR", 0x100},  {"TMR", 0x180},      {"IRR", 0x200},     {"ESR", 0x280},     {"LVTCMCI", 0x2f0},
    {"ICR", 0x300},  {"ICR2", 0x310},     {"LVTT", 0x320},    {"LVTTHMR", 0x330}, {"LVTPC", 0x340},
    {"LVT0", 0x350}, {"LVT1", 0x360},     {"LVTERR", 0x370},  {"TMICT", 0x380},   {"TMCCT", 0x390},
    {"TDCR", 0x3e0}, {"SELF_IPI", 0x3f0}, {"EFEAT", 0x400},   {"ECTRL", 0x410},
};
constexpr NameTable registers(register_rows);

Fault read_register(Scanner& s, Event& event) {
    if (s.take("APIC_")) {
        const std::uint32_t* const offset = registers.find(s.word());
        if (offset == nullptr) return "unknown register name";
        event.where = *offset;
        return no_fault;
    }
    return fault_unless(take_0x_hex(s, event.where));
}

Fault read_apic(Scanner& s, Event& event) {
    const bool read = s.take("apic_read ");
    if (!read && !s.take("apic_write ")) return not_understood;
    if (const Fault fault = read_register(s, event); !fault.empty()) return fault;
    if (!s.take(" = ") || !take_0x_hex(s, event.value) || !s.ends()) return not_understood;
    event.kind = read ? EventKind::apic_read : EventKind::apic_write;
    return no_fault;
}

// ----- Interrupts -----

// kvm_apic_dst_shorthand of arch/x86/kvm/trace.h
constexpr NamedValue<Shorthand> shorthand_rows[] = {
    {"dst", Shorthand::none},
    {"self", Shorthand::self},
    {"all", Shorthand::all},
    {"all-but-self", Shorthand::all_but_self},
};
constexpr NameTable shorthands(shorthand_rows);

// "dst %x vec %u (Fixed|physical|assert|edge|dst)"
Fault read_ipi(Scanner& s, Event& event) {
    Interrupt& ipi = event.interrupt;
    const bool understood = s.take("dst ") && s.hex(event.where) && s.take(" vec ") &&
                            take_vector(s, event.value) && s.take(" (") &&
                            take_name(s, '|', delivery_modes, ipi.delivery_mode) &&
                            take_either(s, "logical|", "physical|", ipi.logical) &&
                            take_either(s, "assert|", "de-assert|", ipi.assert_level) &&
                            take_either(s, "level|", "edge|", ipi.level_triggered) &&
                            take_name(s, ')', shorthands, ipi.shorthand) && s.ends();
    if (understood) event.kind = EventKind::apic_ipi;
    return fault_unless(understood);
}

// "apicid %x vec %u (Fixed|edge)", up to Linux 3.x with " (coalesced)" behind it
Fault read_accept_irq(Scanner& s, Event& event) {
    const bool understood = s.take("apicid ") && s.hex(event.where) && s.take(" vec ") &&
                            take_vector(s, event.value) && s.take(" (") &&
                            take_name(s, '|', delivery_modes, event.interrupt.delivery_mode) &&
                            take_either(s, "level)", "edge)", event.interrupt.level_triggered) &&
                            (s.take(" (coalesced)"), s.ends());
    if (understood) event.kind = EventKind::accept_irq;
    return fault_unless(understood);
}

Fault read_apicv_accept_irq(Scanner& s, Event& event) {
    event.virtualized = true;
    return read_accept_irq(s, event);
}

// "apicid %x vector %d"; the vector is -1 where nothing was in service
bool take_eoi(Scanner& s, Event& event) {
    if (!s.take("apicid ") || !s.hex(event.where) || !s.take(" vector ")) return false;
    event.value = ~std::uint64_t{0};
    return (s.take("-1") || take_vector(s, event.value)) && s.ends();
}

Fault read_eoi(Scanner& s, Event& event) {
    if (!take_eoi(s, event)) return not_understood;
    event.kind = EventKind::eoi;
    return no_fault;
}

Fault read_pv_eoi(Scanner& s, Event& event) {
    if (!take_eoi(s, event)) return not_understood;
    event.kind = EventKind::pv_eoi;
    return no_fault;
}

// "irq %u" with a decimal vector up to Linux 5.19; "IRQ 0x%x", "Soft/INTn 0x%x" since 6.0
Fault read_inject_irq(Scanner& s, Event& event) {
    bool understood = false;
    if (s.take("irq ")) {
        understood = s.decimal(event.where);
        event.may_be_again = true;
    } else {
        event.reinjected = s.take("Soft/INTn ");
        understood = (event.reinjected || s.take("IRQ ")) && take_0x_hex(s, event.where);
    }
    event.reinjected |= s.take(" [reinjected]");
    if (!understood || event.where > 255 || !s.ends()) return not_understood;
    event.kind = EventKind::inject_irq;
    return no_fault;
}

// kvm_trace_sym_exc of arch/x86/kvm/trace.h
constexpr NamedValue<std::uint8_t> exception_rows[] = {
    {"#DE", 0},  {"#DB", 1},  {"#BP", 3},  {"#OF", 4},  {"#BR", 5},  {"#UD", 6},  {"#NM", 7},  {"#DF", 8},
    {"#TS", 10}, {"#NP", 11}, {"#SS", 12}, {"#GP", 13}, {"#PF", 14}, {"#MF", 16}, {"#AC", 17}, {"#MC", 18},
};
constexpr NameTable exceptions(exception_rows);

// libtraceevent does not understand this tracepoint's format since Linux 6.0 and prints its fields.
bool take_unformatted_exception(Scanner& s, Event& event) {
    if (!s.take("[FAILED TO PARSE] exception=") || !s.decimal(event.where)) return false;
    const std::string_view rest = s.rest();
    event.reinjected = rest.find(" reinjected=1") != std::string_view::npos;
    return rest.starts_with(' ') || rest.empty();
}

// "#GP (0x0)"; since Linux 6.0 the code only where there is one, and " [reinjected]"
bool take_exception(Scanner& s, Event& event) {
    const std::string_view name = s.word();
    if (const std::uint8_t* const vector = exceptions.find(name)) {
        event.where = *vector;
    } else if (Scanner number(name); !take_0x_hex(number, event.where) || !number.done()) {
        return false;
    }
    std::uint64_t code = 0;
    if (s.take(" (") && !(take_0x_hex(s, code) && s.take(")"))) return false;
    event.reinjected = s.take(" [reinjected]");
    return s.ends();
}

Fault read_inject_exception(Scanner& s, Event& event) {
    const bool understood = s.peek() == '[' ? take_unformatted_exception(s, event) : take_exception(s, event);
    if (understood) event.kind = EventKind::inject_exception;
    return fault_unless(understood);
}

// ----- Accesses of the guest -----

// "msr_%s %x = 0x%llx%s", the last " (#GP)"
Fault read_msr(Scanner& s, Event& event) {
    const bool read = s.take("msr_read ");
    if (!read && !s.take("msr_write ")) return not_understood;
    if (!s.hex(event.where) || !s.take(" = ") || !take_0x_hex(s, event.value)) return not_understood;
    event.gp = s.take(" (#GP)");
    if (!s.ends()) return not_understood;
    event.kind = read ? EventKind::msr_read : EventKind::msr_write;
    return no_fault;
}

// "mmio %s len %u gpa 0x%llx val 0x%llx"
Fault read_mmio(Scanner& s, Event& event) {
    EventKind kind = EventKind::mmio_unsatisfied_read;
    if (s.take("mmio write len ")) kind = EventKind::mmio_write;
    else if (s.take("mmio read len ")) kind = EventKind::mmio_read;
    else if (!s.take("mmio unsatisfied-read len ")) return not_understood;
    std::uint64_t size = 0;
    if (!s.decimal(size) || size > 0xffff'ffff || !s.take(" gpa ") || !take_0x_hex(s, event.where) ||
        !s.take(" val ") || !take_0x_hex(s, event.value) || !s.ends())
        return not_understood;
    event.size = static_cast<std::uint32_t>(size);
    event.kind = kind;
    return no_fault;
}

// "cr_%s %x = 0x%lx"; KVM's reads of a control register say nothing of the APIC
Fault read_cr(Scanner& s, Event& event) {
    if (s.take("cr_read ")) return no_fault;
    const bool understood =
        s.take("cr_write ") && s.hex(event.where) && s.take(" = ") && take_0x_hex(s, event.value) && s.ends();
    if (understood) event.kind = EventKind::cr_write;
    return fault_unless(understood);
}

// " rax %lx", two of them packed into one field
bool take_pair(Scanner& s, std::uint64_t& pair) {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    if (!s.hex(low)) return false;
    if (!s.take(" rbx ") && !s.take(" rdx ")) return false;
    if (!s.hex(high)) return false;
    pair = (low & 0xffff'ffff) | high << 32;
    return true;
}

// "func %x idx %x rax %lx rbx %lx rcx %lx rdx %lx, cpuid entry found"; no idx in older kernels,
// nothing behind rdx in the oldest
Fault read_cpuid(Scanner& s, Event& event) {
    std::uint64_t function = 0;
    std::uint64_t index = 0;
    if (!s.take("func ") || !s.hex(function)) return not_understood;
    if (s.take(" idx ") && !s.hex(index)) return not_understood;
    if (!s.take(" rax ") || !take_pair(s, event.value2)) return not_understood;
    if (!s.take(" rcx ") || !take_pair(s, event.value)) return not_understood;
    if (s.peek() != ',' && !s.ends()) return not_understood;
    // Userspace gave the CPU no such leaf: the zeros tell nothing of it.
    if (s.rest().find("entry not found") != std::string_view::npos) return no_fault;
    event.where = (function & 0xffff'ffff) | index << 32;
    event.kind = EventKind::cpuid;
    return no_fault;
}

// ----- Entry, exit, userspace -----

// "vcpu 0" (and no more up to Linux 5.9), "vcpu 0, rip 0xfff0[immediate exit]", since 6.14 with
// " intr_info 0x%08x error_code 0x%08x" before the bracket; "vcpu 0 rip 0xfff0" from trace-cmd
Fault read_entry(Scanner& s, Event& event) {
    std::uint64_t vcpu = 0;
    if (!s.take("vcpu ") || !s.decimal(vcpu) || vcpu > 0x7fff'ffff) return not_understood;
    s.take(",");
    event.where = no_rip;
    if (s.take(" rip ") && !take_0x_hex(s, event.where)) return not_understood;
    if (!s.done() && s.peek() != ' ' && s.peek() != '[') return not_understood;
    event.vcpu = static_cast<std::int32_t>(vcpu);
    event.kind = EventKind::entry;
    return no_fault;
}

// SVM_EXIT_REASONS and VMX_EXIT_REASONS of arch/x86/include/uapi/asm, and the names that
// libtraceevent gives to the same SVM codes. CR_ACCESS and TPR_BELOW_THRESHOLD do not tell
// whether the guest wrote CR8.
constexpr NamedValue<ExitReason> exit_reason_rows[] = {
    {"write_cr8", ExitReason::cr8_write},
    {"write_cr8_trap", ExitReason::cr8_write},
    {"EXIT_WRITE_CR8", ExitReason::cr8_write},
    {"shutdown", ExitReason::shutdown},
    {"EXIT_SHUTDOWN", ExitReason::shutdown},
    {"TRIPLE_FAULT", ExitReason::shutdown},
    {"avic_incomplete_ipi", ExitReason::apic_accelerated},
    {"avic_unaccelerated_access", ExitReason::apic_accelerated},
    {"EXIT_AVIC_INCOMPLETE_IPI", ExitReason::apic_accelerated},
    {"EXIT_AVIC_UNACCELERATED_ACCESS", ExitReason::apic_accelerated},
    {"APIC_WRITE", ExitReason::apic_accelerated},
    {"EOI_INDUCED", ExitReason::apic_accelerated},
    {"msr", ExitReason::msr},
    {"EXIT_MSR", ExitReason::msr},
    {"MSR_READ", ExitReason::msr},
    {"MSR_WRITE", ExitReason::msr},
    {"MSR_READ_IMM", ExitReason::msr},
    {"MSR_WRITE_IMM", ExitReason::msr},
    {"npf", ExitReason::mmio},
    {"EXIT_NPF", ExitReason::mmio},
    {"EPT_MISCONFIG", ExitReason::mmio},
    {"EPT_VIOLATION", ExitReason::mmio},
    {"APIC_ACCESS", ExitReason::mmio},
    {"io", ExitReason::io},
    {"EXIT_IOIO", ExitReason::io},
    {"IO_INSTRUCTION", ExitReason::io},
    {"hypercall", ExitReason::hypercall},
    {"EXIT_VMMCALL", ExitReason::hypercall},
    {"VMCALL", ExitReason::hypercall},
    {"HLT", ExitReason::hlt},
    {"hlt", ExitReason::hlt},
    {"EXIT_HLT", ExitReason::hlt},
    {"vmrun", ExitReason::nested},
    {"EXIT_VMRUN", ExitReason::nested},
    {"VMLAUNCH", ExitReason::nested},
    {"VMRESUME", ExitReason::nested},
};
constexpr NameTable exit_reasons(exit_reason_rows);

// "reason npf rip 0xfff0 info 0 0", since about Linux 5.5 "vcpu 0 reason ...". A reason may be of
// several words ("DB excp", "EXCEPTION_NMI FAILED_VMENTRY"); those of interest are told by the first.
Fault read_exit(Scanner& s, Event& event) {
    if (s.take("vcpu ")) {
        std::uint64_t vcpu = 0;
        if (!s.decimal(vcpu) || vcpu > 0x7fff'ffff || !s.take(" ")) return not_understood;
        event.vcpu = static_cast<std::int32_t>(vcpu);
    }
    if (!s.take("reason ")) return not_understood;
    const std::string_view name = s.word();
    if (name.empty()) return not_understood;
    const ExitReason* const reason = exit_reasons.find(name);
    event.value2 = static_cast<std::uint64_t>(reason == nullptr ? ExitReason::other : *reason);
    event.kind = EventKind::exit;
    event.where = no_rip;
    if (!s.take(" rip ")) { // the rest of a name of several words, or flags of a failed entry
        const std::size_t rip = s.rest().find(" rip 0x");
        if (rip == std::string_view::npos) return no_fault;
        s.skip(rip + std::string_view{" rip "}.size());
    }
    return take_0x_hex(s, event.where) ? no_fault : not_understood;
}

// "sys_ioctl(fd: 0xb, cmd: 0x4008ae89, arg: 0x7f31fc002010)", without 0x in older kernels and with
// the C types where the option `verbose` is set. "sys_ioctl -> 0x0" is the return.
Fault read_ioctl(Scanner& s, Event& event) {
    if (s.take("-> ")) return no_fault;
    const auto take_number = [&s](std::uint64_t& value) {
        s.take("0x");
        return s.hex(value);
    };
    s.take("unsigned int ");
    if (!s.take("fd: ") || !take_number(event.value) || !s.take(", ")) return not_understood;
    s.take("unsigned int ");
    if (!s.take("cmd: ") || !take_number(event.where) || s.peek() != ',') return not_understood;
    event.kind = EventKind::ioctl;
    return no_fault;
}

// "reason KVM_EXIT_IOAPIC_EOI (26)"
Fault read_userspace_exit(Scanner& s, Event& event) {
    event.where = s.take("reason KVM_EXIT_IOAPIC_EOI ") ? 1 : 0;
    event.kind = EventKind::userspace_exit;
    return no_fault;
}

// "vcpu_id 0 sint 2 vector 81 ret 1"
Fault read_synic_irq(Scanner& s, Event& event) {
    std::uint64_t number = 0;
    const bool understood = s.take("vcpu_id ") && s.decimal(number) && s.take(" sint ") &&
                            s.decimal(number) && s.take(" vector ") && take_vector(s, event.where);
    if (understood) event.kind = EventKind::synic_irq;
    return fault_unless(understood);
}

// Tracepoints of which it matters that they happened, not what they say.
template <EventKind Kind>
Fault read_nothing(Scanner&, Event& event) {
    event.kind = Kind;
    return no_fault;
}

Fault ignore(Scanner&, Event&) { return no_fault; }

// ----- Others -----

// "comm=qemu pid=1200 child_comm=qemu child_pid=1201": a name may hold anything, so the last "pid=" counts.
Fault read_fork(Scanner& s, Event& event) {
    constexpr std::string_view mark = " child_pid=";
    const std::size_t at = s.rest().rfind(mark);
    if (at == std::string_view::npos) return no_fault;
    s.skip(at + mark.size());
    if (s.decimal(event.where)) event.kind = EventKind::fork;
    return no_fault;
}

// ----- The tracepoints -----

struct Tracepoint {
    Fault (*read)(Scanner&, Event&) = nullptr;
    bool leaves_hole = true; // if its text cannot be read
    bool is_request = false; // tells only of other interrupt controllers
};

constexpr NamedValue<Tracepoint> tracepoint_rows[] = {
    {"kvm_apic", {read_apic}},
    {"kvm_apic_ipi", {read_ipi}},
    {"kvm_apic_accept_irq", {read_accept_irq}},
    {"kvm_apicv_accept_irq", {read_apicv_accept_irq}},
    {"kvm_apicv_inhibit_changed", {ignore}},
    {"kvm_apicv_update_request", {ignore}},
    {"kvm_eoi", {read_eoi}},
    {"kvm_pv_eoi", {read_pv_eoi}},
    {"kvm_msr", {read_msr}},
    {"kvm_mmio", {read_mmio}},
    {"kvm_cr", {read_cr}},
    {"kvm_inj_virq", {read_inject_irq}},
    {"kvm_inj_exception", {read_inject_exception, false}},
    {"kvm_entry", {read_entry, false}},
    {"kvm_exit", {read_exit, false}},
    {"kvm_cpuid", {read_cpuid, false}},
    {"kvm_userspace_exit", {read_userspace_exit}},
    {"kvm_hypercall", {read_nothing<EventKind::hypercall>}},
    {"kvm_hv_hypercall", {read_nothing<EventKind::hypercall>}},
    {"kvm_hv_synic_set_irq", {read_synic_irq}},
    {"sched_process_fork", {read_fork, false}},
    {"sys_ioctl", {read_ioctl}},
    {"sys_enter_ioctl", {read_ioctl}},
    {"kvm_set_irq", {read_set_irq, false, true}},
    {"kvm_msi_set_irq", {read_msi_request, false, true}},
    {"kvm_ioapic_set_irq", {read_ioapic_request, false, true}},
    {"kvm_ioapic_delayed_eoi_inj", {read_delayed_request, false, true}},
    {"kvm_ack_irq", {read_ack_irq, false, true}},
    // Of no interest, but so frequent that they should be found without a search.
    {"kvm_pio", {ignore}},
    {"kvm_page_fault", {ignore}},
};
constexpr NameTable tracepoints(tracepoint_rows);

// The names that most lines have, told apart by their first eight bytes without looking for the colon.
struct FrequentName {
    std::string_view text; // with the colon
    const Tracepoint& tracepoint;
};
constexpr Tracepoint entry{read_entry, false};
constexpr Tracepoint exit{read_exit, false};
constexpr Tracepoint apic{read_apic};
constexpr Tracepoint msr{read_msr};
constexpr Tracepoint mmio{read_mmio};
constexpr Tracepoint userspace_exit{read_userspace_exit};
constexpr FrequentName frequent_names[] = {
    {"kvm_entry:", entry}, {"kvm_exit:", exit}, {"kvm_mmio:", mmio}, {"kvm_userspace_exit:", userspace_exit},
    {"kvm_apic:", apic},   {"kvm_msr: ", msr},
};

const Tracepoint* take_frequent_name(Scanner& s) {
    const std::string_view text = s.rest();
    if (text.size() < 16) return nullptr;
    const std::uint64_t start = load_eight(text.data());
    for (const FrequentName& name : frequent_names) {
        if (start != load_eight(name.text.data()) || !text.substr(8).starts_with(name.text.substr(8)))
            continue;
        s.skip(name.text.size());
        return &name.tracepoint;
    }
    return nullptr;
}
constexpr Tracepoint accelerated{read_nothing<EventKind::accelerated>};
constexpr Tracepoint nested{read_nothing<EventKind::nested>};

constexpr std::array<bool, 256> name_bytes = [] {
    std::array<bool, 256> bytes{};
    for (unsigned c = 0; c < 256; ++c)
        bytes[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    return bytes;
}();

std::string_view take_identifier(Scanner& s) {
    const std::string_view rest = s.rest();
    std::size_t length = 0;
    while (length < rest.size() && name_bytes[static_cast<std::uint8_t>(rest[length])]) ++length;
    s.skip(length);
    return rest.substr(0, length);
}

// The name of the tracepoint, without the "kvm:" that some tools put before it.
std::string_view take_event_name(Scanner& s) {
    std::string_view name = take_identifier(s);
    const std::string_view rest = s.rest();
    if (rest.size() > 1 && rest[0] == ':' && name_bytes[static_cast<std::uint8_t>(rest[1])]) {
        s.skip(1);
        name = take_identifier(s);
    }
    return name;
}

// trace-cmd report --ts-diff writes "(+12)" between time and name.
void skip_time_difference(Scanner& s) {
    Scanner ahead = s;
    std::uint64_t difference = 0;
    if (ahead.take("(+") && ahead.decimal(difference) && ahead.take(")")) {
        ahead.skip_blanks();
        s = ahead;
    }
}

const Tracepoint* find_tracepoint(std::string_view name) {
    if (const Tracepoint* const known = tracepoints.find(name)) return known;
    if (name.starts_with("kvm_nested_")) return &nested;
    const bool is_accelerated = name.starts_with("kvm_avic_") || name.starts_with("kvm_apicv_");
    return is_accelerated ? &accelerated : nullptr;
}

// Names that do not end at the first colon, or are in no table.
const Tracepoint* search_tracepoint(Scanner& s, std::string_view& name) {
    skip_time_difference(s);
    name = take_event_name(s);
    return find_tracepoint(name);
}

} // namespace

std::optional<UnreadableText> read_event_text(std::string_view text, Event& event, bool with_requests) {
    Scanner s(text);
    if (const Tracepoint* frequent = take_frequent_name(s)) {
        s.skip_blanks();
        const Fault fault = frequent->read(s, event);
        if (fault.empty()) return std::nullopt;
        return UnreadableText{text.substr(0, text.find(':')), fault, frequent->leaves_hole};
    }
    std::string_view name = text.substr(0, s.find(':'));
    const Tracepoint* tracepoint = tracepoints.find(name);
    if (tracepoint != nullptr) s.skip(name.size());
    else tracepoint = search_tracepoint(s, name);
    if (tracepoint == nullptr || (tracepoint->is_request && !with_requests)) return std::nullopt;
    if (!s.take(":")) s.take("("); // a system call has no colon
    s.skip_blanks();
    const Fault fault = tracepoint->read(s, event);
    if (fault.empty()) return std::nullopt;
    return UnreadableText{name, fault, tracepoint->leaves_hole};
}

bool is_of_interest(std::string_view tracepoint) {
    const Tracepoint* const found = find_tracepoint(tracepoint);
    return found != nullptr && found->read != ignore;
}

bool is_padded(std::string_view text) {
    const std::size_t colon = text.find(':');
    return colon != std::string_view::npos && text.substr(colon).starts_with(":  ");
}

} // namespace lapicheck::traces
