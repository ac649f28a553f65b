#include "traces/formats/event_json.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lapicheck::traces {
namespace {

using json = nlohmann::ordered_json;

// How a field of Event is written.
enum class Form : std::uint8_t {
    hex,      // "0xfee00030"
    number,   // 44
    vector,   // 32; null: none
    flag,     // true
    optional, // 0; left out: not known
};

struct FieldRow {
    const char* key;
    Form form;
    std::uint64_t (*get)(const Event&);
    void (*set)(Event&, std::uint64_t);
    bool required = true;
};

// A field of Event of any width, of which `Low` to `Low + Bits` are meant.
template <auto Member, unsigned Low = 0, unsigned Bits = 64>
constexpr FieldRow of(const char* key, Form form, bool required = true) {
    constexpr std::uint64_t mask = Bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << Bits) - 1;
    return {key, form, [](const Event& e) { return static_cast<std::uint64_t>(e.*Member) >> Low & mask; },
            [](Event& e, std::uint64_t value) {
                using Value = std::remove_cvref_t<decltype(e.*Member)>;
                const auto whole = (static_cast<std::uint64_t>(e.*Member) & ~(mask << Low)) | (value & mask)
                                                                                                  << Low;
                e.*Member = static_cast<Value>(whole);
            },
            required};
}
template <auto Member>
constexpr FieldRow of_interrupt(const char* key) {
    return {key, Form::flag, [](const Event& e) { return static_cast<std::uint64_t>(e.interrupt.*Member); },
            [](Event& e, std::uint64_t value) { e.interrupt.*Member = value != 0; }, true};
}

constexpr FieldRow vcpu = of<&Event::vcpu>("vcpu", Form::optional, false);
constexpr FieldRow rip = of<&Event::where>("rip", Form::hex, false);
constexpr FieldRow apic_id = of<&Event::where>("apic_id", Form::number);
constexpr FieldRow vector_value = of<&Event::value>("vector", Form::vector);
constexpr FieldRow logical = of_interrupt<&Interrupt::logical>("logical");
constexpr FieldRow level = of_interrupt<&Interrupt::level_triggered>("level");

constexpr std::array of_apic = {of<&Event::where>("offset", Form::hex),
                                of<&Event::value>("value", Form::hex)};
constexpr std::array of_ipi = {of<&Event::where>("destination", Form::number), vector_value, logical,
                               of_interrupt<&Interrupt::assert_level>("assert"), level};
constexpr std::array of_accept = {apic_id, vector_value, level,
                                  of<&Event::virtualized>("virtualized", Form::flag, false)};
constexpr std::array of_eoi = {apic_id, vector_value};
constexpr std::array of_msr = {of<&Event::where>("msr", Form::hex), of<&Event::value>("value", Form::hex),
                               of<&Event::gp>("gp", Form::flag)};
constexpr std::array of_mmio = {of<&Event::where>("address", Form::hex),
                                of<&Event::size>("size", Form::number),
                                of<&Event::value>("value", Form::hex)};
constexpr std::array of_entry = {vcpu, rip};
constexpr std::array of_userspace = {of<&Event::where>("ioapic_eoi", Form::flag)};
constexpr std::array of_inject = {of<&Event::where>("vector", Form::vector),
                                  of<&Event::reinjected>("reinjected", Form::flag),
                                  of<&Event::may_be_again>("may_be_again", Form::flag, false)};
constexpr std::array of_cr = {of<&Event::where>("register", Form::number),
                              of<&Event::value>("value", Form::hex)};
constexpr std::array of_cpuid = {
    of<&Event::where, 0, 32>("function", Form::hex), of<&Event::where, 32, 32>("index", Form::hex),
    of<&Event::value2, 0, 32>("eax", Form::hex),     of<&Event::value2, 32, 32>("ebx", Form::hex),
    of<&Event::value, 0, 32>("ecx", Form::hex),      of<&Event::value, 32, 32>("edx", Form::hex)};
constexpr std::array of_ioctl = {of<&Event::value>("fd", Form::number),
                                 of<&Event::where>("command", Form::hex)};
constexpr std::array of_synic = {of<&Event::where>("vector", Form::vector)};
constexpr std::array of_line = {of<&Event::where>("gsi", Form::number),
                                of<&Event::value>("asserted", Form::flag),
                                of<&Event::size>("source", Form::number)};
constexpr std::array of_request = {of<&Event::where>("destination", Form::number), vector_value, logical,
                                   level};
constexpr std::array of_ioapic_eoi = {of<&Event::where>("pin", Form::number)};
constexpr std::array of_lost = {of<&Event::where>("events", Form::number)};
constexpr std::array of_belongs = {of<&Event::where>("process", Form::number)};
constexpr std::array of_fork = {of<&Event::where>("child", Form::number)};

struct KindRow {
    EventKind kind;
    const char* name;
    std::span<const FieldRow> fields;
    bool has_mode = false;      // of delivery
    bool has_shorthand = false; // of an interrupt command
    bool has_reason = false;    // of an exit
};

