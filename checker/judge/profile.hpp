// By which rules something is judged, and how it ends.
#pragma once

#include <cstdint>
#include <string_view>

namespace lapicheck::checker {

enum class Profile : std::uint8_t {
    sdm, // the manuals alone
    kvm, // what KVM is known to do otherwise (specs/kvm-departures.json) does not fail it
};
enum class Verdict : std::uint8_t { conforms, diverges, inconclusive };
// The guest CPU's vendor, whose manual decides where the two differ; either: what one of them allows is
// accepted.
enum class GuestCpu : std::uint8_t { either, intel, amd };

std::string_view to_string(Profile profile);
std::string_view to_string(Verdict verdict);

} // namespace lapicheck::checker
