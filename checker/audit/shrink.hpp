// Makes a program that shows something shorter, as long as it still shows it.
#pragma once

#include <functional>

#include "programs/program.hpp"

namespace lapicheck::checker {

// `shows` holds of the program; of what is returned no step can be left out.
programs::Program shrink(programs::Program program,
                         const std::function<bool(const programs::Program&)>& shows);

} // namespace lapicheck::checker
