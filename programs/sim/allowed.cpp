#include "programs/sim/allowed.hpp"

#include <algorithm>
#include <type_traits>

#include <fmt/format.h>

#include "model/implementations/sdm.hpp"
#include "model/step.hpp"
#include "programs/sim/state_text.hpp"

namespace lapicheck::programs {
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
    if ((value.known & value_mask(access)) == 0) return "any value";
    if (value.is_exact()) return fmt::format("{:#x}", value.value);
    return model::dotted_hex(value);
}

std::string change_list(const ExecutedStep& step, const AllowedWay& way) {
    std::vector<std::string> words = change_words(step.before, way.after);
    if (way.out.ends_interrupt && words.empty()) words.emplace_back("EOI with ISR empty");
    if (way.out.sends_ipi) words.emplace_back("an IPI is sent");
    if (way.out.broadcasts_eoi.is_true()) words.emplace_back("the EOI is broadcast");
    if (way.out.raises_error.is_true()) words.emplace_back("the error interrupt is raised");
    return words.empty() ? "nothing changes" : fmt::format("{}", fmt::join(words, "; "));
}

std::string vector_words(Known<u64> vector) {
    if (vector.is_exact()) return fmt::format("vector {:02X}H", vector.value);
    return fmt::format("vector {}", model::dotted_hex(vector));
}

std::string words_of(const ExecutedStep& step, const AllowedWay& way) {
    if (way.out.gp) return "#GP, and nothing changes";
    // What an open answer leaves behind need not be open.
    if (way.out.answer == Answer::unspecified)
        return fmt::format("{}; {}",
                           reads(step.access.kind) ? "any value" : "what is sent or ended is unspecified",
                           change_list(step, way));
    if (reads(step.access.kind)) {
        if (way.out.answer == Answer::elsewhere)
            return "any value that does not come from the APIC (the manual leaves the rest unspecified)";
        return value_words(way, step.access);
    }
    if (way.out.answer == Answer::elsewhere && model::is_write(step.access.kind))
        return "no APIC register changes and nothing is sent";
    if (step.access.kind == AccessKind::take_interrupt && way.out.answer == Answer::apic)
        return vector_words(way.out.value);
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
        if (way.out.answer == Answer::unspecified || way.out.gp != ways.front().out.gp) return std::nullopt;
    return ways.front().out.gp;
}

// Whether what is known of a state leaves room for the state that an implementation is in.
bool admits(const model::State<KnownBits>& known, const PlainState& state) {
    bool all = true;
    model::for_each_word(
        [&all](model::StateWord word, const auto& k, const auto& s) {
            if (!model::no_answer_shows(word.reg)) all = all && k.admits(s);
        },
        known, state);
    return all;
}

bool admits(AccessKind kind, const model::Outcome<KnownBits>& k, const PlainOutcome& did) {
    if (did.sends_msi) return false;
    if (k.answer == model::Answer::unspecified) return true;
    if (model::is_mmio(kind) && did.answer != k.answer) return false;
    if (did.gp != k.gp || did.sends_ipi != k.sends_ipi || did.ends_interrupt != k.ends_interrupt)
        return false;
    if (!k.broadcasts_eoi.admits(did.broadcasts_eoi)) return false;
    if (!k.raises_error.admits(did.raises_error)) return false;
    if (k.answer != model::Answer::apic || did.gp || model::is_write(kind)) return true;
    if (!k.value.admits(did.value)) return false;
    if (k.bounded && did.value > k.limit.greatest()) return false;
    return !k.exceeds || did.value > k.limit.least();
}

// Takes both ways where a word decides one thing (V13: the mask of an LVT entry), on which other bits hang:
// of an unknown word it would be forgotten how they go together.
class BothWays : public model::ForkingDriver {
  public:
    template <class T>
    T unspecified_value(model::Rule rule, T proposal, model::Place place = model::Place::current()) {
        if constexpr (std::is_same_v<T, Known<model::u32>>)
            if (rule == model::Rule::V13) return unspecified(rule, true, place) ? T{~u32{0}} : T{u32{0}};
        return ForkingDriver::unspecified_value(rule, proposal, place);
    }
};

} // namespace

std::vector<AllowedWay> ways_allowed(const model::Cpu<Concrete>& cpu, const PlainState& before,
                                     const Access<Concrete>& access) {
    const model::Cpu<KnownBits> facts = model::known_cpu(cpu);
    const Access<KnownBits> known{access.kind, access.address, access.size, access.value};
    std::vector<AllowedWay> ways;
    model::ForkingDriver driver;
    do {
        AllowedWay& way = ways.emplace_back(AllowedWay{{}, model::known_state(before)});
        way.out = model::step(driver, way.after, facts, known);
    } while (driver.next_path());
    return ways;
}

Allowed allowed_by_manual(const ExecutedStep& step) {
    const std::vector<AllowedWay> ways = ways_allowed(step.cpu, step.before, step.access);
    std::vector<std::string> texts;
    for (const AllowedWay& way : ways) {
        std::string text = words_of(step, way);
        if (std::ranges::find(texts, text) == texts.end()) texts.push_back(std::move(text));
    }
    std::string text = fmt::format("{}", fmt::join(texts, "; or "));
    constexpr std::string_view dots = " (dots are unspecified)";
    if (text.find('.') != std::string::npos) text += dots;
    return {std::move(text), only_value(ways, step.access), only_gp(ways, step.access)};
}

bool is_allowed(const ExecutedStep& step) {
    static const model::Sdm<KnownBits> sdm;
    const model::Cpu<KnownBits> cpu = model::known_cpu(step.cpu);
    const Access<KnownBits> access{step.access.kind, step.access.address, step.access.size,
                                   step.access.value};
    model::Surroundings<KnownBits> around;
    model::As<BothWays> driver(sdm, around, cpu);
    do {
        model::State<KnownBits> state = model::known_state(step.before);
        const auto out = model::amended_step(driver, state, cpu, access);
        if (admits(step.access.kind, out, step.out) && admits(state, step.after)) return true;
    } while (driver.next_path());
    return false;
}

} // namespace lapicheck::programs
