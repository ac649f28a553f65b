// The properties themselves: named as the catalogue has it, true of every step of the manual's APIC on plain
// values, and on partly known values never surer than there.
#include "specs/properties/all.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "model/implementations/sdm.hpp"
#include "model/step.hpp"
#include "specs/catalogue.hpp"
#include "specs/properties/uncovered_rules.hpp"
#include "tests/model/machine.hpp"
#include "tests/specs/random_transitions.hpp"

namespace lapicheck::specs {
namespace {

using model::Known;
using model::KnownBits;

struct Property {
    std::string_view id;
    std::string_view statement;
    std::span<const model::Rule> rules;
    Basis basis;
    Claim<Concrete> (*check)(const Transition<Concrete>&) = nullptr; // of a step's property
    Claim<KnownBits> (*check_known)(const Transition<KnownBits>&) = nullptr;
};

template <class P>
Property entry() {
    Property p{P::id, P::statement, P::rules, P::basis, nullptr, nullptr};
    if constexpr (P::scope == Scope::step) {
        p.check = &P::template check<Concrete>;
        p.check_known = &P::template check<KnownBits>;
    }
    return p;
}
const std::vector<Property>& all_properties() {
    static const auto list =
        std::apply([]<class... P>(P...) { return std::vector{entry<P>()...}; }, Properties{});
    return list;
}

bool is_kebab_case(std::string_view id) {
    const auto is_fine = [](char c) { return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-'; };
    return std::ranges::all_of(id, is_fine) && !id.starts_with('-') && !id.ends_with('-') &&
           id.find("--") == std::string_view::npos;
}

model::Outcome<Concrete> step_of_sdm(RandomApic& random, State<Concrete>& s, const model::Cpu<Concrete>& cpu,
                                     const model::Access<Concrete>& access) {
    const model::Sdm<Concrete> sdm;
    model::Surroundings<Concrete> around;
    model::As<model::ConcreteDriver<RandomAnswers>> p(sdm, around, cpu, RandomAnswers(random));
    return amended_step(p, s, cpu, access);
}

// The same outcome, of whose words something may be unknown.
model::Outcome<KnownBits> partly(RandomApic& random, const model::Outcome<Concrete>& out) {
    model::Outcome<KnownBits> k;
    k.rule = out.rule;
    k.answer = out.answer;
    k.gp = out.gp;
    k.sends_ipi = out.sends_ipi;
    k.ends_interrupt = out.ends_interrupt;
    k.exits_to_userspace = out.exits_to_userspace;
    k.sends_msi = out.sends_msi;
    k.bounded = out.bounded;
    k.exceeds = out.exceeds;
    k.reg = out.reg;
    k.value = random.partly(out.value);
    k.limit = random.partly(out.limit);
    k.broadcasts_eoi = random.partly(out.broadcasts_eoi);
    k.raises_error = random.partly(out.raises_error);
    return k;
}

TEST_CASE("there are enough properties, each with a name, a sentence and rules of the catalogue") {
    CHECK(all_properties().size() >= 55);
    std::set<std::string_view> ids;
    std::set<std::string_view> statements;
    for (const Property& property : all_properties()) {
        CAPTURE(property.id);
        CHECK(is_kebab_case(property.id));
        CHECK(ids.insert(property.id).second);
        CHECK(statements.insert(property.statement).second);
        CHECK(property.statement.ends_with('.'));
        CHECK_FALSE(property.rules.empty());
        for (const model::Rule rule : property.rules) CHECK(find_rule(to_string(rule)) != nullptr);
    }
    for (const char* id : {"no-mmio-read-in-x2apic", "no-mmio-effect-in-x2apic", "no-mmio-read-when-disabled",
                           "no-mmio-effect-when-disabled", "mmio-isolation", "mode-transitions"})
        CHECK(ids.contains(id));
}

TEST_CASE("each rule at level M is covered by a property, or listed as not covered with the reason") {
    std::set<std::string> covered;
    for (const Property& property : all_properties())
        for (const model::Rule rule : property.rules)
            if (property.basis == Basis::manual) covered.emplace(to_string(rule));
    std::set<std::string> excused;
    for (const UncoveredRule& uncovered : uncovered_rules) {
        CAPTURE(to_string(uncovered.rule));
        CHECK(excused.emplace(to_string(uncovered.rule)).second);
        CHECK_FALSE(uncovered.reason.empty());
        CHECK(find_rule(to_string(uncovered.rule))->level == Level::must);
    }
    for (const specs::RuleEntry& rule : catalogue().rules) {
        CAPTURE(rule.id);
        CHECK_FALSE((covered.contains(rule.id) && excused.contains(rule.id)));
        if (rule.level == Level::must) CHECK((covered.contains(rule.id) || excused.contains(rule.id)));
    }
}

TEST_CASE("a property that follows from the manual demands nothing that only rules left open speak of") {
    for (const Property& property : all_properties()) {
        CAPTURE(property.id);
        if (property.basis == Basis::wish || property.id == "other-msrs-are-not-the-apics") continue;
        CHECK(std::ranges::any_of(property.rules, [](model::Rule rule) {
            return find_rule(to_string(rule))->level == Level::must;
        }));
    }
}

TEST_CASE("no step of the manual's APIC breaks a property, and each property is asked often enough") {
    constexpr unsigned steps = 250'000;
    constexpr unsigned often_enough = 15;
    RandomTransitions transitions(20160901, &step_of_sdm);
    std::vector<unsigned> asked(all_properties().size(), 0);
    std::set<model::AccessKind> kinds;
    for (unsigned i = 0; i < steps; ++i) {
        const RandomStep step = transitions.next();
        const Transition<Concrete> t = step.transition();
        kinds.insert(step.access.kind);
        CAPTURE(i);
        CAPTURE(to_string(step.access.kind));
        CAPTURE(step.access.address);
        CAPTURE(step.access.value);
        REQUIRE(valid_cpu<Concrete>(step.cpu, step.before));
        REQUIRE(all_invariants<Concrete>(step.cpu, step.after));
        for (std::size_t p = 0; p < asked.size(); ++p) {
            const Property& property = all_properties()[p];
            if (property.check == nullptr) continue;
            const Claim<Concrete> claim = property.check(t);
            if (!claim.premise) continue;
            ++asked[p];
            if (claim.holds || property.basis == Basis::wish) continue; // the manual does not specify it
            CAPTURE(property.id);
            REQUIRE(claim.holds);
        }
    }
    CHECK(kinds.size() == model::access_kind_names.size());
    for (std::size_t p = 0; p < asked.size(); ++p) {
        CAPTURE(all_properties()[p].id);
        if (all_properties()[p].check != nullptr) CHECK(asked[p] >= often_enough);
    }
}

TEST_CASE("on partly known values a property says nothing that plain values contradict") {
    RandomTransitions transitions(7, &step_of_sdm);
    unsigned decided = 0;
    unsigned claims = 0;
    for (unsigned i = 0; i < 8'000; ++i) {
        const RandomStep step = transitions.next();
        RandomApic& random = transitions.random();
        const bool all_known = random.chance(30);
        const auto cpu = all_known ? model::known_cpu(step.cpu) : random.partly(step.cpu);
        const auto before = all_known ? model::known_state(step.before) : random.partly(step.before);
        const auto after = all_known ? model::known_state(step.after) : random.partly(step.after);
        const auto out = partly(random, step.out);
        const Known<u64> value = all_known ? Known<u64>{step.access.value} : random.partly(step.access.value);
        const model::Access<KnownBits> access{step.access.kind, step.access.address, step.access.size, value};
        const model::Surroundings<KnownBits> around;
        const Transition<KnownBits> known{cpu, before, access, out, after, around, around};
        CAPTURE(i);
        CAPTURE(to_string(step.access.kind));
        CAPTURE(step.access.address);
        for (const Property& property : all_properties()) {
            if (property.check == nullptr) continue;
            const Claim<Concrete> plain = property.check(step.transition());
            const Claim<KnownBits> claim = property.check_known(known);
            ++claims;
            if (claim.premise.known) ++decided;
            const bool admits =
                claim.premise.admits(plain.premise) && (!plain.premise || claim.holds.admits(plain.holds));
            if (admits) continue;
            CAPTURE(property.id);
            REQUIRE(admits);
        }
    }
    CHECK(decided > claims / 2); // lest it contain all by saying nothing
}

// Two APICs that answer where the manual is open with the same habits.
TEST_CASE("a read of the closed window does not tell two APICs apart") {
    for (const model::Mode mode : {model::Mode::disabled, model::Mode::x2apic}) {
        model::Machine one(mode);
        model::Machine other(mode);
        other.fill();
        other.s[Reg::version] = one.s[Reg::version];
        const model::Surroundings<Concrete> around;
        for (const RegisterFact& fact : register_facts) {
            const model::Access<Concrete> access{AccessKind::mmio_read, model::Machine::window + fact.offset,
                                                 4, 0};
            const auto before_one = one.s;
            const auto before_other = other.s;
            const auto out_one = one.run(access);
            const auto out_other = other.run(access);
            const Transition<Concrete> a{one.cpu, before_one, access, out_one, one.s, around, around};
            const Transition<Concrete> b{other.cpu, before_other, access, out_other, other.s, around, around};
            const auto told = ClosedWindowTellsNothing::check(a, b);
            const auto isolated = MmioIsolation::check(a, b);
            CAPTURE(fact.offset);
            CHECK(told.premise);
            CHECK(told.holds);
            CHECK(isolated.holds);
        }
    }
}

TEST_CASE("the facts on registers have each register of the model once, and no overlap with the gaps") {
    std::set<Reg> seen;
    for (const RegisterFact& fact : register_facts) {
        CAPTURE(fact.offset);
        CHECK(seen.insert(fact.reg).second);
        CHECK((fact.software & fact.hardware) == 0);
        for (const Gap& gap : reserved_offsets)
            CHECK((fact.window == Use::none || fact.offset < gap.first || fact.offset > gap.last));
    }
    CHECK(seen.size() == model::window_register_count);
}

} // namespace
} // namespace lapicheck::specs
