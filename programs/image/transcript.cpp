#include "programs/image/transcript.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "model/registers.hpp"
#include "programs/image/wire.h"

namespace lapicheck::programs::image {
namespace {

// Of `text` up to `blank`, which is removed, too.
std::string_view cut(std::string_view& text, char blank = ' ') {
    const std::size_t at = text.find(blank);
    const std::string_view word = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return word;
}

std::optional<std::uint64_t> hex_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size() || text.size() > 16) return std::nullopt;
    return value;
}

// The hexadecimal digits that `text` begins with, which are removed.
std::optional<std::uint64_t> cut_hex(std::string_view& text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789abcdef"), text.size());
    const auto value = hex_of(text.substr(0, digits));
    text.remove_prefix(digits);
    return value;
}

std::string_view reason_text(std::uint64_t reason) {
    switch (reason) {
    case WIRE_WAITS_FOR_SIPI: return "the vCPU waits for a SIPI";
    case WIRE_IN_HLT: return "the vCPU is in HLT";
    case WIRE_CPU_STOPPED: return "the vCPU has stopped";
    case WIRE_NO_SAVE_LOAD: return "a guest cannot save and load its APIC's state";
    case WIRE_NO_PARTIAL_RESET: return "a guest can RESET all vCPUs together, not one of several";
    case WIRE_NO_PIN: return "there is no I/O APIC with a serial port by which the image could send it";
    case WIRE_OWN_MEMORY: return "the address lies in the image's own memory";
    case WIRE_ODD_SIZE: return "the image's accesses have 1, 2, 4 or 8 bytes";
    case WIRE_MODEL_ONLY: return "only a model can be told this; run it on model:NAME";
    case WIRE_NOT_IN_32_BITS:
        return "the 32-bit image has neither CR8 nor 8-byte accesses nor addresses above 4 GiB";
    case WIRE_FIRST_CPU_HALTS: return "vCPU 0 drives the others and must not halt";
    case WIRE_FIRMWARE_RESTARTS:
        return "an INIT of vCPU 0 would start the machine's firmware; use the image as ROM";
    case WIRE_TIMER_IDLE: return "the timer does not run, or has fired already";
    case WIRE_NO_SUCH_MESSAGE: return "the I/O APIC has no such message";
    case WIRE_SIPI_CHANGES_ICR: return "after the INIT it would need a SIPI, which would change vCPU 0's ICR";
    case WIRE_APIC_DISABLED: return "the APIC is disabled";
    case WIRE_MACHINE_RESET: return "the machine was RESET by itself (a triple fault?)";
    case WIRE_NO_RETURN: return "the vCPU did not come back from the step";
    case WIRE_TIMER_SILENT: return "the timer did not fire within a second";
    case WIRE_INIT_LOST: return "the INIT reached no vCPU";
    default: return {};
    }
}

std::string bad(std::string_view kind, std::string_view what) {
    return fmt::format("the image's output holds a frame '{}' with {}", kind, what);
}

// What happened by the step: "t0:31i1".
bool read_events(std::string_view text, std::size_t vcpus, StepOutcome& outcome) {
    while (!text.empty()) {
        const char kind = text.front();
        text.remove_prefix(1);
        const auto cpu = cut_hex(text);
        if (!cpu || *cpu >= vcpus) return false;
        const auto vcpu = static_cast<std::uint32_t>(*cpu);
        if (kind == 'i') {
            outcome.restarted.push_back({vcpu, {}});
            continue;
        }
        if ((kind != 't' && kind != 's') || !text.starts_with(':') || text.size() < 3) return false;
        const auto vector = hex_of(text.substr(1, 2));
        if (!vector) return false;
        text.remove_prefix(3);
        if (kind == 't') outcome.taken.push_back({vcpu, static_cast<std::uint8_t>(*vector)});
        else outcome.restarted.push_back({vcpu, static_cast<std::uint8_t>(*vector)});
    }
    return true;
}

std::optional<StepOutcome> outcome_of(std::string_view token, std::size_t vcpus) {
    StepOutcome outcome;
    if (token.empty()) return std::nullopt;
    const char status = token.front();
    token.remove_prefix(1);
    const bool has_code = status == '!' || status == '-' || status == 'x';
    std::optional<std::uint64_t> code;
    if (has_code) {
        if (token.size() < 2) return std::nullopt;
        code = hex_of(token.substr(0, 2));
        token.remove_prefix(2);
        if (!code) return std::nullopt;
    }
    switch (status) {
    case '.': break;
    case '#': outcome.gp = true; break;
    case 'h': outcome.halted = true; break;
    case '=':
        outcome.value = cut_hex(token);
        if (!outcome.value) return std::nullopt;
        break;
    case '!': outcome.end(Ending::stopped, fmt::format("exception {} in the guest", *code)); break;
    case '-':
    case 'x':
        if (reason_text(*code).empty()) return std::nullopt;
        outcome.end(status == '-' ? Ending::not_run : Ending::stopped, std::string(reason_text(*code)));
        break;
    default: return std::nullopt;
    }
    if (!read_events(token, vcpus, outcome)) return std::nullopt;
    return outcome;
}

} // namespace

std::string_view skip_text(std::uint32_t skip) {
    switch (skip) {
    case WIRE_SKIP_X2APIC: return "its CPUID (1:ECX[21], x2APIC) is not as the program has it";
    case WIRE_SKIP_DEADLINE: return "its CPUID (1:ECX[24], TSC-deadline) is not as the program has it";
    case WIRE_SKIP_CPUS: return "no CPU with one of the program's APIC IDs started there";
    case WIRE_SKIP_RESTORE:
        return "after the other CPUs were started, ICR and ESR of the first could not be cleared";
    default: return {};
    }
}

