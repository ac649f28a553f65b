#include "checker/prove/property_table.hpp"

#include <algorithm>

#include "specs/properties/all.hpp"
#include "specs/properties/invariants.hpp"

namespace lapicheck::proof {
namespace {

template <class P>
constexpr PropertyEntry entry() {
    using model::Concrete;
    using model::KnownBits;
    PropertyEntry e;
    e.id = P::id;
    e.statement = P::statement;
    e.rules = P::rules;
    e.scope = P::scope;
    e.basis = P::basis;
    if constexpr (P::scope == specs::Scope::step)
        e.step = {&P::template check<Concrete>, &P::template check<KnownBits>, &P::template check<Symbolic>};
    else e.pair = {&P::template check<Concrete>, &P::template check<KnownBits>, &P::template check<Symbolic>};
    return e;
}

template <class... P>
constexpr auto entries_of(std::type_identity<std::tuple<P...>>) {
    return std::array{entry<P>()...};
}

template <class... I>
constexpr auto invariants_of(std::type_identity<std::tuple<I...>>) {
    return std::array{InvariantEntry{I::id, &I::template holds<Symbolic>}...};
}

constexpr auto property_entries = entries_of(std::type_identity<specs::Properties>{});
constexpr auto invariant_entries = invariants_of(
    std::type_identity<decltype(std::tuple_cat(specs::Invariants{}, specs::OwnInvariants{}))>{});

} // namespace

std::span<const PropertyEntry> properties() { return property_entries; }

const PropertyEntry* find_property(std::string_view id) {
    const auto found = std::ranges::find(property_entries, id, &PropertyEntry::id);
    return found == property_entries.end() ? nullptr : &*found;
}

std::span<const InvariantEntry> invariants() { return invariant_entries; }

SymBool valid_cpu(const model::Cpu<Symbolic>& cpu, const model::State<Symbolic>& state) {
    return specs::valid_cpu<Symbolic>(cpu, state);
}

} // namespace lapicheck::proof
