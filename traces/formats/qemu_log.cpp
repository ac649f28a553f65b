#include "traces/formats/qemu_log.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "traces/formats/format.hpp"
#include "traces/formats/scanner.hpp"

namespace lapicheck::traces {
namespace {

// QEMU maps its APIC here when it makes the CPU, and leaves it there whatever the guest writes to
// IA32_APIC_BASE (x86_cpu_apic_realize).
constexpr std::uint64_t window = 0xfee0'0000;
constexpr std::uint64_t region_size =
    0x10'0000; // of the memory region "apic-msi": it answers behind the window, too
constexpr std::uint64_t base_enabled = 1U << 11;
constexpr std::uint64_t base_extended = 1U << 10;
constexpr std::uint64_t base_bsp = 1U << 8;

// The events that are read, and the beginnings of others by which such a log is known.
constexpr std::array known_names{"apic_", "ioapic_",           "cpu_get_apic_base", "cpu_set_apic_base",
                                 "kvm_",  "memory_region_ops_"};

bool is_name(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

bool is_known(std::string_view name) {
    return std::ranges::any_of(known_names, [name](const char* known) { return name.starts_with(known); });
}

// "16457@1795443710.209836:"; false: something else. Nothing at all is true, too.
bool take_stamp(Scanner& s, QemuLine& read) {
    if (!is_digit(s.peek())) return true;
    constexpr std::uint64_t second = 1'000'000'000;
    std::uint64_t thread = 0;
    std::uint64_t seconds = 0;
    std::uint64_t micro = 0;
    if (!s.decimal(thread) || thread > 0xffff'ffff || !s.take("@") || !s.decimal(seconds) || !s.take("."))
        return false;
    const std::size_t before = s.left();
    if (!s.decimal(micro) || before - s.left() != 6 || seconds > ~std::uint64_t{0} / second - 1 ||
        !s.take(":"))
        return false;
    read.thread = static_cast<std::uint32_t>(thread);
    read.time = seconds * second + micro * 1000;
    return true;
}

bool take_hex(Scanner& s, std::uint64_t& value) { return s.take("0x") && s.hex(value); }

} // namespace

bool read_qemu_line(std::string_view line, QemuLine& read) {
    read = {};
    Scanner s(line);
    if (!take_stamp(s, read)) return false;
    read.name = s.word();
    if (!is_name(read.name) || (!read.thread && !is_known(read.name))) return false;
    if (!s.done()) s.skip(1);
    read.text = s.rest();
    return true;
}

bool is_qemu_debug_output(std::string_view line) {
    // Each with a '|' behind it.
    static constexpr std::string_view starts =
        "Servicing hardware INT=|CPU Reset (CPU |check_exception |IN: |OUT: |OP:|OBJD-T:|Trace |SMM: |------|"
        "EAX=|ESI=|EIP=|RAX=|RSI=|RIP=|R8 =|R12=|ES =|CS =|SS =|DS =|FS =|GS =|LDT=|TR =|GDT=|IDT=|"
        "CR0=|DR0=|DR6=|CCS=|CCD=|EFER=|FCW=|FPR|XMM|YMM|invalid |Invalid |";
    if (line.find_first_not_of(" \t") == std::string_view::npos) return true;
    for (std::size_t at = 0; at < starts.size();) {
        const std::size_t end = starts.find('|', at);
        if (line.starts_with(starts.substr(at, end - at))) return true;
        at = end + 1;
    }
    Scanner s(line);
    std::uint64_t number = 0;
    if (take_hex(s, number)) return s.take(":"); // "0x000ebec3:  66 89 ..."
    s.skip_blanks();
    return s.decimal(number) && s.take(": v="); // "     1: v=20 e=0000 i=0 cpl=0 ..."
}

void QemuLog::feed(std::string_view bytes, std::vector<Event>& out) {
    lines_.feed(bytes, [&](std::string_view line) { take_line(line, out); });
}

void QemuLog::finish(std::vector<Event>& out) {
    release(out);
    if (!lines_.rest().empty()) {
        ++summary_.lines;
        summary_.truncated_last_line = true;
        lines_.drop_rest();
    }
    if (unassigned_ != 0)
        summary_.notes.push_back(fmt::format("of {} of QEMU's APIC's accesses the log does not tell the "
                                             "vCPU, and nothing that rests on its state is "
                                             "judged; also trace memory_region_ops_*, or cpu_get_apic_base "
                                             "from the start where there is one vCPU",
                                             unassigned_));
    if (is_kvm_ && is_first_access_)
        summary_.notes.emplace_back(
            "the local APIC was KVM's, whose accesses QEMU does not see; record KVM's events: "
            "lapicheck record -o trace.txt -- qemu-system-x86_64 ...");
    if (!shows_writes_ && !is_first_access_)
        summary_.notes.emplace_back(
            "the log has no write to the APIC: what was read is not held against what came before "
            "it; trace apic_mem_writel, or memory_region_ops_write, too");
    if (either_way_ != 0)
        summary_.notes.push_back(fmt::format(
            "{} accesses to registers may be of the window or of an MSR: they are not judged; also trace "
            "memory_region_ops_*",
            either_way_));
}

void QemuLog::take_line(std::string_view line, std::vector<Event>& out) {
    ++summary_.lines;
    summary_.format = "QEMU trace log";
    if (line.size() > LineSplitter::max_line) {
        forget_state(out);
        return skip(line, summary_.lines, "line longer than 64 KiB");
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    QemuLine read;
    if (read_qemu_line(line, read)) return take_event(read, line, out);
    if (line.starts_with("CPU Reset (CPU ")) forget_state(out);
    if (is_qemu_debug_output(line)) return;
    // The guest's output may stand in the same file, and share a line with an event.
    if (line.find("apic_mem_") != std::string_view::npos || line.find("apic-msi") != std::string_view::npos)
        forget_state(out);
    skip(line, summary_.lines, "no trace event of QEMU, and nothing of its -d");
}

void QemuLog::take_event(const QemuLine& line, std::string_view whole, std::vector<Event>& out) {
    ++summary_.events;
    note_time(line, out);
    const auto is = [&line](std::string_view name) { return line.name == name; };
    bool was_read = true;
    if (!line.name.starts_with("memory_region_ops_")) release(out);
    if (is("memory_region_ops_read")) was_read = take_region(line, false, out);
    else if (is("memory_region_ops_write")) was_read = take_region(line, true, out);
    else if (is("apic_mem_readl")) was_read = take_register(line, false, out);
    else if (is("apic_mem_writel")) was_read = take_register(line, true, out);
    else if (is("apic_register_read")) was_read = take_either_way(line, false, out);
    else if (is("apic_register_write")) was_read = take_either_way(line, true, out);
    else if (is("cpu_get_apic_base")) was_read = take_base(line, false, out);
    else if (is("cpu_set_apic_base")) was_read = take_base(line, true, out);
    else if (is("kvm_vcpu_ioctl")) was_read = take_ioctl(line, out);
    else if (is("kvm_run_exit") || is("kvm_init_vcpu")) is_kvm_ = true;
    else if (is("apic_reset_irq_delivered") || is("kvm_reset_irq_delivered")) forget_state(out); // of a reset
    if (was_read) return;
    forget_state(out);
    skip(whole, summary_.lines, fmt::format("{}: not as QEMU writes it", printable_start(line.name)));
}

void QemuLog::note_time(const QemuLine& line, std::vector<Event>& out) {
    if (!line.thread) {
        if (!has_stamps_ && summary_.clock_in_seconds) {
            summary_.clock_in_seconds = false;
            summary_.clock_digits = 0;
            summary_.notes.emplace_back(
                "the events have no time (QEMU's -msg timestamp=on): what rests on time is "
                "not judged");
        }
        return;
    }
    if (!has_stamps_ && summary_.events > 1) begin_another(summary_.lines, out);
    has_stamps_ = true;
    summary_.clock_in_seconds = true;
    summary_.clock_digits = 6;
    // Threads write without waiting for each other; another run of QEMU lies further away.
    if (line.time + most_disorder < last_time_) {
        begin_another(summary_.lines, out);
        last_time_ = 0;
    }
    last_time_ = std::max(last_time_, line.time);
}

std::optional<std::uint32_t> QemuLog::vcpu_thread(const QemuLine& line) {
    is_first_access_ = false;
    if (line.thread) {
        second_thread_ = second_thread_ || (first_thread_ && *first_thread_ != *line.thread);
        if (!first_thread_) first_thread_ = line.thread;
    }
    if (shows_bsp_ && !shows_others_) return line.thread.value_or(1);
    if (line.thread && (is_kvm_ || second_thread_)) return line.thread;
    return std::nullopt;
}

// "0xf0 = 0x000000ff", an offset in the window: QEMU up to 9.0, whose APIC has no x2APIC mode under TCG.
bool QemuLog::take_register(const QemuLine& line, bool write, std::vector<Event>& out) {
    Scanner s(line.text);
    Access access;
    access.write = write;
    if (!take_hex(s, access.address) || access.address >= region_size || !s.take(" = ") ||
        !take_hex(s, access.value) || !s.ends())
        return false;
    access.address += window;
    if (write ? shows_region_writes_ : shows_region_reads_) return true; // told by memory_region_ops_*
    // Where the others are told by the number of the vCPU, which of them has this thread is not told.
    const bool by_number = shows_region_reads_ || shows_region_writes_;
    const auto thread = by_number ? std::nullopt : vcpu_thread(line);
    access.thread = thread.value_or(line.thread.value_or(0));
    access.line = summary_.lines;
    access.time = line.time;
    access.has_vcpu = thread.has_value();
    release(out);
    if (write) emit(access, out);
    else held_ = access;
    return true;
}

// "register 0x03 = 0x50014", QEMU since 9.0: of the window or, in x2APIC mode, of an MSR.
bool QemuLog::take_either_way(const QemuLine& line, bool write, std::vector<Event>& out) {
    Scanner s(line.text);
    Access access;
    access.write = write;
    if (!s.take("register ") || !take_hex(s, access.address) || access.address > 0xff || !s.take(" = ") ||
        !take_hex(s, access.value) || !s.ends())
        return false;
    if (write ? shows_region_writes_ : shows_region_reads_) return true;
    const bool by_number = shows_region_reads_ || shows_region_writes_;
    access.address = window + (access.address << 4);
    access.thread = line.thread.value_or(0);
    access.line = summary_.lines;
    access.time = line.time;
    // Only the window leads here where the mode is xAPIC, which is told if writes to IA32_APIC_BASE are
    // traced.
    const bool is_window =
        base_was_set_ && base_ && (*base_ & (base_enabled | base_extended)) == base_enabled;
    const auto thread = by_number ? std::nullopt : vcpu_thread(line);
    if (thread && is_window) {
        access.thread = *thread;
        emit(access, out);
    } else {
        ++either_way_;
        forget_state(out);
    }
    return true;
}

// "cpu 0 mr 0x56524f7678a0 addr 0xfee00030 value 0x50014 size 4 name 'apic-msi'"; the name since 7.0.
bool QemuLog::take_region(const QemuLine& line, bool write, std::vector<Event>& out) {
    if (!line.text.ends_with("name 'apic-msi'")) return true;
    Scanner s(line.text);
    Access access;
    access.write = write;
    std::uint64_t cpu = 0;
    std::uint64_t pointer = 0;
    std::uint64_t size = 0;
    if (!s.take("cpu ")) return false;
    if (s.take("-1")) return true; // a device's MSI
    if (!s.decimal(cpu) || cpu > 0xffff || !s.take(" mr ") || !take_hex(s, pointer) || !s.take(" addr ") ||
        !take_hex(s, access.address) || !s.take(" value ") || !take_hex(s, access.value) ||
        !s.take(" size ") || !s.decimal(size) || size > 8)
        return false;
    if (access.address < window || access.address >= window + region_size) return false;
    // The accesses before it were told by their threads.
    if (!shows_region_reads_ && !shows_region_writes_) {
        held_.reset(); // this access
        forget_state(out);
    }
    (write ? shows_region_writes_ : shows_region_reads_) = true;
    is_first_access_ = false;
    access.thread = static_cast<std::uint32_t>(cpu + 1);
    access.size = static_cast<std::uint32_t>(size);
    // A write to the first 16 bytes, or behind the window, is taken for an MSI (apic_mem_write).
    const std::uint64_t offset = access.address - window;
    access.reaches_apic = size >= 4 && !(write && (offset < 0x10 || offset > 0xfff));
    access.line = summary_.lines;
    access.time = line.time;
    if (summary_.threads.size() < most_threads)
        summary_.threads[access.thread].name = fmt::format("CPU {}", cpu);
    emit(access, out);
    return true;
}

// The BSP's is told at each reset, before the guest runs. A value that has changed was written by the guest,
// and whether it was refused is not told; one that has not may be of a RESET.
bool QemuLog::take_base(const QemuLine& line, bool is_set, std::vector<Event>& out) {
    Scanner s(line.text);
    std::uint64_t base = 0;
    if (!take_hex(s, base) || !s.ends()) return false;
    base_was_set_ = base_was_set_ || is_set;
    if (is_first_access_) {
        ((base & base_bsp) != 0 ? shows_bsp_ : shows_others_) = true;
        base_ = base;
        return true;
    }
    shows_others_ = shows_others_ || (!is_set && (base & base_bsp) == 0);
    const bool is_of_vcpu = line.thread && first_thread_ && (is_kvm_ || *first_thread_ == *line.thread);
    if (base_ != base || (!is_set && !is_of_vcpu)) forget_state(out);
    base_ = base;
    return true;
}

// "cpu_index 0, type 0xae80, arg (nil)", in the vCPU's thread. The index stands for the descriptor.
bool QemuLog::take_ioctl(const QemuLine& line, std::vector<Event>& out) {
    is_kvm_ = true;
    Scanner s(line.text);
    Event event;
    if (!s.take("cpu_index ") || !s.decimal(event.value) || !s.take(", type ") || !take_hex(s, event.where))
        return false;
    if (!line.thread) return true;
    event.kind = EventKind::ioctl;
    event.thread = *line.thread;
    event.line = summary_.lines;
    event.time = line.time;
    out.push_back(event);
    return true;
}

void QemuLog::release(std::vector<Event>& out) {
    if (const auto held = std::exchange(held_, std::nullopt)) emit(*held, out);
}

void QemuLog::emit(const Access& access, std::vector<Event>& out) {
    shows_writes_ = shows_writes_ || access.write;
    // Since the last access another vCPU may have become the thread's; or what it wrote is not traced.
    if (!access.has_vcpu) ++unassigned_;
    if (!access.has_vcpu || !shows_writes_) lose_track(access.line, out);
    Event mmio;
    mmio.kind = access.write ? EventKind::mmio_write : EventKind::mmio_read;
    mmio.thread = access.thread;
    mmio.line = access.line;
    mmio.time = has_stamps_ ? access.time : access.line;
    mmio.where = access.address;
    mmio.value = access.value;
    mmio.size = access.size;
    Event apic = mmio;
    apic.kind = access.write ? EventKind::apic_write : EventKind::apic_read;
    apic.where = access.address & (access.write ? 0xff0 : 0xfff);
    // In KVM's order.
    if (!access.write && access.reaches_apic) out.push_back(apic);
    out.push_back(mmio);
    if (access.write && access.reaches_apic) out.push_back(apic);
}

void QemuLog::forget_state(std::vector<Event>& out) {
    release(out);
    lose_track(summary_.lines, out);
}

void QemuLog::lose_track(std::uint64_t line, std::vector<Event>& out) {
    Event event;
    event.kind = EventKind::lost; // of CPU 0, as all events: what came before stands
    event.line = line;
    out.push_back(event);
}

namespace {

// A log of its own, or of nothing but -d.
bool is_qemu_log(std::string_view first_bytes) {
    std::size_t events = 0;
    std::size_t debug = 0;
    std::size_t others = 0;
    while (!first_bytes.empty()) {
        const std::size_t end = first_bytes.find('\n');
        if (end == std::string_view::npos) break;
        const std::string_view line = first_bytes.substr(0, end);
        first_bytes.remove_prefix(end + 1);
        QemuLine read;
        if (read_qemu_line(line, read)) events += is_known(read.name) ? 1U : 0U;
        else if (line.starts_with("Servicing hardware INT=") || line.starts_with("CPU Reset (CPU ")) ++debug;
        else if (line.find(": kvm_") != std::string_view::npos ||
                 line.find("kvm:kvm_") != std::string_view::npos)
            ++others;
    }
    return events + debug > 0 && events + debug > others;
}

} // namespace

extern const TraceFormat qemu_log_format;
const TraceFormat qemu_log_format = {
    .name = "qemu",
    .what = "QEMU's own trace log: -trace 'apic_*', also among what -d writes",
    .recognizes = is_qemu_log,
    .make_reader = []() -> std::unique_ptr<StreamReader> { return std::make_unique<QemuLog>(); },
};

} // namespace lapicheck::traces
