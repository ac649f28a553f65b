#include "checker/audit/program_judge.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "checker/judge/messages.hpp"
#include "model/command.hpp"
#include "model/text.hpp"
#include "programs/step_access.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;
using programs::Do;
using programs::Step;
using programs::StepOutcome;
using traces::GuestAccess;

constexpr Visibility everything_seen{.accepts = true, .injections = true};

// What a closed write did must show within so many accesses.
constexpr unsigned reached_patience = 64;

constexpr u64 seoi_offset = 0x420; // AMD's specific EOI

constexpr std::string_view no_register = "no register of the APIC";
constexpr std::string_view unspecified_by_manual = "the manual does not specify it";
constexpr std::string_view shows_later = "what it does shows in later steps";
constexpr std::string_view was_not_done = "it was not done";
constexpr std::string_view was_lost = "what came of it was lost";

CpuFacts facts_of(const programs::Machine& machine, const programs::Found& found, u32 id) {
    CpuFacts facts;
    if (machine.vendor != programs::GuestVendor::either)
        facts.amd = machine.vendor == programs::GuestVendor::amd;
    else if (found.amd) facts.amd = *found.amd;
    facts.has_x2apic = machine.x2apic;
    facts.has_tsc_deadline = machine.tsc_deadline;
    facts.locked_x2apic = found.locked_x2apic;
    constexpr u64 always = (u64{1} << 36) - 1;
    facts.address_mask = {always, always | ~((u64{1} << 52) - 1)};
    const auto bits = machine.maxphyaddr ? machine.maxphyaddr : found.maxphyaddr;
    if (bits) facts.address_mask = (u64{1} << *bits) - 1;
    facts.hardware_id = id;
    return facts;
}

GuestAccess access_of(const Step& step, const StepOutcome& outcome, u64 line) {
    GuestAccess access;
    access.kind = programs::access_kind(step.what);
    access.gp = outcome.gp;
    access.unanswered = outcome.mmio_exit;
    access.size = model::is_mmio(access.kind) ? step.size : 0;
    access.address = step.address;
    access.value = model::is_write(access.kind) ? step.value : outcome.value.value_or(0);
    access.line = access.first_line = access.last_line = line;
    return access;
}

} // namespace

ProgramJudge::ProgramJudge(const programs::Machine& machine, const programs::Found& found)
    : host_{found.module, specs::kernel_of(found.kernel), found.may_be_kvm},
      shows_eois_(machine.split_irqchip) {
    for (std::size_t i = 0; i < machine.apic_ids.size(); ++i) {
        JudgedVcpu& vcpu = vcpus_.emplace_back();
        vcpu.facts = facts_of(machine, found, machine.apic_ids[i]);
        if (i < found.versions.size()) vcpu.version = found.versions[i];
        vcpu.bsp = i == 0;
        vcpu.starts_disabled = found.starts_disabled;
        reset(vcpu);
    }
}

void ProgramJudge::reset(JudgedVcpu& vcpu) {
    vcpu.state = AbstractState::at_reset(vcpu.facts, vcpu.version, vcpu.bsp, vcpu.starts_disabled);
    vcpu.attribution = Attribution::from_reset(vcpu.bsp);
    vcpu.attribution.on_host(host_, false);
    vcpu.reached.reset();
    vcpu.timer_armed = vcpu.interrupts_enabled = false;
}

void ProgramJudge::forget(JudgedVcpu& vcpu) {
    vcpu.state = AbstractState::unknown();
    vcpu.attribution = vcpu.attribution.forgotten();
    vcpu.reached.reset();
    vcpu.timer_armed = true;
    vcpu.interrupts_enabled = vcpu.waits = false;
}

