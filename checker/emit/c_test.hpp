// An access program as statements of C, for tests in other projects' trees. What is the same in all of them
// is here; a tree's own ways are a CDialect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/emit/expectation.hpp"
#include "checker/emit/form.hpp"

namespace lapicheck::checker {

// Statements that a vCPU carries out, or whoever controls the machine.
struct CBlock {
    std::optional<std::uint32_t> vcpu; // none: who controls it
    std::string code;                  // lines, each indented by one tab
};

class CDialect {
  public:
    virtual ~CDialect() = default;
    // "report(condition, message, got);": `got` is an expression, or empty.
    virtual std::string check(std::string_view condition, std::string_view message,
                              std::string_view got) const = 0;
    // That INIT or SIPI has reached the vCPU.
    virtual CBlock check_restart(const Assertion& assertion, std::string_view message) const = 0;
    // A step that is not the guest's own. Else why it cannot be made here, in `refused`.
    virtual CBlock from_outside(const programs::Program& program, const programs::Step& step,
                                std::string& refused) const = 0;
    // Why there is no such machine here; empty: there is.
    virtual std::string refusal(const programs::Machine& machine) const = 0;
    // What the test finds when it begins.
    virtual Start start() const = 0;
};

// What of the machine the assertions depend on: only there may the test run.
struct CNeeds {
    bool vendor = false;
    bool x2apic = false;
    bool tsc_deadline = false;
    std::optional<u32> version; // the version register
};

struct CTest {
    std::string refused; // why there is none; empty: there is
    std::vector<CBlock> blocks;
    std::vector<Rule> rules; // asserted, each once
    bool takes_interrupts = false;
    CNeeds needs;

    bool uses(std::string_view name) const; // in any block
};
CTest c_test(const EmitRequest& request, const CDialect& dialect);

// The comment at the head of the file: where it is from, what it asserts, by which sections of which manual.
std::string head_comment(const CTest& test, std::string_view how);
// A function's lines with the variables that they use declared.
std::string c_body(std::string_view code);
// As a C string literal's content for printf.
std::string c_escaped(std::string_view text);

// Accesses and interrupts, in C that both trees take.
extern const std::string_view c_accesses;
extern const std::string_view c_taken;

} // namespace lapicheck::checker
