#include "checker/judge/abstract_state.hpp"

#include "checker/judge/compare.hpp"
#include "checker/judge/departures.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {
namespace {

using model::Access;
using model::ForkingDriver;
using model::index_of;
using model::KnownBits;
using model::KnownBool;
using traces::GuestAccess;

constexpr std::size_t index_of(Mode mode) { return static_cast<std::size_t>(mode); }

constexpr u64 mode_bits(Mode mode) {
    return (mode == Mode::disabled ? 0 : model::apic_base::enable) |
           (mode == Mode::x2apic ? model::apic_base::extd : 0);
}
constexpr u64 mode_mask = model::apic_base::enable | model::apic_base::extd;

ModeState make_unknown_mode_state(Mode mode) {
    ModeState mode_state;
    mode_state.apic_base = {mode_bits(mode), mode_mask | model::apic_base::reserved_low};
    for (const model::RegisterRow& row : model::sdm_registers) {
        const u32 holds = model::is_bitmap(row.reg) ? model::vectors_of(row.reg) : row.defined() & ~row.ones;
        mode_state[row.reg] = {row.ones, ~holds};
    }
    mode_state[Reg::id] = {0, ~model::xapic_id_field};
    mode_state.ier_written = false; // KVM has no such registers; a write that is seen counts
    return mode_state;
}

const ModeState& unknown_mode_state(Mode mode) {
    static const std::array state = {make_unknown_mode_state(Mode::disabled),
                                     make_unknown_mode_state(Mode::xapic),
                                     make_unknown_mode_state(Mode::x2apic)};
    return state[index_of(mode)];
}

// In x2APIC mode CPUID has x2APIC, whether it was seen or not.
CpuFacts facts_in(Mode mode, const CpuFacts& cpu) {
    CpuFacts facts = cpu;
    if (mode == Mode::x2apic) facts.has_x2apic = true;
    return facts;
}

// Nothing is known of the timer's mode: no write of it was seen. It is not taken to be the reserved one, in
// which nothing would be predicted (T01).
bool knows_no_timer_mode(const ModeState& mode_state) {
    return (mode_state[Reg::lvt_timer].known & model::lvt::timer_mode) == 0;
}

// One access of a vCPU in `world`; what comes of errors shows elsewhere (raises_error). Only what is written
// to IA32_APIC_BASE depends on what the mode tells. `waives`: the driver has a rule to waive already.
PathOutcome step_in(ForkingDriver& p, ModeState& mode_state, const CpuFacts& cpu,
                    const Access<KnownBits>& access, bool waives = false) {
    const bool writes_mode = model::is_write(access.kind) &&
                             model::register_addressed(access.kind, access.address.value) == Reg::lvt_timer;
    if (!waives && !writes_mode && knows_no_timer_mode(mode_state)) p.waive(Rule::T01);
    const bool writes_base = access.kind == model::AccessKind::wrmsr &&
                             access.address.value == model::apic_base::msr && !cpu.has_x2apic.known;
    if (!writes_base) return model::quiet_step(p, mode_state, cpu, access);
    return model::quiet_step(p, mode_state, facts_in(mode_of(mode_state), cpu), access);
}

// How far from what was seen a path is that contradicts it: the mode itself, whether there is #GP, or
// only what the access then did.
int distance(const Mismatch& mismatch) {
    const bool is_gate = mismatch.rule == Rule::X01 || mismatch.fault == Fault::answered_by_apic ||
                         mismatch.fault == Fault::reached_apic;
    if (is_gate) return 2;
    return mismatch.fault == Fault::gp_missing || mismatch.fault == Fault::gp_raised ? 1 : 0;
}

// The nearest contradiction says most; of equal ones the first, the paths being ordered from what the
// manual states to what it leaves open.
void keep_nearest(Judgement& judgement, const Mismatch& mismatch) {
    const bool nearer = distance(mismatch) < distance(judgement.mismatch);
    if (judgement.explained || nearer) judgement.mismatch = mismatch;
    judgement.explained = false;
}

// What was observed may be the fault of this access alone, with the state as it should be, or the state may
// be other than it should be: what comes next shows it. A write that should have been refused was carried
// out; only of IA32_APIC_BASE is it worth to follow both.
bool may_have_changed_nothing(const Mismatch& mismatch, const GuestAccess& access) {
    switch (mismatch.fault) {
    case Fault::value:
    case Fault::gp_raised:
    case Fault::answered_by_apic:
    case Fault::reached_apic:
    case Fault::left: return true;
    case Fault::gp_missing: return !is_write(access.kind) || access.address == model::apic_base::msr;
    default: return false;
    }
}

void note_predicted(Judgement& judgement, const PathOutcome& out) {
    judgement.predicted_bits |= out.value.known;
    judgement.predicted |= out.answer != model::Answer::unspecified;
}

// Whether the paths of an access together leave the observation any freedom.
class Freedom {
  public:
    void add(const PathOutcome& out) {
        const u64 known =
            out.answer == model::Answer::apic ? out.value.known | (out.bounded || out.exceeds ? 1U : 0U) : 0;
        gp_seen_ |= out.gp;
        no_gp_seen_ |= !out.gp;
        open_seen_ |= out.answer == model::Answer::unspecified;
        elsewhere_seen_ |= out.answer == model::Answer::elsewhere;
        apic_seen_ |= out.answer == model::Answer::apic;
        value_known_ &= known;
    }
    bool is_constrained(const GuestAccess& access) const {
        if (open_seen_) return false;
        if (is_mmio(access.kind)) {
            if (elsewhere_seen_) return !apic_seen_;
            return is_write(access.kind) || value_known_ != 0;
        }
        return gp_seen_ != no_gp_seen_;
    }