// A read that contradicts what was read before shows nothing: what it reads is not being judged here.
void ProgramJudge::begin_anew(const programs::SoftStart& start) {
    for (JudgedVcpu& vcpu : vcpus_) forget(vcpu);
    for (const programs::SoftStart::Register& reg : start.registers) {
        if (reg.vcpu >= vcpus_.size()) continue;
        JudgedVcpu& vcpu = vcpus_[reg.vcpu];
        GuestAccess access;
        const bool is_base = reg.offset == model::apic_base::msr;
        access.kind = is_base ? AccessKind::rdmsr : AccessKind::mmio_read;
        access.size = is_base ? 0 : 4;
        access.address = is_base ? reg.offset : model::apic_base::reset_page + reg.offset;
        access.value = reg.value;
        access.line = access.first_line = access.last_line = line_;
        AbstractState learnt = vcpu.state;
        if (learnt.judge({access, vcpu.facts, everything_seen, true}).explained) vcpu.state = learnt;
    }
}

void ProgramJudge::apply_init(JudgedVcpu& vcpu, bool certain) {
    vcpu.reached.reset();
    if (!certain) {
        AbstractState after = vcpu.state;
        after.apply_init();
        vcpu.state.merge(after);
        return;
    }
    vcpu.state.apply_init();
    vcpu.attribution.evidence().init(line_);
    vcpu.timer_armed = vcpu.interrupts_enabled = false;
}

void ProgramJudge::begin_step() {
    ++line_;
    for (JudgedVcpu& vcpu : vcpus_) {
        vcpu.errors_before = vcpu.state.collected_errors();
        vcpu.init_maybe = false;
        vcpu.init_due = vcpu.nmi_due = vcpu.startup_due = std::nullopt;
        if (!vcpu.timer_armed) continue;
        const Known<u32> timer_vector = vcpu.state.stored(Reg::lvt_timer) & model::lvt::vector;
        if (timer_vector.is_exact()) vcpu.attribution.low_vector_sent(timer_vector.value);
        else vcpu.attribution.any_low_vectors_sent();
        vcpu.state.timer_may_have_fired(vcpu.facts);
        if (vcpu.reached) vcpu.reached->state.timer_may_have_fired(vcpu.facts);
    }
}

StepVerdict ProgramJudge::judge(const Step& step, const StepOutcome& outcome) {
    begin_step();
    StepVerdict verdict;
    JudgedVcpu& vcpu = vcpus_[step.vcpu];
    const model::KnownBool due = eoi_due(step, outcome);
    if (outcome.ending == programs::Ending::not_run) {
        verdict.why = was_not_done;
        return verdict;
    }
    if (outcome.ending == programs::Ending::lost) {
        verdict.why = was_lost;
        for (JudgedVcpu& each : vcpus_) forget(each);
        if (step.what == Do::reset) reset(vcpu);
        return verdict;
    }
    if (!programs::is_access(step.what)) {
        act(verdict, step, outcome);
    } else if (const GuestAccess access = access_of(step, outcome, line_); outcome.is_done()) {
        judge_access(verdict, vcpu, access);
    } else { // It may have been done.
        verdict.why = was_not_done;
        judge_unfinished(verdict, vcpu, access, outcome);
        leave_unspecified(vcpu, access);
        send(vcpu, access, false);
    }
    judge_restarts(verdict, step, outcome);
    for (JudgedVcpu& each : vcpus_) raise_error(each);
    judge_taken(verdict, step, outcome);
    if (shows_eois_ && outcome.is_done()) judge_eois(verdict, step, outcome, due);
    if (!verdict.divergences.empty()) verdict.kind = StepVerdict::Kind::divergence;
    return verdict;
}

// E05. Errors from outside, of which nothing is seen, could only have raised it before.
void ProgramJudge::raise_error(JudgedVcpu& vcpu) {
    const model::KnownBool raises = vcpu.state.raises_error(vcpu.errors_before);
    if (raises.is_false()) return;
    const Known<u32> vector = vcpu.state.stored(Reg::lvt_error) & model::lvt::vector;
    if (raises.is_true() && vector.is_exact()) vcpu.attribution.asked(vector.value, Rule::E05);
    vcpu.state.error_raised(raises.is_true());
}

