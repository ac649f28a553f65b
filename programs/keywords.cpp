#include "programs/keywords.hpp"

#include <fmt/format.h>

#include "specs/near_names.hpp"

namespace lapicheck::programs {
namespace {

constexpr std::array<std::string_view, do_count> do_names = {"mmio-read",
                                                             "mmio-write",
                                                             "rdmsr",
                                                             "wrmsr",
                                                             "cr8-read",
                                                             "cr8-write",
                                                             "enable-interrupts",
                                                             "disable-interrupts",
                                                             "halt",
                                                             "enable-and-halt",
                                                             "wait",
                                                             "reset",
                                                             "init",
                                                             "save-load",
                                                             "interrupt",
                                                             "msi",
                                                             "timer-expires",
                                                             "message",
                                                             "take-interrupt",
                                                             "hardware"};

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
    case Do::enable_and_halt:
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
    for (const std::string& name : specs::near_names(word, known))
        text += fmt::format("{}\"{}\"", text.empty() ? "" : " or ", name);
    return text.empty() ? "" : fmt::format("; did you mean {}?", text);
}

} // namespace lapicheck::programs
