#include <doctest/doctest.h>

#include "traces/live/instance_name.hpp"

using namespace lapicheck::traces;

TEST_CASE("the start of a process is field 22 of its stat, whatever its name looks like") {
    constexpr auto fields = " S 1 11 11 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200\n";
    for (const std::string name : {"11 (sh)", "11 (a) b) (c)", "11 () S 1 2)"})
        CHECK(read_start(name + fields) == 987654);
}

TEST_CASE("a text that is no stat of a process has no start") {
    for (const char* text :
         {"", "11", "11 (sh)", "11 (sh) S 1 2 3", "11 (sh) S 1 11 11 0 -1 4 1 2 3 4 5 6 7 8 2 0 1 0 x 1"})
        CHECK_FALSE(read_start(text));
}

TEST_CASE("an instance's name tells its owner") {
    const Owner owner{4711, 123456789};
    CHECK(instance_name(owner) == "lapicheck-4711-123456789");
    CHECK(owner_of_instance(instance_name(owner)) == owner);
}

TEST_CASE("an instance that somebody else named is nobody's of ours") {
    for (const char* name :
         {"", "lapicheck", "lapicheck-", "lapicheck-1", "lapicheck-1-", "lapicheck--1", "lapicheck-1-2-3",
          "lapicheck-1-2x", "lapicheck-x-2", "mylapicheck-1-2", "lapicheck-99999999999-1"})
        CHECK_FALSE(owner_of_instance(name));
}

TEST_CASE("this process is alive; one with its number that started at another time is not") {
    Owner owner = this_process();
    CHECK(is_alive(owner));
    ++owner.start;
    CHECK_FALSE(is_alive(owner));
    CHECK_FALSE(is_alive({0x7fff'ffff, 1})); // no process has such a number
}
