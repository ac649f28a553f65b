// A transformation that made an alarm, made small: lines are left out of the recording and of the transformed
// text alike, as long as the one has the alarm and the other has not.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "transformations.hpp"

namespace lapicheck::metamorphic {

struct Texts {
    std::string recording;
    std::string other; // empty: not needed
    std::string transformed;
};

// All lines.
Texts texts_of(const Sources& from, const Transformed& transformed);
std::string text_of(const Transformed& transformed);

// `fails`: whether the transformed text has the alarm and the recordings do not.
Texts reduce(const Sources& from, const Transformed& transformed,
             const std::function<bool(const Texts&)>& fails);

} // namespace lapicheck::metamorphic
