// What a hypervisor other than KVM is known to do wrong, from a file of its own: specs/departures/. One entry
// is one root cause, under whatever rules it shows. KVM's departures stand in specs/kvm-departures.json and
// depend on more.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checker/judge/divergence.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {

class KnownList {
  public:
    KnownList() = default;
    // Form: specs/schema/known-departures.schema.json. `name` stands before errors.
    static KnownList read(std::string_view text, const std::string& name);

    const std::string& error() const { return error_; } // why there is none; empty: nothing is wrong
    bool empty() const { return entries_ == nullptr; }
    // The entry that the mismatch is an instance of; null: none. Lives as long as a copy of the list.
    const specs::Departure* find(const Mismatch& mismatch) const;

  private:
    struct Entry {
        specs::Departure departure;
        std::optional<bool> gp;  // a #GP that is not due, or (false) none where it is due
        std::optional<u64> bits; // a value read may be wrong in these bits only
        bool interrupt = false;  // of an interrupt that was taken or not taken
    };
    static std::string read_entry(std::string_view text, Entry& entry);
    static bool matches(const Entry& entry, const Mismatch& mismatch);

    std::shared_ptr<const std::vector<Entry>> entries_;
    std::string error_;
};

} // namespace lapicheck::checker
