#include "checker/report/state.hpp"

#include <bit>
#include <utility>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "checker/report/json.hpp"
#include "checker/report/rule_text.hpp"
#include "model/field_text.hpp"
#include "model/text.hpp"

namespace lapicheck::checker {
namespace {

using model::Mode;
using model::Reg;
using model::u32;

std::string title(const StateReport& state) {
    const std::string vcpu = state.dump.vcpu.empty() ? std::string{} : state.dump.vcpu + ", ";
    const std::string_view mode = state.dump.mode ? model::mode_text(*state.dump.mode) : "mode not told";
    return fmt::format("{}:{}: {}{} ({})", state.path, state.dump.line, vcpu, mode, state.dump.what);
}

// "vector ECH, masked": the fields that are not 0, with their values.
std::string fields_text(Reg reg, Mode mode, u32 value) {
    std::string text;
    for (const model::NamedBits& field : model::fields_of(reg, mode)) {
        const auto bits = static_cast<u32>(field.mask);
        if ((value & bits) == 0) continue;
        const u32 shifted = (value & bits) >> std::countr_zero(bits);
        const bool is_flag = std::has_single_bit(bits);
        text += fmt::format("{}{}", text.empty() ? "" : ", ",
                            is_flag ? std::string(field.name) : fmt::format("{} {:X}H", field.name, shifted));
    }
    return text;
}

std::string vector_text(const PendingVector& vector) {
    const std::string_view trigger = !vector.tells_trigger ? "" : vector.is_level ? " (level)" : " (edge)";
    return fmt::format("{:02X}H{}", vector.vector, trigger);
}

std::string vector_list(const std::vector<PendingVector>& vectors) {
    std::string text;
    for (const PendingVector& one : vectors) text += (text.empty() ? "" : ", ") + vector_text(one);
    return text.empty() ? "none" : text;
}

void write_registers(std::ostream& out, const StateReport& state) {
    const Mode mode = state.dump.mode.value_or(Mode::xapic);
    for (const model::RegisterRow& row : model::sdm_registers) {
        const auto& value = state.dump.registers[model::index_of(row.reg)];
        if (!value || model::is_bitmap(row.reg)) continue;
        const std::string fields = fields_text(row.reg, mode, *value);
        fmt::print(out, "  {:<14} {:#010x}{}{}\n", row.name, *value, fields.empty() ? "" : "  ", fields);
    }
}

std::string finding_text(const StateFinding& finding) {
    if (!finding.invariant.empty()) return fmt::format("{}: {}", finding.invariant, finding.text);
    return fmt::format("{} {} ({}): {}", model::to_string(finding.rule), slug_of(finding.rule),
                       level_of(finding.rule), finding.text);
}

json vectors_json(const std::vector<PendingVector>& vectors, bool pending) {
    json out = json::array();
    for (const PendingVector& one : vectors) {
        json vector;
        vector["vector"] = one.vector;
        vector["level"] = one.tells_trigger ? json(one.is_level) : json(nullptr);
        if (pending) {
            vector["in_service"] = one.in_service;
            vector["waits_for"] = one.waits_for;
        }
        out.push_back(std::move(vector));
    }
    return out;
}

json state_json(const StateReport& state) {
    json out;
    out["path"] = state.path;
    out["line"] = state.dump.line;
    out["what"] = state.dump.what;
    out["vcpu"] = text_or_null(state.dump.vcpu);
    out["mode"] = state.dump.mode ? json(model::to_string(*state.dump.mode)) : json(nullptr);
    out["registers"] = json::object();
    for (const model::RegisterRow& row : model::sdm_registers)
        if (const auto& value = state.dump.registers[model::index_of(row.reg)]; value) {
            // Of a bitmap's words each has its own place.
            const std::string name = model::is_bitmap(row.reg) ? fmt::format("{}_{:x}", row.name, row.offset)
                                                               : std::string(row.name);
            out["registers"][name] = fmt::format("{:#x}", *value);
        }
    out["in_service"] = vectors_json(state.in_service, false);
    out["pending"] = vectors_json(state.pending, true);
    out["checked"] = state.checked;
    out["findings"] = json::array();
    for (const StateFinding& finding : state.findings)
        out["findings"].push_back(
            {{"rule", finding.invariant.empty() ? json(model::to_string(finding.rule)) : json(nullptr)},
             {"invariant", text_or_null(finding.invariant)},
             {"text", finding.text}});
    out["notes"] = state.notes;
    return out;
}

} // namespace

void write_states_text(std::ostream& out, const std::vector<StateReport>& states) {
    bool first = true;
    for (const StateReport& state : states) {
        if (!std::exchange(first, false)) fmt::print(out, "\n");
        fmt::print(out, "{}: {}\n\n", title(state),
                   state.findings.empty()
                       ? fmt::format("nothing contradicts the rules ({} checks)", state.checked)
                       : fmt::format("{} against the rules", state.findings.size()));
        for (const StateFinding& finding : state.findings) fmt::print(out, "  {}\n", finding_text(finding));
        if (!state.findings.empty()) fmt::print(out, "\n");
        write_registers(out, state);
        fmt::print(out, "\n  in service     {}\n", vector_list(state.in_service));
        fmt::print(out, "  pending        {}\n", vector_list(state.pending));
        for (const PendingVector& pending : state.pending)
            fmt::print(out, "    {:02X}H waits for {}{}\n", pending.vector, pending.waits_for,
                       pending.in_service ? "; it is in service, too" : "");
        for (const std::string& note : state.notes) fmt::print(out, "  note: {}\n", note);
    }
}

void write_states_json(std::ostream& out, const std::vector<StateReport>& states,
                       const std::vector<UnreadDump>& unread) {
    json root = report_head();
    root["states"] = json::array();
    for (const StateReport& state : states) root["states"].push_back(state_json(state));
    root["unread"] = json::array();
    for (const UnreadDump& one : unread) root["unread"].push_back({{"path", one.path}, {"error", one.error}});
    print(out, root);
}

} // namespace lapicheck::checker
