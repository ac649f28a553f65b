#include "checker/vcpu.hpp"

#include <set>
#include <utility>

namespace lapicheck::checker {
namespace {

using traces::GuestAccess;

bool is_window_fault(const Mismatch& mismatch) {
    return mismatch.fault == Fault::answered_by_apic || mismatch.fault == Fault::reached_apic;
}

// Whether it was said beforehand which value would be read.
bool foretells(const Judgement& judgement, const Mismatch& mismatch) {
    if (mismatch.fault == Fault::value) return (mismatch.bits & ~judgement.foretold_bits) == 0;
    constexpr u64 most_of_a_byte = 0x7f;
    return mismatch.fault == Fault::answered_by_apic &&
           (judgement.foretold_bits & most_of_a_byte) == most_of_a_byte;
}

} // namespace

VcpuVerdict Vcpu::judge(const GuestAccess& access, const Visibility& visible) {
    each([&](Worlds& worlds) { worlds.elapse(visible); });
    const bool value_is_ours = !userspace_apic_ || !model::is_mmio(access.kind);
    const unsigned modes_before = main_.count();

    VcpuVerdict verdict;
    Judgement judgement = main_.judge(access, facts_, visible, value_is_ours);
    verdict.determined = judgement.determined;
    Judgement by_init;
    if (init_) {
        by_init = init_->judge(access, facts_, visible, value_is_ours);
        if (!by_init.explained) init_.reset();
    }
    Explanations::Told others;
    if (!others_.empty()) {
        others = others_.judge(access, facts_, visible, value_is_ours, judgement);
        if (others_.empty()) settle(verdict);
    }
    if (judgement.explained) {
        note(access, modes_before);
        if (init_ && ++init_age_ > init_patience) give_up_init();
        if (!others_.empty() && pending_.empty()) others_.grow_old();
        return verdict;
    }
    if (init_ && foretells(by_init, judgement.mismatch)) { // The INIT has taken effect.
        main_.resync(access, facts_, judgement.mismatch);
        others_.add_other(main_); // if the INIT was for another vCPU
        main_ = *std::exchange(init_, std::nullopt);
        evidence_.init(init_line_);
        note(access, modes_before);
        return verdict;
    }
    verdict.mismatch = refined(judgement.mismatch);
    verdict.pending = others.shared ? foretells(others.judgement, *verdict.mismatch)
                                    : is_excused(others.judgement, *verdict.mismatch);
    main_.resync(access, facts_, *verdict.mismatch);
    note(access, modes_before);
    return verdict;
}

void Vcpu::note(const GuestAccess& access, unsigned modes_before) {
    if (access.gp) return;
    const Reg reg = model::register_addressed(access.kind, access.address);
    if (model::is_write(access.kind)) {
        if (reg == Reg::eoi) evidence_.ended(access.line);
        if (!model::is_mmio(access.kind) || access.reached_apic) evidence_.wrote(reg, access);
    } else if (reg != Reg::apic_base) {
        evidence_.showed(reg, access);
    }
    if (modes_before > 1 && main_.count() == 1) evidence_.showed(Reg::apic_base, access);
}

// A reset excuses an observation only if it foretold what was then seen, not if it leaves all open; a
// second one also if it merely allows it.
bool Vcpu::is_excused(const Judgement& by_others, const Mismatch& mismatch) const {
    if (others_.empty()) return false;
    return !pending_.empty() || others_.any_loaded() || foretells(by_others, mismatch);
}

void Vcpu::hold(Divergence divergence) {
    others_.excused();
    if (pending_.size() < most_pending) pending_.push_back(std::move(divergence));
    else ++pending_more_;
    if (!pending_is_decisive() || others_.empty()) return;
    // What was set before is contradicted in several ways, and a reset by userspace explains all.
    main_ = others_.best();
    others_.clear();
    reset_line_ = pending_.front().access.line;
    evidence_.reset_by_host(reset_line_);
    drop_pending();
}

void Vcpu::drop_pending() {
    laid_to_reset_ += pending_.size() + pending_more_;
    pending_.clear();
    pending_more_ = 0;
}

// One register's wrong value may be that register's fault, a window that answers shows again and again,
// and a missing #GP says nothing of the state. Values of several registers speak for a reset.
bool Vcpu::pending_is_decisive() const {
    std::set<Reg> registers;
    bool window_only = true;
    for (const Divergence& divergence : pending_) {
        const Mismatch& mismatch = divergence.mismatch;
        if (mismatch.fault != Fault::value && mismatch.fault != Fault::answered_by_apic) continue;
        registers.insert(mismatch.reg);
        window_only = window_only && is_window_fault(mismatch);
    }
    return !window_only && registers.size() >= 2;
}

void Vcpu::settle(VcpuVerdict& verdict) {
    verdict.settled = std::move(pending_);
    pending_.clear();
    pending_more_ = 0;
}

void Vcpu::catch_up(const AcceptLog& log) {
    if (accepts_seen_ == log.count()) return;
    const bool complete = log.since(accepts_seen_, [this](const AcceptLog::Entry& entry) {
        if (!may_be(entry.id)) return;
        // What it sent itself stands in IRR before its next access; what others send may come and go.
        const bool own = entry.sender == thread_ && is_own(entry.id) && !entry.level_triggered;
        each([&](Worlds& worlds) { worlds.on_accept(entry.vector, own, entry.level_triggered); });
    });
    if (!complete) each([](Worlds& worlds) { worlds.forget_interrupts(); });
    accepts_seen_ = log.count();
}

void Vcpu::host_has_loaded() {
    main_ = Worlds::unknown();
    others_.clear();
    init_.reset();
    evidence_ = {};
    drop_pending();
}

void Vcpu::on_lost() {
    host_has_loaded();
    facts_ = initial_facts_;
    startup_vector_.reset();
}

void Vcpu::init_sent(u64 line) {
    Worlds taken = main_;
    taken.apply_init();
    if (init_) init_->merge(taken);
    else init_ = taken;
    others_.each([](Worlds& worlds) {
        Worlds after = worlds;
        after.apply_init();
        worlds.merge(after);
    });
    init_age_ = 0;
    init_line_ = line;
    startup_vector_.reset();
}

void Vcpu::give_up_init() {
    main_.merge(*init_);
    init_.reset();
}

void Vcpu::enters(u64 rip) {
    if (rip == 0xfff0) host_may_have_reset();
    if (!init_ || !startup_vector_ || rip != u64{*startup_vector_} << 12) return;
    main_ = *std::exchange(init_, std::nullopt);
    evidence_.init(init_line_);
}

std::optional<Mismatch> Vcpu::on_inject(u32 vector, u64 line) {
    std::optional<Mismatch> mismatch = main_.on_inject(vector);
    others_.on_inject(vector);
    if (init_ && init_->on_inject(vector)) init_.reset();
    if (mismatch && (!others_.empty() || init_)) mismatch.reset();
    if (mismatch) main_.forget_interrupts();
    else evidence_.injected(line, vector);
    return mismatch;
}

VcpuVerdict Vcpu::on_cpuid(u64 function, u32 eax, u32 ecx, u32 edx) {
    if (function == 0x8000'0008) {
        const u32 bits = eax & 0xff;
        if (bits >= 32 && bits <= 52) facts_.address_mask = (u64{1} << bits) - 1;
    }
    VcpuVerdict verdict;
    if (function != 1) return verdict;
    facts_.has_x2apic = (ecx & (u32{1} << 21)) != 0;
    facts_.has_tsc_deadline = (ecx & (u32{1} << 24)) != 0;
    const bool shows_apic = (edx & (u32{1} << 9)) != 0;
    const auto admits = [shows_apic](const Worlds& worlds) {
        return shows_apic ? worlds.is_possible(Mode::xapic) || worlds.is_possible(Mode::x2apic)
                          : worlds.is_possible(Mode::disabled);
    };
    if (admits(main_) || (init_ && admits(*init_))) return verdict;
    Mismatch mismatch;
    mismatch.rule = Rule::B12;
    mismatch.fault = Fault::cpuid;
    mismatch.reg = Reg::apic_base;
    mismatch.mode = main_.mode().value_or(Mode::xapic);
    mismatch.bits = u64{1} << 9;
    mismatch.expected = {shows_apic ? 0 : mismatch.bits, mismatch.bits};
    verdict.pending = others_.any(admits);
    verdict.mismatch = mismatch;
    return verdict;
}

bool Vcpu::is_own(u64 id) const {
    if (number_ >= 0) return static_cast<u64>(number_) == id;
    const std::optional<Mode> mode = main_.mode();
    return mode && main_.world(*mode).x2apic_id == Known<u32>{static_cast<u32>(id)};
}

bool Vcpu::may_be(u64 id) const {
    if (number_ >= 0) return static_cast<u64>(number_) == id;
    for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic})
        if (main_.is_possible(mode) && main_.world(mode).x2apic_id.admits(static_cast<u32>(id))) return true;
    return false;
}

