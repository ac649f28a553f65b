#include "model/implementations/registry.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <type_traits>

#include "model/implementations/all.hpp"

namespace lapicheck::model {
namespace {

template <class I, class D>
std::unique_ptr<Implementation<D>> make() {
    return std::make_unique<typename I::template In<D>>();
}

template <class I>
std::unique_ptr<Implementation<Concrete>> make_with_module(KvmModule module) {
    return std::make_unique<typename I::template In<Concrete>>(module);
}

template <class I>
constexpr ImplementationEntry entry() {
    using Plain = typename I::template In<Concrete>;
    ImplementationEntry e{{Plain::info}, &make<I, Concrete>, &make<I, KnownBits>};
    // Only what describes today's KVM depends on the vendor module.
    if constexpr (std::constructible_from<Plain, KvmModule>) {
        e.describes_kvm = true;
        e.with_module = &make_with_module<I>;
    }
    return e;
}

template <class... I>
constexpr auto entries_of(std::type_identity<std::tuple<I...>>) {
    return std::array{entry<I>()...};
}

constexpr auto entries = entries_of(std::type_identity<Implementations>{});

} // namespace

std::span<const ImplementationEntry> implementations() { return entries; }

const ImplementationEntry* find_implementation(std::string_view name) {
    const auto found = std::ranges::find(entries, name, &ImplementationEntry::name);
    return found == entries.end() ? nullptr : &*found;
}

} // namespace lapicheck::model
