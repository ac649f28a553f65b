#include "checker/ledger/account.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lapicheck::checker::ledger {
namespace {

constexpr std::size_t most_waits = 3;
constexpr std::size_t most_accesses = 5;
constexpr std::size_t most_overtakings = 8;
constexpr std::size_t most_senders = 64; // of a vector
// A device that raises its line again takes longer. Nanoseconds, or ticks, of which no CPU counts fewer.
constexpr u64 right_after = 50'000;

void note(OtherMode& mode, Point at) {
    if (mode.count++ == 0) mode.first_line = at.line;
    mode.last_line = at.line;
}

void add(OtherMode& to, const OtherMode& from) {
    if (from.count == 0) return;
    to.first_line = to.count == 0 ? from.first_line : std::min(to.first_line, from.first_line);
    to.last_line = std::max(to.last_line, from.last_line);
    to.count += from.count;
}

void note_longest(std::vector<Wait>& longest, const Wait& wait) {
    const auto at = std::ranges::find_if(longest, [&](const Wait& w) { return w.length() < wait.length(); });
    if (at == longest.end() && longest.size() >= most_waits) return;
    longest.insert(at, wait);
    if (longest.size() > most_waits) longest.pop_back();
}

void add(Waits& to, const Waits& from) {
    if (from.count == 0) return;
    if (to.count == 0 || from.longest.length() > to.longest.length()) to.longest = from.longest;
    to.count += from.count;
    to.total += from.total;
}

void add_counts(VectorRow& to, const VectorRow& from) {
    for (std::size_t i = 0; i < source_count; ++i) to.requested[i] += from.requested[i];
    for (const auto& [sender, count] : from.senders) to.senders[sender] += count;
    for (u64 VectorRow::*count :
         {&VectorRow::accepted, &VectorRow::again, &VectorRow::dropped, &VectorRow::level,
          &VectorRow::injected, &VectorRow::unrequested, &VectorRow::reinjected, &VectorRow::ended,
          &VectorRow::ended_unseen, &VectorRow::ended_lazily, &VectorRow::broadcast, &VectorRow::abandoned})
        to.*count += from.*count;
    add(to.until_injected, from.until_injected);
    add(to.until_ended, from.until_ended);
    add(to.accepted_ended, from.accepted_ended);
    if (from.storm.rounds > to.storm.rounds) to.storm = from.storm;
}

void count_source(VectorRow& row, Source source, std::optional<u32> sender) {
    ++row.requested[static_cast<std::size_t>(source)];
    if (source == Source::ipi && sender &&
        (row.senders.contains(*sender) || row.senders.size() < most_senders))
        ++row.senders[*sender];
}

} // namespace

void Waits::add(const Wait& wait) {
    if (count++ == 0 || wait.length() > longest.length()) longest = wait;
    total += wait.length();
}

void Account::draw(Delivery delivery, Delivery::End end, Point at) {
    delivery.vcpu = index_;
    delivery.end = end;
    if (end == Delivery::End::ended) delivery.ended = at;
    timeline_->add(delivery);
}

void Account::accept(const Acceptance& accepted) {
    VectorRow& row = facts_.vectors[accepted.vector];
    ++row.accepted;
    if (accepted.level) ++row.level;
    count_source(row, accepted.source, accepted.sender);
    if (facts_.is_ambiguous) return;
    Track& track = tracks_[accepted.vector];
    note_storm(row, track, accepted);
    track.last_accepted = accepted.at.line;
    if (accepted.dropped) ++row.dropped;
    if (row.pending && !row.pending->dropped) {
        if (!accepted.dropped) ++row.again;
        return;
    }
    row.pending = Pending{.accepted = accepted.at,
                          .source = accepted.source,
                          .level = accepted.level,
                          .dropped = accepted.dropped,
                          .ambiguous = accepted.ambiguous};
    track.pending_by_own_thread = accepted.by_own_thread;
    track.pending = Delivery{.vcpu = index_,
                             .sender = accepted.sender,
                             .vector = static_cast<std::uint8_t>(accepted.vector),
                             .source = accepted.source,
                             .level = accepted.level,
                             .requested = accepted.requested,
                             .accepted = accepted.at};
}

void Account::note_storm(VectorRow& row, Track& track, const Acceptance& accepted) {
    const bool same = std::exchange(last_ended_, std::nullopt) == accepted.vector;
    const u64 gap = accepted.at.time > last_end_.time ? accepted.at.time - last_end_.time : 0;
    if (!same || !accepted.level || gap > right_after) {
        track.storm_rounds = 0;
        return;
    }
    if (track.storm_rounds++ == 0) {
        track.storm_first = last_end_.line;
        track.storm_gap = 0;
    }
    track.storm_gap = std::max(track.storm_gap, gap);
    if (track.storm_rounds >= row.storm.rounds)
        row.storm = {track.storm_rounds, track.storm_first, accepted.at.line, track.storm_gap};
}

