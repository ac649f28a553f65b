#include "checker/audit/known_list.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/text.hpp"

namespace lapicheck::checker {
namespace {

using nlohmann::json;

bool holds(const std::vector<std::string>& list, std::string_view word) {
    return std::ranges::find(list, word) != list.end();
}

std::vector<std::string> list_of(const json& entry, const char* key) {
    return entry.contains(key) ? entry.at(key).get<std::vector<std::string>>() : std::vector<std::string>{};
}

// The first of the words that is none of those there are.
template <class Known>
std::string unknown_word(const std::vector<std::string>& words, const Known& known, std::string_view what) {
    for (const std::string& word : words)
        if (std::ranges::find(known, word) == std::end(known))
            return fmt::format("'{}' is no {}", word, what);
    return {};
}

} // namespace

std::string KnownList::read_entry(std::string_view text, Entry& entry) {
    const json made = json::parse(text);
    entry.departure.id = made.at("id").get<std::string>();
    entry.departure.summary = made.at("summary").get<std::string>();
    entry.departure.rules = list_of(made, "rules");
    entry.departure.registers = list_of(made, "registers");
    entry.departure.modes = list_of(made, "modes");
    entry.departure.kernels = made.value("versions", "");
    if (made.contains("gp")) entry.gp = made.at("gp").get<bool>();
    if (made.contains("bits")) entry.bits = std::stoull(made.at("bits").get<std::string>(), nullptr, 16);
    entry.interrupt = made.value("interrupt", false);
    if (entry.departure.rules.empty()) return "an entry names no rule";
    std::string wrong = unknown_word(entry.departure.rules, model::rule_ids, "rule");
    constexpr std::array<std::string_view, 3> modes = {"disabled", "xapic", "x2apic"};
    if (wrong.empty()) wrong = unknown_word(entry.departure.modes, modes, "mode");
    return wrong;
}

KnownList KnownList::read(std::string_view text, const std::string& name) {
    KnownList list;
    std::vector<Entry> entries;
    try {
        const json whole = json::parse(text);
        for (const json& made : whole.at("departures")) {
            const std::string wrong = read_entry(made.dump(), entries.emplace_back());
            if (wrong.empty()) continue;
            list.error_ = fmt::format("{}: {}: {}", name, entries.back().departure.id, wrong);
            return list;
        }
    } catch (const std::exception& error) { // of the JSON, or of a number in it
        list.error_ =
            fmt::format("{}: {}; its form is specs/schema/known-departures.schema.json", name, error.what());
        return list;
    }
    list.entries_ = std::make_shared<const std::vector<Entry>>(std::move(entries));
    return list;
}

bool KnownList::matches(const Entry& entry, const Mismatch& mismatch) {
    const specs::Departure& departure = entry.departure;
    if (!holds(departure.rules, model::to_string(mismatch.rule))) return false;
    if (!departure.modes.empty() && !holds(departure.modes, model::to_string(mismatch.mode))) return false;
    if (!departure.registers.empty() && !holds(departure.registers, model::register_name(mismatch.reg)))
        return false;
    switch (mismatch.fault) {
    case Fault::gp_missing: return entry.gp == false;
    case Fault::gp_raised: return entry.gp == true;
    case Fault::value: return entry.bits && (mismatch.bits & ~*entry.bits) == 0;
    case Fault::answered_by_apic:
    case Fault::reached_apic: return !entry.gp && !entry.bits && !entry.interrupt;
    default: return entry.interrupt;
    }
}

const specs::Departure* KnownList::find(const Mismatch& mismatch) const {
    if (empty()) return nullptr;
    const auto found =
        std::ranges::find_if(*entries_, [&](const Entry& entry) { return matches(entry, mismatch); });
    return found == entries_->end() ? nullptr : &found->departure;
}

} // namespace lapicheck::checker