  private:
    bool gp_seen_ = false;
    bool no_gp_seen_ = false;
    bool open_seen_ = false;
    bool elsewhere_seen_ = false;
    bool apic_seen_ = false;
    u64 value_known_ = ~u64{0};
};

} // namespace

Mode mode_of(const ModeState& mode_state) {
    if ((mode_state.apic_base.value & model::apic_base::enable) == 0) return Mode::disabled;
    return (mode_state.apic_base.value & model::apic_base::extd) != 0 ? Mode::x2apic : Mode::xapic;
}

Access<KnownBits> model_access(const GuestAccess& access) {
    return {access.kind, access.address, access.size,
            is_write(access.kind) ? Known<u64>{access.value} : Known<u64>{}};
}

AbstractState AbstractState::unknown() {
    AbstractState state;
    for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic}) {
        state.mode_states_[index_of(mode)] = unknown_mode_state(mode);
        state.possible_[index_of(mode)] = true;
    }
    return state;
}

AbstractState AbstractState::unknown_in(Mode mode, u64 window) {
    ModeState mode_state = unknown_mode_state(mode);
    mode_state.apic_base =
        mode_state.apic_base.refined_by({window & model::apic_base::page, model::apic_base::page});
    AbstractState state;
    state.add(mode_state);
    return state;
}

AbstractState AbstractState::after_reset(const CpuFacts& cpu) {
    // Whether an AMD CPU comes up enabled the manual leaves open (R08); userspace enables the APIC.
    CpuFacts as_intel = cpu;
    as_intel.amd = false;
    ForkingDriver p;
    ModeState mode_state = unknown_mode_state(Mode::xapic);
    model::reset(p, mode_state, as_intel);
    mode_state[Reg::lvt_lint0] = unknown_mode_state(Mode::xapic)[Reg::lvt_lint0];
    for (u32 word = 0; word < 24; ++word) {
        const Reg reg = model::offset_by(Reg::isr0, word);
        mode_state[reg] = unknown_mode_state(Mode::xapic)[reg];
    }
    AbstractState state;
    state.add(mode_state);
    return state;
}

// Of the bootstrap processor only what tells it apart is known beside what the rules say.
AbstractState AbstractState::at_reset(const CpuFacts& cpu, std::optional<u32> version, bool bsp,
                                      bool disabled) {
    AbstractState state;
    CpuFacts facts = cpu;
    if (!disabled) facts.amd = false;
    state.interrupts_known_ = true;
    ForkingDriver p;
    do {
        ModeState mode_state = unknown_mode_state(Mode::xapic);
        if (version) mode_state[Reg::version] = *version;
        model::reset(p, mode_state, facts);
        if (disabled && mode_of(mode_state) != Mode::disabled && !facts.amd.is_false()) continue;
        mode_state.apic_base =
            mode_state.apic_base.refined_by({bsp ? model::apic_base::bsp : 0, model::apic_base::bsp});
        state.add(mode_state);
    } while (p.next_path());
    return state;
}

namespace {

template <class T, class Of>
Known<T> in_all(const std::array<ModeState, model::mode_count>& state,
                const std::array<bool, model::mode_count>& possible, Of of) {
    std::optional<Known<T>> joined;
    for (std::size_t m = 0; m < model::mode_count; ++m)
        if (possible[m]) joined = joined ? joined->join(of(state[m])) : of(state[m]);
    return joined.value_or(Known<T>{});
}

} // namespace

