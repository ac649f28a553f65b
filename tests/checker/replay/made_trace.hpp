// Recordings made up in a test, and what replay tells of them in a form that a test can compare.
#pragma once

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "checker/judge/evidence.hpp"
#include "checker/replay/replay.hpp"
#include "traces/formats/ftrace_text.hpp"

namespace lapicheck::checker {

// ftrace text of a script. Each line of it is the text of one event, 10 us after the one before;
//   @45 EVENT       in thread 45 (else 44); @45/1 on host CPU 1 (else 0); the next line is 44's again
//   @45:40/1 EVENT  the same, and the line tells that the thread is of process 40
//   +500us EVENT    so long after the one before
//   CPU:0 [LOST 3 EVENTS]  and comments stand as they are
// Lines are counted as the reader counts them: the first event is line 1.
inline std::string made_trace(std::string_view script, bool in_seconds = true) {
    std::string text;
    std::uint64_t time_us = 100'000'000;
    while (!script.empty()) {
        const std::size_t end = std::min(script.find('\n'), script.size());
        std::string_view line = script.substr(0, end);
        script.remove_prefix(std::min(end + 1, script.size()));
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        if (line.empty()) continue;
        if (line.starts_with("CPU:") || line.starts_with('#')) {
            text += fmt::format("{}\n", line);
            continue;
        }
        unsigned thread = 44;
        unsigned cpu = 0;
        std::string process;
        unsigned pause = 10;
        for (; line.starts_with('@') || line.starts_with('+'); line.remove_prefix(line.find(' ') + 1)) {
            const std::string word(line.substr(1, line.find(' ') - 1));
            if (line.starts_with('+')) {
                pause = static_cast<unsigned>(std::stoul(word));
                continue;
            }
            thread = static_cast<unsigned>(std::stoul(word));
            if (const std::size_t colon = word.find(':'); colon != std::string::npos)
                process = fmt::format("({:7}) ", std::stoul(word.substr(colon + 1)));
            if (const std::size_t slash = word.find('/'); slash != std::string::npos)
                cpu = static_cast<unsigned>(std::stoul(word.substr(slash + 1)));
        }
        time_us += pause;
        const std::string stamp = in_seconds
                                      ? fmt::format("{:5}.{:06}", time_us / 1'000'000, time_us % 1'000'000)
                                      : fmt::format("{:12}", time_us * 2000); // ticks of 2 GHz
        text +=
            fmt::format(" qemu-system-x86-{:<7} {}[{:03}] ..... {}: {}\n", thread, process, cpu, stamp, line);
    }
    return text;
}

// What doctest can compare and print.
struct Told : std::vector<std::string> {
    using vector::vector;
    friend std::ostream& operator<<(std::ostream& out, const Told& told) {
        return out << fmt::format("[{}]", fmt::join(told, "; "));
    }
};

struct Replayed {
    std::vector<Divergence> divergences;
    ReplaySummary summary;

    // "M01 version x2apic 4-5 x2 because 1": rule, register, mode, the access's first line and the one that
    // shows the divergence, count, evidence.
    Told told() const {
        Told lines;
        for (const Divergence& d : divergences) {
            const std::string_view name = model::register_name(d.mismatch.reg);
            std::string line = fmt::format("{} {} {} ", model::to_string(d.mismatch.rule),
                                           name.empty() ? "-" : name, model::to_string(d.mismatch.mode));
            const u64 first = std::min(d.access.first_line, d.line);
            line += first == d.line ? fmt::format("{}", first) : fmt::format("{}-{}", first, d.line);
            if (d.count > 1) line += fmt::format(" x{}", d.count);
            for (std::size_t i = 0; i < d.because.size(); ++i)
                line += fmt::format("{}{}", i == 0 ? " because " : ",", d.because[i].line);
            lines.push_back(line);
        }
        return lines;
    }
    // As profile kvm would: how many are no departure of KVM.
    std::size_t unknown() const {
        std::size_t n = 0;
        for (const Divergence& d : divergences) n += d.mismatch.departure == nullptr ? d.count : 0;
        return n;
    }
    bool notes(std::string_view part) const {
        return std::ranges::any_of(
            summary.notes, [part](const std::string& note) { return note.find(part) != std::string::npos; });
    }
};

inline Replayed replay_text(std::string_view text, GuestCpu cpu = GuestCpu::either) {
    traces::FtraceText reader;
    Replay replay(cpu);
    traces::Assembler assembler(replay);
    std::vector<traces::Event> events;
    reader.feed(text, events);
    replay.set_clock(reader.summary().clock_in_seconds);
    // Where the text does not say it, the host has no other CPUs than those that it shows.
    replay.set_host_cpus(std::max<u64>(reader.summary().host_cpus, 1));
    assembler.feed(events);
    events.clear();
    reader.finish(events);
    assembler.feed(events);
    assembler.finish();
    replay.finish();
    return {replay.divergences(), replay.summary()};
}

inline Replayed replay_script(std::string_view script, GuestCpu cpu = GuestCpu::either) {
    return replay_text(made_trace(script), cpu);
}

// Lines of a vCPU 0 in x2APIC mode: a self-IPI that is accepted, what the processor is given, an EOI that
// ends it.
inline std::string sends_itself(unsigned vector) {
    return fmt::format("kvm_apic: apic_write APIC_SELF_IPI = {0:#x}\n"
                       "kvm_apic_ipi: dst 0 vec {0} (Fixed|physical|de-assert|edge|self)\n"
                       "kvm_apic_accept_irq: apicid 0 vec {0} (Fixed|edge)\n"
                       "kvm_msr: msr_write 83f = {0:#x}\n",
                       vector);
}
inline std::string takes(unsigned vector) { return fmt::format("kvm_inj_virq: IRQ {:#x}\n", vector); }
inline std::string ends(int vector) {
    return fmt::format("kvm_apic: apic_write APIC_EOI = 0x0\nkvm_eoi: apicid 0 vector {}\n"
                       "kvm_msr: msr_write 80b = 0x0\n",
                       vector);
}

} // namespace lapicheck::checker
