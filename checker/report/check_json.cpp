#include "checker/judge/divergence_text.hpp"
#include "checker/report/json.hpp"
#include "checker/report/results.hpp"
#include "checker/report/rule_text.hpp"

namespace lapicheck::checker {
namespace {

std::string hex(u64 value) { return fmt::format("{:#x}", value); }

std::string_view kind_name(const Divergence& divergence) {
    if (divergence.mismatch.fault == Fault::injected) return "inject";
    if (divergence.mismatch.fault == Fault::cpuid) return "cpuid";
    if (is_of_timer(divergence.mismatch.fault)) return "timer";
    return model::to_string(divergence.access.kind);
}

bool is_guest_access(const Divergence& divergence) { return !is_of_no_access(divergence.mismatch.fault); }

json access_json(const Divergence& divergence) {
    const auto& access = divergence.access;
    const std::string_view name = model::register_name(divergence.mismatch.reg);
    json out;
    out["kind"] = kind_name(divergence);
    if (is_guest_access(divergence)) out[model::is_mmio(access.kind) ? "gpa" : "msr"] = hex(access.address);
    out["register"] = name.empty() ? json(nullptr) : json(name);
    out["size"] = model::is_mmio(access.kind) ? access.size : 8;
    const bool writes = is_guest_access(divergence) && model::is_write(access.kind);
    out["value"] = writes ? json(hex(access.value)) : json(nullptr);
    return out;
}

json observed_json(const Divergence& divergence) {
    const auto& access = divergence.access;
    const Fault fault = divergence.mismatch.fault;
    const bool shows_value = !model::is_write(access.kind) && !access.gp;
    json effects = json::array();
    if (access.reached_apic && is_guest_access(divergence)) effects.push_back("kvm_apic");
    if (access.ipis > 0) effects.push_back("ipi");
    if (access.ended_interrupt)
        effects.push_back(access.eoi_vector > 0xff ? std::string{"eoi none"}
                                                   : fmt::format("eoi {:#x}", access.eoi_vector));
    if (!divergence.mismatch.detail.empty()) effects.push_back(to_string(divergence.mismatch.detail));
    json out;
    out["value"] = shows_value ? json(hex(access.value)) : json(nullptr);
    out["gp"] = is_of_no_access(fault) || model::is_mmio(access.kind) ? json(nullptr) : json(access.gp);
    out["effects"] = std::move(effects);
    return out;
}

json expected_json(const Divergence& divergence) {
    const Mismatch& mismatch = divergence.mismatch;
    json out;
    const bool has_value = mismatch.fault == Fault::value || mismatch.fault == Fault::cpuid;
    // A bound fixes no single bit.
    const u64 value = mismatch.bounded ? mismatch.expected.greatest() : mismatch.expected.value;
    out["value"] = has_value ? json(hex(value)) : json(nullptr);
    out["mask"] = has_value ? json(hex(mismatch.bounded ? 0 : mismatch.expected.known)) : json(nullptr);
    const bool about_gp = mismatch.fault == Fault::gp_missing || mismatch.fault == Fault::gp_raised;
    out["gp"] = about_gp ? json(mismatch.fault == Fault::gp_missing) : json(nullptr);
    out["effects"] = json::array();
    out["text"] = expected_text(divergence);
    return out;
}

json divergence_json(const TraceReport& report, const Divergence& divergence) {
    const auto id = model::to_string(divergence.mismatch.rule);
    json because = json::array();
    for (const Because& line : divergence.because)
        because.push_back({{"line", line.line}, {"what", line.what}});
    json out;
    out["rule"] = id;
    out["name"] = slug_of(divergence.mismatch.rule);
    out["level"] = level_of(divergence.mismatch.rule);
    out["known"] = divergence.known == nullptr ? json(nullptr) : json(divergence.known->id);
    out["count"] = divergence.count;
    out["line"] = divergence.line;
    out["first_line"] = divergence.access.first_line;
    out["last_line"] = divergence.access.last_line;
    out["time"] = format_time(divergence.access.time, report.read);
    out["vcpu"] = divergence.vcpu;
    out["mode"] = model::to_string(divergence.mismatch.mode);
    out["access"] = access_json(divergence);
    out["observed"] = observed_json(divergence);
    out["expected"] = expected_json(divergence);
    out["because"] = std::move(because);
    out["properties"] = divergence.properties;
    return out;
}

json groups_json(const TraceReport& report) {
    json out = json::array();
    for (std::size_t group = 0; group < rule_group_count; ++group) {
        const Share& share = report.replay.groups[group];
        if (share.accesses == 0) continue;
        out.push_back({{"group", rule_group_names[group].letter},
                       {"accesses", share.accesses},
                       {"checked", share.checked}});
    }
    return out;
}

json vm_json(const VmSummary& vm) {
    json out;
    out["process"] = vm.process == 0 ? json(nullptr) : json(vm.process);
    out["thread_name"] = vm.name;
    out["threads"] = vm.threads;
    out["vcpus"] = vm.vcpus;
    out["accesses"] = vm.share.accesses;
    out["checked"] = vm.share.checked;
    out["divergences"] = vm.divergences;
    out["selected"] = vm.is_selected;
    return out;
}

json trace_json(const TraceReport& report) {
    json out;
    out["path"] = report.path;
    out["error"] = text_or_null(report.error);
    out["format"] = text_or_null(report.read.format);
    out["verdict"] = report.is_refused() ? json(nullptr) : json(to_string(report.verdict));
    out["events"] = report.read.events;
    out["accesses"] = report.replay.accesses;
    out["checked"] = report.replay.checked;
    out["undetermined"] = report.replay.undetermined;
    out["groups"] = groups_json(report);
    out["min_checked"] = report.min_checked;
    out["vms"] = json::array();
    for (const VmSummary& vm : report.replay.vms) out["vms"].push_back(vm_json(vm));
    out["skipped_lines"] = report.read.skipped_lines;
    out["lost_events"] = report.read.lost_events;
    out["divergences"] = json::array();
    for (const Divergence& divergence : report.divergences)
        out["divergences"].push_back(divergence_json(report, divergence));
    out["divergences_not_listed"] = report.divergences_not_listed;
    out["notes"] = report.read.notes;
    for (const std::string& note : report.replay.notes) out["notes"].push_back(note);
    out["repaired"] = json::array();
    for (const traces::Repair& repair : report.read.repairs)
        out["repaired"].push_back({{"what", repair.what}, {"lines", repair.lines}});
    out["skipped"] = json::array();
    for (const auto& line : report.read.skipped)
        out["skipped"].push_back({{"line", line.line}, {"why", line.why}, {"text", line.text}});
    return out;
}

json report_json(const CheckReport& report) {
    json root = report_head();
    root["profile"] = to_string(report.profile);
    root["cpu"] = text_or_null(cpu_key(report.cpu));
    root["traces"] = json::array();
    for (const TraceReport& trace : report.traces) {
        root["traces"].push_back(trace_json(trace));
        if (!report.logs.empty()) root["traces"].back()["tests"] = tests_json(report, trace);
    }
    return root;
}

} // namespace

void write_check_json(std::ostream& out, const CheckReport& report, const Presentation&) {
    print(out, report_json(report));
}

void write_check_jsonl(std::ostream& out, const CheckReport& report, const Presentation&) {
    print_line(out, report_json(report));
}

} // namespace lapicheck::checker