Known<u32> AbstractState::stored(Reg reg) const {
    return in_all<u32>(mode_states_, possible_,
                       [reg](const ModeState& mode_state) { return mode_state[reg]; });
}
Known<u64> AbstractState::tsc_deadline() const {
    return in_all<u64>(mode_states_, possible_,
                       [](const ModeState& mode_state) { return mode_state.tsc_deadline; });
}
Known<u64> AbstractState::apic_base() const {
    return in_all<u64>(mode_states_, possible_,
                       [](const ModeState& mode_state) { return mode_state.apic_base; });
}
Known<u32> AbstractState::bus_id() const {
    return in_all<u32>(mode_states_, possible_, [](const ModeState& mode_state) {
        return mode_of(mode_state) == Mode::x2apic ? mode_state.x2apic_id : mode_state[Reg::id] >> 24;
    });
}

u32 AbstractState::pending_errors() const {
    u32 errors = ~u32{0};
    for (std::size_t m = 0; m < model::mode_count; ++m)
        if (possible_[m]) errors &= mode_states_[m].esr_pending.value;
    return errors;
}

Known<u32> AbstractState::collected_errors() const {
    return in_all<u32>(mode_states_, possible_,
                       [](const ModeState& mode_state) { return mode_state.esr_pending; });
}

bool AbstractState::may_be_periodic() const {
    for (std::size_t m = 0; m < model::mode_count; ++m)
        if (possible_[m] && !has_any(mode_states_[m][Reg::lvt_timer], model::lvt::timer_periodic).is_false())
            return true;
    return false;
}

void AbstractState::add(const ModeState& mode_state) {
    const std::size_t m = index_of(mode_of(mode_state));
    if (!possible_[m]) {
        mode_states_[m] = mode_state;
        possible_[m] = true;
        return;
    }
    ModeState& into = mode_states_[m];
    model::for_each_word([](model::StateWord, auto& word, const auto& other) { word = word.join(other); },
                         into, mode_state);
}

void AbstractState::merge(const AbstractState& other) {
    for (std::size_t m = 0; m < model::mode_count; ++m)
        if (other.possible_[m]) add(other.mode_states_[m]);
    interrupts_known_ = interrupts_known_ || other.interrupts_known_;
}

unsigned AbstractState::count() const {
    unsigned n = 0;
    for (const bool possible : possible_) n += possible ? 1 : 0;
    return n;
}

std::optional<Mode> AbstractState::mode() const {
    if (count() != 1) return std::nullopt;
    for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic})
        if (is_possible(mode)) return mode;
    return std::nullopt;
}

bool AbstractState::knows_service() const {
    for (std::size_t m = 0; interrupts_known_ && m < model::mode_count; ++m) {
        u32 unknown = 0;
        for (u32 word = 0; possible_[m] && word < 8; ++word) {
            const Reg reg = model::offset_by(Reg::isr0, word);
            unknown |= ~mode_states_[m][reg].known & model::vectors_of(reg);
        }
        if (unknown != 0) return false;
    }
    return interrupts_known_;
}

Judgement AbstractState::judge(const Observation& seen) {
    if (!seen.access.ended_interrupt) return judge_access(seen);
    const bool knew_service = knows_service();
    Judgement judgement = judge_access(seen);
    judgement.predicted_service = knew_service && judgement.explained;
    return judgement;
}

Judgement AbstractState::judge_access(const Observation& seen) {
    const auto& [access, cpu, visible, value_is_ours] = seen;
    if (!is_write(access.kind) || (access.ended_interrupt && visible.interrupts())) interrupts_known_ = true;
    if (count() != 1) return judge_paths(seen);

    // The usual case, one mode and one path, works in place.
    const Mode mode = *this->mode();
    ModeState& mode_state = mode_states_[index_of(mode)];
    const ModeState before = mode_state;
    ForkingDriver p;
    const PathOutcome out = step_in(p, mode_state, cpu, model_access(access));
    if (p.has_forked()) {
        mode_state = before;
        return judge_paths(seen);
    }
    Judgement judgement;
    Freedom freedom;
    freedom.add(out);
    judgement.determined = freedom.is_constrained(access);
    if (auto mismatch = compare(out, before, seen)) {
        mode_state = before;
        keep_nearest(judgement, *mismatch);
        return judgement;
    }
    note_predicted(judgement, out);
    if (value_is_ours) learn(mode_state, out, access);
    if (visible.interrupts()) learn_service(mode_state, before, out, access);
    if (const Mode after = mode_of(mode_state); after != mode) {
        mode_states_[index_of(after)] = mode_state;
        possible_[index_of(mode)] = false;
        possible_[index_of(after)] = true;
    }
    return judgement;
}

