#include "programs/keywords.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace lapicheck::programs {
namespace {

constexpr std::array<std::string_view, do_count> do_names = {
    "mmio-read",       "mmio-write",       "rdmsr", "wrmsr",         "cr8-read", "cr8-write",
    "open-interrupts", "close-interrupts", "halt",  "wait",          "reset",    "init",
    "save-load",       "interrupt",        "msi",   "timer-expires", "message",  "take-interrupt",
    "hardware"};

// How many letters must be put in, taken out or replaced to make one word of the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
        }
    }
    return row[b.size()];
}

bool is_near(std::string_view word, std::string_view known) {
    if (word.size() > 2 * known.size() + 4) return false; // and no work on a word of megabytes
    if (word.size() >= 2 && (known.starts_with(word) || word.starts_with(known))) return true;
    return edit_distance(word, known) <= (known.size() < 4 ? 1U : 2U + known.size() / 8);
}

} // namespace

std::string_view to_string(Do what) { return do_names[static_cast<std::size_t>(what)]; }

const std::vector<std::string>& quirk_names() {
    static const std::vector<std::string> names = {
        "LINT0_REENABLED",      "CD_NW_CLEARED",      "LAPIC_MMIO_HOLE",       "OUT_7E_INC_RIP",
        "MISC_ENABLE_NO_MWAIT", "FIX_HYPERCALL_INSN", "MWAIT_NEVER_UD_FAULTS", "SLOT_ZAP_ALL",
        "STUFF_FEATURE_MSRS",   "IGNORE_GUEST_PAT"};
    return names;
}

std::span<const Word> words_of(Do what) {
    using enum Word;
    static constexpr std::array mmio_read = {address, size};
    static constexpr std::array mmio_write = {address, size, value};
    static constexpr std::array rdmsr = {msr};
    static constexpr std::array wrmsr = {msr, value};
    static constexpr std::array only_value = {value};
    static constexpr std::array wait = {microseconds};
    static constexpr std::array interrupt = {vector, trigger};
    static constexpr std::array msi = {address, data};
    static constexpr std::array message = {destination, value};
    switch (what) {
    case Do::mmio_read: return mmio_read;
    case Do::mmio_write: return mmio_write;
    case Do::rdmsr: return rdmsr;
    case Do::wrmsr: return wrmsr;
    case Do::cr8_write: return only_value;
    case Do::wait: return wait;
    case Do::interrupt: return interrupt;
    case Do::msi: return msi;
    case Do::message: return message;
    case Do::cr8_read:
    case Do::enable_interrupts:
    case Do::disable_interrupts:
    case Do::halt:
    case Do::reset:
    case Do::init:
    case Do::save_load:
    case Do::timer_expires:
    case Do::take_interrupt:
    case Do::hardware: break;
    }
    return {};
}

std::string near_text(std::string_view word, std::span<const std::string_view> known) {
    std::string text;
    for (const std::string_view name : known)
        if (is_near(word, name)) text += fmt::format("{}\"{}\"", text.empty() ? "" : " or ", name);
    return text.empty() ? "" : fmt::format("; did you mean {}?", text);
}

} // namespace lapicheck::programs
