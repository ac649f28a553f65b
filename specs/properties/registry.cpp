#include "specs/properties/registry.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

#include "specs/properties/all.hpp"

namespace lapicheck::specs {
namespace {

template <class P>
constexpr PropertyEntry entry() {
    PropertyEntry e;
    e.id = P::id;
    e.statement = P::statement;
    e.rules = P::rules;
    e.scope = P::scope;
    e.basis = P::basis;
    if constexpr (P::scope == Scope::step) {
        e.concrete = &P::template check<model::Concrete>;
        e.known_bits = &P::template check<model::KnownBits>;
    } else {
        e.concrete_pair = &P::template check<model::Concrete>;
    }
    return e;
}

template <class... P>
constexpr auto entries_of(std::type_identity<std::tuple<P...>>) {
    return std::array{entry<P>()...};
}

constexpr auto entries = entries_of(std::type_identity<Properties>{});

} // namespace

std::span<const PropertyEntry> properties() { return entries; }

const PropertyEntry* find_property(std::string_view id) {
    const auto found = std::ranges::find(entries, id, &PropertyEntry::id);
    return found == entries.end() ? nullptr : &*found;
}

} // namespace lapicheck::specs
