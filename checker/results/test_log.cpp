#include "checker/results/test_log.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "traces/printable.hpp"

namespace lapicheck::checker {
namespace {

using model::Rule;
using enum model::Rule;

// The mode that the log named last: what a window must answer depends on it.
enum class NamedMode : std::uint8_t { any, disabled, xapic, x2apic };

struct KnownTest {
    std::string_view start; // of the test's name
    std::array<Rule, 3> rules;
    std::size_t rule_count = 0;
    NamedMode mode = NamedMode::any;
};

template <class... Rules>
constexpr KnownTest test(std::string_view start, Rules... rules) {
    return {start, {rules...}, sizeof...(rules)};
}
template <class... Rules>
constexpr KnownTest test_in(NamedMode mode, std::string_view start, Rules... rules) {
    return {start, {rules...}, sizeof...(rules), mode};
}

// x86/apic.c, x86/msr.c and x86/tscdeadline_latency.c of kvm-unit-tests; tools/testing/selftests/kvm/x86 of
// Linux. The first row that fits counts.
constexpr KnownTest known_tests[] = {
    test_in(NamedMode::x2apic, "apic_disable: *0xfee", M01),
    test_in(NamedMode::disabled, "apic_disable: *0xfee", M03),
    test_in(NamedMode::xapic, "apic_disable: *0xfee", M06),
    test("apic_disable: *0xfee", M01, M03, M06),
    test("apic_disable: CPUID.1H:EDX.APIC", B12),
    test("apic_disable: CR8", P08),
    test("apic_disable: Local apic", B06),
    test("self_ipi_xapic: self ipi", I05, I01),
    test("self_ipi_x2apic: self ipi", I05, I02),
    test("self_ipi_xapic: Local apic", B06),
    test("self_ipi_x2apic: Local apic", B06),
    test("x2apic enabled to apic enabled", B03),
    test("x2apic enabled to invalid state", B05),
    test("x2apic enabled to disabled state", B06),
    test("disabled to invalid state", B05),
    test("disabled to x2apic enabled", B04),
    test("apic enabled to invalid state", B05),
    test("apic disabled to apic enabled", B06),
    test("enable unsupported x2apic", B02),
    test("apicbase: relocate apic", B14),
    test("apicbase: reserved", B01),
    test("Expected #GP on WRMSR(x2APIC Self-IPI", X09),
    test("Expected #GP on RDMSR(x2APIC", X01, X03, X04),
    test("Expected #GP on WRMSR(x2APIC", X01, X02, X04),
    test("x2APIC MSR", X14),
    test("xapic id matches cpuid", D03),
    test("correct xapic id after reset", B13a),
    test("APIC physical broadcast address", I08),
    test("APIC physical broadcast shorthand", I05),
    test("IPI to single target using logical flat mode", I10),
    test("IPI to single target using logical cluster mode", I11),
    test("pending nmi", I15),
    test("multiple nmi", I15),
    test("NMI received", I15),
    test("APIC LVT timer one shot", T05),
    test("TMCCT should have a non-zero value", T02),
    test("TMCCT should have reach", T04),
    test("TMCCT should stay at zero", T05),
    test("TMCCT should be reset to the initial-count", T06),
    test("TMCCT should not be reset to", T13b),
    test("TMICT value reset", T20),
    test("tsc deadline timer clearing", T10, T12),
    test("tsc deadline timer", T10),
    // Selftests, by the name of the program.
    test("xapic_state_test", X14, X06, I22),
    test("xapic_ipi_test", I09, I17),
    test("xapic_tpr_test", P03, P08),
    test("apic_bus_clock_test", T04),
    test("recalc_apic_map_race", I09),
};

// "PASS: name", "FAIL: name (reason)", "XFAIL", "KFAIL": a failure that the suite expects; "SKIP: name".
std::optional<TestResult> read_unit_test(std::string_view line) {
    constexpr std::pair<std::string_view, TestOutcome> words[] = {
        {"PASS: ", TestOutcome::passed},  {"FAIL: ", TestOutcome::failed},  {"XFAIL: ", TestOutcome::passed},
        {"KFAIL: ", TestOutcome::failed}, {"SKIP: ", TestOutcome::skipped},
    };
    for (const auto& [word, outcome] : words) {
        if (!line.starts_with(word)) continue;
        TestResult result;
        result.name = traces::printable(line.substr(word.size()));
        result.outcome = outcome;
        return result;
    }
    return std::nullopt;
}

// "ok 3 selftests: kvm: xapic_ipi_test", "not ok 4 selftests: kvm: xapic_state_test # exit=254", "... #
// SKIP".
std::optional<TestResult> read_selftest(std::string_view line) {
    constexpr std::string_view mark = " selftests: kvm: ";
    const bool failed = line.starts_with("not ok ");
    const std::size_t at = line.find(mark);
    if (at == std::string_view::npos || (!failed && !line.starts_with("ok "))) return std::nullopt;
    TestResult result;
    result.name = traces::printable(line.substr(at + mark.size()));
    result.outcome = line.find("# SKIP") != std::string_view::npos ? TestOutcome::skipped
                     : failed                                      ? TestOutcome::failed
                                                                   : TestOutcome::passed;
    return result;
}

NamedMode mode_in(std::string_view name, NamedMode before) {
    if (name.find("Local apic enabled in x2APIC mode") != std::string_view::npos) return NamedMode::x2apic;
    if (name.find("Local apic enabled in xAPIC mode") != std::string_view::npos) return NamedMode::xapic;
    if (name.find("Local apic disabled") != std::string_view::npos) return NamedMode::disabled;
    return before;
}

void name_rules(TestResult& result, NamedMode mode) {
    std::string_view name = result.name;
    if (name.starts_with("x86/")) name.remove_prefix(4);
    for (const KnownTest& known : known_tests) {
        if (!name.starts_with(known.start) || (known.mode != NamedMode::any && known.mode != mode)) continue;
        result.rules = std::span(known.rules).first(known.rule_count);
        result.is_of_apic = known.rule_count != 0;
        return;
    }
}

} // namespace

std::size_t TestLog::failed_of_apic() const {
    return static_cast<std::size_t>(std::ranges::count_if(failed, &TestResult::is_of_apic));
}

TestLog read_test_log(std::string_view bytes) {
    TestLog log;
    NamedMode mode = NamedMode::any;
    for (std::uint64_t number = 1; !bytes.empty(); ++number) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        std::optional<TestResult> result = read_unit_test(line);
        if (!result) result = read_selftest(line);
        if (!result) continue;
        log.is_log = true;
        result->line = number;
        mode = mode_in(result->name, mode);
        name_rules(*result, mode);
        if (result->outcome == TestOutcome::failed) log.failed.push_back(std::move(*result));
        else if (result->outcome == TestOutcome::skipped) log.skipped.push_back(std::move(*result));
        else ++(result->is_of_apic ? log.passed_of_apic : log.passed_others);
    }
    std::ranges::stable_sort(log.failed, std::greater{}, &TestResult::is_of_apic);
    return log;
}

} // namespace lapicheck::checker
