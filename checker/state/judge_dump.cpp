#include "checker/state/judge_dump.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "model/driver.hpp"
#include "model/step.hpp"
#include "model/text.hpp"
#include "specs/properties/invariants.hpp"

namespace lapicheck::checker {
namespace {

using model::Access;
using model::AccessKind;
using model::Answer;
using model::Known;
using model::KnownBits;
using model::Mode;
using model::Reg;
using model::u32;
using model::u64;
using KnownState = model::State<KnownBits>;
using KnownCpu = model::Cpu<KnownBits>;

constexpr u32 words = 8;
constexpr u32 vectors = 256;

Known<u32> shown(const traces::StateDump& dump, Reg reg) {
    const auto& value = dump.registers[model::index_of(reg)];
    return value ? Known<u32>{*value, dump.shown[model::index_of(reg)]} : Known<u32>{};
}

// The state that the dump shows, `without` one register.
KnownState state_of(const traces::StateDump& dump, Mode mode, Reg without) {
    KnownState state{};
    const u64 mode_bits = mode == Mode::disabled ? 0
                          : mode == Mode::xapic  ? model::apic_base::enable
                                                 : model::apic_base::enable | model::apic_base::extd;
    state.apic_base = Known<u64>{model::apic_base::reset_page | mode_bits};
    for (std::size_t i = 0; i < model::window_register_count; ++i) {
        const auto reg = static_cast<Reg>(i);
        if (reg != without && !model::holds_nothing(reg)) state[reg] = shown(dump, reg);
    }
    if (mode == Mode::x2apic && without != Reg::id) {
        // KVM without KVM_CAP_X2APIC_API gives the ID in bits 31:24 in this mode, too.
        const Known<u32> id = shown(dump, Reg::id);
        state.x2apic_id = (id.value & 0x00ff'ffff) == 0 ? Known<u32>{} : id;
    }
    return state;
}

// What of the CPU matters here and a dump shows is its version; the rest may be anything.
KnownCpu any_cpu() {
    KnownCpu cpu{};
    cpu.address_mask = Known<u64>{(u64{1} << 36) - 1, ((u64{1} << 36) - 1) | ~((u64{1} << 52) - 1)};
    return cpu;
}

bool is_readable(const model::RegisterRow& row, Mode mode) {
    const auto access = mode == Mode::x2apic ? row.x2apic : row.xapic;
    return access == model::RegAccess::read_only || access == model::RegAccess::read_write;
}

// One path of the model's read.
struct Way {
    model::Outcome<KnownBits> out;
    bool admits(Known<u32> seen) const {
        if (out.answer != Answer::apic || out.gp) return true;
        const Known<u32> value = model::low_half(out.value);
        if (((value.value ^ seen.value) & value.known & seen.known) != 0) return false;
        if (out.bounded && seen.least() > out.limit.greatest()) return false;
        return !out.exceeds || seen.greatest() > out.limit.least();
    }
};

std::vector<Way> ways_to_read(const model::RegisterRow& row, Mode mode, const KnownState& state) {
    const bool by_msr = mode == Mode::x2apic;
    const u64 where = by_msr ? row.msr() : model::apic_base::reset_page + row.offset;
    const Access<KnownBits> access{by_msr ? AccessKind::rdmsr : AccessKind::mmio_read, Known<u64>{where}, 4,
                                   Known<u64>{}};
    std::vector<Way> ways;
    model::ForkingDriver driver;
    do {
        KnownState before = state;
        ways.push_back({model::step(driver, before, any_cpu(), access)});
    } while (driver.next_path());
    return ways;
}

std::string allowed_text(const std::vector<Way>& ways) {
    std::string text;
    for (const Way& way : ways) {
        const Known<u32> value = model::low_half(way.out.value);
        std::string one = value.is_exact()  ? fmt::format("{:#x}", value.value)
                          : way.out.bounded ? fmt::format("at most {:#x}", way.out.limit.greatest())
                          : way.out.exceeds
                              ? fmt::format("{} and more than {:#x}", model::dotted_hex(way.out.value),
                                            way.out.limit.least())
                              : model::dotted_hex(way.out.value);
        if (text.find(one) == std::string::npos) text += (text.empty() ? "" : ", or ") + one;
    }
    return text;
}

// PPR and what else is computed is read in the state that the others make; of what is kept the read tells
// which bits may be set.
void judge_reads(StateReport& report, Mode mode) {
    for (const model::RegisterRow& row : model::sdm_registers) {
        const Known<u32> seen = shown(report.dump, row.reg);
        if (seen.known == 0 || !is_readable(row, mode)) continue;
        // QEMU and KVM keep the current count apart: it has run on since.
        if (row.reg == Reg::current_count || row.reg == Reg::icr || row.reg == Reg::id) continue;
        const bool is_computed =
            model::holds_nothing(row.reg) || (mode == Mode::x2apic && row.reg == Reg::ldr);
        const std::vector<Way> ways =
            ways_to_read(row, mode, state_of(report.dump, mode, is_computed ? row.reg : Reg::none));
        ++report.checked;
        bool admitted = false;
        for (const Way& way : ways) admitted = admitted || way.admits(seen);
        if (admitted) continue;
        const Known<u32> allowed = model::low_half(ways.front().out.value);
        const u32 differing = (allowed.value ^ seen.value) & allowed.known & seen.known;
        const model::Rule rule =
            is_computed ? ways.front().out.rule : model::read_rule(row, differing, mode == Mode::x2apic);
        std::string text = fmt::format("{} is {:#x}; allowed: {}", row.name, seen.value, allowed_text(ways));
        report.findings.push_back({row.reg, rule, {}, std::move(text)});
    }
}

// The register that an invariant is about, if it is about one.
template <class Invariant>
constexpr Reg about = Reg::none;
template <std::size_t Map>
constexpr Reg about<specs::LowVectorsAreClear<Map>> = specs::bitmaps[Map].first;
template <std::size_t Fact>
constexpr Reg about<specs::RegisterHasDefinedBits<Fact>> = specs::register_facts[Fact].reg;

void judge_invariants(StateReport& report, Mode mode) {
    const KnownState state = state_of(report.dump, mode, Reg::none);
    const KnownCpu cpu = any_cpu();
    const auto judge = [&]<class Invariant>(Invariant) {
        const auto holds = Invariant::template holds<KnownBits>(cpu, state);
        if (!holds.is_true() && !holds.is_false()) return;
        ++report.checked;
        if (holds.is_true()) return;
        const Reg reg = about<Invariant>;
        const std::string name =
            reg == Reg::none ? std::string{} : fmt::format("{}: ", model::register_name(reg));
        report.findings.push_back({reg, {}, Invariant::id, name + std::string(Invariant::statement)});
    };
    std::apply([&]<class... I>(I... one) { (judge(one), ...); }, specs::Invariants{});
}

bool has(const traces::StateDump& dump, Reg first, u32 vector) {
    return (shown(dump, model::word_of(first, vector)).value & model::bit_of(vector)) != 0;
}

PendingVector describe(const traces::StateDump& dump, u32 vector) {
    const Known<u32> trigger = shown(dump, model::word_of(Reg::tmr0, vector));
    const u32 bit = model::bit_of(vector);
    return {vector, false, (trigger.value & bit) != 0, (trigger.known & bit) != 0, {}};
}

// SDM Vol. 3A, 10.8.3.1 Task and Processor Priorities: an interrupt is dispatched if its class is above that
// of PPR.
std::string waits_for(const StateReport& report, u32 vector) {
    const Known<u32> svr = shown(report.dump, Reg::svr);
    if (svr.known != 0 && (svr.value & model::svr::enable) == 0)
        return "the APIC is disabled by software (SVR[8] is 0)";
    const u32 priority = vector & model::tpr::task_class;
    const u32 serviced = report.in_service.empty() ? 0 : report.in_service.front().vector;
    const u32 task = shown(report.dump, Reg::tpr).value & model::tpr::task_class;
    if (priority <= (serviced & model::tpr::task_class))
        return fmt::format("the EOI of vector {:02X}H, which is in service with a class that is not lower",
                           serviced);
    if (priority <= task)
        return fmt::format("a lower TPR: its class is {:X}, and TPR's is {:X}", priority >> 4, task >> 4);
    if (!report.pending.empty())
        return fmt::format("vector {:02X}H, which comes first", report.pending.front().vector);
    return "the processor: it could be dispatched as soon as the vCPU runs with IF=1";
}

void explain(StateReport& report) {
    for (u32 vector = vectors; vector-- > 0;)
        if (has(report.dump, Reg::isr0, vector)) report.in_service.push_back(describe(report.dump, vector));
    for (u32 vector = vectors; vector-- > 0;) {
        if (!has(report.dump, Reg::irr0, vector)) continue;
        PendingVector pending = describe(report.dump, vector);
        pending.in_service = has(report.dump, Reg::isr0, vector);
        pending.waits_for = waits_for(report, vector);
        report.pending.push_back(std::move(pending));
    }
    for (std::size_t i = 0; i + 1 < report.in_service.size(); ++i)
        if ((report.in_service[i].vector & model::tpr::task_class) ==
            (report.in_service[i + 1].vector & model::tpr::task_class))
            report.notes.push_back(fmt::format(
                "vectors {:02X}H and {:02X}H of one class are both in service: the second can only have been "
                "dispatched while the first was not yet, or after a write of ISR by the hypervisor",
                report.in_service[i].vector, report.in_service[i + 1].vector));
    const Known<u32> svr = shown(report.dump, Reg::svr);
    if (svr.known == 0 || (svr.value & model::svr::enable) != 0) return;
    for (const Reg entry : model::lvt_entries) {
        const Known<u32> lvt = shown(report.dump, entry);
        if (lvt.known != 0 && (lvt.value & model::lvt::mask) == 0)
            report.notes.push_back(
                fmt::format("{} is not masked although SVR[8] is 0: allowed only if software has not "
                            "cleared SVR[8] since RESET (V06)",
                            model::register_name(entry)));
    }
}

} // namespace

StateReport judge_dump(std::string path, traces::StateDump dump) {
    StateReport report;
    report.path = std::move(path);
    report.dump = std::move(dump);
    report.notes = report.dump.notes;
    explain(report);
    // Where the mode is not told, what is wrong in either is.
    if (report.dump.mode) {
        judge_reads(report, *report.dump.mode);
        judge_invariants(report, *report.dump.mode);
        return report;
    }
    StateReport other = report;
    judge_reads(report, Mode::xapic);
    judge_invariants(report, Mode::xapic);
    judge_reads(other, Mode::x2apic);
    judge_invariants(other, Mode::x2apic);
    std::erase_if(report.findings, [&other](const StateFinding& one) {
        return std::ranges::none_of(other.findings, [&one](const StateFinding& also) {
            return also.reg == one.reg && also.invariant == one.invariant;
        });
    });
    return report;
}

} // namespace lapicheck::checker
