// One vCPU's account: what was accepted, injected and ended, from its events one by one.
#pragma once

#include <utility>

#include "checker/ledger/ledger.hpp"
#include "checker/ledger/timeline.hpp"

namespace lapicheck::checker::ledger {

struct Acceptance {
    Point at = {};
    u32 vector = 0;
    bool level = false;
    bool dropped = false;
    bool ambiguous = false;
    bool by_own_thread = false;
    Source source = Source::unknown;
    std::optional<u32> sender = {}; // vCPU
    Point requested = {};
};

class Account {
  public:
    Account(u32 index, Timeline& timeline) : index_(index), timeline_(&timeline) {}

    u32 index() const { return index_; }
    VcpuLedger& facts() { return facts_; }
    const VcpuLedger& facts() const { return facts_; }

    void accept(const Acceptance& accepted);
    // The acceptance of that line was by request of somebody else than it seemed.
    void reattribute(u32 vector, u64 line, Source from, const Acceptance& now);
    // `may_wait`: it may have been reset, and wait for a SIPI.
    void accept_other(traces::DeliveryMode mode, u32 vector, Point at, bool may_wait);
    // `may_be_again`: the trace does not tell injections from reinjections.
    void inject(Point at, u32 vector, bool reinjected, bool may_be_again);
    void end(Point at, u32 vector);
    // An EOI of which the recording does not tell what it ended: the highest in service, if one is known.
    void end_highest(Point at);
    void end_nothing(Point at);
    void ended_lazily(u32 vector) { ++facts_.vectors[vector].ended_lazily; }
    // The I/O APIC received the last EOI.
    void broadcast() {
        if (const auto vector = std::exchange(last_eoi_, std::nullopt)) ++facts_.vectors[*vector].broadcast;
    }
    void unanswered(u32 vector, Point at);
    void enter(Point at, u64 rip);
    void exit(Point at, bool by_hlt);
    // What is pending and in service may be so no more: INIT, RESET, a disabled APIC, lost events.
    void abandon();
    void on_init();
    void access(const traces::GuestAccess& access);
    // Acceptances may have been for another vCPU of this number.
    void doubt_others();
    // Of the same vCPU: another account, made before that was known.
    void absorb(Account&& other);
    // Nothing comes any more.
    VcpuLedger finish();

  private:
    // Beyond what the ledger tells of a vector.
    struct Track {
        Delivery pending;
        Delivery in_service;
        bool pending_by_own_thread = false;
        u64 last_injected = 0; // lines
        u64 last_accepted = 0;
        u64 storm_rounds = 0; // of the one that goes on
        u64 storm_first = 0;
        u64 storm_gap = 0;
    };

    void note_storm(VectorRow& row, Track& track, const Acceptance& accepted);
    void note_overtaken(u32 by, Point at);
    bool was_surely_pending(const Pending& pending) const;
    void runs(u64 line);
    void take_service(VectorRow& row, Track& track, Point at, u32 vector);
    void note_lower_eoi(u32 vector, const InService& ended, Point at);
    void end_service(VectorRow& row, Track& track, Point at, u32 vector);
    void draw(Delivery delivery, Delivery::End end, Point at = {});

    u32 index_;
    Timeline* timeline_;
    VcpuLedger facts_;
    std::map<u32, Track> tracks_;
    u64 last_boundary_ = 0; // the line of the last entry or exit before the current event
    u64 last_entry_ = 0;
    u64 last_injection_ = 0;
    u64 running_since_ = 0; // line
    bool saw_init_ = false;
    std::optional<u32> last_eoi_;   // the vector that it ended, if the I/O APIC was not seen to receive it
    std::optional<u32> last_ended_; // vector, if nothing was accepted since
    Point last_end_;
};

} // namespace lapicheck::checker::ledger
