// A divergence in words.
#pragma once

#include <string>
#include <string_view>

#include "checker/judge/divergence.hpp"
#include "model/text.hpp"

namespace lapicheck::checker {

using model::mode_text;

std::string access_text(const Divergence& divergence);
std::string observed_text(const Divergence& divergence);
std::string expected_text(const Divergence& divergence);

} // namespace lapicheck::checker
