// What the prover says of the implementations about the six properties of the mail's question, held against
// the matrix made by hand; and that it says "holds" only where it has shown it.
#include "checker/prove/engine/prover.hpp"

#include <algorithm>
#include <thread>

#include <doctest/doctest.h>

#include "specs/properties/vocabulary.hpp"
#include "tests/checker/prove/values.hpp"

namespace lapicheck::prove {
namespace {

using model::Concrete;

constexpr std::array six = {std::string_view{"no-mmio-read-in-x2apic"},
                            std::string_view{"no-mmio-effect-in-x2apic"},
                            std::string_view{"no-mmio-read-when-disabled"},
                            std::string_view{"no-mmio-effect-when-disabled"},
                            std::string_view{"mmio-isolation"},
                            std::string_view{"mode-transitions"}};

// By hand: what does not hold, and the steps of the shortest run that shows it.
struct Refuted {
    std::string_view implementation;
    std::string_view property;
    std::size_t steps;
};
constexpr std::array refuted = {
    // Into x2APIC mode, then the access.
    Refuted{"kvm-2018", "no-mmio-read-in-x2apic", 2}, Refuted{"kvm-2018", "no-mmio-effect-in-x2apic", 2},
    Refuted{"userspace-qemu", "no-mmio-effect-in-x2apic", 2},
    Refuted{"userspace-qemu", "no-mmio-effect-when-disabled", 2},
    // Both vCPUs close their windows, one writes, the other reads.
    Refuted{"flexpriority", "mmio-isolation", 4}, Refuted{"shadow-page-vm", "mmio-isolation", 4}};

const Refuted* find_refuted(std::string_view implementation, std::string_view property) {
    const auto found = std::ranges::find_if(refuted, [&](const Refuted& r) {
        return r.implementation == implementation && r.property == property;
    });
    return found == refuted.end() ? nullptr : &*found;
}

Result prove(std::string_view implementation, std::string_view property) {
    PropertyProver prover(symbolic(*model::find_implementation(implementation)));
    return prover.prove(*specs::find_property(property));
}

void check_refuted(const PropertyProver& prover, const Result& result, const Refuted& expected) {
    REQUIRE(to_string(result.status) == "refuted");
    REQUIRE(result.counterexample.has_value());
    CHECK(result.depth == expected.steps);
    CHECK(result.counterexample->steps() == expected.steps);
    CHECK(prover.confirms(*result.property, *result.counterexample));
    CHECK_FALSE(result.witness.has_value());
    // Where the property holds the same run does not break it.
    for (const ImplementationEntry& other : model::implementations())
        if (find_refuted(other.name, result.property->id) == nullptr) {
            CAPTURE(std::string(other.name));
            CHECK_FALSE(checker::breaks(*result.property, *result.counterexample, *other.concrete()));
        }
}

// The last step of a witness meets the property's premise, and does what the property says.
void check_holds(const ImplementationEntry& entry, const Result& result) {
    REQUIRE(to_string(result.status) == "holds");
    CHECK(result.method == "induction");
    CHECK_FALSE(result.counterexample.has_value());
    if (result.property->scope != specs::Scope::step) return;
    REQUIRE(result.witness.has_value());
    const auto implementation = entry.concrete();
    const ExecutedStep last = execute(*implementation, *result.witness).back();
    const Claim<Concrete> claim = result.property->concrete(
        {last.cpu, last.before, last.access, last.out, last.after, last.around_before, last.around_after});
    CHECK(claim.premise);
    CHECK(claim.holds);
}

TEST_CASE("the six properties hold or are refuted as the matrix made by hand says") {
    // What is remembered of one implementation is used for the next.
    const auto cache = std::make_shared<ProofCache>(SearchBounds{}.budget);
    for (const ImplementationEntry& entry : model::implementations()) {
        PropertyProver prover(symbolic(entry), cache, {});
        CHECK(prover.cases().modes_are_closed());
        for (const std::string_view id : six) {
            CAPTURE(std::string(entry.name));
            CAPTURE(std::string(id));
            const Result result = prover.prove(*specs::find_property(id));
            REQUIRE(result.property == specs::find_property(id));
            if (const Refuted* expected = find_refuted(entry.name, id))
                check_refuted(prover, result, *expected);
            else check_holds(entry, result);
        }
    }
}

TEST_CASE("what is remembered of other implementations changes no answer") {
    const auto cache = std::make_shared<ProofCache>(SearchBounds{}.budget);
    std::vector<std::unique_ptr<PropertyProver>> provers;
    for (const std::string_view name : {"kvm-2018", "flexpriority", "sdm", "shadow-page-vcpu"})
        provers.push_back(std::make_unique<PropertyProver>(symbolic(*model::find_implementation(name)), cache,
                                                           ProverOptions{}));
    for (const std::string_view id : {"no-mmio-effect-in-x2apic", "no-mmio-effect-when-disabled"})
        for (const auto& prover : provers) {
            const Result result = prover->prove(*specs::find_property(id));
            CAPTURE(std::string(id));
            CAPTURE(std::string(result.implementation->name));
            const Refuted* expected = find_refuted(result.implementation->name, id);
            CHECK(to_string(result.status) == (expected != nullptr ? "refuted" : "holds"));
        }
}

TEST_CASE("the fault of 2018 is shown by a read that the mail's patch answers with ones") {
    const Result result = prove("kvm-2018", "no-mmio-read-in-x2apic");
    REQUIRE(result.counterexample.has_value());
    const Scenario& run = result.counterexample->run;
    REQUIRE(run.steps.size() == 2);
    CHECK(run.steps[0].kind == AccessKind::wrmsr);
    CHECK(run.steps[0].address == model::apic_base::msr);
    CHECK(run.steps[1].kind == AccessKind::mmio_read);
    CHECK(run.steps[1].address == 0xfee0'0030);
    const ExecutedStep of_2018 = execute(*model::find_implementation("kvm-2018")->concrete(), run).back();
    CHECK(of_2018.out.answer == model::Answer::apic);
    CHECK(of_2018.out.value == run.machine.version);
    const ExecutedStep of_rfc = execute(*model::find_implementation("kvm-rfc")->concrete(), run).back();
    CHECK(of_rfc.out.answer == model::Answer::elsewhere);
    CHECK(of_rfc.out.value == 0xffff'ffff);
}

void check_same(const Scenario& a, const Scenario& b) {
    CHECK(a.machine == b.machine);
    CHECK(a.steps == b.steps);
}

void check_same(const Result& a, const Result& b) {
    CAPTURE(std::string(a.property->id));
    CHECK(a.status == b.status);
    CHECK(a.method == b.method);
    CHECK(a.depth == b.depth);
    CHECK(a.questions == b.questions);
    REQUIRE(a.witness.has_value() == b.witness.has_value());
    if (a.witness) check_same(*a.witness, *b.witness);
    REQUIRE(a.counterexample.has_value() == b.counterexample.has_value());
    if (!a.counterexample) return;
    check_same(a.counterexample->run, b.counterexample->run);
    REQUIRE(a.counterexample->other_run.has_value() == b.counterexample->other_run.has_value());
    if (a.counterexample->other_run) check_same(*a.counterexample->other_run, *b.counterexample->other_run);
}

// With witnesses that are made small: others may be any.
std::vector<Result> results_of(std::string_view implementation) {
    PropertyProver prover(symbolic(*model::find_implementation(implementation)), {{}, true});
    std::vector<Result> results;
    results.reserve(six.size());
    for (const std::string_view id : six) results.push_back(prover.prove(*specs::find_property(id)));
    return results;
}

// The context of this thread has seen much else; that of another one is new.
TEST_CASE("two provers say the same, with the same runs, whatever was proved before") {
    for (const std::string_view name : {"kvm-2018", "shadow-page-vm"}) {
        const std::vector<Result> here = results_of(name);
        std::vector<Result> there;
        std::thread([&] { there = results_of(name); }).join();
        REQUIRE(here.size() == there.size());
        for (std::size_t i = 0; i < here.size(); ++i) check_same(here[i], there[i]);
    }
}

// Properties that are not in the table.
// A property that is in no list.
template <class P>
const PropertyEntry& entry_of() {
    static const PropertyEntry entry = [] {
        PropertyEntry e;
        e.id = P::id;
        e.statement = P::id;
        e.concrete = &P::template check<Concrete>;
        e.known_bits = &P::template check<model::KnownBits>;
        return e;
    }();
    return entry;
}
template <class P>
SymbolicProperty property_of() {
    return {&entry_of<P>(), &P::template check<Symbolic>, nullptr};
}

// By the kind of a formula alone it is seen that nothing meets the premise.
struct NothingConcerned {
    static constexpr std::string_view id = "nothing-concerned";
    template <class D>
    static Claim<D> check(const Transition<D>&) {
        return {typename D::Bool{false}, typename D::Bool{false}};
    }
};
// EXTD without EN: no case has such a state before.
struct FromInvalidMode {
    static constexpr std::string_view id = "from-invalid-mode";
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        using model::both;
        using model::negate;
        return {both(model::has_extd(t.before), negate(model::is_enabled(t.before))),
                typename D::Bool{false}};
    }
};
// A vector below 16 in service: what only the invariants exclude.
struct FromLowVector {
    static constexpr std::string_view id = "from-low-vector";
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        using model::has_any;
        return {has_any(t.before[model::Reg::isr0], 0xffffU), typename D::Bool{false}};
    }
};
// A premise that is met at once, and a claim that is false.
struct NeverTrue {
    static constexpr std::string_view id = "never-true";
    template <class D>
    static Claim<D> check(const Transition<D>& t) {
        return {typename D::Bool{t.access.kind == AccessKind::cr8_read}, typename D::Bool{false}};
    }
};

TEST_CASE("of what no reachable state meets the premise of nothing holds: it is not applicable") {
    PropertyProver prover(symbolic(*model::find_implementation("sdm")), {{20'000'000, 1}, true});
    for (const SymbolicProperty& property :
         {property_of<NothingConcerned>(), property_of<FromInvalidMode>(), property_of<FromLowVector>()}) {
        CAPTURE(std::string(property.entry->id));
        const Result result = prover.prove(property);
        CHECK(to_string(result.status) == "not-applicable");
        CHECK_FALSE(result.witness.has_value());
    }
}

TEST_CASE("a claim that is false where its premise is met is refuted in one step") {
    PropertyProver prover(symbolic(*model::find_implementation("sdm")));
    const Result result = prover.prove(property_of<NeverTrue>());
    CHECK(to_string(result.status) == "refuted");
    CHECK(result.depth == 1);
    CHECK(prover.confirms(entry_of<NeverTrue>(), *result.counterexample));
}

TEST_CASE("a solver that gives up is unknown, and nothing holds by it") {
    for (const std::string_view name : {"sdm", "kvm-2018", "shadow-page-vm"}) {
        PropertyProver prover(symbolic(*model::find_implementation(name)), {{1, 1}, true});
        for (const std::string_view id : six) {
            CAPTURE(std::string(name));
            CAPTURE(std::string(id));
            CHECK(to_string(prover.prove(*specs::find_property(id)).status) == "unknown");
        }
    }
}

// A prime number has no factors; the solver will not find out.
Claim<Symbolic> hard_claim(const Transition<Symbolic>& t) {
    const z3::expr x = t.access.address.formula();
    const z3::expr y = t.access.value.formula();
    const z3::expr below = context().bv_val(std::uint64_t{0x1'0000'0000}, 64);
    const z3::expr prime = context().bv_val(std::uint64_t{0x7fff'ffff'ffff'ffe7}, 64);
    const SymBool found{x * y == prime && z3::ult(x, below) && z3::ult(y, below)};
    return {SymBool{t.access.kind == AccessKind::cr8_write}, negate(found)};
}

TEST_CASE("where the solver gave up on one property, it does not so on the next") {
    PropertyProver prover(symbolic(*model::find_implementation("kvm-6.18")), {{300'000, 1}, true});
    PropertyEntry hard;
    hard.id = "hard";
    CHECK(to_string(prover.prove(SymbolicProperty{&hard, &hard_claim, nullptr}).status) == "unknown");
    CHECK(to_string(prover.prove(*specs::find_property("no-mmio-read-in-x2apic")).status) == "holds");
    CHECK(to_string(prover.prove(property_of<FromInvalidMode>()).status) == "not-applicable");
}

} // namespace
} // namespace lapicheck::prove