constexpr KindRow kinds[] = {
    {EventKind::apic_read, "apic_read", of_apic},
    {EventKind::apic_write, "apic_write", of_apic},
    {EventKind::apic_ipi, "apic_ipi", of_ipi, true, true},
    {EventKind::accept_irq, "accept_irq", of_accept, true},
    {EventKind::eoi, "eoi", of_eoi},
    {EventKind::pv_eoi, "pv_eoi", of_eoi},
    {EventKind::msr_read, "msr_read", of_msr},
    {EventKind::msr_write, "msr_write", of_msr},
    {EventKind::mmio_read, "mmio_read", of_mmio},
    {EventKind::mmio_write, "mmio_write", of_mmio},
    {EventKind::mmio_unsatisfied_read, "mmio_unsatisfied_read", of_mmio},
    {EventKind::entry, "entry", of_entry},
    {EventKind::exit, "exit", of_entry, false, false, true},
    {EventKind::userspace_exit, "userspace_exit", of_userspace},
    {EventKind::inject_irq, "inject_irq", of_inject},
    {EventKind::inject_exception, "inject_exception", std::span(of_inject).first(2)},
    {EventKind::cr_write, "cr_write", of_cr},
    {EventKind::cpuid, "cpuid", of_cpuid},
    {EventKind::ioctl, "ioctl", of_ioctl},
    {EventKind::hypercall, "hypercall", {}},
    {EventKind::nested, "nested", {}},
    {EventKind::synic_irq, "synic_irq", of_synic},
    {EventKind::accelerated, "accelerated", {}},
    {EventKind::set_irq, "set_irq", of_line},
    {EventKind::msi_request, "msi_request", of_request, true},
    {EventKind::ioapic_request, "ioapic_request", of_request, true},
    {EventKind::ioapic_eoi, "ioapic_eoi", of_ioapic_eoi},
    {EventKind::lost, "lost", of_lost},
    {EventKind::belongs, "belongs", of_belongs},
    {EventKind::fork, "fork", of_fork},
    {EventKind::begins, "begins", {}},
};

template <class Value>
struct Word {
    Value value;
    const char* word;
};

constexpr Word<DeliveryMode> modes[] = {
    {DeliveryMode::fixed, "fixed"},     {DeliveryMode::lowest_priority, "lowest-priority"},
    {DeliveryMode::smi, "smi"},         {DeliveryMode::reserved3, "reserved-3"},
    {DeliveryMode::nmi, "nmi"},         {DeliveryMode::init, "init"},
    {DeliveryMode::startup, "sipi"},    {DeliveryMode::extint, "extint"},
    {DeliveryMode::unknown, "unknown"},
};
constexpr Word<Shorthand> shorthands[] = {
    {Shorthand::none, "none"},       {Shorthand::self, "self"},
    {Shorthand::all, "all"},         {Shorthand::all_but_self, "all-but-self"},
    {Shorthand::unknown, "unknown"},
};
constexpr Word<ExitReason> reasons[] = {
    {ExitReason::other, "other"},
    {ExitReason::cr8_write, "cr8-write"},
    {ExitReason::shutdown, "shutdown"},
    {ExitReason::apic_accelerated, "apic-accelerated"},
    {ExitReason::msr, "msr"},
    {ExitReason::mmio, "mmio"},
    {ExitReason::nested, "nested"},
    {ExitReason::io, "io"},
    {ExitReason::hypercall, "hypercall"},
    {ExitReason::hlt, "hlt"},
};

template <class Value, std::size_t N>
const char* word_of(const Word<Value> (&words)[N], Value value) {
    for (const auto& one : words)
        if (one.value == value) return one.word;
    return words[N - 1].word;
}

constexpr std::uint64_t none = ~std::uint64_t{0};

void write(json& out, const FieldRow& field, const Event& event) {
    const std::uint64_t value = field.get(event);
    switch (field.form) {
    case Form::hex:
        if (value != none || field.required)
            out[field.key] = fmt::format("{:#x}", value); // a rip that is not known
        break;
    case Form::number: out[field.key] = value; break;
    case Form::vector: out[field.key] = value == none ? json(nullptr) : json(value); break;
    case Form::flag:
        if (value != 0 || field.required) out[field.key] = value != 0;
        break;
    case Form::optional:
        if (event.vcpu >= 0) out[field.key] = event.vcpu;
        break;
    }
}

std::string expected(const char* key, std::string_view what) {
    return fmt::format("\"{}\" is not {}", key, what);
}

bool read_hex(const nlohmann::json& given, std::uint64_t& value) {
    if (given.is_number_unsigned()) {
        value = given.get<std::uint64_t>();
        return true;
    }
    if (!given.is_string()) return false;
    const auto& text = given.get_ref<const std::string&>();
    if (!text.starts_with("0x")) return false;
    const char* const end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data() + 2, end, value, 16);
    return fault == std::errc{} && stop == end;
}

