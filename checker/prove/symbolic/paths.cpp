#include "checker/prove/symbolic/paths.hpp"

#include "checker/prove/symbolic/solver.hpp"
#include "model/step.hpp"

namespace lapicheck::prove {
namespace {

using model::Reg;
using model::RegisterRow;

u64 mode_bits(Mode mode) {
    return (mode == Mode::disabled ? 0 : model::apic_base::enable) |
           (mode == Mode::x2apic ? model::apic_base::extd : 0);
}

constexpr u64 mode_mask = model::apic_base::enable | model::apic_base::extd;

SymU64 with_mode_bits(const SymU64& apic_base, u64 bits) { return (apic_base & ~mode_mask) | bits; }

SymBool bool_variable(const std::string& name) { return SymBool{context().bool_const(name.c_str())}; }

std::string word_name(const RegisterRow& row) {
    return model::is_bitmap(row.reg) ? fmt::format("{}{}", row.name, row.offset >> 4 & 7)
                                     : std::string(row.name);
}

} // namespace

z3::expr Path::condition() const {
    Conditions conditions;
    for (const Decision& decision : decisions) conditions.push_back(decision.condition());
    return conjunction(conditions);
}

SymAccess Path::taken(const SymAccess& access) const {
    SymAccess known = access;
    known.address = access.address.refined(address_bits);
    return known;
}

bool Path::excludes(const z3::expr& condition) const {
    if (condition.is_and()) {
        for (unsigned i = 0; i < condition.num_args(); ++i)
            if (excludes(condition.arg(i))) return true;
        return false;
    }
    for (const Decision& decision : decisions)
        for (std::size_t i = 0; i < decision.alternatives.size(); ++i)
            if (i != decision.chosen && z3::eq(decision.alternatives[i], condition)) return true;
    return false;
}

bool exclude_each_other(const Path& a, const Path& b) {
    for (const Decision& x : a.decisions)
        for (const Decision& y : b.decisions)
            if (x.chosen != y.chosen && z3::eq(x.alternatives.front(), y.alternatives.front())) return true;
    return false;
}

SymCpu any_cpu() {
    return {bool_variable("cpu.amd"),
            bool_variable("cpu.x2apic"),
            bool_variable("cpu.tsc_deadline"),
            bool_variable("cpu.locked_x2apic"),
            SymU64::variable("cpu.address_mask"),
            SymU32::variable("cpu.id")};
}

SymState any_state(Mode mode, const std::string& prefix) {
    SymState s;
    s.apic_base = with_mode_bits(SymU64::variable(prefix + "apic_base"), mode_bits(mode));
    s.tsc_deadline = SymU64::variable(prefix + "tsc_deadline");
    s.x2apic_id = SymU32::variable(prefix + "x2apic_id");
    s.esr_pending = SymU32::variable(prefix + "esr_pending");
    s.private_icr_high = SymU32::variable(prefix + "private_icr_high");
    s.private_boot_processor = SymU32::variable(prefix + "private_boot_processor");
    s.cleared_by_software = bool_variable(prefix + "cleared_by_software");
    s.ier_written = bool_variable(prefix + "ier_written");
    for (const RegisterRow& row : model::sdm_registers)
        s[row.reg] = SymU32::variable(prefix + word_name(row));
    s[Reg::version] = SymU32::variable("cpu.version"); // V01: it is the CPU's, whatever the state
    return s;
}

SymSurroundings any_surroundings(const std::string& prefix) {
    return {SymPage::variable(prefix + "page"), SymPage::variable("shared_page")};
}

SymAccess any_access(AccessKind kind, u32 size, const std::string& prefix) {
    SymAccess access{};
    access.kind = kind;
    access.size = size;
    access.address = SymU64::variable(prefix + "address");
    access.value = SymU64::variable(prefix + "value");
    return access;
}

std::vector<Path> paths_of(const SymImplementation& implementation, const Start& start,
                           const SymAccess& access, const std::string& choice_prefix) {
    std::vector<Path> paths;
    SymSurroundings around = start.around;
    model::As<SymbolicDriver> driver(implementation, around, start.cpu, choice_prefix);
    driver.watch(access.address);
    do {
        around = start.around;
        Path path;
        path.after = start.state;
        path.out = model::amended_step(driver, path.after, start.cpu, access);
        path.around = around;
        const bool enabled = driver.decide(model::is_enabled(path.after));
        const bool extd = driver.decide(model::has_extd(path.after));
        path.invalid_mode = extd && !enabled;
        path.after.apic_base = with_mode_bits(path.after.apic_base, (enabled ? model::apic_base::enable : 0) |
                                                                        (extd ? model::apic_base::extd : 0));
        path.address_bits = driver.address_bits();
        if (const auto slot = driver.slot()) {
            const Known<u64> bits =
                model::is_mmio(access.kind) ? Known<u64>{u64{*slot} << 4, 0xff0} : Known<u64>{*slot, 0xff};
            path.address_bits = path.address_bits.refined_by(bits);
        }
        path.decisions = driver.decisions();
        path.choices = driver.choices();
        paths.push_back(std::move(path));
    } while (driver.next_path());
    return paths;
}

Mode known_mode(const SymState& state) {
    const u64 bits = state.apic_base.known().value;
    if ((bits & model::apic_base::enable) == 0) return Mode::disabled;
    return (bits & model::apic_base::extd) != 0 ? Mode::x2apic : Mode::xapic;
}

SymState select_state(const SymBool& condition, const SymState& if_true, const SymState& if_false) {
    SymState s;
    model::for_each_word([&condition](model::StateWord, auto& to, const auto& yes,
                                      const auto& no) { to = select(condition, yes, no); },
                         s, if_true, if_false);
    return s;
}

} // namespace lapicheck::prove
