// A command that runs a machine: without a shell, and never longer than we do.
//
// Between us and the command stands a guard, a process of ours that ends the command and whatever it has
// started when we end it, or end ourselves, by whatever means.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "traces/file_descriptor.hpp"

namespace lapicheck::programs::image {

// An anonymous file with these bytes, gone when the last who has it open ends. Throws std::system_error.
traces::FileDescriptor memory_file(const char* name, std::string_view bytes);
// Memory of a machine that we share with it: an anonymous file of so many bytes, zeros. Throws
// std::system_error.
class SharedMemory {
  public:
    explicit SharedMemory(std::size_t bytes);
    ~SharedMemory();
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    const traces::FileDescriptor& file() const { return file_; }
    // False: it does not hold so many bytes.
    bool write(std::size_t at, std::string_view bytes);

  private:
    traces::FileDescriptor file_;
    std::size_t bytes_;
    void* mapped_;
};
// How a command that inherits the descriptor names it.
std::string path_of(const traces::FileDescriptor& file);

class Process {
  public:
    Process() = default;
    ~Process() { end(); }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    // A pipe for what the command prints to path_of(output()). Before start(). Throws std::system_error.
    const traces::FileDescriptor& output() const { return output_write_; }
    void make_pipes();
    // Empty: it runs; `files` are open in it under their own numbers. Else why not.
    std::string start(const std::vector<std::string>& command,
                      const std::vector<const traces::FileDescriptor*>& files);

    struct Read {
        std::string bytes;   // of output() and of standard output
        bool ended = false;  // the command has, and all it wrote is read
        bool silent = false; // nothing came in time
    };
    Read read(std::chrono::milliseconds at_most);
    // Kills it and all that it has started.
    void end();
    // "exit status 3", "killed by SIGSEGV", with the last line of standard error; empty while it runs.
    std::string ending() const;

  private:
    void take(int fd, std::string& into, bool& open);

    traces::FileDescriptor output_read_, output_write_, stdout_, stderr_, status_, life_;
    pid_t guard_ = -1;
    bool output_open_ = false, stdout_open_ = false, stderr_open_ = false, status_open_ = false;
    std::string errors_, status_bytes_;
};

} // namespace lapicheck::programs::image
