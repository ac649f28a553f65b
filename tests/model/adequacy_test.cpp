// One semantics, two domains: what a run on plain values does is contained in one of the paths of the
// run on partly known values, for every choice of the unknown bits and of what the manuals leave open.
#include <algorithm>

#include <doctest/doctest.h>

#include "model/reset.hpp"
#include "model/step.hpp"
#include "tests/model/machine.hpp"
#include "tests/model/random_apic.hpp"

namespace lapicheck::model {
namespace {

// Answers what the manuals leave open at random, and counts how often it was asked.
class RandomChoices {
  public:
    RandomChoices(RandomApic& random, unsigned& asked) : random_(&random), asked_(&asked) {}

    bool choose(Rule, bool) {
        ++*asked_;
        return random_->chance(50);
    }
    template <class T>
    T choose(Rule, T proposal) {
        ++*asked_;
        switch (random_->bits() % 4) {
        case 0: return proposal;
        case 1: return T{0};
        case 2: return static_cast<T>(~T{0});
        default: return static_cast<T>(random_->bits());
        }
    }

  private:
    RandomApic* random_;
    unsigned* asked_;
};
using RandomDriver = ConcreteDriver<RandomChoices>;

// The forking driver, with a look at how deep it gets.
class DepthGauge {
  public:
    using D = KnownBits;

    const RegisterTable& table() const { return driver_.table(); }
    const RegisterRow& row(Reg reg) const { return driver_.row(reg); }
    const RegisterRow* row_at(u32 offset) const { return driver_.row_at(offset); }
    bool operator()(Rule rule, KnownBool condition, Place = Place::current()) {
        if (!condition.known) deeper();
        return driver_(rule, condition);
    }
    bool unspecified(Rule rule, bool proposal, Place = Place::current()) {
        deeper();
        return driver_.unspecified(rule, proposal);
    }
    template <class T>
    T unspecified_value(Rule rule, T proposal, Place = Place::current()) {
        return driver_.unspecified_value(rule, proposal);
    }
    bool passes_over(KnownBool condition) const { return driver_.passes_over(condition); }
    u64 index(Known<u64> address) const { return driver_.index(address); }
    void elsewhere(const State<D>&, const Access<D>&, Outcome<D>&) const {}
    bool next_path() {
        deepest_ = std::max(deepest_, depth_);
        depth_ = 0;
        return driver_.next_path();
    }
    unsigned deepest() const { return deepest_; }

  private:
    void deeper() { REQUIRE(++depth_ <= ForkingDriver::max_depth); }

