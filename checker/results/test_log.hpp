// The logs of kvm-unit-tests (apic, ioapic, msr and others) and of KVM's selftests: which tests of the local
// APIC passed and failed, and which rules each is about.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/rule.hpp"

namespace lapicheck::checker {

enum class TestOutcome : std::uint8_t { passed, failed, skipped };

struct TestResult {
    std::uint64_t line = 0;
    std::string name; // "apic_disable: *0xfee00030: 50014"
    TestOutcome outcome = TestOutcome::passed;
    std::span<const model::Rule> rules; // that the test is about; empty: it is no test of a rule known here
    bool is_of_apic = false;            // of the local APIC
};

struct TestLog {
    std::vector<TestResult> failed; // of the local APIC first, in the order of the log
    std::vector<TestResult> skipped;
    std::uint64_t passed_of_apic = 0;
    std::uint64_t passed_others = 0;
    bool is_log = false; // there was a result at all
    std::size_t failed_of_apic() const;
};

TestLog read_test_log(std::string_view bytes);

} // namespace lapicheck::checker
