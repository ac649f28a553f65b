// To whom commands go, as far as a recording tells: those who accepted one held against those it addresses.
#include <algorithm>

#include "checker/judge/messages.hpp"
#include "checker/replay/replay.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {

using traces::GuestAccess;

namespace {

// The command of the ICR that a kvm_apic_ipi shows.
u32 command_of(const traces::Event& ipi) {
    return static_cast<u32>(ipi.value & model::icr::vector) | icr_of(ipi.interrupt);
}

// The one that is named by its ID accepts what an APIC in x2APIC mode sends: most commands are such.
bool is_usual(const GuestAccess& access, const AcceptedBy& by) {
    return !model::is_mmio(access.kind) && access.ipi.shorthand == traces::Shorthand::none &&
           !access.ipi.logical && by.surely.size() == 1 && by.surely[0] == access.ipi_destination;
}

// The ID that stands there more than once.
std::optional<u64> first_twice(std::vector<u64> ids) {
    std::ranges::sort(ids);
    const auto twice = std::ranges::adjacent_find(ids);
    return twice != ids.end() ? std::optional{*twice} : std::nullopt;
}

// The sender, whose ID nothing shows.
constexpr u64 unknown_apic = ~u64{0};

// Of the APIC, or how many there were, and the vector.
constexpr std::string_view detail_of(Fault fault, u64 apic_or_count) {
    switch (fault) {
    case Fault::accepted_by_several: return "{} APICs accepted vector {:02X}H";
    case Fault::accepted_twice: return "APIC {} accepted vector {:02X}H twice";
    case Fault::accepted_unaddressed: return "APIC {} accepted vector {:02X}H";
    default: break;
    }
    return apic_or_count == unknown_apic ? "the sender's own APIC did not accept vector {1:02X}H"
                                         : "APIC {} did not accept vector {:02X}H";
}

} // namespace

// What the command of an access says of its receivers, held against those who accepted it.
void Replay::check_delivery(Thread& thread, ReplayedVcpu& sender, const GuestAccess& access) {
    const bool shows_all = visible_.accepts && !visible_.accelerated && access.ipis == 1 && !access.gp &&
                           !access.begins_late && !access.ends_early && !thread.takes_turns &&
                           thread.vcpus.size() == 1;
    if (!shows_all) return;
    const auto by = thread.acceptances.of(access);
    if (!by) return;
    for (const u64 id : by->surely) thread.acceptances.reached(id);
    for (const u64 line : by->lines) machines_.sent(line, access.thread);
    if (by->surely.empty() && !by->maybe.empty())
        note_once(noted_unbounded_,
                  "neither kvm_exit nor kvm_entry is recorded: a kvm_apic_accept_irq event before "
                  "a kvm_apic_ipi event of the same vector counts as belonging to it");
    if (is_usual(access, *by)) return;
    const auto message = message_of(access, sender);
    if (!message) return;
    const bool is_lowest = access.ipi.delivery_mode == traces::DeliveryMode::lowest_priority;
    if (access.ipi.shorthand == traces::Shorthand::self) return check_self(thread, sender, access, *by);
    const bool is_reserved = !model::is_mmio(access.kind); // in x2APIC mode (I24)
    const bool is_defined =
        !is_reserved && is_lowest_priority_defined(*message, sender.facts().amd, sender.state());
    if (is_lowest && !is_defined) return;
    if (is_lowest && by->surely.size() > 1)
        return report(thread, delivery_differs(sender, access, Rule::I13, Fault::accepted_by_several,
                                               by->surely.size()));
    // The sender's own timer may send it the same vector meanwhile.
    if (const auto twice = first_twice(by->surely); twice && !sender.may_be(*twice))
        return report(thread, delivery_differs(sender, access, Rule::I17, Fault::accepted_twice, *twice));
    const bool but_self = access.ipi.shorthand == traces::Shorthand::all_but_self;
    const auto shorthand = static_cast<u32>(access.ipi.shorthand);
    for (const u64 id : by->surely) {
        const auto [receiver, presumed] = vcpu_with(id, sender);
        if (receiver == nullptr) continue;
        const bool to_itself = but_self && receiver == &sender;
        if (!to_itself && receiver->may_be_addressed(*message)) continue;
        const Rule rule = rule_of_addressing(*message, shorthand, *receiver);
        Divergence divergence = delivery_differs(sender, access, rule, Fault::accepted_unaddressed, id);
        divergence.mismatch.presumes_one_vm = presumed;
        receiver->expect({*message, false, std::move(divergence), to_itself});
    }
    const bool is_fixed = access.ipi.delivery_mode == traces::DeliveryMode::fixed;
    const bool is_legal = !is_fixed || access.ipi_vector >= model::first_legal_vector;
    if (is_legal && !is_lowest && !access.ipi.level_triggered)
        check_missing(thread, sender, access, *message, *by);
}

