#include "programs/sim/state_text.hpp"

#include <fmt/format.h>

namespace lapicheck::programs {
namespace {

using model::Known;
using model::Reg;
using model::u32;
using model::u64;

// More registers than this at once are not named one by one.
constexpr std::size_t most_open = 4;

std::string_view bitmap_name(Reg reg) { return reg < Reg::tmr0 ? "ISR" : reg < Reg::irr0 ? "TMR" : "IRR"; }

void add_vectors(std::vector<std::string>& words, Reg reg, u32 before, u32 after) {
    const u32 first = (model::index_of(reg) - model::index_of(Reg::isr0)) % 8 * 32;
    for (u32 bit = 0; bit < 32; ++bit)
        if (((before ^ after) >> bit & 1) != 0)
            words.push_back(fmt::format("vector {:02X}H {} {}", first + bit,
                                        (after >> bit & 1) != 0 ? "enters" : "leaves", bitmap_name(reg)));
}

// What is not determined, apart from the changes that are.
class Changes {
  public:
    void add(std::string_view name, u64 before, Known<u64> after) {
        if (after.is_exact() && after.value == before) return;
        if (after.is_exact()) words_.push_back(fmt::format("{} {:#x} -> {:#x}", name, before, after.value));
        else if (!after.admits(before))
            words_.push_back(fmt::format("{} {:#x} -> {}", name, before, model::dotted_hex(after)));
        else open_.emplace_back(name);
    }
    void add_register(Reg reg, u32 before, Known<u32> after) {
        if (model::is_bitmap(reg) && after.is_exact()) add_vectors(words_, reg, before, after.value);
        else add(model::register_name(reg), before, model::zero_extend(after));
    }
    void say(std::string words) { words_.push_back(std::move(words)); }

    std::vector<std::string> all() && {
        if (open_.size() > most_open)
            words_.push_back(fmt::format("{} registers are unspecified", open_.size()));
        else if (!open_.empty())
            words_.push_back(
                fmt::format("{} {} unspecified", fmt::join(open_, ", "), open_.size() == 1 ? "is" : "are"));
        return std::move(words_);
    }

  private:
    std::vector<std::string> words_;
    std::vector<std::string> open_;
};

void add_base(Changes& changes, u64 before, Known<u64> after) {
    constexpr u64 mode = model::apic_base::enable | model::apic_base::extd;
    if (after.is_exact() && (before & ~mode) == (after.value & ~mode)) {
        if (before != after.value) changes.say(std::string(model::mode_text(after.value)));
        return;
    }
    changes.add("apic_base", before, after);
}

} // namespace

std::vector<std::string> change_words(const PlainState& before, const KnownState& after) {
    Changes changes;
    add_base(changes, before.apic_base, after.apic_base);
    for (std::size_t i = 0; i < before.regs.size(); ++i)
        if (!model::holds_nothing(static_cast<Reg>(i)))
            changes.add_register(static_cast<Reg>(i), before.regs[i], after.regs[i]);
    changes.add("tsc_deadline", before.tsc_deadline, after.tsc_deadline);
    changes.add("x2APIC ID", before.x2apic_id, model::zero_extend(after.x2apic_id));
    changes.add("pending ESR", before.esr_pending, model::zero_extend(after.esr_pending));
    // A write to SVR shows it; anything else that changes it would otherwise read as no change at all.
    const bool svr_is_kept =
        after.regs[model::index_of(Reg::svr)].admits(before.regs[model::index_of(Reg::svr)]);
    const auto by_software = after.cleared_by_software;
    if (svr_is_kept && by_software.known && by_software.value != before.cleared_by_software)
        changes.say(by_software.value ? "the APIC now counts as disabled by software"
                                      : "the APIC no longer counts as disabled by software");
    return std::move(changes).all();
}

} // namespace lapicheck::programs
