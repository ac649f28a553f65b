// Books a recording's events as they come: who asked, who accepted, what became of it.
#pragma once

#include <unordered_map>
#include <vector>

#include "checker/ledger/accounts.hpp"

namespace lapicheck::checker::ledger {

class Accumulator final : public TraceObserver {
  public:
    // `deliveries`: so many at most are kept to be drawn.
    explicit Accumulator(std::size_t deliveries)
        : deliveries_(deliveries), accounts_(std::in_place, deliveries) {}

    void on_event(const traces::Event& event, const Replay& replay) override;
    void on_access(const traces::GuestAccess& access, const Replay& replay) override;
    void on_stray(const traces::Event& event, const Replay& replay) override;
    void at_end(const Replay& replay, const traces::ReadSummary& read) override;

    // After the end.
    std::vector<Recording> take_recordings() { return std::move(recordings_); }
    u64 not_listed() const { return not_listed_; }

  private:
    static constexpr std::size_t most_recordings = 32;
    static constexpr std::size_t most_threads = 4096;
    static constexpr std::size_t most_recent = 64;

    // What a thread asks for: acceptances that follow it, or that came right before, are its.
    struct Request {
        Source source = Source::unknown;
        bool any_vector = false; // of a hypercall
        u32 vector = 0;
        traces::DeliveryMode mode = traces::DeliveryMode::unknown;
        traces::Shorthand shorthand = traces::Shorthand::unknown;
        bool deasserts = false; // an INIT level de-assert
        Point at = {};
        std::optional<u32> sender = {};
        u64 accepted = 0;
    };
    struct Recent {
        u32 account = 0;
        Acceptance acceptance;
        traces::DeliveryMode mode = traces::DeliveryMode::fixed;
    };
    struct Thread {
        bool was_seen = false; // an event of it stands before, with none lost since
        std::optional<Request> request;
        std::vector<Recent> recent; // acceptances that nobody asked for yet
        bool pit = false;           // the in-kernel PIT has raised a line
        std::optional<u32> ended;   // the last event was a kvm_eoi of this vector
    };

    Thread& thread_of(u32 id);
    Account* account_of(const traces::Event& event, const Replay& replay, bool names_vcpu);
    void note_shown(const traces::Event& event);
    void on_accept(Thread& thread, const traces::Event& event, const Replay& replay);
    void ask(Thread& thread, const Request& request);
    void close_request(Thread& thread);
    Source guess_source(Thread& thread, const traces::Event& event, const ReplayedVcpu* receiver) const;
    void on_vcpu_event(Thread& thread, const traces::Event& event, const Replay& replay);
    void on_eoi(Thread& thread, const traces::Event& event, const Replay& replay);
    void on_own_eoi(u32 thread, Point at, const Replay& replay);
    void on_base_write(const traces::Event& event, const Replay& replay);
    void on_ioctl(const traces::Event& event, const Replay& replay);
    void on_lost(const traces::Event& event);
    void close_recording(const Replay& replay);

    std::size_t deliveries_;
    std::optional<Accounts> accounts_;
    std::unordered_map<u32, Thread> threads_;
    Recording recording_;
    std::vector<Recording> recordings_;
    u64 not_listed_ = 0;
};

} // namespace lapicheck::checker::ledger
