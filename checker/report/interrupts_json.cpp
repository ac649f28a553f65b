#include "checker/report/json.hpp"
#include "checker/report/reports.hpp"

namespace lapicheck::checker {
namespace {

using ledger::OtherMode;

json line_or_null(u64 line) { return line == 0 ? json(nullptr) : json(line); }

template <class Value>
json value_or_null(const std::optional<Value>& value) {
    return value ? json(*value) : json(nullptr);
}

// Of a register: what is known of it.
json known_json(Known<u64> value) {
    json out;
    out["value"] = fmt::format("{:#x}", value.value);
    out["known"] = fmt::format("{:#x}", value.known);
    return out;
}
json known_json(Known<u32> value) { return known_json(Known<u64>{value.value, u64{value.known}}); }

json wait_json(const ledger::Wait& wait) {
    json out;
    out["vector"] = wait.vector;
    out["from_line"] = wait.from.line;
    out["to_line"] = wait.to.line;
    out["length"] = wait.length();
    return out;
}

json waits_json(const ledger::Waits& waits) {
    json out;
    out["count"] = waits.count;
    out["total"] = waits.total;
    out["longest"] = waits.count == 0 ? json(nullptr) : wait_json(waits.longest);
    return out;
}

json other_json(const OtherMode& mode) {
    json out;
    out["count"] = mode.count;
    out["first_line"] = line_or_null(mode.first_line);
    out["last_line"] = line_or_null(mode.last_line);
    return out;
}

json pending_json(const std::optional<ledger::Pending>& pending) {
    if (!pending) return nullptr;
    json out;
    out["line"] = pending->accepted.line;
    out["source"] = key_of(pending->source);
    out["level"] = pending->level;
    out["ambiguous"] = pending->ambiguous;
    out["overtaken"] = pending->overtaken;
    out["overtaken_by"] = pending->overtaken == 0 ? json(nullptr) : json(pending->overtaken_by);
    out["first_overtaken_line"] = line_or_null(pending->first_overtaken);
    out["last_overtaken_line"] = line_or_null(pending->last_overtaken);
    out["halts"] = pending->halts;
    out["first_halt_line"] = line_or_null(pending->first_halt);
    out["last_halt_line"] = line_or_null(pending->last_halt);
    return out;
}

json in_service_json(const std::optional<ledger::InService>& service) {
    if (!service) return nullptr;
    json out;
    out["line"] = service->injected.line;
    out["accepted_line"] = line_or_null(service->accepted.line);
    out["halts"] = service->halts;
    out["empty_eoi_line"] = line_or_null(service->empty_eoi);
    return out;
}

json storm_json(const ledger::Storm& storm) {
    if (storm.rounds == 0) return nullptr;
    json out;
    out["rounds"] = storm.rounds;
    out["first_line"] = storm.first_line;
    out["last_line"] = storm.last_line;
    out["longest_gap"] = storm.longest_gap;
    return out;
}

json row_json(u32 vector, const ledger::VectorRow& row) {
    json out;
    out["vector"] = vector;
    out["requested"] = json::object();
    for (std::size_t i = 0; i < ledger::source_count; ++i)
        out["requested"][std::string{key_of(static_cast<ledger::Source>(i))}] = row.requested[i];
    out["senders"] = json::array();
    for (const auto& [sender, count] : row.senders)
        out["senders"].push_back({{"vcpu", sender}, {"count", count}});
    out["accepted"] = row.accepted;
    out["accepted_while_pending"] = row.again;
    out["accepted_while_disabled"] = row.dropped;
    out["accepted_as_level"] = row.level;
    out["injected"] = row.injected;
    out["injected_without_acceptance"] = row.unrequested;
    out["reinjected"] = row.reinjected;
    out["ended"] = row.ended;
    out["ended_without_injection"] = row.ended_unseen;
    out["ended_by_pv_eoi"] = row.ended_lazily;
    out["eoi_broadcasts"] = row.broadcast;
    out["abandoned"] = row.abandoned;
    out["accept_to_injection"] = waits_json(row.until_injected);
    out["injection_to_eoi"] = waits_json(row.until_ended);
    out["accept_to_eoi"] = waits_json(row.accepted_ended);
    out["storm"] = storm_json(row.storm);
    out["pending"] = pending_json(row.pending);
    out["in_service"] = in_service_json(row.in_service);
    return out;
}

std::string_view key_of_mode(traces::DeliveryMode mode) {
    switch (mode) {
    case traces::DeliveryMode::nmi: return "nmi";
    case traces::DeliveryMode::smi: return "smi";
    case traces::DeliveryMode::init: return "init";
    case traces::DeliveryMode::startup: return "sipi";
    case traces::DeliveryMode::extint: return "extint";
    default: return "other";
    }
}

json words_json(const std::array<Known<u32>, 8>& words) {
    json out = json::array();
    for (const Known<u32>& word : words) out.push_back(known_json(word));
    return out;
}

json state_json(const std::optional<ledger::FinalState>& state) {
    if (!state) return nullptr;
    json out;
    out["mode"] = state->mode ? json(model::to_string(*state->mode)) : json(nullptr);
    out["apic_base"] = known_json(state->apic_base);
    out["svr"] = known_json(state->svr);
    out["tpr"] = known_json(state->tpr);
    out["ppr"] = known_json(state->ppr);
    out["irr"] = words_json(state->irr);
    out["isr"] = words_json(state->isr);
    for (const auto& [name, value] : state->lvt) out[std::string{name}] = known_json(value);
    out["tsc_deadline"] = known_json(state->tsc_deadline);
    out["may_have_been_reset"] = state->may_have_been_reset;
    out["in_userspace"] = state->is_in_userspace;
    return out;
}

json vcpu_json(const ledger::VcpuLedger& vcpu) {
    json out;
    out["label"] = vcpu.label;
    out["vm"] = vcpu.machine;
    out["id"] = value_or_null(vcpu.id);
    out["thread"] = value_or_null(vcpu.thread);
    out["ambiguous"] = vcpu.is_ambiguous;
    out["vectors"] = json::array();
    for (const auto& [vector, row] : vcpu.vectors) out["vectors"].push_back(row_json(vector, row));
    out["others"] = json::object();
    for (const auto& [mode, count] : vcpu.others)
        out["others"][std::string{key_of_mode(mode)}] = other_json(count);
    out["unanswered_ipis"] = json::array();
    for (const auto& [vector, count] : vcpu.unanswered) {
        json one = other_json(count);
        one["vector"] = vector;
        out["unanswered_ipis"].push_back(std::move(one));
    }
    out["eois_of_lower_vectors"] = vcpu.lower_eoi.count;
    out["eois_of_nothing"] = other_json(vcpu.empty_eois);
    out["eois_of_unknown_vector"] = vcpu.vectorless_eois;
    out["entries"] = vcpu.entries;
    out["halts"] = vcpu.halts;
    out["halts_while_pending"] = vcpu.halts_while_pending;
    out["halted_since_line"] = line_or_null(vcpu.halted.line);
    out["longest_waits_to_injection"] = json::array();
    for (const auto& wait : vcpu.longest_until_injected)
        out["longest_waits_to_injection"].push_back(wait_json(wait));
    out["longest_waits_to_eoi"] = json::array();
    for (const auto& wait : vcpu.longest_until_ended) out["longest_waits_to_eoi"].push_back(wait_json(wait));
    out["state"] = state_json(vcpu.state);
    out["last_accesses"] = json::array();
    for (const auto& last : vcpu.last_accesses)
        out["last_accesses"].push_back({{"line", last.access.line}, {"text", last.text}});
    return out;
}

json recording_json(const ledger::Recording& recording) {
    json out;
    out["first_line"] = recording.first_line;
    out["last_line"] = recording.last_line;
    out["conclusions"] = json::array();
    for (const ledger::Conclusion& conclusion : recording.conclusions) {
        json one;
        one["weight"] = name_of(conclusion.weight);
        one["kind"] = conclusion.kind;
        one["text"] = conclusion.text;
        one["vcpu"] = value_or_null(conclusion.vcpu);
        one["vector"] = value_or_null(conclusion.vector);
        one["lines"] = conclusion.lines;
        out["conclusions"].push_back(std::move(one));
    }
    out["vcpus"] = json::array();
    for (const ledger::VcpuLedger& vcpu : recording.vcpus) out["vcpus"].push_back(vcpu_json(vcpu));
    return out;
}

json ledger_json(const ledger::Ledger& one) {
    json out;
    out["path"] = one.check.path;
    out["format"] = one.check.read.format;
    out["events"] = one.check.read.events;
    out["lost_events"] = one.check.read.lost_events;
    out["skipped_lines"] = one.check.read.skipped_lines;
    out["time_unit"] = one.check.read.clock_in_seconds ? "ns" : "ticks";
    out["verdict"] = one.check.is_refused() ? json(nullptr) : json(to_string(one.check.verdict));
    out["error"] = text_or_null(one.check.error);
    out["divergences"] = json::array();
    for (const Divergence& divergence : one.check.divergences)
        out["divergences"].push_back(
            {{"rule", model::to_string(divergence.mismatch.rule)},
             {"line", divergence.line},
             {"vcpu", divergence.vcpu},
             {"known", divergence.known == nullptr ? json(nullptr) : json(divergence.known->id)}});
    out["recordings"] = json::array();
    for (const ledger::Recording& recording : one.recordings)
        out["recordings"].push_back(recording_json(recording));
    out["recordings_not_listed"] = one.recordings_not_listed;
    return out;
}

} // namespace

void write_interrupts_json(std::ostream& out, const LedgerReport& report, const Presentation&) {
    json root = report_head();
    root["profile"] = to_string(report.profile);
    root["traces"] = json::array();
    for (const ledger::Ledger& one : report.ledgers) root["traces"].push_back(ledger_json(one));
    print(out, root);
}

} // namespace lapicheck::checker
