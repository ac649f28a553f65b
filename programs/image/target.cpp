#include "programs/image/target.hpp"

#include <algorithm>
#include <map>
#include <system_error>

#include <fmt/format.h>

#include "model/registers.hpp"
#include "programs/image/session.hpp"

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

// The steps of a program that are still to be run, in runs of the machine: each goes on behind what stopped
// the one before.
class Progress {
  public:
    explicit Progress(const Program& program) : program_(program), end_(program.steps.size()) {
        execution_.outcomes.resize(program.steps.size());
    }

    bool is_done() const { return first_ == program_.steps.size(); }
    Section next() const { return section_of(program_, first_, end_); }
    // Once more, answer by answer, to see in which step it stops.
    bool flushes_each() const { return flushes_each_; }

    void take(const Session::Result& result) {
        const SectionAnswers& answers = result.transcript.sections().front();
        if (answers.begun) execution_.found = answers.found;
        if (result.stopped.empty()) {
            take_answers(answers, end_);
            return go_on(end_, program_.steps.size(), false);
        }
        const std::size_t stop = std::min(first_ + answers.answered(), end_ - 1);
        const std::size_t next = next_reset(program_, stop);
        if (!flushes_each_) {
            const std::size_t begin = last_reset(program_, first_, stop);
            take_answers(answers, begin);
            return go_on(begin, next, true);
        }
        take_answers(answers, stop);
        execution_.outcomes[stop].end(Ending::stopped,
                                      fmt::format("the machine stopped: {}", result.stopped));
        for (std::size_t i = stop + 1; i < next; ++i)
            execution_.outcomes[i].end(Ending::not_run, "the machine has stopped");
        go_on(next, program_.steps.size(), false);
    }
    Execution finish() { return std::move(execution_); }

  private:
    void go_on(std::size_t first, std::size_t end, bool flushes_each) {
        first_ = first;
        end_ = end;
        flushes_each_ = flushes_each;
    }

    // The answers to the steps up to `end`.
    void take_answers(const SectionAnswers& answers, std::size_t end) {
        for (std::size_t i = first_; i < end; ++i) {
            StepOutcome& outcome = execution_.outcomes[i];
            if (const auto& answer = answers.outcomes[i - first_]) outcome = *answer;
            else outcome.end(Ending::lost, "the answer was lost");
        }
        for (const SoftStart& start : answers.soft_starts)
            if (first_ + start.step < end)
                execution_.soft_starts.push_back({first_ + start.step, start.registers});
    }

    const Program& program_;
    std::size_t first_ = 0;
    std::size_t end_;
    bool flushes_each_ = false;
    Execution execution_;
};

} // namespace

ImageTarget::ImageTarget(image::MachineCommand command) : command_(std::move(command)) {}
ImageTarget::~ImageTarget() = default;

const ImageTarget::Facts& ImageTarget::facts() const {
    static std::map<std::string, Facts> known;
    const auto found = known.find(command_.name);
    return found != known.end() ? found->second : known.emplace(command_.name, find_facts()).first->second;
}

ImageTarget::Facts ImageTarget::find_facts() const {
    Step read_base;
    read_base.what = Do::rdmsr;
    read_base.address = model::apic_base::msr;
    const Section probe{std::span(&read_base, 1), {0}, 0};
    Machine machine;
    machine.apic_ids = {0};
    try {
        const Session::Result result =
            Session(command_, machine, false).carry_out(std::span(&probe, 1), false);
        const SectionAnswers& answers = result.transcript.sections().front();
        if (!result.refused.empty()) return {{}, result.refused};
        if (answers.begun) return {answers.found, {}};
        return {{},
                fmt::format("{}: the image did not answer: {}", command_.name,
                            result.stopped.empty() ? image::skip_text(answers.skipped) : result.stopped)};
    } catch (const std::system_error& error) {
        return {{}, error.what()};
    }
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

std::string ImageTarget::refusal_of(const Program& program) const {
    if (std::string why = image::refusal_of(program.machine); !why.empty()) return why;
    if (program.machine.vendor == GuestVendor::either) return {};
    const bool amd = program.machine.vendor == GuestVendor::amd;
    const bool can_choose = !(amd ? command_.as_amd : command_.as_intel).empty();
    if (can_choose || facts().found.amd == amd) return {};
    return fmt::format("its CPUID says {}, and the program asks for {}", amd ? "Intel" : "AMD",
                       amd ? "AMD" : "Intel");
}

Execution ImageTarget::run(const Program& program) { return carry_out(program, false); }
Execution ImageTarget::run_again(const Program& program) { return carry_out(program, true); }

Session& ImageTarget::session_for(const Machine& machine, bool keeps_on) {
    const bool usable =
        keeps_on && session_ != nullptr && session_->is_ready() && session_machine_ == machine;
    if (!usable) session_ = std::make_unique<Session>(command_, machine, keeps_on);
    session_machine_ = machine;
    return *session_;
}

Execution ImageTarget::carry_out(const Program& program, bool keeps_on) {
    if (!facts().error.empty()) return not_run(Execution::Status::absent, facts().error);
    if (std::string why = refusal_of(program); !why.empty())
        return not_run(Execution::Status::refused, std::move(why));
    Progress progress(program);
    try {
        while (!progress.is_done()) {
            const Section section = progress.next();
            Session& session = session_for(program.machine, keeps_on);
            const Session::Result result = session.carry_out(std::span(&section, 1), progress.flushes_each());
            if (!session.is_ready()) session_.reset();
            if (!result.refused.empty()) return not_run(Execution::Status::refused, result.refused);
            if (const std::uint32_t skipped = result.transcript.sections().front().skipped; skipped != 0)
                return not_run(Execution::Status::refused, std::string(image::skip_text(skipped)));
            progress.take(result);
        }
    } catch (const std::system_error& error) {
        session_.reset();
        return not_run(Execution::Status::refused, error.what());
    }
    Execution execution = progress.finish();
    execution.found.may_be_kvm = facts().found.may_be_kvm; // which is said once
    return execution;
}

} // namespace lapicheck::programs
