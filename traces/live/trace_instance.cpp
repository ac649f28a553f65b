#include "traces/live/trace_instance.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "traces/formats/ftrace_events.hpp"
#include "traces/kvm_ioctls.hpp"
#include "traces/live/instance_name.hpp"
#include "traces/live/libtracefs.hpp"

namespace lapicheck::traces {
namespace {

constexpr std::size_t block_bytes = 64 * 1024; // trace_pipe gives at most a page or two at a time

constexpr std::size_t default_kb = 64 * 1024;
constexpr std::size_t least_kb = 1024;
constexpr std::size_t default_kb_of_all_cpus = 512 * 1024;
constexpr std::size_t default_share_of_memory = 32; // all CPUs' together are at most this part

// The clock goes by the same time on every CPU, so that a thread's events stay in order when it moves; with
// the default one, two CPUs' stamps differ by microseconds and more.
constexpr const char* preferred_clocks[] = {"mono", "global"};

// A new instance takes over the options of the buffer of all, which somebody may have set for other ends.
constexpr const char* options[] = {
    "context-info",
    "overwrite",
    "noraw",
    "nohex",
    "nobin",
    "nofields",
    "noverbose",
    "nolatency-format",
    "nostacktrace",
    "nouserstacktrace",
    "record-tgid",
    "nomarkers",
    "notest_nop_accept",
};

std::string reason() { return std::generic_category().message(errno); }

struct FreeList {
    void operator()(char** list) const { tracefs_list_free(list); }
};
using List = std::unique_ptr<char*, FreeList>;

std::vector<std::string> strings(char** list) {
    const List owner(list);
    std::vector<std::string> out;
    for (char** each = list; each != nullptr && *each != nullptr; ++each) out.emplace_back(*each);
    std::ranges::sort(out);
    return out;
}

std::string read_text(tracefs_instance* instance, const std::string& file) {
    const std::unique_ptr<char, decltype(&std::free)> text(
        tracefs_instance_file_read(instance, file.c_str(), nullptr), &std::free);
    return text ? std::string(text.get()) : std::string{};
}

bool write_text(tracefs_instance* instance, const char* file, const std::string& text) {
    return tracefs_instance_file_write(instance, file, text.c_str()) == static_cast<int>(text.size());
}

// "overrun: 12" of a CPU's `stats`.
std::uint64_t read_count(const std::string& stats, std::string_view key) {
    std::size_t at = stats.rfind(fmt::format("\n{}: ", key));
    if (at == std::string::npos) return 0;
    at += key.size() + 3;
    std::uint64_t count = 0;
    std::from_chars(stats.data() + at, stats.data() + stats.size(), count);
    return count;
}

std::size_t cpu_count() { return static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF))); }

std::size_t suitable_kb() {
    const auto pages = static_cast<std::size_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
    const std::size_t memory_kb = pages * (static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024);
    const std::size_t all = std::min(default_kb_of_all_cpus, memory_kb / default_share_of_memory);
    return std::clamp(all / cpu_count(), least_kb, default_kb);
}

// The kernel refuses to remove one that is being read, so not even one whose owner lives where its number
// means nothing to us is removed.
void remove_abandoned() {
    for (const std::string& name : strings(tracefs_instances(nullptr))) {
        const auto owner = owner_of_instance(name);
        if (!owner || is_alive(*owner)) continue;
        tracefs_instance* const abandoned = tracefs_instance_alloc(nullptr, name.c_str());
        if (abandoned == nullptr) continue;
        tracefs_instance_destroy(abandoned);
        tracefs_instance_free(abandoned);
    }
}

std::string no_tracefs() {
    if (geteuid() != 0) return "tracefs is not mounted, or this user may not read it; run this as root";
    return "tracefs cannot be mounted: this kernel has no ftrace (CONFIG_FTRACE), or the container hides it "
           "(mount -t tracefs tracefs /sys/kernel/tracing)";
}

std::string no_instance(const std::string& folder) {
    const int error = errno;
    if (error == EACCES || (error == EPERM && geteuid() != 0))
        return fmt::format("{}/instances: {}; tracing needs root: run this with sudo", folder, reason());
    if (error == EPERM)
        return fmt::format("{}/instances: {}; the kernel is locked down (/sys/kernel/security/lockdown), or "
                           "this container may not trace: run this on the host",
                           folder, reason());
    if (error == ENOENT)
        return fmt::format(
            "{}/instances is missing: mount tracefs (mount -t tracefs tracefs {}), or use a kernel with "
            "ftrace instances",
            folder, folder);
    if (error == EROFS)
        return fmt::format("{}/instances: {}; mount it writable: mount -o remount,rw {}", folder, reason(),
                           folder);
    return fmt::format("{}/instances: cannot make an ftrace instance: {}", folder, reason());
}

} // namespace

std::string ioctl_filter() {
    std::string filter;
    for (const std::uint64_t command : ioctls::all)
        filter += fmt::format("{}cmd == {:#x}", filter.empty() ? "" : " || ", command);
    return filter;
}

