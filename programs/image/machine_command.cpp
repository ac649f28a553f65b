#include "programs/image/machine_command.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "specs/near_names.hpp"

namespace lapicheck::programs::image {
namespace {

constexpr std::array all_names = {
    ReadyName{"qemu-tcg", "QEMU, interpreted (TCG)", "qemu-system-x86_64", "apt install qemu-system-x86"},
    ReadyName{"qemu-kvm", "QEMU on this machine's KVM", "qemu-system-x86_64", "apt install qemu-system-x86"},
    ReadyName{"bochs", "Bochs", "bochs", "apt install bochs vgabios"},
    ReadyName{"cloud-hypervisor", "Cloud Hypervisor", "cloud-hypervisor",
              "a release of github.com/cloud-hypervisor/cloud-hypervisor, and /dev/kvm"},
    ReadyName{"firecracker", "Firecracker", "firecracker",
              "a release of github.com/firecracker-microvm/firecracker, and /dev/kvm"},
};

// Where execvp(3) would find it.
bool is_program(std::string_view program) {
    if (program.find('/') != std::string_view::npos) return access(std::string(program).c_str(), X_OK) == 0;
    const char* const path = std::getenv("PATH");
    std::string_view folders = path != nullptr ? path : "/usr/bin:/bin";
    while (true) {
        const std::size_t colon = folders.find(':');
        const std::string file = fmt::format("{}/{}", folders.substr(0, colon), program);
        if (access(file.c_str(), X_OK) == 0) return true;
        if (colon == std::string_view::npos) return false;
        folders.remove_prefix(colon + 1);
    }
}

// Words are parted by blanks; a blank within "..." or '...' is the word's. No variables, no patterns, no
// escapes.
std::optional<std::vector<std::string>> split(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool begun = false;
    for (const char c : text) {
        if (quote != 0) {
            if (c == quote) quote = 0;
            else word += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            begun = true;
        } else if (c == ' ') {
            if (begun) words.push_back(std::move(word));
            word.clear();
            begun = false;
        } else {
            word += c;
            begun = true;
        }
    }
    if (quote != 0) return std::nullopt;
    if (begun) words.push_back(std::move(word));
    return words;
}

MachineCommand qemu(std::string_view name, std::string_view accelerator, std::string_view cpu) {
    MachineCommand command;
    command.name = fmt::format("image:{}", name);
    command.words = {"qemu-system-x86_64",
                     "-nodefaults",
                     "-no-user-config",
                     "-display",
                     "none",
                     "-machine",
                     "pc,memory-backend=memory",
                     "-object",
                     "memory-backend-file,id=memory,size=64M,share=on,mem-path={memory}",
                     "-accel",
                     std::string(accelerator),
                     "-cpu",
                     fmt::format("{}{{features}}", cpu),
                     "-smp",
                     "{vcpus}",
                     "-m",
                     "64",
                     "-bios",
                     "{rom}",
                     "-debugcon",
                     "file:{output}",
                     "-serial",
                     "null"};
    command.patience = std::chrono::seconds(10);
    command.without_x2apic = ",-x2apic";
    command.without_deadline = ",-tsc-deadline";
    return command;
}

// Debian's Bochs is one with a debugger, which waits for a command to begin.
MachineCommand bochs() {
    MachineCommand command;
    command.name = "image:bochs";
    command.words = {"bochs", "-q", "-f", "{config}", "-rc", "{commands}"};
    command.files = {{"{config}", R"(display_library: rfb, options="timeout=0"
romimage: file={rom}
megs: 64
cpu: count={vcpus}, model=corei7_skylake_x, ips=50000000, reset_on_triple_fault=1
clock: sync=none
port_e9_hack: enabled=1
com1: enabled=1, mode=null
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: /dev/null
panic: action=fatal
)"},
                     {"{commands}", "continue\n"}};
    command.settle = 128;
    return command;
}

MachineCommand cloud_hypervisor() {
    MachineCommand command;
    command.name = "image:cloud-hypervisor";
    command.words = {"cloud-hypervisor", "--kernel", "{kernel}", "--cpus",    "boot={vcpus}", "--memory",
                     "size=64M",         "--serial", "tty",      "--console", "off"};
    return command;
}

MachineCommand firecracker() {
    MachineCommand command;
    command.name = "image:firecracker";
    command.words = {"firecracker", "--no-api", "--config-file", "{config}"};
    command.files = {{"{config}", R"({
  "boot-source": {"kernel_image_path": "{kernel}"},
  "drives": [],
  "machine-config": {"vcpu_count": {vcpus}, "mem_size_mib": 64}
}
)"}};
    return command;
}

MachineCommand ready_command(std::string_view name) {
    if (name == "qemu-kvm") {
        MachineCommand command = qemu(name, "kvm", "host,-arch-capabilities");
        command.settle = 128;
        return command;
    }
    if (name == "qemu-tcg") {
        // One thread: which CPU runs when does not depend on the host.
        MachineCommand command = qemu(name, "tcg,thread=single", "max");
        command.settle = 100;
        command.as_intel = ",vendor=GenuineIntel";
        command.as_amd = ",vendor=AuthenticAMD";
        return command;
    }
    if (name == "cloud-hypervisor") return cloud_hypervisor();
    if (name == "firecracker") return firecracker();
    return bochs();
}

std::string ready_list() {
    std::string list;
    for (const ReadyName& name : all_names) list += fmt::format("{}{}", list.empty() ? "" : ", ", name.name);
    return list;
}

} // namespace

bool names(const MachineCommand& command, std::string_view placeholder) {
    const auto holds = [placeholder](const std::string& text) {
        return text.find(placeholder) != std::string::npos;
    };
    return std::ranges::any_of(command.words, holds) ||
           std::ranges::any_of(command.files, [&holds](const auto& file) { return holds(file.second); });
}

std::span<const ReadyName> ready_names() { return all_names; }

bool is_here(const ReadyName& name) { return is_program(name.program); }

NamedCommand machine_command(std::string_view text) {
    const auto ready = std::ranges::find(all_names, text, &ReadyName::name);
    if (ready != all_names.end()) return {ready_command(text), {}};
    const auto words = split(text);
    if (!words) return {{}, fmt::format("image:{}: a quote is not closed", text)};
    const bool is_command = std::ranges::any_of(*words, [](const std::string& word) {
        return word.find("{rom}") != std::string::npos || word.find("{kernel}") != std::string::npos;
    });
    if (is_command) {
        MachineCommand command;
        command.name = fmt::format("image:{}", text);
        command.words = *words;
        return {std::move(command), {}};
    }
    std::vector<std::string_view> known;
    known.reserve(all_names.size());
    for (const ReadyName& name : all_names) known.push_back(name.name);
    const auto near = specs::near_names(text, known);
    return {
        {},
        fmt::format("image:{0}: {0} is no ready name ({1}) and no command, in which {{rom}} or {{kernel}} "
                    "stands for the image{2}",
                    text, ready_list(), near.empty() ? "" : fmt::format("; did you mean {}?", near.front()))};
}

} // namespace lapicheck::programs::image