// Whether KVM's map has this APIC, and in a place that no other takes.
bool Replay::has_own_logical_bit(const ReplayedVcpu& receiver) const {
    bool is_own = has_one_logical_bit(receiver.state()) &&
                  has_any(receiver.state().stored(Reg::svr), model::svr::enable).is_true();
    for_each_vcpu([&](const ReplayedVcpu& other) {
        if (&other != &receiver && may_have_same_logical_bit(receiver.state(), other.state())) is_own = false;
    });
    return is_own;
}

// Those that commands of this thread have reached before are of the same machine.
void Replay::check_missing(Thread& thread, ReplayedVcpu& sender, const GuestAccess& access,
                           const AbstractState::Message& message, const AcceptedBy& by) {
    const bool to_all = access.ipi.shorthand != traces::Shorthand::none ||
                        access.ipi_destination == model::everybody(!model::is_mmio(access.kind));
    const auto check = [&](u64 id) {
        if (by.may_be(id)) return;
        const auto [receiver, presumed] = vcpu_with(id, sender);
        if (receiver == nullptr || !receiver->must_be_addressed(message)) return;
        if (receiver == &sender && (!to_all || access.ipi.shorthand == traces::Shorthand::all_but_self))
            return;
        const bool by_map = access.ipi.logical && !to_all && receiver->state().mode() != Mode::x2apic;
        if (by_map && !has_own_logical_bit(*receiver)) return;
        const auto shorthand = static_cast<u32>(access.ipi.shorthand);
        const Rule rule = rule_of_addressing(message, shorthand, *receiver);
        Divergence divergence = delivery_differs(sender, access, rule, Fault::not_accepted, id);
        divergence.mismatch.presumes_one_vm = presumed;
        divergence.mismatch.departure = departure_missing(divergence, sender, *receiver, message, by);
        receiver->expect({message, true, std::move(divergence)});
    };
    const bool is_fixed = access.ipi.delivery_mode == traces::DeliveryMode::fixed;
    if (const auto own = sender.sure_id(); own && to_all && is_fixed) thread.acceptances.reached(*own);
    if (to_all || access.ipi.logical) std::ranges::for_each(thread.acceptances.all_reached(), check);
    else if (std::ranges::binary_search(thread.acceptances.all_reached(), access.ipi_destination))
        check(access.ipi_destination);
}

// Whether KVM is known to leave out this receiver.
const specs::Departure* Replay::departure_missing(const Divergence& missing, const ReplayedVcpu& sender,
                                                  const ReplayedVcpu& receiver,
                                                  const AbstractState::Message& message,
                                                  const AcceptedBy& by) {
    Circumstances circumstances = receiver.circumstances_of(missing.mismatch);
    circumstances.logical_id_is_its_own = has_own_logical_bit(receiver);
    circumstances.id_of_another_too = std::ranges::any_of(by.surely, [&](u64 id) {
        const ReplayedVcpu* const other = vcpu_with(id, sender).vcpu;
        return other != nullptr && other->may_be_addressed(message);
    });
    for_each_vcpu([&](const ReplayedVcpu& vcpu) {
        const Known<u32> svr = vcpu.state().stored(Reg::svr);
        if (has_any(svr, model::svr::enable).is_true()) circumstances.all_software_disabled = false;
    });
    return find_departure(missing.mismatch, missing.access, circumstances);
}

