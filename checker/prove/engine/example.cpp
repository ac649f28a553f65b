#include "checker/prove/engine/example.hpp"

namespace lapicheck::prove {
namespace {

z3::expr number(u64 value, unsigned width) {
    return context().bv_val(static_cast<std::uint64_t>(value), width);
}

} // namespace

ExampleRun::ExampleRun(Example& example, std::vector<Segment> segments, std::vector<FinalStep> finals,
                       Taste taste)
    : example_(example), segments_(std::move(segments)), finals_(std::move(finals)) {
    if (taste == Taste::any) return;
    prefer_plain_cpu();
    prefer_usual_base();
    prefer_aligned();
    prefer_proposals(false);
    minimise_words();
    prefer_proposals(true);
}

void ExampleRun::prefer_plain_cpu() {
    const SymCpu cpu = any_cpu();
    example_.prefer(!cpu.amd.formula());
    example_.prefer(cpu.has_x2apic.formula());
    example_.prefer(cpu.has_tsc_deadline.formula());
    example_.prefer(!cpu.locked_x2apic.formula());
    example_.prefer(cpu.hardware_id.formula() == number(0, 32));
    for (unsigned bits = 36; bits <= 52; ++bits)
        if (example_.prefer(cpu.address_mask.formula() == number((u64{1} << bits) - 1, 64))) break;
    const z3::expr version = SymU32::variable("cpu.version").formula();
    if (!example_.prefer(version == number(0x50014, 32))) example_.minimise(version);
}

// Accesses that a driver would make: aligned ones.
void ExampleRun::prefer_aligned() {
    for (const Segment& segment : segments_)
        for (std::size_t depth = 1; depth <= segment.depth; ++depth) {
            const StepVariables& step = *segment.unrolling->frame(depth).step;
            const z3::expr by_msr = z3::ugt(step.kind, number(static_cast<u64>(AccessKind::mmio_write), 4));
            example_.prefer(by_msr || !has_any(step.address, 0xf).formula());
        }
}

// The window stays where RESET puts it, and BSP as it was.
void ExampleRun::prefer_usual_base() {
    for (const Segment& segment : segments_)
        for (std::size_t depth = 0; depth <= segment.depth; ++depth)
            for (const ReachableMode& reached : segment.unrolling->frame(depth).modes_reached) {
                const SymU64 base =
                    reached.start.state.apic_base & ~(model::apic_base::enable | model::apic_base::extd);
                const u64 usual =
                    model::apic_base::reset_page | (segment.vcpu == 0 ? model::apic_base::bsp : 0);
                const SymBool is_usual = equal(base, SymU64{usual});
                if (!is_usual.is_true()) example_.prefer(!reached.guard || is_usual.formula());
            }
    for (const Segment& segment : segments_)
        for (std::size_t depth = 1; segment.vcpu == 0 && depth <= segment.depth; ++depth) {
            const StepVariables& step = *segment.unrolling->frame(depth).step;
            const z3::expr writes_base = step.kind == number(static_cast<u64>(AccessKind::wrmsr), 4) &&
                                         step.address.formula() == number(model::apic_base::msr, 64);
            example_.prefer(!writes_base || has_any(step.value, model::apic_base::bsp).formula());
        }
}

void ExampleRun::prefer_proposals(bool minimises_others) {
    const auto prefer = [this, minimises_others](const std::vector<Choice>& choices) {
        for (const Choice& choice : choices)
            if (!example_.prefer(choice.variable == choice.proposal) && minimises_others &&
                choice.variable.is_bv())
                example_.minimise(choice.variable);
    };
    for (const Segment& segment : segments_)
        for (std::size_t depth = 0; depth <= segment.depth; ++depth)
            prefer(segment.unrolling->choices_taken(
                depth, [this](const z3::expr& condition) { return example_.is_true(condition); }));
    for (const FinalStep& step : finals_) prefer(step.path->choices);
}

void ExampleRun::minimise_words() {
    for (const Segment& segment : segments_)
        for (std::size_t depth = 1; depth <= segment.depth; ++depth)
            example_.minimise(segment.unrolling->frame(depth).step->kind);
    for (const FinalStep& step : finals_) {
        example_.minimise(step.access.address.formula());
        example_.minimise(step.access.value.formula());
    }
    for (const Segment& segment : segments_)
        for (std::size_t depth = 1; depth <= segment.depth; ++depth) {
            const StepVariables& step = *segment.unrolling->frame(depth).step;
            example_.minimise(step.address.formula());
            example_.minimise(step.value.formula());
        }
}

ChoiceValues ExampleRun::deviations(const std::vector<Choice>& choices, const std::string& prefix) const {
    ChoiceValues values;
    for (const Choice& choice : choices) {
        const u64 value = example_.value(choice.variable);
        if (value == example_.value(choice.proposal)) continue;
        values.emplace(choice.variable.decl().name().str().substr(prefix.size()), value);
    }
    return values;
}

MachineFacts ExampleRun::machine() const {
    const SymCpu cpu = any_cpu();
    MachineFacts facts;
    facts.amd = example_.is_true(cpu.amd.formula());
    facts.x2apic = example_.is_true(cpu.has_x2apic.formula());
    facts.tsc_deadline = example_.is_true(cpu.has_tsc_deadline.formula());
    facts.locked_x2apic = example_.is_true(cpu.locked_x2apic.formula());
    facts.address_bits = static_cast<unsigned>(std::bit_width(example_.value(cpu.address_mask.formula())));
    facts.version = static_cast<u32>(example_.value(SymU32::variable("cpu.version").formula()));
    for (const Segment& segment : segments_) {
        facts.vcpus = std::max(facts.vcpus, segment.vcpu + 1);
        if (segment.vcpu != 0) continue;
        const auto choices = segment.unrolling->choices_taken(
            0, [this](const z3::expr& condition) { return example_.is_true(condition); });
        facts.reset_choices = deviations(choices, segment.unrolling->choice_prefix(0));
    }
    return facts;
}

std::vector<ScenarioStep> ExampleRun::segment(std::size_t index) const {
    const Segment& segment = segments_[index];
    std::vector<ScenarioStep> steps;
    for (std::size_t depth = 1; depth <= segment.depth; ++depth) {
        const StepVariables& variables = *segment.unrolling->frame(depth).step;
        ScenarioStep step;
        step.vcpu = segment.vcpu;
        step.kind = static_cast<AccessKind>(example_.value(variables.kind));
        step.address = example_.value(variables.address.formula());
        step.value = example_.value(variables.value.formula());
        const auto choices = segment.unrolling->choices_taken(
            depth, [this](const z3::expr& condition) { return example_.is_true(condition); });
        step.choices = deviations(choices, segment.unrolling->choice_prefix(depth));
        steps.push_back(std::move(step));
    }
    return steps;
}

ScenarioStep ExampleRun::final_step(std::size_t index) const {
    const FinalStep& final = finals_[index];
    ScenarioStep step;
    step.vcpu = final.vcpu;
    step.kind = final.access.kind;
    step.size = final.access.size;
    step.address = example_.value(final.access.address.formula());
    step.value = example_.value(final.access.value.formula());
    step.choices = deviations(final.path->choices, final.choice_prefix);
    return step;
}

} // namespace lapicheck::prove