// ---- accesses of the guest

void ProgramJudge::judge_access(StepVerdict& verdict, JudgedVcpu& vcpu, const GuestAccess& access) {
    if (model::is_msr(access.kind) && !model::is_apic_msr(access.address)) {
        verdict.why = no_register;
        return;
    }
    const std::optional<Mode> mode = vcpu.state.mode();
    const Known<u64> base = vcpu.state.apic_base();
    vcpu.state.collect_bus_errors(vcpu.facts);
    if (vcpu.reached) vcpu.reached->state.collect_bus_errors(vcpu.facts);
    if (!model::is_mmio(access.kind)) {
        judge_open(verdict, vcpu, access);
        send(vcpu, access, mode.has_value());
        return;
    }
    const Known<u64> page = base & model::apic_base::page;
    const bool elsewhere = (~page.known & model::apic_base::page) == 0 &&
                           page.value != (access.address & model::apic_base::page);
    if (elsewhere && (access.address & model::apic_base::page) != model::apic_base::reset_page) {
        verdict.why = no_register;
        return;
    }
    const bool closed = elsewhere || (mode && *mode != Mode::xapic);
    if (closed) {
        if (!judge_closed(verdict, vcpu, access)) verdict.kind = StepVerdict::Kind::ok;
        return;
    }
    judge_open(verdict, vcpu, access);
    send(vcpu, access, mode.has_value());
}

// The window is closed. True: the APIC answered all the same.
bool ProgramJudge::judge_closed(StepVerdict& verdict, JudgedVcpu& vcpu, const GuestAccess& access) {
    const Mode mode = vcpu.state.mode().value_or(Mode::xapic);
    if (model::is_write(access.kind)) {
        written_closed_.insert(access.address & ~u64{0xf});
        if (access.unanswered || mode != Mode::x2apic || !model::is_aligned_word(access.address, access.size))
            return false;
        if (!vcpu.reached) vcpu.reached = Reached{vcpu.state, {}, 0};
        vcpu.reached->state.carry_out_though_closed(access, vcpu.facts);
        vcpu.reached->write = access;
        vcpu.reached->age = 0;
        return false;
    }
    // Of all zeros or ones it cannot be told who answered, nor of what may have been kept there.
    constexpr u64 ones = 0xffff'ffff;
    if (access.unanswered || !model::is_aligned_word(access.address, access.size) || access.value == 0 ||
        access.value == ones)
        return false;
    if (written_closed_.contains(access.address)) return false;
    // Reserved bits, which are not determined, read 0 wherever registers answer.
    constexpr int least_ones_kept = 8;
    const Known<u64> held = vcpu.state.answer_if_open(access, vcpu.facts);
    if (std::popcount(held.known & ones) < least_ones_kept || held.value != access.value) return false;
    Mismatch mismatch;
    mismatch.rule = mode == Mode::x2apic ? Rule::M01 : mode == Mode::disabled ? Rule::M03 : Rule::M14;
    mismatch.fault = Fault::answered_by_apic;
    mismatch.reg = model::register_addressed(access.kind, access.address);
    mismatch.mode = mode;
    report(verdict, vcpu, access, mismatch);
    return true;
}

