#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/report/state.hpp"
#include "programs/file.hpp"
#include "traces/recordings.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer =
    R"(Decodes dumps of a local APIC's state register by register, says what is in service and what each pending interrupt waits
for, and holds the state against the rules that speak of one state: PPR and the x2APIC LDR, which follow from other
registers, bits that no register has, vectors that cannot be there. A dump is how things stand; for what happened see
'lapicheck check'.

Read: QEMU's 'info lapic' (also in mails, of several CPUs), the page of KVM_GET_LAPIC as 1 KiB of bytes, or as a hex dump of
hexdump -C or xxd, and what Xen's xen-hvmctx prints; compressed and in archives.

Examples:
  echo 'info lapic -a' | socat - unix:monitor > lapic.txt; lapicheck state lapic.txt
  xxd lapic.bin | lapicheck state --mode x2apic -
  xen-hvmctx 3 | lapicheck state -
  lapicheck state --format json lapic.txt | jq '.states[].pending'

Exit status: 0 nothing contradicts the rules, 1 something does, 2 wrong usage, or a file without a dump.)";

struct Options {
    std::vector<std::string> paths;
    std::optional<model::Mode> mode;
    bool as_json = false;
};

constexpr std::size_t most_bytes = std::size_t{64} << 20; // a dump is small; a log around it need not be

int judge_states(const Options& options) {
    std::vector<StateReport> states;
    std::vector<UnreadDump> unread;
    for (const std::string& path : options.paths)
        traces::for_each_recording(path, [&](traces::ByteSource& source) {
            std::string bytes;
            for (auto block = source.read(); !block.empty() && bytes.size() < most_bytes;
                 block = source.read())
                bytes += block;
            std::vector<traces::StateDump> dumps;
            if (source.error().empty()) dumps = traces::read_state_dumps(bytes);
            for (traces::StateDump& dump : dumps) {
                if (options.mode) {
                    dump.mode = options.mode;
                    dump.notes.clear();
                }
                states.push_back(judge_dump(source.name(), std::move(dump)));
            }
            if (!dumps.empty()) return;
            std::string error = source.error();
            if (error.empty())
                error = fmt::format("{}: no dump of a local APIC: neither QEMU's 'info lapic' nor a page of "
                                    "KVM_GET_LAPIC nor the output of xen-hvmctx; of a "
                                    "recording see 'lapicheck check'",
                                    source.name());
            message(error);
            unread.push_back({source.name(), std::move(error)});
        });
    const bool contradicts =
        std::ranges::any_of(states, [](const StateReport& state) { return !state.findings.empty(); });
    errno = 0;
    if (options.as_json) write_states_json(std::cout, states, unread);
    else write_states_text(std::cout, states);
    return printed(!unread.empty() ? exit_code::bad_input
                   : contradicts   ? exit_code::diverges
                                   : exit_code::conforms);
}

} // namespace

void add_state(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("state", "decode and check dumps of a local APIC's state (QEMU's info lapic)");
    command->add_option("DUMP", options->paths, "files that hold dumps; - is standard input")->required();
    add_choice<std::optional<model::Mode>>(*command, "--mode", options->mode,
                                           {{"xapic", model::Mode::xapic}, {"x2apic", model::Mode::x2apic}},
                                           "the mode the APIC was in; default: as the dump tells");
    add_choice<bool>(*command, "--format", options->as_json, {{"text", false}, {"json", true}},
                     "the report's format; default: text");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return judge_states(*options); }; });
}

} // namespace lapicheck::checker
