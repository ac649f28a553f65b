// All properties, in the order of reports. To add one: write it, and put it into the list.
#pragma once

#include <tuple>

#include "specs/properties/window.hpp"

namespace lapicheck::specs {

using Properties = std::tuple<
    // The mail's question.
    NoMmioReadInX2apic, NoMmioEffectInX2apic, NoMmioReadWhenDisabled, NoMmioEffectWhenDisabled,
    ClosedWindowTellsNothing, MmioIsolation, NoMsiFromWindow, NoMemoryInClosedWindow, NoExitFromClosedWindow,
    OnlyTheWindow>;

} // namespace lapicheck::specs
