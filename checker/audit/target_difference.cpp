#include "checker/audit/target_difference.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "model/state.hpp"
#include "programs/text.hpp"

namespace lapicheck::checker {
namespace {

using programs::StepOutcome;

bool leaves_value_open(const StepOutcome& first, const StepOutcome& second) {
    return (first.any_value || second.any_value) && first.value.has_value() && second.value.has_value();
}

// In which order vCPUs took interrupts of one step says who was looked at first, and no more.
std::vector<programs::Taken> by_vcpu(std::vector<programs::Taken> taken) {
    std::ranges::stable_sort(taken, {}, &programs::Taken::vcpu);
    return taken;
}
std::vector<programs::Restarted> by_vcpu(std::vector<programs::Restarted> restarted) {
    std::ranges::stable_sort(restarted, {}, &programs::Restarted::vcpu);
    return restarted;
}
std::vector<programs::EoiBroadcast> by_vcpu(std::vector<programs::EoiBroadcast> eois) {
    std::ranges::stable_sort(eois, {}, &programs::EoiBroadcast::vcpu);
    return eois;
}

// What such reads have in common: of odd ones the size, of others the place in the window.
std::string left_open_text(const programs::Step& step) {
    if (step.what != programs::Do::mmio_read) return programs::step_text(step);
    if (!model::is_aligned_word(step.address, step.size))
        return fmt::format("MMIO reads of {} byte{} that are not an aligned 32-bit word", step.size,
                           step.size == 1 ? "" : "s");
    programs::Step at_reset = step; // where the window's offsets have names
    at_reset.address = model::apic_base::reset_page | (step.address & (model::window_bytes - 1));
    const model::Reg reg = model::register_at(at_reset.address & (model::window_bytes - 1));
    return reg == model::Reg::none ? "MMIO reads where there is no register" : programs::step_text(at_reset);
}

} // namespace

bool same_outcome(const StepOutcome& first, const StepOutcome& second) {
    const bool same_value = first.value == second.value || leaves_value_open(first, second);
    return same_value && first.gp == second.gp && first.mmio_exit == second.mmio_exit &&
           first.halted == second.halted && ending_text(first) == ending_text(second) &&
           by_vcpu(first.taken) == by_vcpu(second.taken) &&
           by_vcpu(first.restarted) == by_vcpu(second.restarted) &&
           by_vcpu(first.eois) == by_vcpu(second.eois);
}

void TargetDifferences::compare(const programs::Program& program, const std::vector<StepOutcome>& first,
                                const std::vector<StepOutcome>& second) {
    differences_.clear();
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        if (!same_outcome(first[i], second[i])) differences_.push_back({i});
        else if (leaves_value_open(first[i], second[i])) ++excluded_[left_open_text(program.steps[i])];
    }
}

std::vector<Exclusion> TargetDifferences::exclusions() const {
    std::vector<Exclusion> all;
    for (const auto& [what, count] : excluded_) all.push_back({what, count});
    return all;
}

} // namespace lapicheck::checker
