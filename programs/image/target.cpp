#include "programs/image/target.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "programs/image/session.hpp"
#include "programs/image/wire.h"

namespace lapicheck::programs {
namespace {

using image::Section;
using image::SectionAnswers;
using image::Session;

// Where all vCPUs are RESET, one after the other: there a new machine begins.
bool is_machine_reset(const Program& program, std::size_t at) {
    const std::size_t vcpus = program.machine.apic_ids.size();
    if (at + vcpus > program.steps.size()) return false;
    for (std::size_t i = 0; i < vcpus; ++i)
        if (program.steps[at + i].what != Do::reset || program.steps[at + i].vcpu != i) return false;
    return true;
}

std::size_t next_reset(const Program& program, std::size_t behind) {
    std::size_t at = behind + 1;
    while (at < program.steps.size() && !is_machine_reset(program, at)) ++at;
    return at;
}

std::size_t last_reset(const Program& program, std::size_t first, std::size_t at) {
    while (at > first && !is_machine_reset(program, at)) --at;
    return at;
}

Section section_of(const Program& program, std::size_t first, std::size_t end) {
    return {std::span(program.steps).subspan(first, end - first), program.machine.apic_ids,
            image::needs_of(program.machine)};
}

Execution not_run(Execution::Status status, std::string why) {
    return {.status = status, .reason = std::move(why), .outcomes = {}, .found = {}, .soft_starts = {}};
}

// Puts the answers of a run of the steps from `first` on where they belong.
void take_answers(Execution& execution, const SectionAnswers& answers, std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        StepOutcome& outcome = execution.outcomes[first + i];
        if (answers.outcomes[i]) outcome = *answers.outcomes[i];
        else outcome.end(Ending::lost, "the answer was lost");
    }
    for (const SoftStart& start : answers.soft_starts)
        if (start.step < count) execution.soft_starts.push_back({first + start.step, start.registers});
}

} // namespace

ImageTarget::ImageTarget(image::MachineCommand command) : command_(std::move(command)) {}
ImageTarget::~ImageTarget() = default;

const ImageTarget::Facts& ImageTarget::facts() {
    if (facts_) return *facts_;
    Facts& facts = facts_.emplace();
    Step read_base;
    read_base.what = Do::rdmsr;
    read_base.address = 0x1b;
    const Section probe{std::span(&read_base, 1), {0}, 0};
    try {
        Session session(command_, 1, 0, false);
        const Session::Result result = session.carry_out(std::span(&probe, 1), false);
        const SectionAnswers& answers = result.transcript.sections().front();
        facts.found = answers.found;
        if (!result.refused.empty()) facts.error = result.refused;
        else if (!answers.begun)
            facts.error = fmt::format("{}: the image did not answer: {}", command_.name,
                                      result.stopped.empty() ? image::skip_text(answers.skipped) : result.stopped);
    } catch (const std::system_error& error) {
        facts.error = error.what();
    }
    return facts;
}

Machine ImageTarget::nearest(const Machine& asked) {
    const Found& found = facts().found;
    Machine machine = asked;
    machine.split_irqchip = false;
    machine.disabled_quirks.clear();
    const auto fit = [](bool& flag, const std::optional<bool>& has, const std::string& without) {
        if (has && flag != *has && (flag || without.empty())) flag = *has;
    };
    fit(machine.x2apic, found.x2apic, command_.without_x2apic);
    fit(machine.tsc_deadline, found.tsc_deadline, command_.without_deadline);
    if (machine.maxphyaddr && found.maxphyaddr) machine.maxphyaddr = found.maxphyaddr;
    return machine;
}

Execution ImageTarget::run(const Program& program) { return run_on(program, false); }
Execution ImageTarget::run_again(const Program& program) { return run_on(program, command_.takes_programs); }

Execution ImageTarget::run_on(const Program& program, bool kept) {
    if (std::string why = image::refusal_of(program.machine); !why.empty())
        return not_run(Execution::Status::refused, std::move(why));
    if (!facts().error.empty()) return not_run(Execution::Status::absent, facts().error);
    const bool asks_amd = program.machine.vendor == GuestVendor::amd;
    if (program.machine.vendor != GuestVendor::either && facts().found.amd != asks_amd)
        return not_run(Execution::Status::refused,
                       fmt::format("the machine's CPUID says {}", asks_amd ? "Intel" : "AMD"));
    Execution execution;
    execution.outcomes.resize(program.steps.size());
    execution.found = facts().found;
    try {
        bool flush_each = false;
        std::size_t end = program.steps.size();
        for (std::size_t first = 0; first < program.steps.size();) {
            const std::uint32_t needs = image::needs_of(program.machine);
            if (!kept || kept_ == nullptr || !kept_->is_ready() || kept_machine_ != program.machine) {
                kept_ = std::make_unique<Session>(command_, program.machine.apic_ids.size(), needs, kept);
                kept_machine_ = program.machine;
            }
            const Section section = section_of(program, first, end);
            const Session::Result result = kept_->carry_out(std::span(&section, 1), flush_each);
            if (!kept || !kept_->is_ready()) kept_.reset();
            const SectionAnswers& answers = result.transcript.sections().front();
            if (!result.refused.empty()) return not_run(Execution::Status::refused, result.refused);
            if (answers.skipped != 0)
                return not_run(Execution::Status::refused, std::string(image::skip_text(answers.skipped)));
            if (answers.begun) execution.found = answers.found;
            if (result.stopped.empty()) {
                take_answers(execution, answers, first, end - first);
                first = end;
            } else {
                const std::size_t stop = std::min(first + answers.answered(), end - 1);
                const std::size_t begin = last_reset(program, first, stop);
                const std::size_t next = next_reset(program, stop);
                if (!flush_each) { // once more, to see in which step
                    take_answers(execution, answers, first, begin - first);
                    first = begin;
                    end = next;
                    flush_each = true;
                    continue;
                }
                take_answers(execution, answers, first, stop - first);
                execution.outcomes[stop].end(Ending::stopped, fmt::format("the machine stopped: {}", result.stopped));
                for (std::size_t i = stop + 1; i < next; ++i)
                    execution.outcomes[i].end(Ending::not_run, "the machine has stopped");
                first = next;
            }
            flush_each = false;
            end = program.steps.size();
        }
    } catch (const std::system_error& error) {
        kept_.reset();
        return not_run(Execution::Status::refused, error.what());
    }
    return execution;
}

} // namespace lapicheck::programs