Judgement AbstractState::judge_paths(const Observation& seen) {
    const GuestAccess& access = seen.access;
    const CpuFacts& cpu = seen.cpu;
    AbstractState survivors;
    std::array<Judgement, model::mode_count> refuted;
    Judgement judgement;
    Freedom freedom;
    const Access<KnownBits> asked = model_access(access);
    for_each_mode([&](const ModeState& before) {
        Judgement& here = refuted[index_of(mode_of(before))];
        bool survives = false;
        ForkingDriver p;
        do {
            ModeState mode_state = before;
            const PathOutcome out = step_in(p, mode_state, cpu, asked);
            freedom.add(out);
            if (auto mismatch = compare(out, before, seen)) {
                keep_nearest(here, *mismatch);
                continue;
            }
            survives = true;
            note_predicted(judgement, out);
            if (seen.value_is_ours) learn(mode_state, out, access);
            if (seen.visible.interrupts()) learn_service(mode_state, before, out, access);
            survivors.add(mode_state);
        } while (p.next_path());
        if (survives) here.explained = true;
        else keep_nearest(judgement, here.mismatch);
    });
    judgement.determined = freedom.is_constrained(access);
    if (survivors.count() == 0) return judgement;
    keep_departing(survivors, refuted, access, cpu);
    mode_states_ = survivors.mode_states_;
    possible_ = survivors.possible_;
    judgement.explained = true;
    return judgement;
}

std::optional<Mismatch> AbstractState::wrong_besides(const Observation& seen, Rule waived) const {
    Judgement judgement;
    const Access<KnownBits> asked = model_access(seen.access);
    for (std::size_t m = 0; m < model::mode_count; ++m) {
        if (!possible_[m]) continue;
        ForkingDriver p;
        p.waive(waived);
        do {
            ModeState mode_state = mode_states_[m];
            const PathOutcome out = step_in(p, mode_state, seen.cpu, asked, true);
            const auto mismatch = compare(out, mode_states_[m], seen);
            if (!mismatch) return std::nullopt;
            keep_nearest(judgement, *mismatch);
        } while (p.next_path());
    }
    return judgement.mismatch;
}

// What KVM is known to do in a mode does not speak against that mode.
void AbstractState::keep_departing(AbstractState& survivors,
                                   const std::array<Judgement, model::mode_count>& refuted,
                                   const GuestAccess& access, const CpuFacts& cpu) {
    if (count() == 1) return;
    Circumstances circumstances;
    circumstances.amd = cpu.amd;
    for_each_mode([&](const ModeState& before) {
        const Judgement& here = refuted[index_of(mode_of(before))];
        if (!here.explained && find_departure(here.mismatch, access, circumstances) != nullptr)
            take_over(before, access, cpu, here.mismatch, survivors);
    });
}

// Adds to `next` what `before` may have become.
void AbstractState::take_over(const ModeState& before, const GuestAccess& access, const CpuFacts& cpu,
                              const Mismatch& mismatch, AbstractState& next) {
    if (may_have_changed_nothing(mismatch, access)) next.add(before);
    ForkingDriver p;
    const bool waives = mismatch.fault == Fault::gp_missing || mismatch.fault == Fault::reached_apic ||
                        mismatch.fault == Fault::answered_by_apic;
    if (waives) p.waive(mismatch.rule);
    do {
        ModeState mode_state = before;
        const PathOutcome out = step_in(p, mode_state, cpu, model_access(access), waives);
        if (out.gp && !access.gp) continue;
        learn(mode_state, out, access);
        next.add(mode_state);
    } while (p.next_path());
}

void AbstractState::resync(const GuestAccess& access, const CpuFacts& cpu, const Mismatch& mismatch) {
    if (mismatch.fault == Fault::eoi_vector) return clear_in_service(access.eoi_vector);
    AbstractState next;
    next.interrupts_known_ = interrupts_known_;
    for_each_mode([&](const ModeState& before) { take_over(before, access, cpu, mismatch, next); });
    if (next.count() != 0) *this = next;
}

void AbstractState::clear_in_service(u64 vector) {
    if (vector > 0xff) return;
    const auto ended = static_cast<u32>(vector);
    for_each_mode([ended](ModeState& mode_state) {
        mode_state[model::word_of(Reg::isr0, ended)] &= ~model::bit_of(ended);
    });
}