    ForkingDriver driver_;
    unsigned depth_ = 0;
    unsigned deepest_ = 0;
};

struct Path {
    Outcome<KnownBits> outcome;
    State<KnownBits> state;
};

bool contains(const Outcome<KnownBits>& k, const Outcome<Concrete>& c) {
    return k.rule == c.rule && k.answer == c.answer && k.gp == c.gp && k.sends_ipi == c.sends_ipi &&
           k.ends_interrupt == c.ends_interrupt && k.broadcasts_eoi.admits(c.broadcasts_eoi) &&
           k.raises_error.admits(c.raises_error) && k.bounded == c.bounded && k.exceeds == c.exceeds &&
           k.reg == c.reg && k.value.admits(c.value) && k.limit.admits(c.limit);
}
bool contains(const State<KnownBits>& k, const State<Concrete>& c) {
    for (std::size_t i = 0; i < c.regs.size(); ++i)
        if (!k.regs[i].admits(c.regs[i])) return false;
    return k.apic_base.admits(c.apic_base) && k.tsc_deadline.admits(c.tsc_deadline) &&
           k.x2apic_id.admits(c.x2apic_id) && k.esr_pending.admits(c.esr_pending) &&
           k.cleared_by_software.admits(c.cleared_by_software) && k.ier_written.admits(c.ier_written);
}

u64 known_bits(const State<KnownBits>& s) {
    u64 known = (s.cleared_by_software.known ? 1U : 0U) + (s.ier_written.known ? 1U : 0U);
    const auto add = [&known](auto word) { known += static_cast<u64>(std::popcount(word.known)); };
    add(s.apic_base);
    add(s.tsc_deadline);
    add(s.x2apic_id);
    add(s.esr_pending);
    for (const Known<u32> word : s.regs) add(word);
    return known;
}
constexpr u64 bits_of_state = 64 * 2 + 32 * (2 + window_register_count) + 2;

// `run(p, s, cpu)` is what is done to the state, in whichever domain.
template <class Run>
std::vector<Path> all_paths(const State<KnownBits>& before, const Cpu<KnownBits>& cpu, Run run) {
    std::vector<Path> paths;
    DepthGauge p;
    do {
        Path& path = paths.emplace_back(Path{{}, before});
        path.outcome = run(p, path.state, cpu);
    } while (p.next_path());
    return paths;
}

// How much the paths say, lest they contain everything by saying nothing.
struct Tally {
    u64 cases = 0;
    u64 written = 0;      // registers changed
    u64 written_bits = 0; // known bits of them
    u64 reads = 0;        // 32-bit values read of which something is known
    u64 read_bits = 0;    // known bits of them
    void add(const State<KnownBits>& before, const std::vector<Path>& paths) {
        for (const Path& path : paths) {
            for (std::size_t i = 0; i < before.regs.size(); ++i) {
                const Known<u32> word = path.state.regs[i];
                if (word == before.regs[i]) continue;
                ++written;
                written_bits += static_cast<u64>(std::popcount(word.known));
            }
            const u32 known = low_half(path.outcome.value.known);
            if (known == 0) continue;
            ++reads;
            read_bits += static_cast<u64>(std::popcount(known));
        }
    }
};

// Whether each of some choices of what is unknown is contained in a path. `choose` makes the plain run
// that fits the unknown bits.
template <class Run, class Choose>
bool is_adequate(RandomApic& random, const State<KnownBits>& before, const Cpu<KnownBits>& cpu, Run run,
                 Choose choose, Tally& tally) {
    const std::vector<Path> paths = all_paths(before, cpu, run);
    tally.add(before, paths);
    for (unsigned choice = 0; choice < 4; ++choice) {
        ++tally.cases;
        State<Concrete> s = random.choice(before);
        const Cpu<Concrete> plain_cpu = random.choice(cpu);
        unsigned asked = 0;
        RandomDriver p{RandomChoices{random, asked}};
        const Outcome<Concrete> outcome = choose()(p, s, plain_cpu);
        if (std::none_of(paths.begin(), paths.end(), [&](const Path& path) {
                return contains(path.outcome, outcome) && contains(path.state, s);
            }))
            return false;
    }
    return true;
}

Access<Concrete> access_to(const Target& target, RandomApic& random, const State<Concrete>& s) {
    const u64 base = is_mmio(target.kind) ? s.apic_base & apic_base::page : 0;
    return {target.kind, base + target.place, target.size, random.value_for(target, s)};
}

template <class D>
auto stepping(const Access<D>& access) {
    return [access](auto& p, auto& s, const auto& cpu) { return step(p, s, cpu, access); };
}

TEST_CASE("every access on partly known values contains the access on plain ones") {
    RandomApic random(20160901);
    Tally tally;
    const std::vector<Target> targets = all_targets();
    for (const Target& target : targets)
        for (const Mode mode : all_modes)
            for (unsigned repeat = 0; repeat < 24; ++repeat) {
                const State<Concrete> seed = random.state(mode);
                const Access<Concrete> asked = access_to(target, random, seed);
                const Known<u64> value = random.chance(80) ? asked.value : random.partly(asked.value);
                const Access<KnownBits> access{asked.kind, asked.address, asked.size, value};
                CAPTURE(int(target.kind));
                CAPTURE(target.place);
                CAPTURE(target.size);
                CAPTURE(mode);
                CAPTURE(repeat);
                const auto choose = [&] {
                    Access<Concrete> plain = asked;
                    plain.value = random.choice(value);
                    return stepping(plain);
                };
                REQUIRE(is_adequate(random, random.partly(seed), random.partly(random.cpu()),
                                    stepping(access), choose, tally));
            }
    CHECK(tally.cases > 100'000);
    CHECK(tally.written > 5'000);
    CHECK(tally.written_bits > 14 * tally.written);
    CHECK(tally.reads > 2'000);
    CHECK(tally.read_bits > 26 * tally.reads);
}

TEST_CASE("what happens without an access is contained in the same on partly known values") {
    RandomApic random(7);
    Tally tally;
    const auto is_contained = [&](auto run) {
        const auto outcome_free = [run](auto& p, auto& s, const auto& cpu) {
            run(p, s, cpu);
            return Outcome<typename std::remove_reference_t<decltype(p)>::D>{};
        };
        return is_adequate(
            random, random.partly(random.state(all_modes[random.bits() % 3])), random.partly(random.cpu()),
            outcome_free, [&] { return outcome_free; }, tally);
    };
    for (unsigned repeat = 0; repeat < 300; ++repeat) {
        CAPTURE(repeat);
        REQUIRE(is_contained([](auto& p, auto& s, const auto&) { init(p, s); }));
        REQUIRE(is_contained([](auto& p, auto& s, const auto& cpu) { reset(p, s, cpu); }));
        REQUIRE(is_contained([](auto& p, auto& s, const auto& cpu) { elapse(p, s, cpu); }));
        const u32 vector = static_cast<u32>(random.bits() % 256);
        const bool level = random.chance(50);
        REQUIRE(is_contained([=](auto& p, auto& s, const auto&) {
            using Domain = typename std::remove_reference_t<decltype(p)>::D;
            accept(p, s, typename Domain::U32{vector}, typename Domain::Bool{level});
        }));
        REQUIRE(is_contained([=](auto& p, auto& s, const auto&) {
            using Domain = typename std::remove_reference_t<decltype(p)>::D;
            dispatch(s, typename Domain::U32{vector});
        }));
    }
    CHECK(tally.written_bits > 31 * tally.written); // RESET and INIT leave all known
}

TEST_CASE("where all is known and nothing open there is one path, and it is the plain run") {
    RandomApic random(3);
    unsigned decided = 0;
    unsigned open = 0;
    for (const Target& target : all_targets())
        for (const Mode mode : all_modes)
            for (unsigned repeat = 0; repeat < 8; ++repeat) {
                const State<Concrete> before = random.state(mode);
                const Cpu<Concrete> cpu = random.cpu();
                const Access<Concrete> access = access_to(target, random, before);
                State<Concrete> after = before;
                unsigned asked = 0;
                RandomDriver p{RandomChoices{random, asked}};
                const Outcome<Concrete> outcome = step(p, after, cpu, access);
                if (asked != 0) {
                    ++open;
                    continue;
                }
                ++decided;
                const Access<KnownBits> known{access.kind, access.address, access.size, access.value};
                const std::vector<Path> paths =
                    all_paths(known_state(before), known_cpu(cpu), stepping(known));
                CAPTURE(int(target.kind));
                CAPTURE(target.place);
                CAPTURE(mode);
                REQUIRE(paths.size() == 1);
                const Path& path = paths.front();
                REQUIRE(contains(path.outcome, outcome));
                REQUIRE(contains(path.state, after));
                REQUIRE(known_bits(path.state) == bits_of_state);
                if (outcome.answer == Answer::apic && !is_write(access.kind) && !outcome.gp)
                    REQUIRE(path.outcome.value.is_exact());
            }
    CHECK(decided > 3 * open);
}

TEST_CASE("with nothing known no access comes near the forking driver's depth") {
    unsigned deepest = 0;
    for (const Target& target : all_targets()) {
        const u64 base = is_mmio(target.kind) ? apic_base::reset_page : 0;
        const Access<KnownBits> access{target.kind, base + target.place, target.size, {}};
        DepthGauge p;
        do {
            State<KnownBits> s;
            const Cpu<KnownBits> cpu;
            step(p, s, cpu, access);
        } while (p.next_path());
        deepest = std::max(deepest, p.deepest());
    }
    CHECK(deepest > 8);
    CHECK(deepest < ForkingDriver::max_depth - 4);
}

} // namespace
} // namespace lapicheck::model