std::string read(const nlohmann::json& object, const FieldRow& field, Event& event) {
    const auto given = object.find(field.key);
    if (given == object.end()) return field.required ? fmt::format("no \"{}\"", field.key) : std::string{};
    std::uint64_t value = 0;
    switch (field.form) {
    case Form::hex:
        if (!read_hex(*given, value)) return expected(field.key, "a string such as \"0xfee00030\"");
        break;
    case Form::vector:
        if (given->is_null()) value = none;
        else if (!given->is_number_unsigned() || (value = given->get<std::uint64_t>()) > 255)
            return expected(field.key, "a number up to 255, or null");
        break;
    case Form::flag:
        if (!given->is_boolean()) return expected(field.key, "true or false");
        value = given->get<bool>() ? 1 : 0;
        break;
    case Form::number:
    case Form::optional:
        if (!given->is_number_unsigned()) return expected(field.key, "a number");
        value = given->get<std::uint64_t>();
        if (value > (field.form == Form::number ? 0xffff'ffff : 0x7fff'ffff))
            return expected(field.key, "a number of 32 bits");
        break;
    }
    field.set(event, value);
    return {};
}

template <class Value, std::size_t N>
std::string read_word(const nlohmann::json& object, const char* key, const Word<Value> (&words)[N],
                      Value& value) {
    const auto given = object.find(key);
    if (given == object.end()) return fmt::format("no \"{}\"", key);
    for (const auto& one : words)
        if (*given == one.word) {
            value = one.value;
            return {};
        }
    std::string list;
    for (const auto& one : words) list += fmt::format("{}{}", list.empty() ? "" : ", ", one.word);
    return expected(key, "one of: " + list);
}

// Thread, CPU, time, line: of every event.
template <class Number>
std::string read_number(const nlohmann::json& object, const char* key, Number& number) {
    const auto given = object.find(key);
    if (given == object.end()) return {};
    if (!given->is_number_unsigned()) return expected(key, "a number");
    const auto value = given->get<std::uint64_t>();
    if (value > std::numeric_limits<Number>::max()) return expected(key, "a number that small");
    number = static_cast<Number>(value);
    return {};
}

std::string dumped(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace); }

} // namespace

std::string header_line(const ReadSummary& summary) {
    json out;
    out[events_key] = events_version;
    out["clock"] = summary.clock_in_seconds ? "ns" : "ticks";
    out["clock_digits"] = summary.clock_digits;
    if (!summary.kernel.empty()) out["kernel"] = summary.kernel;
    if (summary.host_cpus != 0) out["host_cpus"] = summary.host_cpus;
    if (summary.command != 0) out["command"] = summary.command;
    return dumped(out);
}

std::string thread_line(std::uint32_t thread, const ThreadInfo& info) {
    json out;
    out["event"] = "thread";
    out["thread"] = thread;
    out["name"] = info.name;
    return dumped(out);
}

std::string event_line(const Event& event) {
    const auto* const row = std::ranges::find(kinds, event.kind, &KindRow::kind);
    if (row == std::end(kinds)) return R"({"event":"lost","events":1})";
    json out;
    out["event"] = row->name;
    out["line"] = event.line;
    out["time"] = event.time;
    out["cpu"] = event.cpu;
    out["thread"] = event.thread;
    for (const FieldRow& field : row->fields) write(out, field, event);
    if (row->has_mode) out["mode"] = word_of(modes, event.interrupt.delivery_mode);
    if (row->has_shorthand) out["shorthand"] = word_of(shorthands, event.interrupt.shorthand);
    if (row->has_reason) out["reason"] = word_of(reasons, static_cast<ExitReason>(event.value2));
    return dumped(out);
}

std::string read_event(const nlohmann::json& object, Event& event) {
    const auto name = object.find("event");
    if (name == object.end() || !name->is_string()) return "no \"event\" with a name";
    const auto* const row =
        std::ranges::find_if(kinds, [&name](const KindRow& one) { return *name == one.name; });
    if (row == std::end(kinds))
        return fmt::format("unknown event \"{}\"", name->get_ref<const std::string&>());
    event.kind = row->kind;
    if (row->kind == EventKind::entry || row->kind == EventKind::exit) event.where = no_rip;
    std::string fault = read_number(object, "time", event.time);
    if (fault.empty()) fault = read_number(object, "cpu", event.cpu);
    if (fault.empty()) fault = read_number(object, "thread", event.thread);
    if (fault.empty()) fault = read_number(object, "line", event.line);
    for (const FieldRow& field : row->fields)
        if (fault.empty()) fault = read(object, field, event);
    if (row->has_mode && fault.empty())
        fault = read_word(object, "mode", modes, event.interrupt.delivery_mode);
    if (row->has_shorthand && fault.empty())
        fault = read_word(object, "shorthand", shorthands, event.interrupt.shorthand);
    if (row->has_reason && fault.empty()) {
        ExitReason reason = ExitReason::other;
        fault = read_word(object, "reason", reasons, reason);
        event.value2 = static_cast<std::uint64_t>(reason);
    }
    return fault.empty() ? fault : fmt::format("{}: {}", row->name, fault);
}

} // namespace lapicheck::traces
