// What is true of every state that an APIC can reach, one state at a time. The prover shows which of these
// an implementation keeps, and uses them to prove the properties.
#pragma once

#include <tuple>

#include "specs/property_words.hpp"

namespace lapicheck::specs {

struct BitmapsWithoutLowVectors {
    static constexpr std::string_view id = "bitmaps-without-low-vectors";
    template <class D>
    static typename D::Bool holds(const model::Cpu<D>&, const model::State<D>& s) {
        return all_of<D>({negate(has_any(s[Reg::isr0], 0xffff)), negate(has_any(s[Reg::irr0], 0xffff)),
                          negate(has_any(s[Reg::tmr0], 0xffff))});
    }
};

using Invariants = std::tuple<BitmapsWithoutLowVectors>;

// What is assumed of a CPU.
template <class D>
typename D::Bool valid_cpu(const model::Cpu<D>& cpu, const model::State<D>& s) {
    typename D::Bool width = false;
    for (u32 bits = 36; bits <= 52; ++bits)
        width = either(width, equal(cpu.address_mask, (u64{1} << bits) - 1));
    const auto version = s[Reg::version];
    const auto entries = equal(version & u32{0xff0000}, u32{5} << 16);
    const auto with_cmci = equal(version & u32{0xff0000}, u32{6} << 16);
    return all_of<D>({width, negate(has_any(version, 0x7e00ff00)), equal(version & u32{0xf0}, u32{0x10}),
                      either(entries, with_cmci)});
}

} // namespace lapicheck::specs
