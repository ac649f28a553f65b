// The programs of an audit: whether they come to what the properties speak of.
#include "checker/audit/programs.hpp"

#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "checker/audit/audit.hpp"
#include "checker/prove/engine/symbolic_tables.hpp"
#include "programs/sim/target.hpp"

namespace lapicheck::checker {
namespace {

TEST_CASE(
    "audit: the programs meet the premise of every property of one step, and the reference breaks none") {
    const model::ImplementationEntry& entry = *model::find_implementation("sdm");
    const auto sdm = entry.concrete();
    std::set<std::string_view> met;
    std::set<std::string_view> broken;
    for (const bool amd : {false, true})
        for (const AuditMachine& machine : audit_machines())
            for (const AuditProgram& program : audit_programs(machine.machine)) {
                programs::Found found;
                found.amd = amd;
                programs::MachineFacts facts;
                facts.x2apic = machine.machine.x2apic;
                facts.tsc_deadline = machine.machine.tsc_deadline;
                programs::ModelMachine model(*sdm, machine.machine, facts, found);
                model.watch([&](const specs::Transition<model::Concrete>& transition) {
                    for (const specs::PropertyEntry& property : specs::properties()) {
                        if (property.scope != specs::Scope::step) continue;
                        const auto claim = property.concrete(transition);
                        if (!claim.premise) continue;
                        met.insert(property.id);
                        const bool wish = property.basis == specs::Basis::wish;
                        if (!claim.holds && !wish) broken.insert(property.id);
                    }
                });
                for (const programs::Step& step : program.program.steps) model.take(step);
            }
    std::set<std::string_view> missed;
    for (const specs::PropertyEntry& property : specs::properties())
        if (property.scope == specs::Scope::step && !met.contains(property.id)) missed.insert(property.id);
    // No KVM can be told what hardware does by itself, nor to have a locked APIC; whether there is CMCI is
    // the CPU's version's to say; and a timer that does not run is not waited for.
    CHECK(
        fmt::format("{}", fmt::join(missed, " ")) ==
        "cmci-is-there-by-version hardware-masks-only-pmc locked-x2apic-stays stopped-timer-does-not-expire");
    CHECK(fmt::format("{}", fmt::join(broken, " ")) == "");
}

} // namespace
} // namespace lapicheck::checker