void Account::reattribute(u32 vector, u64 line, Source from, const Acceptance& now) {
    VectorRow& row = facts_.vectors[vector];
    u64& before = row.requested[static_cast<std::size_t>(from)];
    if (before != 0) --before;
    count_source(row, now.source, now.sender);
    if (!row.pending || row.pending->accepted.line != line) return;
    row.pending->source = now.source;
    Delivery& drawn = tracks_[vector].pending;
    drawn.source = now.source;
    drawn.sender = now.sender;
    drawn.requested = now.requested;
}

void Account::accept_other(traces::DeliveryMode mode, u32 vector, Point at, bool may_wait) {
    note(facts_.others[mode], at);
    if (mode == traces::DeliveryMode::startup && running_since_ != 0 && !saw_init_ && !may_wait &&
        facts_.idle_sipi.line == 0)
        facts_.idle_sipi = {.line = at.line, .vector = vector, .running_since = running_since_};
}

void Account::on_init() {
    saw_init_ = true;
    abandon();
}

bool Account::was_surely_pending(const Pending& pending) const {
    if (pending.dropped || pending.ambiguous) return false;
    return pending.accepted.line < (last_boundary_ != 0 ? last_boundary_ : last_injection_);
}

void Account::note_overtaken(u32 by, Point at) {
    for (auto row = facts_.vectors.upper_bound(by); row != facts_.vectors.end(); ++row) {
        auto& pending = row->second.pending;
        if (!pending || !was_surely_pending(*pending)) continue;
        if (pending->overtaken++ == 0) {
            pending->overtaken_by = by;
            pending->first_overtaken = at.line;
        }
        pending->last_overtaken = at.line;
    }
}

void Account::inject(Point at, u32 vector, bool reinjected, bool may_be_again) {
    runs(at.line);
    VectorRow* const known = facts_.vectors.contains(vector) ? &facts_.vectors[vector] : nullptr;
    // What is in service is not injected: its class is not above that of PPR.
    if (reinjected || (may_be_again && known != nullptr && known->in_service)) {
        if (known != nullptr) ++known->reinjected; // else a software interrupt
        return;
    }
    VectorRow& row = facts_.vectors[vector];
    Track& track = tracks_[vector];
    ++row.injected;
    track.last_injected = at.line;
    if (!row.pending) ++row.unrequested;
    else if (!row.pending->ambiguous) note_overtaken(vector, at);
    take_service(row, track, at, vector);
    last_injection_ = at.line;
}

void Account::take_service(VectorRow& row, Track& track, Point at, u32 vector) {
    if (vector < model::first_legal_vector) return row.pending.reset(); // the PIC's: never in ISR
    if (row.in_service) {
        ++row.abandoned;
        draw(track.in_service, Delivery::End::abandoned);
    }
    row.in_service = InService{.injected = at};
    track.in_service = Delivery{.vcpu = index_, .vector = static_cast<std::uint8_t>(vector)};
    if (row.pending) {
        row.in_service->accepted = row.pending->accepted;
        track.in_service = track.pending;
        const Wait wait{vector, row.pending->accepted, at};
        row.until_injected.add(wait);
        note_longest(facts_.longest_until_injected, wait);
        if (row.pending->overtaken != 0) {
            if (facts_.overtakings.size() < most_overtakings)
                facts_.overtakings.push_back({vector, *row.pending, at});
            else ++facts_.overtakings_not_listed;
        }
    }
    track.in_service.injected = at;
    row.pending.reset();
}

void Account::end_service(VectorRow& row, Track& track, Point at, u32 vector) {
    const Wait wait{vector, row.in_service->injected, at};
    row.until_ended.add(wait);
    note_longest(facts_.longest_until_ended, wait);
    draw(track.in_service, Delivery::End::ended, at);
    row.in_service.reset();
}

void Account::end(Point at, u32 vector) {
    runs(at.line);
    VectorRow& row = facts_.vectors[vector];
    Track& track = tracks_[vector];
    ++row.ended;
    last_eoi_ = vector;
    last_ended_ = vector;
    last_end_ = at;
    if (row.in_service) {
        note_lower_eoi(vector, *row.in_service, at);
        return end_service(row, track, at, vector);
    }
    ++row.ended_unseen;
    // Where no injection is seen at all, the EOI tells of the delivery.
    if (!row.pending || last_injection_ != 0) return;
    row.accepted_ended.add({vector, row.pending->accepted, at});
    draw(track.pending, Delivery::End::ended, at);
    row.pending.reset();
}

void Account::note_lower_eoi(u32 vector, const InService& ended, Point at) {
    LowerEoi& lower = facts_.lower_eoi;
    if (!ended.accepted.is_seen()) return;
    for (auto row = facts_.vectors.upper_bound(vector); row != facts_.vectors.end(); ++row) {
        const auto& higher = row->second.in_service;
        if (!higher || !higher->accepted.is_seen()) continue;
        if (lower.count++ == 0)
            lower = {1, vector, row->first, at.line, ended.injected.line, higher->injected.line};
        return;
    }
}

