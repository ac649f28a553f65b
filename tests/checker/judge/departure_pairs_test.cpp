// Each departure of KVM with a divergence that it excuses and the nearest one that it does not.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checker/judge/departures.hpp"

namespace lapicheck::checker {
namespace {

using model::AccessKind;

struct Case {
    Mismatch mismatch;
    traces::GuestAccess access;
    Circumstances circumstances;
};

const specs::Departure* excuse_of(const Case& c) {
    return find_departure(c.mismatch, c.access, c.circumstances);
}

Case gp_missing(Rule rule, Reg reg, AccessKind kind, u64 value = 0, Mode mode = Mode::x2apic) {
    Case c;
    c.mismatch.rule = rule;
    c.mismatch.fault = Fault::gp_missing;
    c.mismatch.reg = reg;
    c.mismatch.mode = mode;
    c.access.kind = kind;
    c.access.value = value;
    return c;
}

// `bits` read wrong in `value`, which is what the register was written.
Case wrong_value(Rule rule, Reg reg, u64 bits, u64 value, Mode mode = Mode::x2apic) {
    Case c =
        gp_missing(rule, reg, mode == Mode::xapic ? AccessKind::mmio_read : AccessKind::rdmsr, value, mode);
    c.mismatch.fault = Fault::value;
    c.mismatch.bits = bits;
    c.mismatch.expected = {value ^ bits, ~u64{0}};
    c.circumstances.held = value;
    return c;
}

Case event(Rule rule, Fault fault, Mode mode = Mode::xapic) {
    Case c = gp_missing(rule, Reg::icr, AccessKind::wrmsr, 0, mode);
    c.mismatch.fault = fault;
    return c;
}

Case told(Case c) { // since RESET: what no recording shows
    c.circumstances.all_told = true;
    return c;
}

template <class Change>
Case with(Case c, Change change) {
    change(c);
    return c;
}
Case on(Case c, unsigned major, unsigned minor) {
    return with(c, [=](Case& x) { x.circumstances.host.kernel = specs::Kernel{major, minor}; });
}
Case on(Case c, model::KvmModule module) {
    return with(c, [=](Case& x) { x.circumstances.host.module = module; });
}
Case of_vendor(Case c, bool amd) {
    return with(c, [=](Case& x) { x.circumstances.amd = amd; });
}

struct Pair {
    std::string id;
    Case excused;
    Case neighbour;
};

constexpr u32 pmc_mask = model::lvt::mask;
constexpr u32 extint = model::lvt::extint | model::lvt::mask;

Case count_above_initial(u64 count, u32 divide) {
    Case c = wrong_value(Rule::T04, Reg::current_count, 0, count);
    c.mismatch.bounded = true;
    c.circumstances.least_divide = divide;
    return c;
}
Case missed(Rule rule, Mode mode, u64 bits = 0) {
    Case c = event(rule, Fault::not_delivered, mode);
    c.mismatch.bits = bits;
    return c;
}
Case in_service_unseen(model::KvmModule module) {
    Case c = wrong_value(Rule::P02, Reg::isr2, 1, 0);
    c.mismatch.expected = u64{1};
    return on(told(c), module);
}

std::vector<Pair> pairs() {
    using enum Rule;
    using model::KvmModule;
    std::vector<Pair> all;
    const auto add = [&all](std::string id, Case excused, Case neighbour) {
        all.push_back({std::move(id), excused, neighbour});
    };
    add("kvm-x2apic-reserved-low-bits-masked", gp_missing(X06, Reg::tpr, AccessKind::wrmsr, 0x100),
        gp_missing(X05, Reg::tpr, AccessKind::wrmsr, u64{1} << 32));
    add("kvm-x2apic-eoi-nonzero-accepted", gp_missing(X07, Reg::eoi, AccessKind::wrmsr, 1),
        gp_missing(X08, Reg::esr, AccessKind::wrmsr, 1));
    add("kvm-x2apic-icr-delivery-status-ignored", gp_missing(X10, Reg::icr, AccessKind::wrmsr, 0x1051),
        gp_missing(X10, Reg::icr, AccessKind::wrmsr, 0x3051)); // bit 13 too
    add("kvm-apicv-write-only-msr-readable", on(told(gp_missing(X03, Reg::eoi, AccessKind::rdmsr)), 6, 2),
        on(told(gp_missing(X03, Reg::eoi, AccessKind::rdmsr)), 6, 3));
    add("kvm-apicv-reserved-msr-readable", on(told(gp_missing(X04, Reg::dfr, AccessKind::rdmsr)), 3, 9),
        on(told(gp_missing(X04, Reg::dfr, AccessKind::rdmsr)), KvmModule::svm));
    const Case no_apr = with(gp_missing(X04, Reg::apr, AccessKind::rdmsr),
                             [](Case& c) { c.mismatch.fault = Fault::gp_raised; });
    add("kvm-x2apic-amd-apr-absent", of_vendor(no_apr, true), of_vendor(no_apr, false));
    add("kvm-tsc-deadline-without-cpuid", gp_missing(T14, Reg::tsc_deadline, AccessKind::rdmsr, 0),
        gp_missing(T14, Reg::tsc_deadline, AccessKind::rdmsr, 0x12345678)); // what was written is kept
    add("kvm-remote-read-absent", wrong_value(M06, Reg::remote_read, 1, 1, Mode::xapic),
        wrong_value(M06, Reg::version, 1, 1, Mode::xapic));
    add("kvm-apr-reads-zero", wrong_value(M06, Reg::apr, 0x10, 0, Mode::xapic),
        wrong_value(M06, Reg::apr, 0x10, 0x10, Mode::xapic));
    add("kvm-lvt-delivery-status-writable", wrong_value(L02, Reg::lvt_pmc, 0x1000, 0x1000),
        with(wrong_value(L02, Reg::lvt_pmc, 0x1000, 0x1000),
             [](Case& c) { c.circumstances.held = 0; })); // not what was written
    add("kvm-lint-read-only-bits-writable", wrong_value(L02, Reg::lvt_lint0, 0x4000, 0x4000),
        wrong_value(L02, Reg::lvt_pmc, 0x4000, 0x4000));
    add("kvm-amd-lvt-error-message-type-dropped", wrong_value(L05, Reg::lvt_error, 0x400, 0),
        of_vendor(wrong_value(L05, Reg::lvt_error, 0x400, 0), false));
    add("kvm-intel-lvt-pmc-not-masked", on(wrong_value(L07, Reg::lvt_pmc, pmc_mask, 0x51), 6, 5),
        on(wrong_value(L07, Reg::lvt_pmc, pmc_mask, 0x51), 6, 6));
    add("kvm-amd-lvt-pmc-masked", on(wrong_value(L07, Reg::lvt_pmc, pmc_mask, pmc_mask | 0x51), 6, 8),
        on(wrong_value(L07, Reg::lvt_pmc, pmc_mask, pmc_mask | 0x51), 6, 9));
    const Case lint0 = wrong_value(R02, Reg::lvt_lint0, extint, 0x700);
    add("kvm-lint0-extint-after-reset", lint0,
        with(lint0, [](Case& c) { c.circumstances.boot_processor = false; }));
    add("kvm-lint0-extint-after-reset", wrong_value(R01, Reg::lvt_lint0, 0x700, 0x1'0700),
        with(lint0, [](Case& c) { c.circumstances.written_since_reset = true; }));
    add("kvm-lint0-extint-after-reset", lint0, wrong_value(V08, Reg::lvt_lint0, model::lvt::mask, 0x700));
    add("kvm-esr-always-zero", wrong_value(I04, Reg::esr, 0x20, 0), wrong_value(E02, Reg::esr, 0x20, 0x20));
    const Case no_error = with(event(E05, Fault::not_taken), [](Case& c) { c.mismatch.reg = Reg::irr0; });
    add("kvm-no-error-interrupt", no_error, with(no_error, [](Case& c) { c.mismatch.rule = L04b; }));
    const Case low_vector = wrong_value(P06, Reg::irr0, 0x20, 0x20);
    add("kvm-irr-below-16-reads-set", low_vector,
        with(low_vector, [](Case& c) { c.circumstances.low_vectors = 0x10; })); // another one was sent
    add("kvm-level-ipi-sets-tmr", wrong_value(I18, Reg::tmr2, 1, 1), wrong_value(I18, Reg::tmr2, 1, 0));
    add("kvm-level-deassert-ipi-dropped", event(I18, Fault::not_taken),
        of_vendor(event(I18, Fault::not_taken), true));
    add("kvm-logical-map-one-owner", on(missed(I10, Mode::xapic), 6, 2), on(missed(I10, Mode::xapic), 6, 3));
    add("kvm-logical-map-one-owner", missed(I11, Mode::xapic),
        with(missed(I11, Mode::xapic), [](Case& c) { c.circumstances.logical_id_is_its_own = true; }));
    add("kvm-logical-ipi-skips-software-disabled", missed(V09, Mode::xapic, model::icr::logical),
        missed(V09, Mode::xapic)); // by a physical destination
    const Case x2nmi = missed(V09, Mode::x2apic, model::icr::logical);
    add("kvm-x2apic-logical-ipi-skips-all-software-disabled", x2nmi,
        with(x2nmi, [](Case& c) { c.circumstances.all_software_disabled = false; }));
    add("kvm-x2apic-logical-ipi-skips-all-software-disabled", on(x2nmi, 6, 3), on(x2nmi, 6, 2));
    const Case duplicate = event(I09, Fault::not_accepted);
    add("kvm-duplicate-xapic-id-first-wins", duplicate,
        with(duplicate, [](Case& c) { c.circumstances.id_of_another_too = false; }));
    const Case wide = event(I09, Fault::accepted_unaddressed);
    add("kvm-xapic-target-answers-wide-id", wide,
        with(wide, [](Case& c) { c.circumstances.wide_id_of_target = false; }));
    add("kvm-lowest-priority-hash-misses", told(wrong_value(I13, Reg::irr2, 1, 0)),
        told(wrong_value(P01, Reg::irr2, 1, 0))); // by a physical destination, of one target
    const Case eoi = with(event(P05, Fault::eoi_broadcast),
                          [](Case& c) { c.mismatch.bits = model::svr::eoi_suppression; });
    add("kvm-split-irqchip-ignores-eoi-suppression", eoi, with(eoi, [](Case& c) { c.mismatch.bits = 0; }));
    add("kvm-svm-tpr-subclass-lost", on(wrong_value(X14, Reg::tpr, 0x5, 0x40), KvmModule::svm),
        on(wrong_value(X14, Reg::tpr, 0x5, 0x40), KvmModule::vmx));
    add("kvm-current-count-above-initial", count_above_initial(30'000, 16),
        count_above_initial(0x70000, 16)); // no short period explains it
    add("kvm-apicv-esr-keeps-written-value",
        with(wrong_value(E02, Reg::esr, 0x1f, 0x5f, Mode::xapic),
             [](Case& c) { c.circumstances.virtualized = true; }),
        wrong_value(E02, Reg::esr, 0x1f, 0x5f, Mode::xapic));
    add("kvm-apicv-initial-count-kept-in-deadline-mode",
        with(wrong_value(T09, Reg::initial_count, 0x1000, 0x1000, Mode::xapic),
             [](Case& c) { c.circumstances.virtualized = true; }),
        wrong_value(T09, Reg::initial_count, 0x1000, 0x1000, Mode::xapic));
    add("kvm-xapic-disable-status-absent", gp_missing(B16, Reg::apic_base, AccessKind::wrmsr),
        gp_missing(B03, Reg::apic_base, AccessKind::wrmsr));
    add("kvm-icr-reserved-bits-kept", wrong_value(X11, Reg::icr, 0x2000, 0x2000),
        wrong_value(X11, Reg::icr, 0x1'0000'0000, 0x1'0000'0000));
    add("kvm-deadline-of-disabled-apic-ignored", wrong_value(T10, Reg::tsc_deadline, 0x10, 0, Mode::disabled),
        wrong_value(T10, Reg::tsc_deadline, 0x10, 0, Mode::x2apic));
    add("kvm-software-cpu-ends-interrupts-at-once", in_service_unseen(KvmModule::pvm),
        in_service_unseen(KvmModule::vmx));
    return all;
}

// What no observation shows by itself, and why: nothing is excused by these entries.
struct NotObserved {
    const char* id;
    const char* why;
};
constexpr NotObserved not_observed[] = {
    {"kvm-hybrid-avic-mmio-alive", "hardware answers without an event"},
    {"kvm-vectors-below-16-accepted", "IRR shows it: kvm-irr-below-16-reads-set"},
    {"kvm-apicv-self-ipi-keeps-tmr", "hardware posts the interrupt without an event"},
    {"kvm-short-period-lengthened", "time is not predicted"},
    {"kvm-initial-count-cleared-by-mode-switch", "the manual does not say what it reads then"},
    {"kvm-deadline-accepted-early", "time is not predicted"},
};

TEST_CASE("each departure excuses what it names, and not its nearest neighbour") {
    for (const Pair& pair : pairs()) {
        CAPTURE(pair.id);
        const specs::Departure* const excuse = excuse_of(pair.excused);
        REQUIRE(excuse != nullptr);
        CHECK(excuse->id == pair.id);
        CHECK(excuse_of(pair.neighbour) == nullptr);
    }
}

TEST_CASE("each departure has such a pair, unless nothing that is observed shows it") {
    const std::vector<Pair> all = pairs();
    for (const specs::Departure& departure : specs::catalogue().departures) {
        CAPTURE(departure.id);
        const bool has_pair = std::ranges::find(all, departure.id, &Pair::id) != all.end();
        const bool is_unseen = std::ranges::any_of(
            not_observed, [&](const NotObserved& entry) { return departure.id == entry.id; });
        CHECK(has_pair != is_unseen);
        if (is_unseen) CHECK_FALSE((departure.observed.gp || departure.observed.bits));
    }
    for (const Pair& pair : all) CHECK(specs::find_departure(pair.id) != nullptr);
    for (const NotObserved& entry : not_observed) CHECK(specs::find_departure(entry.id) != nullptr);
}

TEST_CASE("a departure of one module or of some kernels is none of others; unknown, it may be") {
    for (const Pair& pair : pairs()) {
        CAPTURE(pair.id);
        const specs::Departure& departure = *specs::find_departure(pair.id);
        Case elsewhere = pair.excused;
        elsewhere.circumstances.host = {};
        CHECK(excuse_of(elsewhere) == &departure);
        for (const auto& [module, name] : {std::pair{model::KvmModule::pvm, "pvm"},
                                           {model::KvmModule::vmx, "vmx"},
                                           {model::KvmModule::svm, "svm"}}) {
            elsewhere.circumstances.host = {module, {}};
            CHECK((excuse_of(elsewhere) == &departure) == (departure.cpu.empty() || departure.cpu == name));
        }
        elsewhere.circumstances.host = {};
        if (departure.last) {
            elsewhere.circumstances.host.kernel = {departure.last->major, departure.last->minor + 1};
            CHECK(excuse_of(elsewhere) == nullptr);
        }
        if (departure.first) {
            elsewhere.circumstances.host.kernel = specs::Kernel{departure.first->major - 1, 0};
            CHECK(excuse_of(elsewhere) == nullptr);
        }
    }
}

} // namespace
} // namespace lapicheck::checker
