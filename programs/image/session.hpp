// One run of a machine: from its start to its end, or to where it waits for another program.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "programs/image/blob.hpp"
#include "programs/image/machine_command.hpp"
#include "programs/image/process.hpp"
#include "programs/image/transcript.hpp"

namespace lapicheck::programs::image {

class Session {
  public:
    // `machine`: whose CPUID the command makes, as far as it can choose.
    Session(MachineCommand command, Machine machine, bool keeps_on);

    struct Result {
        Transcript transcript;
        FrameCounts frames;
        std::string stopped; // how the machine stopped before its end; empty: it did not
        std::string refused; // what is wrong with its output
    };
    // On the machine as it starts, the first time; then on the one that waits.
    Result carry_out(std::span<const Section> sections, bool flush_each);
    // It waits for another program.
    bool is_ready() const { return ready_; }

  private:
    std::string start(std::string_view blob);
    std::string hand_over(std::string_view blob, std::uint32_t nonce);
    void listen(FrameReader& reader, Result& result);

    MachineCommand command_;
    Machine machine_;
    bool keeps_on_;
    bool ready_ = false;
    std::optional<SharedMemory> memory_;
    Process process_;
};

} // namespace lapicheck::programs::image