std::size_t SectionAnswers::answered() const {
    std::size_t count = outcomes.size();
    while (count > 0 && !outcomes[count - 1]) --count;
    return count;
}

Transcript::Transcript(std::span<const Section> sections) {
    std::uint32_t first = 0;
    for (const Section& section : sections) {
        SectionAnswers& answers = sections_.emplace_back();
        answers.first = first;
        answers.outcomes.resize(section.steps.size());
        first += static_cast<std::uint32_t>(section.steps.size());
        vcpus_.push_back(section.apic_ids.size());
    }
}

std::string Transcript::take(const Frame& frame) {
    if (ended_ && frame.kind != "ready") return bad(frame.kind, "answers behind its end");
    if (frame.kind == "a") return take_answers(frame.words);
    if (frame.kind == "hello") return take_hello(frame.words);
    if (frame.kind == "begin") return take_begin(frame.words);
    if (frame.kind == "skip") return take_skip(frame.words);
    if (frame.kind == "soft") return take_soft(frame.words);
    if (frame.kind == "end") ended_ = true;
    else if (frame.kind == "ready") ready_ = true;
    else if (frame.kind == "panic") panic_ = frame.words.empty() ? "?" : frame.words;
    else return bad(frame.kind, "no meaning; it was written by another version");
    return {};
}

std::string Transcript::take_hello(std::string_view words) {
    const auto start = hex_of(cut(words));
    if (!start || *start > WIRE_PVH || words.empty()) return bad("hello", "unknown words");
    if (hello_) return "the image began again: its memory does not outlive RESET on this machine";
    hello_ = Hello{static_cast<std::uint32_t>(*start), words == "-" ? "" : std::string(words)};
    return {};
}

std::string Transcript::take_begin(std::string_view words) {
    const auto index = hex_of(cut(words));
    if (!index || *index >= sections_.size()) return bad("begin", "no such section");
    SectionAnswers& section = sections_[*index];
    if (section.begun) return bad("begin", "a section that had begun");
    section.begun = true;
    section.found.may_be_kvm = hello_ && hello_->hypervisor == "KVMKVMKVM";
    while (!words.empty()) {
        std::string_view value = cut(words);
        const std::string_view name = cut(value, '=');
        const auto number = hex_of(value);
        if (!number) return bad("begin", "a value that is no number");
        if (name == "amd") section.found.amd = *number != 0;
        else if (name == "x2apic") section.found.x2apic = *number != 0;
        else if (name == "deadline") section.found.tsc_deadline = *number != 0;
        else if (name == "locked") section.found.locked_x2apic = *number != 0;
        else if (name == "base") section.found.starts_disabled = (*number & model::apic_base::enable) == 0;
        else if (name == "maxphyaddr" && *number >= 32 && *number <= 52)
            section.found.maxphyaddr = static_cast<std::uint8_t>(*number);
        else if (name == "version") section.found.versions.push_back(static_cast<std::uint32_t>(*number));
    }
    // A disabled APIC shows none.
    if (section.found.starts_disabled) section.found.versions.clear();
    if (section.found.versions.size() > vcpus_[*index]) return bad("begin", "more CPUs than the section has");
    return {};
}

std::string Transcript::take_skip(std::string_view words) {
    const auto index = hex_of(cut(words));
    const auto why = hex_of(words);
    if (!index || *index >= sections_.size() || !why || skip_text(static_cast<std::uint32_t>(*why)).empty())
        return bad("skip", "unknown words");
    sections_[*index].skipped = static_cast<std::uint32_t>(*why);
    return {};
}

SectionAnswers* Transcript::section_of(std::uint64_t step) {
    for (SectionAnswers& section : sections_)
        if (step >= section.first && step - section.first < section.outcomes.size()) return &section;
    return nullptr;
}

std::string Transcript::take_soft(std::string_view words) {
    const auto step = hex_of(cut(words));
    SectionAnswers* const section = step ? section_of(*step) : nullptr;
    if (section == nullptr) return bad("soft", "a step that was not asked");
    SoftStart start{static_cast<std::size_t>(*step - section->first), {}};
    while (!words.empty()) {
        std::string_view of_cpu = cut(words);
        const auto cpu = hex_of(cut(of_cpu, ':'));
        if (!cpu || *cpu >= vcpus_[static_cast<std::size_t>(section - sections_.data())])
            return bad("soft", "a CPU that the section does not have");
        while (!of_cpu.empty()) {
            std::string_view pair = cut(of_cpu, ',');
            const auto offset = hex_of(cut(pair, '='));
            const auto value = hex_of(pair);
            if (!offset || !value) return bad("soft", "a value that is no number");
            start.registers.push_back(
                {static_cast<std::uint32_t>(*cpu), static_cast<std::uint32_t>(*offset), *value});
        }
    }
    section->soft_starts.push_back(std::move(start));
    return {};
}

std::string Transcript::take_answers(std::string_view words) {
    const auto first = hex_of(cut(words));
    if (!first) return bad("a", "no number of a step");
    SectionAnswers* const section = section_of(*first);
    if (section == nullptr) return bad("a", "a step that was not asked");
    const std::size_t vcpus = vcpus_[static_cast<std::size_t>(section - sections_.data())];
    std::size_t step = *first - section->first;
    while (!words.empty()) {
        if (step >= section->outcomes.size()) return bad("a", "more answers than steps");
        if (section->outcomes[step]) return bad("a", "an answer that had been given");
        section->outcomes[step] = outcome_of(cut(words), vcpus);
        if (!section->outcomes[step]) return bad("a", fmt::format("no answer that step {} can have", step));
        ++step;
    }
    return {};
}

} // namespace lapicheck::programs::image