std::string TraceInstance::open(std::size_t buffer_kb) {
    constexpr int silent = 0; // errors are ours to tell
    tracefs_set_loglevel(silent);
    buffer_kb_ = buffer_kb != 0 ? buffer_kb : suitable_kb();
    std::string error = make();
    if (error.empty()) error = set_up();
    if (error.empty()) error = enable_events();
    if (!error.empty()) remove();
    return error;
}

std::string TraceInstance::make() {
    const char* const folder = tracefs_tracing_dir();
    if (folder == nullptr) return no_tracefs();
    remove_abandoned();
    name_ = instance_name(this_process());
    errno = 0;
    instance_ = tracefs_instance_create(name_.c_str());
    if (instance_ == nullptr) return no_instance(folder);
    // Open from the beginning: what is being read cannot be removed by others.
    pipe_ = FileDescriptor(
        tracefs_instance_file_open(instance_, "trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (pipe_.get() < 0) return fmt::format("cannot open trace_pipe of the ftrace instance: {}", reason());
    return {};
}

std::string TraceInstance::set_up() {
    stop();
    for (const char* const option : options) write_text(instance_, "trace_options", option);
    for (const char* const clock : preferred_clocks) {
        if (!write_text(instance_, "trace_clock", clock)) continue;
        clock_ = clock;
        break;
    }
    if (clock_.empty()) clock_ = "local";
    write_text(instance_, "buffer_percent", "25"); // when poll(2) wakes
    if (!write_text(instance_, "buffer_size_kb", std::to_string(buffer_kb_)))
        return fmt::format(
            "the kernel refuses {} KB of buffer for each of {} CPUs: {}; ask for less with --buffer",
            buffer_kb_, cpu_count(), reason());
    return {};
}

std::string TraceInstance::enable_events() {
    for (const std::string& event : strings(tracefs_system_events(tracefs_tracing_dir(), "kvm"))) {
        if (!is_of_interest(event)) continue;
        if (tracefs_event_enable(instance_, "kvm", event.c_str()) == 0) events_.push_back(event);
        else missing_.push_back(event);
    }
    for (const char* const needed : {"kvm_apic", "kvm_msr", "kvm_mmio"})
        if (!std::ranges::binary_search(events_, needed))
            return fmt::format("this kernel has no event kvm:{}: load the module kvm (modprobe kvm_intel or "
                               "kvm_amd), or use a kernel that has KVM and its tracepoints",
                               needed);
    enable_ioctls();
    enable_forks();
    return {};
}

// Nobody else's ioctls are of interest: without the filter the event is not enabled.
void TraceInstance::enable_ioctls() {
    constexpr const char* event = "sys_enter_ioctl";
    const bool filtered = write_text(instance_, "events/syscalls/sys_enter_ioctl/filter", ioctl_filter());
    if (filtered && tracefs_event_enable(instance_, "syscalls", event) == 0) events_.emplace_back(event);
    else missing_.emplace_back(event);
}

// Which threads the recorded command has made: its guests are told from others'.
void TraceInstance::enable_forks() {
    constexpr const char* event = "sched_process_fork";
    if (tracefs_event_enable(instance_, "sched", event) == 0) events_.emplace_back(event);
    else missing_.emplace_back(event);
}

std::string TraceInstance::start() {
    return tracefs_trace_on(instance_) == 0 ? "" : fmt::format("cannot start tracing: {}", reason());
}

void TraceInstance::stop() {
    if (instance_ != nullptr) tracefs_trace_off(instance_);
}

std::string TraceInstance::remove() {
    if (instance_ == nullptr) return {};
    pipe_ = FileDescriptor();
    std::string error;
    if (tracefs_instance_destroy(instance_) != 0)
        error = fmt::format(
            "cannot remove the ftrace instance {}: {}; end what uses it, then rmdir {}/instances/{}", name_,
            reason(), tracefs_tracing_dir(), name_);
    tracefs_instance_free(instance_);
    instance_ = nullptr;
    return error;
}

std::string_view TraceInstance::read() {
    block_.resize(block_bytes);
    ssize_t bytes = 0;
    do bytes = ::read(pipe_.get(), block_.data(), block_.size());
    while (bytes < 0 && errno == EINTR);
    if (bytes >= 0) return {block_.data(), static_cast<std::size_t>(bytes)};
    if (errno != EAGAIN) error_ = fmt::format("cannot read trace_pipe of the ftrace instance: {}", reason());
    return {};
}

std::uint64_t TraceInstance::lost() const {
    std::uint64_t lost = 0;
    for (std::size_t cpu = 0; cpu < cpu_count(); ++cpu) {
        const std::string stats = read_text(instance_, fmt::format("per_cpu/cpu{}/stats", cpu));
        for (const std::string_view key : {"overrun", "commit overrun", "dropped events"})
            lost += read_count(stats, key);
    }
    return lost;
}

} // namespace lapicheck::traces
