// Records what KVM does, in an ftrace instance of our own, while a command runs or until we are asked to end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lapicheck::traces {

struct RecorderProgress {
    std::uint64_t events = 0; // handed on so far
    std::uint64_t lost = 0;   // overwritten before they were read, so far
};

struct RecorderOptions {
    std::vector<std::string> command; // and its arguments; empty: until a signal asks us to end
    std::size_t buffer_kb = 0;        // for each CPU; 0: what suits this machine
    // Is given the recording, in whole lines of ftrace text; what it returns, if not empty, ends all as an
    // error.
    std::function<std::string(std::string_view text)> take;
    std::function<void(const RecorderProgress&)> progress; // told now and then; may be empty
};

struct RecorderResult {
    enum class Status : std::uint8_t {
        recorded,
        cannot,      // tracing is not to be had here
        bad_command, // it cannot be run
        failed,      // reading, or `take`, failed
    };
    Status status = Status::recorded;
    std::string error; // of all but `recorded`: what is missing and what to do

    std::uint64_t events = 0;
    std::uint64_t lost = 0;
    std::size_t buffer_kb = 0;
    std::string clock;
    std::vector<std::string> recorded; // the events that were enabled
    std::vector<std::string> missing;  // those of interest that this kernel does not let us have
    std::string command_ending;        // "exit status 3"; empty: none was run, or it still runs
    int command_id = -1;               // of the process, if it still runs
    int signal = 0;                    // that ended the recording
    std::vector<std::string> warnings; // the instance is still there, and why
};

// Needs root and tracefs. From the main thread: signals of this process are taken over meanwhile.
RecorderResult record(const RecorderOptions& options);

} // namespace lapicheck::traces