void AbstractState::elapse(const CpuFacts& cpu, const Visibility& visible, bool shows_lvt) {
    for_each_mode([&cpu, shows_lvt](ModeState& mode_state) {
        ForkingDriver p;
        model::elapse(p, mode_state, cpu, shows_lvt);
    });
    if (!visible.interrupts()) forget_interrupts();
    if (visible.accelerated) {
        forget(Reg::tpr);
        forget(Reg::icr_high);
    }
}

void AbstractState::apply_init() {
    transform([](ForkingDriver& p, ModeState& mode_state) { model::init(p, mode_state); });
}

void AbstractState::may_step(const GuestAccess& access, const CpuFacts& cpu) {
    const AbstractState before = *this;
    transform(
        [&](ForkingDriver& p, ModeState& mode_state) { step_in(p, mode_state, cpu, model_access(access)); });
    merge(before);
}

namespace {

// As if the rules that close the window did not, and the access were made where it is.
template <class Visit>
void each_way_if_open(const ModeState& mode_state, const CpuFacts& cpu, const GuestAccess& access,
                      Visit visit) {
    ModeState open = mode_state;
    open.apic_base = (open.apic_base & ~model::apic_base::extd) | model::apic_base::enable;
    GuestAccess inside = access;
    inside.address =
        (open.apic_base.value & model::apic_base::page) | (access.address & (model::window_bytes - 1));
    open.apic_base = open.apic_base.refined_by({inside.address, model::apic_base::page});
    ForkingDriver p;
    do {
        ModeState after = open;
        const PathOutcome out = step_in(p, after, cpu, model_access(inside));
        after.apic_base = mode_state.apic_base;
        visit(out, after);
    } while (p.next_path());
}

} // namespace

Known<u64> AbstractState::answer_if_open(const GuestAccess& access, const CpuFacts& cpu) const {
    std::optional<Known<u64>> all;
    for (std::size_t m = 0; m < model::mode_count; ++m) {
        if (!possible_[m]) continue;
        each_way_if_open(mode_states_[m], cpu, access, [&](const PathOutcome& out, const ModeState&) {
            const Known<u64> told = out.answer == model::Answer::apic ? out.value : Known<u64>{};
            all = all ? all->join(told) : told;
        });
    }
    return all.value_or(Known<u64>{}) & Known<u64>{model::size_mask(access.size)};
}

void AbstractState::carry_out_though_closed(const GuestAccess& access, const CpuFacts& cpu) {
    AbstractState next;
    next.interrupts_known_ = interrupts_known_;
    for_each_mode([&](const ModeState& before) {
        each_way_if_open(before, cpu, access,
                         [&](const PathOutcome&, const ModeState& after) { next.add(after); });
    });
    *this = next;
}

// Registers keep their values in another mode, but for those whose form it changes. What an APIC holds that
// was disabled is not followed.
void AbstractState::host_may_have_set_sregs() {
    AbstractState next;
    next.interrupts_known_ = interrupts_known_;
    for_each_mode([&](const ModeState& before) {
        for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic}) {
            const ModeState& unknown = unknown_mode_state(mode);
            const bool is_same = mode_of(before) == mode;
            ModeState mode_state = is_same || is_enabled(before).is_true() ? before : unknown;
            mode_state.apic_base = unknown.apic_base;
            mode_state[Reg::tpr] = unknown[Reg::tpr];
            if (!is_same)
                for (const Reg reg : {Reg::id, Reg::ldr, Reg::icr_high}) mode_state[reg] = unknown[reg];
            next.add(mode_state);
        }
    });
    *this = next;
}

void AbstractState::forget(Reg reg) {
    const model::RegisterRow& row = model::sdm_registers[index_of(reg)];
    for_each_mode([&row](ModeState& mode_state) {
        ForkingDriver p;
        model::leave_written_unspecified(p, Rule::M09, mode_state, row, KnownBool{true});
    });
}

void AbstractState::keep(Reg reg, const AbstractState& of) {
    const Known<u32> kept = of.stored(reg);
    for_each_mode([&](ModeState& mode_state) { mode_state[reg] = kept; });
}

void AbstractState::on_stray_write(Reg reg, u64 value, const CpuFacts& cpu) {
    if (reg == Reg::none) return;
    const model::RegisterRow& row = model::sdm_registers[index_of(reg)];
    const AbstractState before = *this;
    transform([&](ForkingDriver& p, ModeState& mode_state) {
        const bool x2apic = has_extd(mode_state).is_true();
        if (is_enabled(mode_state).is_true())
            model::write_register(p, mode_state, cpu, row, Known<u32>{model::low_half(value)}, x2apic);
    });
    merge(before);
}

} // namespace lapicheck::checker
