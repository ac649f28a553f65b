// Every recording of traces/corpus with its verdicts and each divergence. Why each of them is right tells
// docs/recordings.md.
#include "checker/replay/check.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "checker/judge/evidence.hpp"
#include "checker/prove/engine/symbolic_tables.hpp"

namespace lapicheck::checker {
namespace {

using enum Verdict;

struct Row {
    std::string rule;
    std::string reg; // of the first one
    u64 count;
    u64 line;
    std::string known; // the departure of KVM that it is; empty: the fault that was put in
};

struct Recording {
    std::string name;
    Verdict by_sdm;
    Verdict by_kvm;
    std::vector<Row> divergences; // by line
};

// clang-format off: one row, one line
const std::vector<Recording> recordings = {
    {"kvm-6.1-svm/fixed-smp1", conforms, conforms, {}},
    {"kvm-6.1-svm/probe-eoi-clears-lowest",
     diverges,
     diverges,
     {
         {"X06", "tpr", 2, 628, "kvm-x2apic-reserved-low-bits-masked"},
         {"X07", "eoi", 1, 647, "kvm-x2apic-eoi-nonzero-accepted"},
         {"X06", "svr", 3, 656, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_timer", 2, 697, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_thermal", 2, 718, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_pmc", 1, 736, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint0", 2, 754, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint1", 1, 772, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_error", 1, 790, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "dcr", 3, 805, "kvm-x2apic-reserved-low-bits-masked"},
         {"P04", "eoi", 2, 1673, ""},
         {"L02", "lvt_timer", 1, 3472, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_thermal", 1, 3490, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_pmc", 1, 3508, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_lint0", 1, 3526, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_lint1", 1, 3544, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_error", 1, 3562, "kvm-lvt-delivery-status-writable"},
         {"M11", "esr", 1, 3604, "kvm-esr-always-zero"},
         {"P04", "eoi", 2, 3863, ""},
         {"T04", "current_count", 2, 4602, "kvm-current-count-above-initial"},
         {"I04", "esr", 2, 5254, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5307, "kvm-irr-below-16-reads-set"},
         {"I04", "esr", 1, 5498, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5566, "kvm-irr-below-16-reads-set"},
         {"P06", "irr", 1, 5752, "kvm-irr-below-16-reads-set"},
     }},
    {"kvm-6.1-svm/probe-smp2",
     diverges,
     conforms,
     {
         {"X06", "tpr", 2, 625, "kvm-x2apic-reserved-low-bits-masked"},
         {"X07", "eoi", 1, 644, "kvm-x2apic-eoi-nonzero-accepted"},
         {"X06", "svr", 3, 653, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_timer", 2, 694, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_thermal", 2, 715, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_pmc", 1, 733, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint0", 2, 751, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint1", 1, 769, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_error", 1, 787, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "dcr", 3, 802, "kvm-x2apic-reserved-low-bits-masked"},
         {"L02", "lvt_timer", 1, 3469, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_thermal", 1, 3487, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_pmc", 1, 3505, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_lint0", 1, 3523, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_lint1", 1, 3541, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_error", 1, 3559, "kvm-lvt-delivery-status-writable"},
         {"M11", "esr", 1, 3601, "kvm-esr-always-zero"},
         {"T04", "current_count", 2, 4599, "kvm-current-count-above-initial"},
         {"I04", "esr", 2, 5251, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5304, "kvm-irr-below-16-reads-set"},
         {"I04", "esr", 1, 5495, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5563, "kvm-irr-below-16-reads-set"},
         {"P06", "irr", 1, 5749, "kvm-irr-below-16-reads-set"},
     }},
    {"kvm-6.1-svm/probe-sw-disable-lvt-not-masked",
     diverges,
     diverges,
     {
         {"X06", "tpr", 2, 625, "kvm-x2apic-reserved-low-bits-masked"},
         {"X07", "eoi", 1, 644, "kvm-x2apic-eoi-nonzero-accepted"},
         {"X06", "svr", 3, 653, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_timer", 2, 694, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_thermal", 2, 715, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_pmc", 1, 733, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint0", 2, 751, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint1", 1, 769, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_error", 1, 787, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "dcr", 3, 802, "kvm-x2apic-reserved-low-bits-masked"},
         {"V06", "lvt_timer", 1, 2113, ""},
         {"V06", "lvt_thermal", 1, 2116, ""},
         {"V06", "lvt_pmc", 1, 2119, ""},
         {"V06", "lvt_lint0", 1, 2122, ""},
         {"V06", "lvt_lint1", 1, 2125, ""},
         {"V06", "lvt_error", 1, 2128, ""},
         {"L02", "lvt_timer", 1, 3469, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_thermal", 1, 3487, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_pmc", 1, 3505, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_lint0", 1, 3523, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_lint1", 1, 3541, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_error", 1, 3559, "kvm-lvt-delivery-status-writable"},
         {"M11", "esr", 1, 3601, "kvm-esr-always-zero"},
         {"V06", "lvt_timer", 1, 4305, ""},
         {"V06", "lvt_thermal", 1, 4308, ""},
         {"V06", "lvt_pmc", 1, 4311, ""},
         {"V06", "lvt_lint0", 1, 4314, ""},
         {"V06", "lvt_lint1", 1, 4317, ""},
         {"V06", "lvt_error", 1, 4320, ""},
         {"T04", "current_count", 1, 4599, "kvm-current-count-above-initial"},
         {"I04", "esr", 2, 5251, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5304, "kvm-irr-below-16-reads-set"},
         {"I04", "esr", 1, 5495, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5563, "kvm-irr-below-16-reads-set"},
         {"P06", "irr", 1, 5749, "kvm-irr-below-16-reads-set"},
     }},
    {"kvm-6.1-svm/probe-x2apic-to-xapic-allowed",
     diverges,
     diverges,
     {
         {"X06", "tpr", 2, 627, "kvm-x2apic-reserved-low-bits-masked"},
         {"X07", "eoi", 1, 646, "kvm-x2apic-eoi-nonzero-accepted"},
         {"X06", "svr", 3, 655, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_timer", 2, 696, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_thermal", 2, 717, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_pmc", 1, 735, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint0", 2, 753, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_lint1", 1, 771, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "lvt_error", 1, 789, "kvm-x2apic-reserved-low-bits-masked"},
         {"X06", "dcr", 3, 804, "kvm-x2apic-reserved-low-bits-masked"},
         {"B03", "apic_base", 1, 2405, ""},
         {"L02", "lvt_timer", 1, 3474, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_thermal", 1, 3492, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_pmc", 1, 3510, "kvm-lvt-delivery-status-writable"},
         {"L02", "lvt_lint0", 1, 3528, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_lint1", 1, 3546, "kvm-lint-read-only-bits-writable"},
         {"L02", "lvt_error", 1, 3564, "kvm-lvt-delivery-status-writable"},
         {"M11", "esr", 1, 3606, "kvm-esr-always-zero"},
         {"T04", "current_count", 2, 4604, "kvm-current-count-above-initial"},
         {"I04", "esr", 2, 5256, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5309, "kvm-irr-below-16-reads-set"},
         {"I04", "esr", 1, 5500, "kvm-esr-always-zero"},
         {"P06", "irr", 1, 5568, "kvm-irr-below-16-reads-set"},
         {"P06", "irr", 1, 5754, "kvm-irr-below-16-reads-set"},
     }},
    {"kvm-6.1-svm/x2apic-mmio-alive-smp1",
     diverges,
     diverges,
     {
         {"M01", "version", 4, 34211, ""},
     }},
    {"kvm-6.18-pvm/init", conforms, conforms, {}},
    {"kvm-6.18-pvm/ioapic-x2apic-smp4", conforms, conforms, {}},
    {"kvm-6.18-pvm/linux-x2apic-smp2.head", conforms, conforms, {}},
    {"kvm-6.18-pvm/linux-xapic-smp2.head", conforms, conforms, {}},
    {"kvm-6.18-pvm/migration-ioctls", conforms, conforms, {}},
    {"kvm-6.18-pvm/msr-max.head", conforms, conforms, {}},
    {"kvm-6.18-pvm/probe-noeoi", conforms, conforms, {}},
    {"kvm-6.18-pvm/probe/d6", conforms, conforms, {}},
    {"kvm-6.18-pvm/probe/d9", conforms, conforms, {}},
    {"kvm-6.18-pvm/probe/lost-trace_pipe", conforms, conforms, {}},
    {"kvm-6.18-pvm/probe/p4", conforms, conforms, {}},
    {"kvm-6.18-pvm/reset-x2apic-ioctls", conforms, conforms, {}},
    {"kvm-6.18-pvm/reset-x2apic", conforms, conforms, {}},
    {"kvm-6.18-pvm/smptest-2", conforms, conforms, {}},
    {"kvm-6.18-pvm/tscdeadline_latency.head", conforms, conforms, {}},
    {"kvm-6.18-pvm/userspace-irqchip", inconclusive, inconclusive, {}},
    {"kvm-6.18-pvm/vmexit-ipi.head", conforms, conforms, {}},
    {"kvm-6.18-pvm/vmexit-self_ipi_tpr-xapic.head", conforms, conforms, {}},
    {"kvm-6.18-pvm/x2apic-smp1", conforms, conforms, {}},
    {"kvm-6.18-pvm/x2apic-smp2-split", conforms, conforms, {}},
    {"kvm-6.18-pvm/x2apic-smp2-tsc", conforms, conforms, {}},
    {"kvm-6.18-pvm/x2apic-smp2", conforms, conforms, {}},
    {"kvm-6.18-pvm/xapic-smp2-mono.head", conforms, conforms, {}},
    {"kvm-6.18-pvm/xapic-smp2-overrun", conforms, conforms, {}},
    {"kvm-6.18-pvm/xapic-smp2.head", conforms, conforms, {}},
};
// clang-format on

const std::string corpus = std::string(LAPICHECK_BINARY_DIR) + "/corpus/";

TraceReport checked(const std::string& name, Profile profile) {
    CheckOptions options;
    options.profile = profile;
    TraceReport report = check_input(corpus + name + ".txt", options).front();
    REQUIRE_MESSAGE(report.error.empty(), report.error);
    std::ranges::stable_sort(report.divergences, {}, &Divergence::line);
    return report;
}

std::string text_of(const Row& row, Profile profile) {
    return fmt::format("{} {} x{} line {} {}\n", row.rule, row.reg, row.count, row.line,
                       profile == Profile::kvm ? row.known : "");
}

std::string expected_text(const Recording& recording, Profile profile) {
    std::string text;
    for (const Row& row : recording.divergences) text += text_of(row, profile);
    return text;
}

std::string found_text(const TraceReport& report, Profile profile) {
    std::string text;
    for (const Divergence& d : report.divergences)
        text += text_of({std::string(model::to_string(d.mismatch.rule)),
                         std::string(model::register_name(d.mismatch.reg)), d.count, d.access.line,
                         d.known == nullptr ? "" : d.known->id},
                        profile);
    return text;
}

const Recording& recording_named(std::string_view name) {
    const auto found = std::ranges::find(recordings, name, &Recording::name);
    REQUIRE(found != recordings.end());
    return *found;
}

bool notes(const TraceReport& report, std::string_view part) {
    return std::ranges::any_of(report.replay.notes, [part](const std::string& note) {
        return note.find(part) != std::string::npos;
    });
}

TEST_CASE("the table names every recording") {
    std::set<std::string> expected;
    for (const Recording& recording : recordings) expected.insert(recording.name + ".txt");
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(corpus))
        if (entry.path().extension() == ".txt")
            found.insert(std::filesystem::relative(entry.path(), corpus).generic_string());
    CHECK(fmt::format("{}", fmt::join(found, " ")) == fmt::format("{}", fmt::join(expected, " ")));
}

TEST_CASE("every recording has its verdict and exactly its divergences, by the manual") {
    for (const Recording& recording : recordings) {
        CAPTURE(recording.name);
        const TraceReport report = checked(recording.name, Profile::sdm);
        CHECK(to_string(report.verdict) == to_string(recording.by_sdm));
        CHECK(found_text(report, Profile::sdm) == expected_text(recording, Profile::sdm));
        CHECK(report.count_known() == 0);
    }
}

TEST_CASE("every recording has its verdict and exactly its divergences, KVM's departures known") {
    for (const Recording& recording : recordings) {
        CAPTURE(recording.name);
        const TraceReport report = checked(recording.name, Profile::kvm);
        CHECK(to_string(report.verdict) == to_string(recording.by_kvm));
        CHECK(found_text(report, Profile::kvm) == expected_text(recording, Profile::kvm));
    }
}

TEST_CASE("every recording is read to the last line") {
    for (const Recording& recording : recordings) {
        CAPTURE(recording.name);
        const TraceReport report = checked(recording.name, Profile::sdm);
        CHECK(report.read.format == "ftrace");
        CHECK(report.read.skipped_lines == 0);
        CHECK(report.read.events > 0);
        CHECK(report.replay.accesses == report.replay.checked + report.replay.undetermined);
    }
}

TEST_CASE("the fault of 2018 is found with its evidence") {
    const TraceReport report = checked("kvm-6.1-svm/x2apic-mmio-alive-smp1", Profile::sdm);
    REQUIRE(report.divergences.size() == 1);
    const Divergence& fault = report.divergences[0];
    CHECK(fault.mismatch.rule == Rule::M01);
    CHECK(fault.mismatch.mode == Mode::x2apic);
    CHECK(fault.access.kind == model::AccessKind::mmio_read);
    CHECK(fault.access.address == 0xfee0'0030);
    CHECK(fault.access.value == 0x50014);
    CHECK(fault.access.first_line == 34210);
    CHECK(fault.line == 34211);
    CHECK(fault.count == 4);
    CHECK(fault.vcpu == "vCPU 0 (thread 44)");
    REQUIRE(fault.because.size() == 1);
    CHECK(fault.because[0].line == 21236);
    CHECK(fault.because[0].what == "WRMSR 1BH (apic_base) = 0xfee00d00: x2APIC mode");
}

TEST_CASE("nearly all accesses of the recordings with a full event set are checked") {
    for (const auto* name : {"fixed-smp1", "probe-smp2", "x2apic-mmio-alive-smp1"}) {
        CAPTURE(name);
        const TraceReport report = checked(std::string("kvm-6.1-svm/") + name, Profile::sdm);
        CHECK(report.replay.checked > 20 * report.replay.undetermined);
        CHECK(report.replay.notes.empty());
    }
}

TEST_CASE("the fault recordings of the probe differ from the faultless one by their fault alone") {
    const auto departures = [](std::string_view name) {
        std::string text;
        for (const Row& row : recording_named(name).divergences)
            if (!row.known.empty() && row.rule != "T04")
                text += fmt::format("{} {} x{}\n", row.rule, row.reg, row.count);
        return text;
    };
    const std::string faultless = departures("kvm-6.1-svm/probe-smp2");
    CHECK(departures("kvm-6.1-svm/probe-eoi-clears-lowest") == faultless);
    CHECK(departures("kvm-6.1-svm/probe-sw-disable-lvt-not-masked") == faultless);
    CHECK(departures("kvm-6.1-svm/probe-x2apic-to-xapic-allowed") == faultless);
}

TEST_CASE("a reset by userspace that no event shows is told in a note, and is no fault") {
    CHECK(notes(checked("kvm-6.18-pvm/reset-x2apic", Profile::sdm), "userspace must have reset the vCPU"));
    CHECK(notes(checked("kvm-6.18-pvm/init", Profile::sdm), "userspace must have reset the vCPU"));
    CHECK_FALSE(notes(checked("kvm-6.18-pvm/reset-x2apic-ioctls", Profile::sdm),
                      "userspace must have reset the vCPU"));
}

TEST_CASE("where KVM ends interrupts by itself the report says what it does not judge") {
    for (const Recording& recording : recordings) {
        CAPTURE(recording.name);
        const bool foreign =
            notes(checked(recording.name, Profile::sdm), "EOIs that no write of the guest to EOI");
        if (recording.name.starts_with("kvm-6.1-svm/")) CHECK_FALSE(foreign);
    }
    CHECK(notes(checked("kvm-6.18-pvm/x2apic-smp2", Profile::sdm), "EOIs that no write of the guest to EOI"));
}

// What a register holds was put there by an earlier step, whose rule is told; the property is that of the
// read.
bool is_of_a_read(std::string_view property) {
    return property == "mmio-read-returns-register" || property == "rdmsr-returns-register" ||
           property == "x2apic-reads-have-zero-reserved-bits";
}

TEST_CASE("the properties, watching every access, find what the rules find") {
    for (const Recording& recording : recordings) {
        CAPTURE(recording.name);
        CheckOptions options;
        options.monitor = true;
        TraceReport report = check_input(corpus + recording.name + ".txt", options).front();
        std::ranges::stable_sort(report.divergences, {}, &Divergence::line);
        CHECK(found_text(report, Profile::sdm) == expected_text(recording, Profile::sdm));
        for (const Divergence& d : report.divergences) {
            CAPTURE(d.access.line);
            const bool by_rule = std::ranges::any_of(d.properties, [&](std::string_view id) {
                const auto rules = specs::find_property(id)->rules;
                return std::ranges::find(rules, d.mismatch.rule) != rules.end();
            });
            CHECK((by_rule || std::ranges::any_of(d.properties, is_of_a_read)));
        }
    }
}

TEST_CASE("overwritten and dropped events are counted") {
    CHECK(checked("kvm-6.18-pvm/xapic-smp2-overrun", Profile::sdm).read.lost_events == 246'086);
    CHECK(checked("kvm-6.18-pvm/probe/lost-trace_pipe", Profile::sdm).read.lost_events == 36'449);
    CHECK(checked("kvm-6.18-pvm/smptest-2", Profile::sdm).read.lost_events == 0);
}

TEST_CASE("told the vendor, the faultless recording has departures of KVM only") {
    for (const GuestCpu cpu : {GuestCpu::intel, GuestCpu::amd}) {
        CheckOptions options;
        options.profile = Profile::kvm;
        options.cpu = cpu;
        const TraceReport report =
            check_input(std::string(LAPICHECK_BINARY_DIR) + "/corpus/kvm-6.1-svm/probe-smp2.txt", options)
                .front();
        CHECK(report.count_known() != 0);
        CHECK(report.count_unknown() == 0);
    }
}

} // namespace
} // namespace lapicheck::checker
