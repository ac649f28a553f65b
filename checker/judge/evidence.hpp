// Which lines of the trace put the state of a vCPU where it is: what a divergence's `because` tells.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "checker/judge/divergence.hpp"

namespace lapicheck::checker {

class Evidence {
  public:
    // The access was carried out (no #GP) and wrote `reg`.
    void wrote(Reg reg, const traces::GuestAccess& access);
    // The access showed the register's value, or with apic_base the mode, for the first time since INIT.
    void showed(Reg reg, const traces::GuestAccess& access);
    // An access that the state explains wrote the register or showed what it holds; with apic_base: an MSR
    // showed the mode.
    void confirmed(Reg reg, u64 line) {
        if (reg != Reg::none) confirmed_[model::index_of(reg)] = line;
    }
    // Since when the state that `mismatch` speaks of has not been seen to be so; 0: that is not told.
    u64 last_confirmed(const Mismatch& mismatch) const;
    // The register may have been written by something else.
    void forget(Reg reg) {
        if (reg != Reg::none) items_[model::index_of(reg)] = {};
    }
    // The access made the APIC collect these errors (bits of ESR).
    void logged(u32 errors, const traces::GuestAccess& access);
    void init(u64 line) { init_line_ = line; }
    void deassert(u64 line) { deassert_line_ = line; }
    // LVT PMC gave its interrupt, which masks it (L07).
    void pmc_delivered(u64 line) { pmc_line_ = line; }
    u64 pmc_line() const { return pmc_line_; }
    u64 deassert_line() const { return deassert_line_; }
    void reset_by_host(u64 line) {
        *this = {};
        host_line_ = line;
    }
    void injected(u64 line, u32 vector) {
        injected_ = {line, vector};
        injections_[vector] = line;
    }
    void accepted(u64 line, u32 vector) { acceptances_[vector] = line; }
    void ended(u64 line) { eoi_line_ = line; }
    void timer_fired(u64 line, u32 vector) { timer_fired_ = {line, vector}; }

    u64 line_of(Reg reg) const { return of(reg).line; }
    // The same of a write alone.
    u64 line_of_write(Reg reg) const { return model::is_write(of(reg).kind) ? of(reg).line : 0; }
    // What the register was written last, or showed before, if that is known; not what INIT put there.
    std::optional<u64> value_of(Reg reg) const {
        const Item& item = of(reg);
        return item.line > init_line_ && item.is_whole ? std::optional{item.value} : std::nullopt;
    }
    // Where the vector was accepted or given to the processor last; 0: not seen.
    u64 line_of_vector(u32 vector) const { return std::max(acceptances_[vector], injections_[vector]); }
    u64 init_line() const { return init_line_; }
    bool ended_after_injection() const { return eoi_line_ > injected_.first; }

    // The earlier lines that matter for `mismatch`, oldest first.
    std::vector<Because> because(const Mismatch& mismatch) const;

  private:
    struct Item {
        u64 line = 0;
        u64 address = 0;
        u64 value = 0;
        u32 size = 0;
        model::AccessKind kind = model::AccessKind::rdmsr;
        bool is_whole = true; // the value is the register's, not that of a part of it
    };
    static Repeatable repeatable(const Item& item);
    void add_timer(std::vector<Because>& lines, const Mismatch& mismatch) const;
    void add_service(std::vector<Because>& lines, const Mismatch& mismatch) const;
    void add_injection(std::vector<Because>& lines, u64 line, u32 vector) const;
    void add_errors(std::vector<Because>& lines, u64 bits) const;

    static constexpr std::size_t slots = static_cast<std::size_t>(Reg::none);

    void put(Reg reg, const traces::GuestAccess& access);
    const Item& of(Reg reg) const { return items_[model::index_of(reg)]; }
    void add(std::vector<Because>& lines, Reg reg) const;

    static constexpr std::size_t error_bits = 8;
    using ErrorLog = std::array<Item, error_bits>;

    std::array<Item, slots> items_{};
    std::array<u64, slots> confirmed_{}; // lines
    ErrorLog collected_{};               // by bit of ESR
    ErrorLog latched_{};                 // those that ESR shows
    u64 init_line_ = 0;
    u64 deassert_line_ = 0; // of INIT
    u64 pmc_line_ = 0;
    u64 host_line_ = 0;
    u64 eoi_line_ = 0;
    std::pair<u64, u32> injected_{};
    std::pair<u64, u32> timer_fired_{};
    std::array<u64, 256> injections_{}; // the last line, by vector
    std::array<u64, 256> acceptances_{};
};

} // namespace lapicheck::checker
