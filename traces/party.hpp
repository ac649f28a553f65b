// Who runs an access program: a KVM, a model, ... Each is asked the same and answers in the same words.
#pragma once

#include <string>
#include <vector>

#include "traces/program.hpp"

namespace lapicheck::traces {

struct Run {
    enum class Status : std::uint8_t {
        ran,     // there is an outcome for each step
        absent,  // there is no such party here, or it may not be used: /dev/kvm is missing or forbidden
        refused, // the party cannot be the machine that the program asks for
    };
    Status status = Status::ran;
    std::string reason; // unless it ran
    std::vector<StepOutcome> outcomes;
};

class Party {
  public:
    virtual ~Party() = default;
    virtual std::string name() const = 0;
    // A step begins when the one before it is done, whichever vCPUs they are on.
    virtual Run run(const Program& program) = 0;
};

} // namespace lapicheck::traces
