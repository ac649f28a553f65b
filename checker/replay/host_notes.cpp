#include "checker/replay/host_notes.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace lapicheck::checker {
namespace {

using model::u64;

constexpr std::size_t most_listed = 8;

std::string observations(u64 count) { return fmt::format("{} observation{}", count, count == 1 ? "" : "s"); }
std::string vcpus(u64 count) { return count == 1 ? "the vCPU" : fmt::format("{} vCPUs", count); }

} // namespace

void HostNotes::Group::add(const std::string& vcpu, u64 line, u64 observations, First first) {
    const bool has_room = listed_.size() < most_listed || listed_.contains(vcpu);
    Entry& entry = has_room ? listed_[vcpu] : others_;
    ++entry.vcpus;
    entry.observations += observations;
    if (entry.first.line == 0 || (first.line != 0 && first.line < entry.first.line)) entry.first = first;
    entry.line = entry.line == 0 ? line : std::min(entry.line, line);
}

void HostNotes::was_reset(const std::string& vcpu, u64 line, u64 observations) {
    were_reset_.add(vcpu, line, observations, {});
}

void HostNotes::may_be_reset(const std::string& vcpu, u64 observations, First first, bool shows_ioctls) {
    shows_ioctls_ = shows_ioctls_ || shows_ioctls;
    may_be_reset_.add(vcpu, 0, observations, first);
}

std::vector<std::string> HostNotes::texts() const {
    std::vector<std::string> texts;
    const auto reset = [&](const std::string& label, const Entry& entry) {
        texts.push_back(
            entry.vcpus == 1
                ? fmt::format("{}: userspace must have reset the vCPU before line {} ({} not checked)", label,
                              entry.line, observations(entry.observations))
                : fmt::format(
                      "{}: userspace must have reset {} vCPUs, the first before line {} ({} not checked)",
                      label, entry.vcpus, entry.line, observations(entry.observations)));
    };
    const auto open = [&](const std::string& label, const Entry& entry) {
        std::string where;
        if (entry.first.line != 0)
            where = fmt::format(" ({}{} at line {})", entry.observations == 1 ? "" : "first ",
                                model::to_string(entry.first.rule), entry.first.line);
        texts.push_back(fmt::format("{}: {}{} diverge{} unless userspace reset {} or set {} APIC state; not "
                                    "counted{}",
                                    label, observations(entry.observations), where,
                                    entry.observations == 1 ? "s" : "", vcpus(entry.vcpus),
                                    entry.vcpus == 1 ? "its" : "their",
                                    shows_ioctls_ ? "" : " (sys_enter_ioctl events would show it)"));
    };
    for (const auto& [label, entry] : were_reset_.listed()) reset(label, entry);
    if (were_reset_.others().vcpus != 0) reset("further vCPUs", were_reset_.others());
    for (const auto& [label, entry] : may_be_reset_.listed()) open(label, entry);
    if (may_be_reset_.others().vcpus != 0) open("further vCPUs", may_be_reset_.others());
    return texts;
}

} // namespace lapicheck::checker
