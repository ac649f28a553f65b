// The image as a target: a command runs a machine with the image in it, which carries the program out and
// prints what came of it.
//
// A step that stops the machine (a panic of the emulator, a hang, a triple fault) is an outcome: the steps
// behind it up to the next RESET of all vCPUs find no machine, those behind that one run on a new one.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "programs/image/machine_command.hpp"
#include "programs/target.hpp"

namespace lapicheck::programs {

namespace image {
class Session;
} // namespace image

class ImageTarget : public Target {
  public:
    explicit ImageTarget(image::MachineCommand command);
    ~ImageTarget() override;

    std::string name() const override { return command_.name; }
    Execution run(const Program& program) override;
    // On a machine that is kept, where the command shares its memory.
    Execution run_again(const Program& program) override;
    // What the machine's CPUID says stands for what the program asks for.
    Machine nearest(const Machine& asked) override;

  private:
    struct Facts {
        Found found;
        std::string error; // why there are none
    };
    // Of the machine as the command makes it, by a run of its own; the same for all targets of this name.
    const Facts& facts() const;
    Facts find_facts() const;
    std::string refusal_of(const Program& program) const;
    Execution carry_out(const Program& program, bool keeps_on);
    image::Session& session_for(const Machine& machine, bool keeps_on);

    image::MachineCommand command_;
    std::unique_ptr<image::Session> session_;
    Machine session_machine_;
};

} // namespace lapicheck::programs