void ProgramJudge::judge_open(StepVerdict& verdict, JudgedVcpu& vcpu, const GuestAccess& access) {
    const auto before = Attribution::before(vcpu.state);
    const Judgement judgement = vcpu.state.judge({access, vcpu.facts, everything_seen, true});
    Judgement reached;
    reached.explained = false;
    if (vcpu.reached) {
        reached = vcpu.reached->state.judge({access, vcpu.facts, everything_seen, true});
        if (++vcpu.reached->age > reached_patience) reached.explained = false;
    }
    if (judgement.explained) {
        verdict.kind = judgement.determined ? StepVerdict::Kind::ok : StepVerdict::Kind::not_judged;
        if (!judgement.determined) verdict.why = unspecified_by_manual;
        if (!reached.explained) vcpu.reached.reset();
        note(vcpu, access, before);
        return;
    }
    const std::vector<Mismatch> parts =
        vcpu.attribution.parts(judgement.mismatch, access, vcpu.state, vcpu.facts);
    const bool shows_write = reached.explained && judgement.mismatch.fault == Fault::value &&
                             (judgement.mismatch.bits & ~reached.predicted_bits) == 0 &&
                             !are_departures(parts);
    if (shows_write) {
        Mismatch mismatch = judgement.mismatch;
        mismatch.rule = Rule::M02;
        report(verdict, vcpu, access, mismatch);
        const GuestAccess& write = vcpu.reached->write;
        verdict.divergences.back().because.push_back(
            {write.line, model::access_text(write.kind, write.address, write.size, write.value) +
                             ", while the APIC was not in xAPIC mode"});
        vcpu.state = vcpu.reached->state;
    } else {
        for (const Mismatch& part : parts) report(verdict, vcpu, access, part);
        const Mismatch whole = vcpu.attribution.refined(judgement.mismatch, vcpu.state);
        const AbstractState refused = vcpu.state;
        vcpu.state.resync(access, vcpu.facts, whole);
        // Nothing tells whether the write was carried out or dropped in silence: what comes next may.
        if (whole.fault == Fault::gp_missing && model::is_write(access.kind)) vcpu.state.merge(refused);
    }
    vcpu.reached.reset();
    note(vcpu, access, before);
}

// Whatever the rules answer, an access that they say anything of does not stop the vCPU.
void ProgramJudge::judge_unfinished(StepVerdict& verdict, const JudgedVcpu& vcpu, GuestAccess access,
                                    const StepOutcome& outcome) {
    if (outcome.ending == programs::Ending::stopped_after) return;
    access.unfinished = true;
    AbstractState tried = vcpu.state;
    const Judgement judgement = tried.judge({access, vcpu.facts, everything_seen, true});
    if (judgement.explained) return;
    report(verdict, vcpu, access, judgement.mismatch);
    verdict.divergences.back().because.push_back({line_, programs::ending_text(outcome)});
}

// The access was made or not; nothing tells what came of it.
void ProgramJudge::leave_unspecified(JudgedVcpu& vcpu, const GuestAccess& access) {
    vcpu.state.may_step(access, vcpu.facts);
    vcpu.reached.reset();
}

void ProgramJudge::note(JudgedVcpu& vcpu, const GuestAccess& access, const Attribution::Before& before) {
    GuestAccess noted = access;
    noted.reached_apic = model::is_mmio(access.kind);
    vcpu.attribution.note(noted, before, vcpu.state);
    if (!model::is_write(access.kind) || access.gp) return;
    const bool idle =
        vcpu.state.stored(Reg::initial_count) == Known<u32>{0} && vcpu.state.tsc_deadline() == Known<u64>{0};
    if (!idle) vcpu.timer_armed = true;
}

// ---- what is no access

