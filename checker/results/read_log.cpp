#include "checker/results/read_log.hpp"

#include <fmt/format.h>

#include "traces/recordings.hpp"

namespace lapicheck::checker {
namespace {

constexpr std::size_t most_bytes = std::size_t{256} << 20;

ReadLog read_log(traces::ByteSource& source) {
    std::string bytes;
    for (auto block = source.read(); !block.empty() && bytes.size() < most_bytes; block = source.read())
        bytes += block;
    ReadLog one{source.name(), read_test_log(bytes), source.error()};
    if (one.error.empty() && !one.log.is_log)
        one.error =
            fmt::format("{}: no log of kvm-unit-tests or KVM's selftests: no line begins with 'PASS: ', "
                        "'FAIL: ' or 'ok N selftests: kvm:'",
                        one.path);
    return one;
}

} // namespace

std::vector<ReadLog> read_logs(const std::vector<std::string>& paths) {
    std::vector<ReadLog> logs;
    for (const std::string& path : paths)
        traces::for_each_recording(path,
                                   [&logs](traces::ByteSource& source) { logs.push_back(read_log(source)); });
    return logs;
}

} // namespace lapicheck::checker
