// The drivers that the step asks for its decisions.
#include "model/driver.hpp"

#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "tests/model/machine.hpp"

namespace lapicheck::model {
namespace {

TEST_CASE("the forking driver takes each combination of unknown conditions once, true ones first") {
    ForkingDriver p;
    std::vector<unsigned> paths;
    do {
        unsigned path = 0;
        for (unsigned i = 0; i < 5; ++i) path = path << 1 | (p(Rule::M01, KnownBool{}) ? 1U : 0U);
        paths.push_back(path);
    } while (p.next_path());
    REQUIRE(paths.size() == 32);
    for (unsigned i = 0; i < 32; ++i) CHECK(paths[i] == 31 - i);
}

TEST_CASE("paths of different length are each taken once") {
    // A condition that is asked only where the one before it held.
    ForkingDriver p;
    std::vector<unsigned> lengths;
    do {
        unsigned length = 0;
        while (length < 4 && p.unspecified(Rule::D09, false)) ++length;
        lengths.push_back(length);
    } while (p.next_path());
    CHECK(lengths == std::vector<unsigned>{4, 3, 2, 1, 0});
}

TEST_CASE("what is known does not fork") {
    ForkingDriver p;
    CHECK(p(Rule::M01, KnownBool{true}));
    CHECK_FALSE(p(Rule::M01, KnownBool{false}));
    CHECK_FALSE(p.has_forked());
    CHECK(p.unspecified_value(Rule::X15, Known<u32>{5U}) == Known<u32>{});
    CHECK_FALSE(p.has_forked());
    CHECK_FALSE(p.next_path());
    CHECK(p(Rule::M01, KnownBool{}));
    CHECK(p.has_forked());
}

TEST_CASE("a waived rule does not apply, known or not; the others do") {
    ForkingDriver p;
    p.waive(Rule::M01);
    CHECK_FALSE(p(Rule::M01, KnownBool{true}));
    CHECK_FALSE(p(Rule::M01, KnownBool{}));
    CHECK_FALSE(p.has_forked());
    CHECK(p(Rule::M02, KnownBool{true}));
}

TEST_CASE("with the window's rule waived an access in x2APIC mode reaches the register") {
    const Machine m(Mode::x2apic);
    ForkingDriver p;
    p.waive(Rule::M01);
    State<KnownBits> s = known_state(m.s);
    const auto out = step(p, s, known_cpu(m.cpu), {AccessKind::mmio_read, Machine::window + 0x030});
    CHECK(out.answer == Answer::apic);
    CHECK(out.value == Known<u64>{0x0106'0014U});
}

TEST_CASE("the drivers find a register by any byte of its slot, and none beyond the last") {
    const ConcreteDriver<> plain;
    const ForkingDriver forking;
    for (u32 offset = 0; offset < 0x1400; ++offset) {
        const int index = offset < 0x400 ? register_at_slot[offset / 16] : -1;
        const RegisterRow* const expected =
            index < 0 ? nullptr : &sdm_registers[static_cast<std::size_t>(index)];
        REQUIRE(plain.row_at(offset) == expected);
        REQUIRE(forking.row_at(offset) == expected);
    }
}

TEST_CASE("the plain driver works on the register table that it is given") {
    RegisterTable changed = sdm_registers;
    changed[index_of(Reg::tpr)].writable = 0xf0;
    ConcreteDriver<> p(AsProposed{}, changed);
    Machine m;
    step(p, m.s, m.cpu, {AccessKind::mmio_write, Machine::window + 0x080, 4, 0xff});
    CHECK(m.s[Reg::tpr] == 0xf0);
}

TEST_CASE("every rule has a name of its own") {
    const std::set<std::string_view> names(rule_ids.begin(), rule_ids.end());
    CHECK(names.size() == rule_ids.size());
    CHECK(to_string(Rule::B01) == "B01");
    CHECK(to_string(Rule::B13a) == "B13a");
    CHECK(to_string(Rule::P15) == "P15");
}

} // namespace
} // namespace lapicheck::model