void ProgramJudge::act(StepVerdict& verdict, const Step& step, const StepOutcome& outcome) {
    JudgedVcpu& vcpu = vcpus_[step.vcpu];
    verdict.why = outcome.is_done() ? shows_later : was_not_done;
    switch (step.what) {
    case Do::reset: reset(vcpu); break;
    case Do::init:
        deliver(to_id_of(vcpu, model::delivery_mode::init));
        vcpu.init_maybe = true;
        break;
    case Do::enable_interrupts:
    case Do::enable_and_halt: vcpu.interrupts_enabled = true; break;
    case Do::disable_interrupts: vcpu.interrupts_enabled = false; break;
    case Do::interrupt: {
        constexpr u32 level = model::icr::trigger | model::icr::assert_level;
        deliver(to_id_of(vcpu, step.vector | (step.level ? level : 0)));
        break;
    }
    case Do::msi: send_msi(step); break;
    case Do::message: {
        using From = AbstractState::Message::From;
        const u32 destination = model::low_half(step.address);
        const From from = (step.value & model::by_device) != 0 ? From::device : From::unknown;
        vcpu.attribution.low_vector_sent(model::low_half(step.value) & model::icr::vector);
        vcpu.state.receive({destination, destination, model::low_half(step.value), from}, vcpu.facts);
        break;
    }
    case Do::hardware: vcpu.state.elapse(vcpu.facts, everything_seen); break;
    case Do::timer_expires:
        if (outcome.is_done()) vcpu.state.timer_fired(vcpu.facts);
        break;
    default: break;
    }
}

void ProgramJudge::judge_restarts(StepVerdict& verdict, const Step& step, const StepOutcome& outcome) {
    for (const programs::Restarted& restarted : outcome.restarted) {
        JudgedVcpu& vcpu = vcpus_[restarted.vcpu];
        vcpu.interrupts_enabled = false;
        vcpu.init_maybe = false;
        const bool goes_on = step.what == Do::init && restarted.vcpu == step.vcpu; // the step is both
        const bool was_waiting = std::exchange(vcpu.waits, !restarted.sipi_vector && !goes_on);
        if (restarted.sipi_vector) { // R06
            if (was_waiting) vcpu.startup_due.reset();
            continue;
        }
        apply_init(vcpu, true);
        vcpu.init_due.reset();
    }
    for (JudgedVcpu& vcpu : vcpus_)
        if (vcpu.init_maybe) apply_init(vcpu, false);
    if (outcome.is_done()) judge_due(verdict, outcome);
}

// Whether the step must send an EOI to the I/O APIC.
model::KnownBool ProgramJudge::eoi_due(const Step& step, const StepOutcome& outcome) const {
    const bool writes = step.what == Do::mmio_write || step.what == Do::wrmsr;
    if (!shows_eois_ || !writes || outcome.gp || outcome.mmio_exit) return false;
    const AbstractState& state = vcpus_[step.vcpu].state;
    const GuestAccess access = access_of(step, outcome, line_);
    constexpr u64 slot = 0xf;
    const bool is_seoi = model::is_mmio(access.kind)
                             ? (access.address & (model::window_bytes - 1) & ~slot) == seoi_offset
                             : access.address == model::x2apic_msr_first + (seoi_offset >> 4);
    if (is_seoi && !vcpus_[step.vcpu].facts.amd.is_false()) return {};
    if (model::register_addressed(access.kind, access.address & ~(model::is_mmio(access.kind) ? slot : 0)) !=
        Reg::eoi)
        return false;
    const Known<u64> window = state.apic_base() & model::apic_base::page;
    if (model::is_mmio(access.kind) && !(window == Known<u64>{access.address & model::apic_base::page}))
        return {};
    const Mode of_way = model::is_mmio(access.kind) ? Mode::xapic : Mode::x2apic;
    if (state.mode() && state.mode() != of_way) return false;
    const bool plain =
        model::is_mmio(access.kind) ? model::is_aligned_word(access.address, access.size) : step.value == 0;
    return plain && state.mode() ? state.broadcasts_eoi() : model::KnownBool{};
}