bool Vcpu::has_window_at(u64 address) const {
    for (const Mode mode : {Mode::disabled, Mode::xapic, Mode::x2apic}) {
        if (!main_.is_possible(mode)) continue;
        const Known<u64> base = main_.world(mode).apic_base & model::apic_base::page;
        if (base.is_exact() && base.value == (address & model::apic_base::page)) return true;
    }
    return false;
}

// The rule that a wrong value breaks is the one that last put the bit where it should be.
Mismatch Vcpu::refined(Mismatch mismatch) const {
    if (mismatch.fault != Fault::value) return mismatch;
    const Reg reg = mismatch.reg;
    const u64 line = evidence_.line_of(reg);
    const bool by_init =
        evidence_.init_line() > line && reg != Reg::version && reg != Reg::id && reg != Reg::apic_base;
    const bool general = mismatch.rule == Rule::M06 || mismatch.rule == Rule::X14;
    if (general && by_init) mismatch.rule = Rule::R02;
    if (reg >= Reg::isr0 && reg <= Reg::isr7 && mismatch.rule == Rule::P04 &&
        !evidence_.ended_after_injection())
        mismatch.rule = Rule::P02;
    if (!general || !model::is_lvt(reg) || (mismatch.bits & model::lvt::mask) == 0) return mismatch;

    const World& world = main_.world(mismatch.mode);
    const bool after_svr = evidence_.line_of(Reg::svr) > line;
    if (is_software_enabled(world).is_false()) mismatch.rule = after_svr ? Rule::V06 : Rule::V07;
    else if ((mismatch.expected.value & model::lvt::mask) != 0)
        mismatch.rule = after_svr ? Rule::V08 : Rule::L10;
    return mismatch;
}

} // namespace lapicheck::checker
