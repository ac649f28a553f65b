#include "traces/formats/state_dump.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "traces/formats/pasted_line.hpp"
#include "traces/formats/scanner.hpp"
#include "traces/formats/xen_dump.hpp"

namespace lapicheck::traces {
namespace {

using model::Mode;
using model::Reg;

constexpr std::uint32_t bits_of_word = 32;

bool take_number(Scanner& s, std::uint64_t& value) { return s.take("0x") ? s.hex(value) : s.decimal(value); }

// ----- QEMU: target/i386/cpu-apic.c, 2.5 to 10.0 -----

struct QemuName {
    std::string_view name;
    Reg reg;
};
constexpr QemuName qemu_names[] = {
    {"LVT0", Reg::lvt_lint0},
    {"LVT1", Reg::lvt_lint1},
    {"LVTPC", Reg::lvt_pmc},
    {"LVTERR", Reg::lvt_error},
    {"LVTTHMR", Reg::lvt_thermal},
    {"LVTT", Reg::lvt_timer},
    {"SPIV", Reg::svr},
    {"ICR", Reg::icr},
    {"ICR2", Reg::icr_high},
    {"ESR", Reg::esr},
};

// "236 37(level)": decimal vectors of IRR or ISR.
void take_vectors(std::string_view text, Reg first, StateDump& dump) {
    std::array<std::uint32_t, 8> words{};
    Scanner s(text);
    std::uint64_t vector = 0;
    for (s.skip_blanks(); s.decimal(vector) && vector < 256; s.skip_blanks()) {
        const auto word = static_cast<std::size_t>(vector / bits_of_word);
        const std::uint32_t bit = std::uint32_t{1} << vector % bits_of_word;
        words[word] |= bit;
        const Reg tmr = model::offset_by(Reg::tmr0, static_cast<std::uint32_t>(word));
        const std::uint32_t level = dump.registers[model::index_of(tmr)].value_or(0);
        dump.set(tmr, s.take("(level)") ? level | bit : level & ~bit, bit);
    }
    for (std::uint32_t i = 0; i < words.size(); ++i) dump.set(model::offset_by(first, i), words[i]);
}

// "APR 0x00 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0x10", also without the blank before PPR. DFR is the model, LDR
// the ID.
void take_priorities(std::string_view text, StateDump& dump) {
    const auto find = [text](std::string_view name) -> std::optional<std::uint32_t> {
        const std::size_t at = text.find(name);
        if (at == std::string_view::npos) return std::nullopt;
        Scanner s(text.substr(at + name.size()));
        std::uint64_t value = 0;
        if (!take_number(s, value) || value > 0xffff'ffff) return std::nullopt;
        return static_cast<std::uint32_t>(value);
    };
    if (const auto tpr = find("TPR ")) dump.set(Reg::tpr, *tpr);
    if (const auto ppr = find("PPR ")) dump.set(Reg::ppr, *ppr);
    if (dump.mode == Mode::x2apic) return; // it has no DFR, and QEMU keeps no LDR of it
    if (const auto dfr = find("DFR ")) dump.set(Reg::dfr, *dfr << 28 | 0x0fff'ffff);
    if (const auto ldr = find("LDR ")) dump.set(Reg::ldr, *ldr << 24);
}

void take_timer(std::string_view text, StateDump& dump) {
    constexpr std::pair<std::string_view, Reg> counts[] = {{"DCR=", Reg::dcr},
                                                           {"initial_count = ", Reg::initial_count},
                                                           {"current_count = ", Reg::current_count}};
    for (const auto& [name, reg] : counts) {
        const std::size_t at = text.find(name);
        if (at == std::string_view::npos) continue;
        Scanner s(text.substr(at + name.size()));
        std::uint64_t value = 0;
        if (take_number(s, value)) dump.set(reg, static_cast<std::uint32_t>(value));
    }
}

void take_qemu_line(std::string_view line, StateDump& dump) {
    Scanner s(line);
    const std::string_view name = s.word();
    s.skip_blanks();
    if (name == "ISR") return take_vectors(s.rest(), Reg::isr0, dump);
    if (name == "IRR") return take_vectors(s.rest(), Reg::irr0, dump);
    if (name == "APR") return take_priorities(line, dump);
    if (name == "Timer") return take_timer(line, dump);
    const auto* const row = std::ranges::find(qemu_names, name, &QemuName::name);
    std::uint64_t value = 0;
    if (row == std::end(qemu_names) || !s.take("0x") || !s.hex(value)) return;
    dump.set(row->reg, static_cast<std::uint32_t>(value));
    if (row->reg == Reg::icr_high && line.find("(X2APIC ID)") != std::string_view::npos)
        dump.mode = Mode::x2apic;
}

constexpr std::string_view qemu_start = "dumping local APIC state for CPU ";

// ----- The page of KVM_GET_LAPIC: struct kvm_lapic_state, one register each 16 bytes -----

constexpr std::size_t page_size = 1024;

StateDump from_page(std::string_view page, std::string what, std::uint64_t line) {
    StateDump dump;
    dump.what = std::move(what);
    dump.line = line;
    for (std::size_t i = 0; i < model::window_register_count; ++i) {
        const auto reg = static_cast<Reg>(i);
        const std::size_t offset = model::offset_of(reg);
        if (offset + 4 <= page.size())
            dump.set(reg, static_cast<std::uint32_t>(load_word<std::uint32_t>(page.data() + offset)));
    }
    // Written only: EOI and SELF IPI hold nothing.
    for (const Reg reg : {Reg::eoi, Reg::self_ipi, Reg::none})
        if (reg != Reg::none) dump.registers[model::index_of(reg)].reset();
    // In xAPIC mode, and of KVM before KVM_CAP_X2APIC_API, the ID is in bits 31:24.
    const std::uint32_t id = dump.registers[model::index_of(Reg::id)].value_or(0);
    if ((id & 0x00ff'ffff) != 0) dump.mode = Mode::x2apic;
    else
        dump.notes.emplace_back("the page does not tell the mode (IA32_APIC_BASE is not in it); give --mode");
    return dump;
}

// The page has a version register of an integrated APIC, and zeros where there are no registers.
bool is_page(std::string_view page) {
    const auto word = [page](std::size_t at) { return load_word<std::uint32_t>(page.data() + at); };
    const auto version = word(0x30);
    return (version & 0xf0) == 0x10 && (version & 0xff00) == 0 && word(0) == 0 && word(0x10) == 0 &&
           word(0x40) == 0;
}

// "00000020  00 00 00 01 ...", "00000020: 0000 0001 ...": an offset and up to 16 bytes.
struct HexLine {
    std::uint64_t offset = 0;
    std::string bytes;
};
std::optional<HexLine> read_hex_line(std::string_view line) {
    HexLine found;
    Scanner s(line);
    if (!s.hex(found.offset)) return std::nullopt;
    if (s.done() && line.size() >= 4) return found; // the end of hexdump's
    s.take(":");
    if (s.skip_blanks() == 0) return std::nullopt;
    std::size_t blanks = 0;
    while (!s.done() && found.bytes.size() < 16 && s.peek() != '|') {
        if (s.left() < 2) break;
        const unsigned high = hex_values[static_cast<std::uint8_t>(s.rest()[0])];
        const unsigned low = hex_values[static_cast<std::uint8_t>(s.rest()[1])];
        if (high == 0xff || low == 0xff) break;
        found.bytes += static_cast<char>(high << 4 | low);
        s.skip(2);
        blanks = s.skip_blanks();
        if (blanks > 2) break;
    }
    if (found.bytes.empty()) return std::nullopt;
    return found;
}

// Collects a hex dump line by line; a line of "*" repeats the one before.
class HexPage {
  public:
    // True: the page is complete.
    bool take(std::string_view line, std::uint64_t number) {
        if (line == "*" && !page_.empty()) {
            repeats_ = true;
            return false;
        }
        const auto found = read_hex_line(line);
        if (!found || (found->offset != page_.size() && !repeats_)) {
            page_.clear();
            repeats_ = false;
            if (!found || found->offset != 0) return false;
        }
        if (page_.empty()) first_ = number;
        while (repeats_ && page_.size() < found->offset && page_.size() >= 16 && found->offset <= 4096)
            page_ += page_.substr(page_.size() - 16);
        repeats_ = false;
        page_ += found->bytes;
        return page_.size() >= page_size;
    }
    std::string release() { return std::exchange(page_, {}); }
    std::uint64_t first() const { return first_; }

  private:
    std::string page_;
    std::uint64_t first_ = 0;
    bool repeats_ = false;
};

} // namespace

std::vector<StateDump> read_state_dumps(std::string_view bytes) {
    std::vector<StateDump> dumps;
    if ((bytes.size() == page_size || bytes.size() == 4096) && is_page(bytes)) {
        dumps.push_back(from_page(bytes, "a page of KVM_GET_LAPIC", 1));
        return dumps;
    }
    HexPage page;
    XenDump xen;
    std::string buffer;
    bool in_qemu = false;
    for (std::uint64_t number = 1; !bytes.empty(); ++number) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(std::min(end + 1, bytes.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        const std::string_view hex_line = line.substr(std::min(line.find_first_not_of("> "), line.size()));
        line = unwrap(line, buffer).text;
        if (xen.take(line, number, dumps)) {
            in_qemu = false;
            continue;
        }
        const std::size_t start = line.find(qemu_start);
        if (start != std::string_view::npos) {
            StateDump& dump = dumps.emplace_back();
            dump.what = "QEMU's info lapic";
            dump.line = number;
            std::string_view cpu = line.substr(start + qemu_start.size());
            dump.vcpu = fmt::format("CPU {}", cpu.substr(0, cpu.find(' ')));
            in_qemu = true;
        } else if (in_qemu) {
            take_qemu_line(line.substr(std::min(line.find_first_not_of(' '), line.size())), dumps.back());
        }
        if (!page.take(hex_line, number)) continue;
        if (const std::string whole = page.release(); is_page(whole))
            dumps.push_back(from_page(whole, "a hex dump of KVM_GET_LAPIC's page", page.first()));
    }
    return dumps;
}

} // namespace lapicheck::traces