void ProgramJudge::judge_eois(StepVerdict& verdict, const Step& step, const StepOutcome& outcome,
                              model::KnownBool due) {
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        const auto sent = std::ranges::find(outcome.eois, i, &programs::EoiBroadcast::vcpu);
        const bool was_sent = sent != outcome.eois.end();
        const model::KnownBool must = step.vcpu == i ? due : model::KnownBool{false};
        if (must.admits(was_sent)) continue;
        Mismatch mismatch;
        mismatch.rule = Rule::P05;
        mismatch.fault = Fault::eoi_broadcast;
        mismatch.reg = Reg::eoi;
        const Known<u32> svr = vcpus_[i].state.stored(Reg::svr);
        mismatch.bits = svr.value & model::svr::eoi_suppression;
        mismatch.mode = vcpus_[i].state.mode().value_or(Mode::xapic);
        mismatch.detail = was_sent ? Detail{"the I/O APIC received the EOI of vector {:02X}H", sent->vector}
                                   : Detail{"the I/O APIC did not receive the EOI"};
        report_event(verdict, vcpus_[i], was_sent ? sent->vector : 0, mismatch);
    }
}

// What had to reach a processor, other than through IRR. One that waits for a SIPI holds back NMIs (R07), and
// takes another INIT with nothing to show for it; whether the BSP waits too is left open here.
void ProgramJudge::judge_due(StepVerdict& verdict, const StepOutcome& outcome) {
    constexpr u32 nmi = 2;
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        JudgedVcpu& vcpu = vcpus_[i];
        const auto miss = [&](const std::optional<JudgedVcpu::Due>& due, u32 message) {
            if (!due) return;
            Mismatch mismatch;
            mismatch.rule = due->rule;
            mismatch.bits = due->logical ? model::icr::logical : 0;
            mismatch.fault = Fault::not_delivered;
            mismatch.reg = Reg::icr;
            mismatch.mode = vcpu.state.mode().value_or(Mode::xapic);
            report_event(verdict, vcpu, message, mismatch);
        };
        const bool took_nmi = std::ranges::any_of(outcome.taken, [&](const programs::Taken& taken) {
            return taken.vcpu == i && taken.vector == nmi;
        });
        if (!vcpu.waits) miss(vcpu.init_due, model::delivery_mode::init);
        if (!vcpu.waits && !took_nmi) miss(vcpu.nmi_due, model::delivery_mode::nmi);
        if (vcpu.waits && !vcpu.bsp) miss(vcpu.startup_due, model::delivery_mode::startup);
    }
}

// `what`: the vector, or the message's delivery mode.
void ProgramJudge::report_event(StepVerdict& verdict, const JudgedVcpu& vcpu, u32 what,
                                const Mismatch& mismatch) {
    GuestAccess event;
    event.kind = AccessKind::rdmsr;
    event.address = event.value = what;
    event.line = event.first_line = event.last_line = line_;
    Attribution attribution = vcpu.attribution;
    attribution.among(others_of(vcpu));
    for (const Mismatch& part : attribution.parts(mismatch, event, vcpu.state, vcpu.facts))
        report(verdict, vcpu, event, part);
}

Attribution::Others ProgramJudge::others_of(const JudgedVcpu& vcpu) const {
    Attribution::Others others{.all_software_disabled = true, .id_of_another_too = false};
    others.logical_id_is_its_own = has_one_logical_bit(vcpu.state);
    for (const JudgedVcpu& other : vcpus_) {
        if (has_any(other.state.stored(Reg::svr), model::svr::enable).is_true())
            others.all_software_disabled = false;
        if (&other == &vcpu) continue;
        if (!equal(other.state.bus_id(), vcpu.state.bus_id()).is_false()) others.id_of_another_too = true;
        if (may_have_same_logical_bit(vcpu.state, other.state)) others.logical_id_is_its_own = false;
    }
    return others;
}

// P10: where TPR was raised after a vector was asked for, the processor is given the spurious vector, and ISR
// stays as it is.
bool ProgramJudge::may_be_spurious(const JudgedVcpu& vcpu, u32 vector) {
    return (vcpu.state.stored(Reg::svr) & model::svr::vector).admits(vector);
}

