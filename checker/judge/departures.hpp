// Which divergences are KVM's documented departures (specs/kvm-departures.json).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "checker/judge/divergence.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {

// What a departure depends on besides the observation itself. Where the trace does not tell, as if it
// were the departure.
struct Circumstances {
    model::KnownBool amd;      // the guest CPU's vendor
    std::optional<u64> held;   // what the register was written last, or held before
    Known<u32> x2apic_ldr;     // the logical ID of x2APIC mode
    bool ldr_of_x2apic = true; // LDR was not written since x2APIC mode was possible
    bool was_periodic = true;  // the timer has been in periodic mode since it was started
    bool all_told = false;     // since RESET: no recording, whose limits some departures hide behind
};

// The departure that `mismatch` is an instance of, exactly, or null.
const specs::Departure* find_departure(const Mismatch& mismatch, const traces::GuestAccess& access,
                                       const Circumstances& circumstances);

// The mismatch, taken apart where only some bits of the value read are departures, or of several:
// `narrowed` gives the mismatch in some of its bits alone. What is no departure comes first.
std::vector<Mismatch> tell_departures(const Mismatch& mismatch, const traces::GuestAccess& access,
                                      const Circumstances& circumstances,
                                      const std::function<Mismatch(u64 bits)>& narrowed);
// Whether KVM is known to do all of it.
bool are_departures(const std::vector<Mismatch>& parts);

} // namespace lapicheck::checker
