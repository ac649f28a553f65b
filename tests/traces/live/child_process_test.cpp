#include <doctest/doctest.h>

#include <poll.h>
#include <unistd.h>

#include "traces/live/child_process.hpp"

using namespace lapicheck::traces;

namespace {

std::string ending_of(const std::vector<std::string>& command) {
    SignalQueue signals;
    ChildProcess child;
    REQUIRE(child.start(command, signals.mask_before()).empty());
    while (child.runs()) {
        pollfd ready{signals.descriptor(), POLLIN, 0};
        poll(&ready, 1, 1000);
        CHECK_FALSE(signals.next());
    }
    return child.ending();
}

} // namespace

TEST_CASE("how a command ended is told in words") {
    CHECK(ending_of({"true"}) == "exit status 0");
    CHECK(ending_of({"sh", "-c", "exit 42"}) == "exit status 42");
    CHECK(ending_of({"sh", "-c", "kill -TERM $$"}) == "killed by SIGTERM");
}

TEST_CASE("a command has the signals that we had before, not those that we wait for") {
    CHECK(ending_of({"sh", "-c", "kill -INT $$; sleep 1"}) == "killed by SIGINT");
}

TEST_CASE("a command that is none is said to be so") {
    ChildProcess child;
    CHECK(child.start({"./no such program"}, {}) ==
          "cannot run ./no such program: No such file or directory");
    CHECK_FALSE(child.runs());
    CHECK(child.ending().empty());
}

TEST_CASE("a signal that asks us to end is taken from the queue, and gone with it") {
    {
        SignalQueue signals;
        kill(getpid(), SIGTERM);
        kill(getpid(), SIGPIPE);
        const auto received = signals.next();
        REQUIRE(received);
        CHECK(received->signal == SIGTERM);
        CHECK_FALSE(received->by_terminal);
        CHECK_FALSE(signals.next());
        kill(getpid(), SIGINT);
    }
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGINT) == 0);
}