// Else a vector that waits in IRR under the spurious vector's number is held back, and what came is P10's.
model::KnownBool ProgramJudge::is_above_tpr(const JudgedVcpu& vcpu, u32 vector) {
    return less(vcpu.state.stored(Reg::tpr) & model::tpr::task_class,
                Known<u32>{vector & model::tpr::task_class});
}

void ProgramJudge::judge_taken(StepVerdict& verdict, const Step& step, const StepOutcome& outcome) {
    constexpr u32 nmi = 2;
    for (const programs::Taken& taken : outcome.taken) {
        if (taken.vector == nmi) continue;
        JudgedVcpu& vcpu = vcpus_[taken.vcpu];
        vcpu.reached.reset();
        if (verdict.kind == StepVerdict::Kind::not_judged) verdict.kind = StepVerdict::Kind::ok;
        if (may_be_spurious(vcpu, taken.vector) && !is_above_tpr(vcpu, taken.vector).is_true()) {
            if (!is_above_tpr(vcpu, taken.vector).is_false()) vcpu.state.may_have_taken(taken.vector);
            continue;
        }
        AbstractState after = vcpu.state;
        if (const auto mismatch = after.on_inject(taken.vector)) {
            if (may_be_spurious(vcpu, taken.vector)) continue;
            vcpu.state = after;
            const u32 other = model::low_half(mismatch->detail.first);
            const bool passes_over = mismatch->reg == Reg::irr0 && other != 0;
            if (passes_over && vcpu.attribution.way_of(other) != Rule::P01) miss(verdict, vcpu, other);
            else report_event(verdict, vcpu, taken.vector, *mismatch);
            vcpu.state.forget_interrupts();
        } else {
            vcpu.state = after;
            vcpu.attribution.evidence().injected(line_, taken.vector);
        }
    }
    // Interrupts are given the chance after each step but a read, which makes none.
    const bool reads = programs::is_read(step.what);
    if (!outcome.is_done() || reads) return;
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        JudgedVcpu& vcpu = vcpus_[i];
        const bool asked = vcpu.interrupts_enabled || (step.what == Do::take_interrupt && step.vcpu == i);
        if (!asked) continue;
        const std::optional<u32> vector = vcpu.state.interrupt_to_take();
        if (!vector) continue;
        miss(verdict, vcpu, *vector);
        vcpu.state.forget_interrupts();
    }
}

// The vector had to be taken: what is missing came, or did not come, by the rule of its way.
void ProgramJudge::miss(StepVerdict& verdict, const JudgedVcpu& vcpu, u32 vector) {
    Mismatch mismatch;
    const Rule way = vcpu.attribution.way_of(vector);
    mismatch.rule = way == Rule::P01 ? Rule::P02 : way;
    mismatch.fault = Fault::not_taken;
    mismatch.mode = vcpu.state.mode().value_or(Mode::xapic);
    report_event(verdict, vcpu, vector, mismatch);
}

void ProgramJudge::report(StepVerdict& verdict, const JudgedVcpu& vcpu, const GuestAccess& access,
                          const Mismatch& mismatch) {
    Divergence& divergence = verdict.divergences.emplace_back();
    divergence.mismatch = mismatch;
    divergence.access = access;
    divergence.line = line_;
    divergence.vcpu = fmt::format("vCPU {}", &vcpu - vcpus_.data());
    divergence.because = vcpu.attribution.because(mismatch, access);
}

std::vector<StepVerdict> judge_run(const programs::Program& program, const programs::Execution& run) {
    ProgramJudge judge(program.machine, run.found);
    std::vector<StepVerdict> verdicts;
    verdicts.reserve(program.steps.size());
    auto start = run.soft_starts.begin();
    for (std::size_t i = 0; i < program.steps.size(); ++i) {
        for (; start != run.soft_starts.end() && start->step <= i; ++start) judge.begin_anew(*start);
        verdicts.push_back(judge.judge(program.steps[i], run.outcomes[i]));
    }
    return verdicts;
}

} // namespace lapicheck::checker
