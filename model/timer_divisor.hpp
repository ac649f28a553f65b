// By how much the timer's clock is divided (T07). SDM Vol. 3A 325384-059US, figure 10-10.
#pragma once

#include "model/domains/concrete.hpp"

namespace lapicheck::model {

// The bits of the divide configuration register that tell.
inline constexpr u32 divide_bits = 0xb;

// {3,1,0}: 000 by 2, 001 by 4, ... 110 by 128, 111 by 1.
constexpr u32 timer_divisor(u32 divide_configuration) {
    const u32 code = (divide_configuration >> 1 & 4) | (divide_configuration & 3);
    return code == 7 ? 1 : u32{2} << code;
}

} // namespace lapicheck::model
