#include "programs/sim/allowed.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "model/step.hpp"
#include "programs/sim/state_text.hpp"

namespace lapicheck::checker {
namespace {

using model::Access;
using model::AccessKind;
using model::Answer;
using model::Concrete;
using model::Known;
using model::KnownBits;

bool reads(AccessKind kind) {
    return kind == AccessKind::mmio_read || kind == AccessKind::rdmsr || kind == AccessKind::cr8_read;
}

u64 value_mask(const Access<Concrete>& access) {
    return model::is_mmio(access.kind) ? model::size_mask(access.size) : ~u64{0};
}

Known<u64> value_read(const AllowedWay& way, const Access<Concrete>& access) {
    return way.out.value & Known<u64>{value_mask(access)};
}

std::string value_words(const AllowedWay& way, const Access<Concrete>& access) {
    if (way.out.bounded) return fmt::format("at most {:#x}", way.out.limit.greatest());
    const Known<u64> value = value_read(way, access);
    return (value.known & value_mask(access)) == 0 ? "any value" : dotted_hex(value);
}

std::string change_list(const proof::Executed& step, const AllowedWay& way) {
    std::vector<std::string> words = change_words(step.before, way.after);
    if (way.out.sends_ipi) words.emplace_back("an interrupt is sent");
    if (way.out.broadcasts_eoi.is_true()) words.emplace_back("the EOI is broadcast");
    if (way.out.raises_error.is_true()) words.emplace_back("the error interrupt is raised");
    return words.empty() ? "nothing changes" : fmt::format("{}", fmt::join(words, "; "));
}

std::string words_of(const proof::Executed& step, const AllowedWay& way) {
    if (way.out.gp) return "#GP, and nothing changes";
    // What an open answer leaves behind need not be open.
    if (way.out.answer == Answer::open)
        return fmt::format("{}; {}",
                           reads(step.access.kind) ? "any value" : "what is sent or ended is left open",
                           change_list(step, way));
    if (reads(step.access.kind)) {
        if (way.out.answer == Answer::elsewhere) return "nothing of the APIC answers; what else may is open";
        return value_words(way, step.access);
    }
    if (way.out.answer == Answer::elsewhere && model::is_write(step.access.kind))
        return "no APIC register changes and nothing is sent";
    if (step.access.kind == AccessKind::take_interrupt && way.out.answer == Answer::apic)
        return fmt::format("vector {}", dotted_hex(way.out.value));
    return change_list(step, way);
}

// The value, if all ways give the same one and it is wholly determined.
std::optional<u64> only_value(const std::vector<AllowedWay>& ways, const Access<Concrete>& access) {
    if (!reads(access.kind)) return std::nullopt;
    std::optional<u64> only;
    for (const AllowedWay& way : ways) {
        const Known<u64> value = value_read(way, access);
        const bool determined =
            way.out.answer == Answer::apic && !way.out.gp && !way.out.bounded && value.is_exact();
        if (!determined || (only && *only != value.value)) return std::nullopt;
        only = value.value;
    }
    return only;
}

std::optional<bool> only_gp(const std::vector<AllowedWay>& ways, const Access<Concrete>& access) {
    if (!model::is_msr(access.kind) && access.kind != AccessKind::cr8_write) return std::nullopt;
    for (const AllowedWay& way : ways)
        if (way.out.answer == Answer::open || way.out.gp != ways.front().out.gp) return std::nullopt;
    return ways.front().out.gp;
}

} // namespace

std::vector<AllowedWay> ways_allowed(const model::Cpu<Concrete>& cpu, const proof::PlainState& before,
                                     const Access<Concrete>& access) {
    const KnownCpu facts = known_cpu(cpu);
    const Access<KnownBits> known{access.kind, access.address, access.size, access.value};
    std::vector<AllowedWay> ways;
    model::ForkingDriver driver;
    do {
        AllowedWay& way = ways.emplace_back(AllowedWay{{}, known_state(before)});
        way.out = model::step(driver, way.after, facts, known);
    } while (driver.next_path());
    return ways;
}

Allowed allowed_by_manual(const proof::Executed& step) {
    const std::vector<AllowedWay> ways = ways_allowed(step.cpu, step.before, step.access);
    std::vector<std::string> texts;
    for (const AllowedWay& way : ways) {
        std::string text = words_of(step, way);
        if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
    }
    return {fmt::format("{}", fmt::join(texts, "; or ")), only_value(ways, step.access),
            only_gp(ways, step.access)};
}

} // namespace lapicheck::checker
