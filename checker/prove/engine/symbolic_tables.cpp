#include "checker/prove/engine/symbolic_tables.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>

#include "model/implementations/all.hpp"
#include "specs/properties/all.hpp"
#include "specs/properties/invariants.hpp"

namespace lapicheck::prove {
namespace {

template <class I>
std::unique_ptr<model::Implementation<Symbolic>> make() {
    return std::make_unique<typename I::template In<Symbolic>>();
}

struct NamedImplementation {
    std::string_view name;
    std::unique_ptr<model::Implementation<Symbolic>> (*make)();
};

template <class... I>
constexpr auto implementations_of(std::type_identity<std::tuple<I...>>) {
    return std::array{NamedImplementation{I::template In<model::Concrete>::info.name, &make<I>}...};
}

struct NamedProperty {
    std::string_view id;
    specs::StepCheck<Symbolic> step = nullptr;
    specs::PairCheck<Symbolic> pair = nullptr;
};

template <class P>
constexpr NamedProperty property() {
    if constexpr (P::scope == specs::Scope::step) return {P::id, &P::template check<Symbolic>, nullptr};
    else return {P::id, nullptr, &P::template check<Symbolic>};
}

template <class... P>
constexpr auto properties_of(std::type_identity<std::tuple<P...>>) {
    return std::array{property<P>()...};
}

template <class... I>
constexpr auto invariants_of(std::type_identity<std::tuple<I...>>) {
    return std::array{InvariantEntry{I::id, &I::template holds<Symbolic>}...};
}

constexpr auto implementation_table = implementations_of(std::type_identity<model::Implementations>{});
constexpr auto property_table = properties_of(std::type_identity<specs::Properties>{});
constexpr auto invariant_table = invariants_of(
    std::type_identity<decltype(std::tuple_cat(specs::Invariants{}, specs::OwnInvariants{}))>{});

} // namespace

SymbolicImplementation symbolic(const ImplementationEntry& entry) {
    const auto found = std::ranges::find(implementation_table, entry.name, &NamedImplementation::name);
    if (found == implementation_table.end())
        throw std::logic_error("no implementation on formulas: " + std::string(entry.name));
    return {&entry, found->make};
}

SymbolicProperty symbolic(const PropertyEntry& entry) {
    const auto found = std::ranges::find(property_table, entry.id, &NamedProperty::id);
    if (found == property_table.end())
        throw std::logic_error("no property on formulas: " + std::string(entry.id));
    return {&entry, found->step, found->pair};
}

std::span<const InvariantEntry> invariants() { return invariant_table; }

SymBool valid_cpu(const model::Cpu<Symbolic>& cpu, const model::State<Symbolic>& state) {
    return specs::valid_cpu<Symbolic>(cpu, state);
}

} // namespace lapicheck::prove
