// A command ends with us, and with all that it has started.
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "programs/image/process.hpp"

using namespace lapicheck::programs::image;
using namespace std::chrono_literals;

namespace {

// Whether the process has ended, or does so soon.
bool has_ended(pid_t process) {
    for (int i = 0; i < 500; ++i) {
        if (kill(process, 0) != 0) return true;
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

std::string read_all(Process& process) {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        const Process::Read read = process.read(20s);
        text += read.bytes;
        if (read.ended || read.silent) break;
    }
    return text;
}

} // namespace

TEST_CASE("what a command prints is read, and how it ended") {
    Process process;
    CHECK(process.start({"sh", "-c", "echo one; echo two >&2; exit 3"}, {}).empty());
    CHECK(read_all(process) == "one\n");
    CHECK(process.ending() == "exit status 3: two");
}

TEST_CASE("a command that is not there says so") {
    Process process;
    CHECK(process.start({"/nowhere/no-such-command"}, {}).empty());
    CHECK(read_all(process).empty());
    CHECK(process.ending() == "it cannot be run: No such file or directory");
}

TEST_CASE("the words of a command are no shell's") {
    Process process;
    CHECK(process.start({"echo", "$HOME; exit 1", "`id`"}, {}).empty());
    CHECK(read_all(process) == "$HOME; exit 1 `id`\n");
}

TEST_CASE("a command has our file under its number, and its output pipe") {
    const auto file = memory_file("test", "the bytes");
    Process process;
    process.make_pipes();
    const std::string copy = fmt::format("cat {} > {}", path_of(file), path_of(process.output()));
    CHECK(process.start({"sh", "-c", copy}, {&file}).empty());
    CHECK(read_all(process) == "the bytes");
}

TEST_CASE("to end a command ends what it has put into the background, in sessions of their own too") {
    Process process;
    CHECK(
        process.start({"sh", "-c", "sleep 1000 & setsid sleep 1000 & echo $!; exec sleep 1000"}, {}).empty());
    const Process::Read read = process.read(20s);
    const auto child = static_cast<pid_t>(std::stol(read.bytes));
    REQUIRE(kill(child, 0) == 0);
    process.end();
    CHECK(has_ended(child));
}

TEST_CASE("a process that is killed takes its command with it") {
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    const pid_t us = fork();
    if (us == 0) {
        Process process;
        process.start({"sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"}, {});
        const Process::Read read = process.read(20s);
        [[maybe_unused]] const ssize_t told = write(pipe_ends[1], read.bytes.data(), read.bytes.size());
        pause();
        _exit(0);
    }
    char text[32] = {};
    REQUIRE(read(pipe_ends[0], text, sizeof text - 1) > 0);
    const auto child = static_cast<pid_t>(std::stol(text));
    REQUIRE(kill(child, 0) == 0);
    kill(us, SIGKILL);
    waitpid(us, nullptr, 0);
    CHECK(has_ended(child));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}
