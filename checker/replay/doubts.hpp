// What is wrong if an interrupt came through the APIC and not from the PIC, which a recording that begins in
// the middle does not show at once: it does when the vector is seen in service.
//
// A higher vector that waits in IRR while a lower one is given (P02): that the lower one was accepted since
// it was known not to be in service proves that the APIC was enabled, so that the higher one was accepted,
// too. An EOI that ends a lower vector than the one in service, or none (P04).
#pragma once

#include <algorithm>
#include <bitset>
#include <optional>
#include <vector>

#include "checker/judge/divergence.hpp"

namespace lapicheck::checker {

class Doubts {
  public:
    // kvm_apic_accept_irq; `surely`: by the vCPU's own thread, for itself, edge-triggered, so that the vector
    // stands in IRR if the APIC is enabled. `presumes_one_vm`: by a thread that may be of another VM, for an
    // APIC with the same ID there.
    void accepted(u32 vector, bool surely, bool presumes_one_vm);
    // Vectors that were accepted may not be in IRR: INIT, a write of SVR or IA32_APIC_BASE, a reset.
    void forget_waiting();
    // The same, if userspace has reset the vCPU, which its next entry may tell it has not.
    void may_forget_waiting();
    void was_not_reset();
    void may_have_been_reset() { kept_.reset(); }
    bool waits(u32 vector) const { return waits_[vector]; }
    void clear() { // often, and mostly there is nothing
        if (waits_.any() || given_.any() || !doubts_.empty() || kept_) *this = {};
    }

    // The highest vector above this one that waits, if both came through the APIC; 0 if there is none.
    // `vector` was accepted since the last forget_waiting(), or nothing is known of what waits.
    u32 overtaken_by(u32 vector) const;
    // It is given to the processor while `waiting` waits: wrong if it is seen in service next.
    template <class MakeDivergence>
    void doubt_overtaking(u32 vector, u32 waiting, MakeDivergence make) {
        const auto same = std::ranges::find(doubts_, waiting, &Doubt::waiting);
        if (same != doubts_.end()) same->vector = vector;
        else if (doubts_.size() < most) {
            doubts_.push_back({vector, waiting, 0, surely_[waiting] ? 1U : enough, make()});
            doubts_.back().divergence.mismatch.presumes_one_vm = presumes_one_vm_[waiting];
        }
    }
    // The vector was given to the processor. Before doubt_overtaking().
    void given(u32 vector);

    // An EOI ended `vector`, or nothing (above FFH): the highest vector above it that was given and not ended
    // since; 0 if there is none.
    u32 left_in_service(u64 vector) const;
    // An EOI ended another one: wrong if this one is seen in service next.
    template <class MakeDivergence>
    void doubt_eoi(u32 in_service, MakeDivergence make) {
        const auto is_same = [in_service](const Doubt& doubt) {
            return doubt.waiting == 0 && doubt.vector == in_service;
        };
        // The first that is wrong tells.
        if (doubts_.size() < most && std::ranges::none_of(doubts_, is_same))
            doubts_.push_back({in_service, 0, 0, 1, make()});
    }
    // An EOI named the vector: it was in service until now. What that makes certain.
    std::vector<Divergence> ended(u32 vector);
    // ISR was read: the word of the vectors from 32 * `word` on.
    std::vector<Divergence> shown(u32 word, u32 isr);

  private:
    static constexpr std::size_t most = 16;
    // What another thread sends stands in IRR some time after its kvm_apic_accept_irq: so often it must have
    // been overtaken.
    static constexpr unsigned enough = 3;

    struct Doubt {
        u32 vector = 0;  // that decides when it is seen in service; 0: none at the moment
        u32 waiting = 0; // of an overtaking
        unsigned seen = 0;
        unsigned needed = 1;
        Divergence divergence;
    };

    std::vector<Divergence> seen_in_service(u32 vector);

    std::bitset<256> surely_;          // of those that wait
    std::bitset<256> presumes_one_vm_; // likewise
    std::bitset<256> waits_;
    std::bitset<256> given_; // and not ended since
    std::vector<Doubt> doubts_;
    // What waited before userspace may have reset the vCPU.
    struct Kept {
        std::bitset<256> waits, surely, presumes_one_vm;
        std::vector<Doubt> doubts;
    };
    std::optional<Kept> kept_;
};

} // namespace lapicheck::checker