// An interrupt to the sender itself: nothing stands between.
void Replay::check_self(Thread& thread, const ReplayedVcpu& sender, const GuestAccess& access,
                        const AcceptedBy& by) {
    const bool by_self_ipi = model::register_addressed(access.kind, access.address) == Reg::self_ipi;
    const Rule rule = by_self_ipi ? Rule::I16 : Rule::I05;
    for (const u64 id : by.surely)
        if (!sender.may_be(id))
            return report(thread, delivery_differs(sender, access, rule, Fault::accepted_unaddressed, id));
    const bool is_fixed = access.ipi.delivery_mode == traces::DeliveryMode::fixed;
    const bool is_legal = access.ipi_vector >= model::first_legal_vector;
    if (!by.nobody() || !is_fixed || !is_legal || access.ipi.level_triggered) return;
    report(thread, delivery_differs(sender, access, rule, Fault::not_accepted,
                                    sender.sure_id().value_or(unknown_apic)));
}

Divergence Replay::delivery_differs(const ReplayedVcpu& sender, const GuestAccess& access, Rule rule,
                                    Fault fault, u64 apic_or_count) const {
    Mismatch mismatch;
    mismatch.rule = rule;
    mismatch.fault = fault;
    mismatch.reg = model::register_addressed(access.kind, access.address);
    mismatch.mode = sender.state().mode().value_or(Mode::xapic);
    mismatch.unseen_wrmsr = !visible_.msrs;
    mismatch.detail = {detail_of(fault, apic_or_count), apic_or_count, access.ipi_vector};
    if (fault == Fault::accepted_unaddressed) {
        Circumstances circumstances = sender.circumstances_of(mismatch);
        circumstances.wide_id_of_target =
            access.ipi_destination == apic_or_count && apic_or_count > model::everybody(false);
        mismatch.departure = find_departure(mismatch, access, circumstances);
    }
    return sender.divergence_of(access, mismatch);
}

VcpuIndex::Found Replay::vcpu_with(u64 id, const ReplayedVcpu& sender) {
    return index_.find(id, sender.thread(), machines_, [this](auto visit) { for_each_vcpu(visit); });
}

// By the receiver's next event all has been seen that it did before it accepted.
void Replay::report_deliveries(Thread& thread) { report(thread, thread.current->settle_deliveries()); }

// Where kvm_apic_accept_irq does not show to whom an INIT or SIPI goes, the command tells.
void Replay::note_command(const GuestAccess& access, const ReplayedVcpu& sender) {
    const bool by_mmio = model::is_mmio(access.kind);
    if (!is_write(access.kind) || access.gp) return;
    if (model::register_addressed(access.kind, access.address) != Reg::icr) return;
    if (by_mmio && sender.state().mode() == Mode::x2apic) return;
    const Known<u32> high = sender.state().stored(Reg::icr_high) >> 24;
    std::optional<u64> destination;
    if (!by_mmio) destination = access.value >> 32;
    else if ((high.known & 0xff) == 0xff) destination = high.value;
    command_sent({&sender, access.line}, model::low_half(access.value), destination);
}

void Replay::command_sent(const Sender& sender, const traces::Event& ipi) {
    command_sent(sender, command_of(ipi), ipi.where);
}

void Replay::command_sent(const Sender& sender, u32 command, std::optional<u64> destination) {
    const u32 mode = command & model::icr::delivery_mode;
    const bool is_init = mode == model::delivery_mode::init;
    const bool deasserts = model::is_deassert(command);
    if (!is_init && (mode != model::delivery_mode::startup || deasserts)) return;
    const model::Shorthand whom = model::shorthand_of(command);
    const bool by_id = whom == model::Shorthand::none && (command & model::icr::logical) == 0 &&
                       destination && *destination != model::everybody(false) &&
                       *destination != model::everybody(true);
    for_each_vcpu([&](ReplayedVcpu& vcpu) {
        const bool is_sender = &vcpu == sender.vcpu;
        if (whom == model::Shorthand::self && !is_sender) return;
        if (whom == model::Shorthand::all_but_self && is_sender) return;
        if (by_id && !vcpu.may_be(*destination)) return;
        if (deasserts && vcpu.facts().amd.is_false()) return; // I07
        vcpu.catch_up(accepts_, machines_);
        if (is_init) states_replaced_ += vcpu.init_sent(sender.line) ? 1U : 0U;
        else vcpu.startup_sent(command & model::icr::vector);
    });
}

} // namespace lapicheck::checker