void Account::end_highest(Point at) {
    const auto highest = std::find_if(facts_.vectors.rbegin(), facts_.vectors.rend(),
                                      [](const auto& row) { return row.second.in_service.has_value(); });
    if (highest != facts_.vectors.rend()) end(at, highest->first);
    else ++facts_.vectorless_eois;
}

void Account::end_nothing(Point at) {
    runs(at.line);
    note(facts_.empty_eois, at);
    for (auto& [vector, row] : facts_.vectors)
        if (row.in_service && row.in_service->empty_eoi == 0) row.in_service->empty_eoi = at.line;
}

void Account::unanswered(u32 vector, Point at) {
    note(facts_.unanswered[vector], at);
    draw({.sender = index_,
          .vector = static_cast<std::uint8_t>(vector),
          .source = Source::ipi,
          .requested = at},
         Delivery::End::unanswered);
}

void Account::runs(u64 line) {
    if (running_since_ == 0) running_since_ = line;
}

void Account::enter(Point at, u64 rip) {
    if (rip == 0xfff0) abandon(); // where RESET starts the processor
    runs(at.line);
    ++facts_.entries;
    facts_.halted = {};
    last_boundary_ = at.line;
    IdleSipi& sipi = facts_.idle_sipi;
    const bool is_first = sipi.line > last_entry_;
    if (sipi.line != 0 && is_first && (rip == 0 || rip == u64{sipi.vector} << 12))
        sipi.entered_at_start = at.line;
    last_entry_ = at.line;
}

void Account::exit(Point at, bool by_hlt) {
    runs(at.line);
    last_boundary_ = at.line;
    if (!by_hlt) return;
    ++facts_.halts;
    facts_.halted = at;
    bool while_pending = false;
    for (auto& [vector, row] : facts_.vectors) {
        if (row.in_service) ++row.in_service->halts;
        if (!row.pending || row.pending->dropped || row.pending->ambiguous ||
            row.pending->accepted.line >= last_entry_)
            continue;
        while_pending = true;
        if (row.pending->halts++ == 0) row.pending->first_halt = at.line;
        row.pending->last_halt = at.line;
    }
    if (while_pending) ++facts_.halts_while_pending;
}

void Account::abandon() {
    for (auto& [vector, row] : facts_.vectors) {
        if (row.pending) draw(tracks_[vector].pending, Delivery::End::abandoned);
        if (row.in_service) draw(tracks_[vector].in_service, Delivery::End::abandoned);
        const bool was_in_service = row.in_service && row.in_service->accepted.is_seen();
        if (row.pending || was_in_service) ++row.abandoned;
        row.pending.reset();
        row.in_service.reset();
        tracks_[vector].storm_rounds = 0;
    }
    running_since_ = 0;
    last_boundary_ = 0;
    last_entry_ = 0;
    last_ended_.reset();
    facts_.halted = {};
}

void Account::access(const traces::GuestAccess& access) {
    runs(access.line);
    if (facts_.last_accesses.size() >= most_accesses)
        facts_.last_accesses.erase(facts_.last_accesses.begin());
    facts_.last_accesses.push_back({access, {}});
}

void Account::doubt_others() {
    for (auto& [vector, row] : facts_.vectors)
        if (row.pending && !tracks_[vector].pending_by_own_thread) row.pending->ambiguous = true;
}

void Account::absorb(Account&& other) {
    for (auto& [vector, row] : other.facts_.vectors) {
        VectorRow& own = facts_.vectors[vector];
        Track& track = tracks_[vector];
        Track& others = other.tracks_[vector];
        add_counts(own, row);
        if (row.pending && !own.pending && track.last_injected < row.pending->accepted.line) {
            own.pending = row.pending;
            track.pending = others.pending;
            track.pending_by_own_thread = others.pending_by_own_thread;
        }
        track.last_accepted = std::max(track.last_accepted, others.last_accepted);
    }
    for (const auto& [mode, count] : other.facts_.others) add(facts_.others[mode], count);
    for (const auto& [vector, count] : other.facts_.unanswered) add(facts_.unanswered[vector], count);
    saw_init_ = saw_init_ || other.saw_init_;
}

VcpuLedger Account::finish() {
    for (auto& [vector, row] : facts_.vectors) {
        if (row.pending)
            draw(tracks_[vector].pending,
                 row.pending->dropped ? Delivery::End::dropped : Delivery::End::pending);
        if (row.in_service) draw(tracks_[vector].in_service, Delivery::End::in_service);
        if (row.pending && row.pending->dropped) row.pending.reset();
    }
    return std::move(facts_);
}

} // namespace lapicheck::checker::ledger
