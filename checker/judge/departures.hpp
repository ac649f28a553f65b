// Which divergences are KVM's documented departures (specs/kvm-departures.json).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "checker/judge/divergence.hpp"
#include "model/implementations/kvm_module.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {

// Whose KVM it is. None: unknown.
struct Host {
    std::optional<model::KvmModule> module;
    std::optional<specs::Kernel> kernel;
    bool is_kvm = true; // or may be: else nothing of KVM is known of it
};

// What a departure depends on besides the observation itself. Where nothing tells, as if it were the
// departure.
struct Circumstances {
    model::KnownBool amd; // the guest CPU's vendor
    Host host;
    std::optional<u64> held;  // what the register was written last, or held before
    bool was_periodic = true; // the timer has been in periodic mode since it was started
    bool all_told = false;    // since RESET: no recording, whose limits some departures hide behind
    bool boot_processor = true;
    bool written_since_reset = false;   // the register, by software
    u32 low_vectors = 0xffff;           // those below 16 that were sent
    u32 least_divide = 1;               // of the timer
    bool logical_id_is_its_own = false; // the target's has one bit, which no other APIC has
    bool id_of_another_too = true;
    bool all_software_disabled = true;
    bool wide_id_of_target = true;
    bool virtualized = false; // APICv or AVIC is active
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
