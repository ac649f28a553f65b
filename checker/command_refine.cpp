#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checker/commands.hpp"
#include "checker/evidence.hpp"
#include "checker/names.hpp"
#include "checker/proof/refinement.hpp"
#include "specs/catalogue.hpp"

namespace lapicheck::checker {
namespace {

using proof::FoundDeparture;

bool lists(const std::vector<std::string>& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

// The entry of specs/kvm-departures.json that says the same; by rule, register and mode.
const specs::Departure* known_departure(const proof::DepartureKey& key) {
    const auto says = [&key](const specs::Departure& departure) {
        return lists(departure.rules, model::to_string(key.rule)) &&
               lists(departure.registers, register_name(key.reg)) &&
               (departure.modes.empty() || lists(departure.modes, model::to_string(key.mode)));
    };
    const auto& departures = specs::catalogue().departures;
    const auto found = std::ranges::find_if(departures, says);
    return found == departures.end() ? nullptr : &*found;
}

std::string step_text(const proof::RunStep& step) {
    using model::AccessKind;
    switch (step.kind) {
    case AccessKind::wrmsr: return fmt::format("WRMSR {:X}H = {:#x}", step.address, step.value);
    case AccessKind::rdmsr: return fmt::format("RDMSR {:X}H", step.address);
    case AccessKind::mmio_read: return fmt::format("MMIO read, {} bytes at {:#x}", step.size, step.address);
    case AccessKind::mmio_write:
        return fmt::format("MMIO write of {:#x}, {} bytes at {:#x}", step.value, step.size, step.address);
    case AccessKind::cr8_write: return fmt::format("MOV to CR8 = {:#x}", step.value);
    case AccessKind::message: return fmt::format("message {:#x} for {:#x} arrives", step.value, step.address);
    default: return std::string(model::to_string(step.kind));
    }
}

std::string machine_text(const proof::MachineFacts& machine) {
    std::string text;
    const auto add = [&text](bool unusual, std::string_view what) {
        if (unusual) text += fmt::format("{}{}", text.empty() ? "" : ", ", what);
    };
    add(machine.amd, "AMD");
    add(!machine.x2apic, "no x2APIC");
    add(!machine.tsc_deadline, "no TSC-deadline timer");
    add(machine.locked_x2apic, "locked in x2APIC mode");
    return text;
}

void write_text(std::string_view name, const proof::Refinement& refinement) {
    for (const FoundDeparture& departure : refinement.departures) {
        const specs::Departure* known = known_departure(departure.key);
        const specs::Rule* rule = specs::find_rule(model::to_string(departure.key.rule));
        fmt::print("{} {}  {} in {} mode, {} ({})\n", model::to_string(departure.key.rule),
                   rule == nullptr ? "" : rule->slug, register_name(departure.key.reg),
                   model::to_string(departure.key.mode), proof::to_string(departure.key.difference),
                   known == nullptr ? "not among the known departures" : known->id);
        const std::string machine = machine_text(departure.run.run.machine);
        if (!machine.empty()) fmt::print("    machine   {}\n", machine);
        std::size_t number = 0;
        for (const proof::RunStep& step : departure.run.run.steps)
            fmt::print("    step {}    {}\n", ++number, step_text(step));
    }
    fmt::print("\n{}: {} departures from the manual{}\n", name, refinement.departures.size(),
               refinement.complete ? "; all else that it does is allowed"
                                   : "; whether all else is allowed was not decided");
}

nlohmann::ordered_json departure_json(const FoundDeparture& departure) {
    nlohmann::ordered_json steps = nlohmann::ordered_json::array();
    for (const proof::RunStep& step : departure.run.run.steps) steps.push_back(step_text(step));
    const specs::Departure* known = known_departure(departure.key);
    return {{"rule", model::to_string(departure.key.rule)},
            {"register", register_name(departure.key.reg)},
            {"mode", model::to_string(departure.key.mode)},
            {"access", model::to_string(departure.key.kind)},
            {"difference", proof::to_string(departure.key.difference)},
            {"known", known == nullptr ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(known->id)},
            {"machine", machine_text(departure.run.run.machine)},
            {"steps", std::move(steps)}};
}

} // namespace

int run_refine(const std::vector<std::string>& names, Format format) {
    const Chosen chosen = choose(names, {"all"});
    if (!chosen.error.empty()) {
        fmt::print(stderr, "lapicheck: prove: {}\n", chosen.error);
        return 2;
    }
    bool departs = false;
    bool complete = true;
    nlohmann::ordered_json results = nlohmann::ordered_json::array();
    for (const proof::ImplementationEntry* implementation : chosen.implementations) {
        const proof::Refinement refinement =
            proof::refine(*implementation, {.budget = 20'000'000, .max_depth = 3});
        departs = departs || !refinement.departures.empty();
        complete = complete && refinement.complete;
        if (format == Format::text) {
            write_text(implementation->name, refinement);
            continue;
        }
        nlohmann::ordered_json departures = nlohmann::ordered_json::array();
        for (const FoundDeparture& departure : refinement.departures)
            departures.push_back(departure_json(departure));
        results.push_back({{"impl", implementation->name},
                           {"refines", "sdm"},
                           {"complete", refinement.complete},
                           {"departures", std::move(departures)}});
    }
    if (format == Format::json)
        std::cout << nlohmann::ordered_json{{"schema_version", 1},
                                            {"tool", {{"name", "lapicheck"}, {"version", LAPICHECK_VERSION}}},
                                            {"results", std::move(results)}}
                         .dump(2)
                  << '\n';
    if (departs) return 1;
    return complete ? 0 : 4;
}

} // namespace lapicheck::checker
