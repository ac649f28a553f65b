#include "checker/emit/expectation.hpp"

#include <algorithm>

#include <doctest/doctest.h>

#include "programs/program.hpp"

using namespace lapicheck;
using namespace lapicheck::checker;
using What = Assertion::What;

namespace {

programs::Program program(const std::string& steps) {
    auto text = programs::read_program(
        R"({"schema_version": 1, "machine": {"vcpus": [{"apic_id": 0}], "vendor": "intel"}, "steps": [)" +
            steps + "]}",
        "test");
    REQUIRE(text.error.empty());
    return std::move(text.program);
}

std::string read(const std::string& offset) {
    return R"({"vcpu": 0, "do": "mmio-read", "address": "0xfee00)" + offset + R"(", "size": 4})";
}
std::string write(const std::string& offset, const std::string& value) {
    return R"({"vcpu": 0, "do": "mmio-write", "address": "0xfee00)" + offset + R"(", "size": 4, "value": ")" +
           value + "\"}";
}
std::string wrmsr(const std::string& msr, const std::string& value) {
    return R"({"vcpu": 0, "do": "wrmsr", "msr": ")" + msr + R"(", "value": ")" + value + "\"}";
}

std::vector<Assertion> last_step(const std::string& steps, Start start = Start::reset) {
    const Expectations found = expectations(program(steps), start);
    REQUIRE(found.refused.empty());
    return found.steps.back().assertions;
}

} // namespace

TEST_CASE("expectation: bits of a read are parted by the rule that decides them") {
    const auto found = last_step(write("350", "0x1f7ff") + "," + read("350"));
    u64 mask = 0;
    bool has_read_only_bits = false;
    for (const Assertion& assertion : found) {
        REQUIRE(assertion.what == What::value);
        CHECK((mask & assertion.mask) == 0);
        mask |= assertion.mask;
        if (assertion.rule == Rule::L02) {
            has_read_only_bits = true;
            CHECK((assertion.mask & 0x5000) == 0x5000);
            CHECK((assertion.value & 0x5000) == 0);
        }
    }
    CHECK(has_read_only_bits);
}

TEST_CASE("expectation: a count has an upper bound and no bits") {
    const auto found = last_step(write("380", "0x1000") + "," + read("390"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == What::at_most);
    CHECK(found[0].value == 0x1000);
}

TEST_CASE("expectation: at the closed window all is right but the register's value") {
    const auto found = last_step(wrmsr("0x1b", "0xfee00100") + "," + read("030"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].what == What::not_value);
    CHECK(found[0].rule == Rule::M03);
}

TEST_CASE("expectation: where the manual leaves a write to the CPU, nothing is asserted") {
    CHECK(last_step(wrmsr("0x1b", "0xfed00900")).empty()); // whether the base may be moved (B14)
    const auto gp = last_step(wrmsr("0x1b", "0xfee00500"));
    REQUIRE(gp.size() == 1);
    CHECK(gp[0].what == What::gp);
}

TEST_CASE("expectation: interrupts that must be taken, and that no other is") {
    const std::string before = write("0f0", "0x1ff") + R"(, {"vcpu": 0, "do": "interrupt", "vector": 85,
        "trigger": "edge"}, {"vcpu": 0, "do": "enable-interrupts"})";
    const auto found = last_step(before);
    const auto taken = std::ranges::find(found, What::taken, &Assertion::what);
    REQUIRE(taken != found.end());
    CHECK(taken->vector == 0x55);
    programs::StepOutcome right;
    right.taken = {{0, 0x55}};
    programs::StepOutcome more = right;
    more.taken.push_back({0, 0x56});
    const auto any_against = [&](const programs::StepOutcome& outcome) {
        return std::ranges::any_of(found, [&](const Assertion& one) { return contradicts(one, outcome); });
    };
    CHECK_FALSE(any_against(right));
    CHECK(any_against({}));
    CHECK(any_against(more));
}

TEST_CASE("expectation: registers that software restored are known as after RESET, but for what only RESET "
          "clears") {
    for (const Start start : {Start::reset, Start::restored}) {
        const auto found = last_step(read("320"), start);
        REQUIRE_FALSE(found.empty());
        u64 mask = 0;
        for (const Assertion& assertion : found) mask |= assertion.mask;
        CHECK(mask == 0x7'10ff); // reserved bits are not the manual's to say
    }
    // ICR cannot be written back without sending something.
    CHECK(last_step(read("300"), Start::restored).empty());
}
