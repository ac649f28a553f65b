#include "checker/audit/shrink.hpp"

#include <algorithm>

namespace lapicheck::checker {
namespace {

using programs::Program;

Program without(const Program& program, std::size_t first, std::size_t count) {
    Program shorter = program;
    const auto begin = shorter.steps.begin() + static_cast<std::ptrdiff_t>(first);
    shorter.steps.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
    return shorter;
}

// vCPUs behind the last one that does anything.
Program without_idle_vcpus(const Program& program) {
    std::uint32_t last = 0;
    for (const programs::Step& step : program.steps) last = std::max(last, step.vcpu);
    Program smaller = program;
    smaller.machine.apic_ids.resize(last + 1);
    return smaller;
}

} // namespace

Program shrink(Program program, const std::function<bool(const Program&)>& shows) {
    for (std::size_t chunk = std::max<std::size_t>(program.steps.size() / 2, 1);; chunk /= 2) {
        bool any = false;
        for (std::size_t end = program.steps.size(); end > 0;) {
            const std::size_t first = end > chunk ? end - chunk : 0;
            Program shorter = without(program, first, end - first);
            if (shows(shorter)) program = std::move(shorter), any = true;
            end = std::min(first, program.steps.size());
        }
        if (chunk == 1 && !any) break;
        chunk = std::max<std::size_t>(chunk, 2);
    }
    Program smaller = without_idle_vcpus(program);
    if (smaller.machine != program.machine && shows(smaller)) program = std::move(smaller);
    return program;
}

} // namespace lapicheck::checker
