#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "checker/audit/audit.hpp"
#include "checker/cli/command.hpp"
#include "checker/cli/progress.hpp"
#include "checker/report/output_file.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

constexpr auto footer = R"(Examples:
  lapicheck audit                                 what this machine's KVM does that the manual does not allow
  lapicheck audit --profile kvm                   the same; known departures of KVM do not count
  lapicheck audit --on model:kvm-2018             examine an implementation instead
  lapicheck audit --on image:qemu-tcg             QEMU's own APIC; 'lapicheck list targets' has more
  lapicheck audit --format json --export programs --html audit.html

Exit status: 0 no departure (profile kvm: none that is not known), 1 a departure, 2 wrong usage, 4 the target
cannot run here.)";

struct Options {
    std::string on = "kvm"; // a target
    Profile profile = Profile::sdm;
    GuestCpu cpu = GuestCpu::either; // the host's
    std::string export_to;           // a folder for the programs; empty: none
    std::string html;                // a file; empty: none
    std::string known;               // a file; empty: none
    std::set<programs::Do> without;  // steps
    const ReportFormat* format = nullptr;
};

std::vector<std::string> step_names() {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < programs::do_count; ++i)
        names.emplace_back(to_string(static_cast<programs::Do>(i)));
    return names;
}

programs::Do step_named(const std::string& name) {
    const std::vector<std::string> names = step_names();
    return static_cast<programs::Do>(std::ranges::find(names, name) - names.begin());
}

// RULE.N.json: the N-th departure of that rule. Empty: done.
std::string export_programs(const Audit& audit, const std::filesystem::path& folder) {
    if (std::string error = make_folder(folder); !error.empty()) return error;
    std::map<std::string_view, unsigned> written;
    for (const AuditDeparture& departure : audit.departures) {
        const auto rule = model::to_string(departure.key.rule);
        std::string error = write_whole(folder / fmt::format("{}.{}.json", rule, ++written[rule]),
                                        audit_program_text(audit, departure));
        if (!error.empty()) return error;
    }
    return {};
}

Audit audit_with_progress(const Options& options) {
    AuditRequest request{options.profile, options.cpu, read_known(options.known), options.without, {}};
    if (!shows_progress()) return audit(options.on, request);
    ProgressLine line;
    request.progress = [&line](const std::string& what) { line.tell([&] { return what; }); };
    return audit(options.on, request);
}

std::string page_of(const Audit& audit) {
    for (const ReportFormat* format : report_formats())
        if (format->name == "html") {
            std::ostringstream page;
            format->audit(page, audit, {});
            return page.str();
        }
    return {};
}

int audit(const Options& options) {
    if (const programs::NamedTarget named = programs::make_target(options.on); named.target == nullptr)
        return complain("audit", exit_code::bad_input, named.error);
    const Audit result = audit_with_progress(options);
    if (!result.absent.empty()) return complain("audit", exit_code::undecided, result.absent);
    const int code = result.accesses == 0          ? exit_code::undecided
                     : result.count_unknown() != 0 ? exit_code::diverges
                                                   : exit_code::conforms;
    const int printed = print(options.format->audit, result, code);
    if (!options.export_to.empty())
        if (const std::string error = export_programs(result, options.export_to); !error.empty())
            return complain("audit", exit_code::bad_input, error);
    if (!options.html.empty())
        if (const std::string error = write_whole(options.html, page_of(result)); !error.empty())
            return complain("audit", exit_code::bad_input, error);
    return printed;
}

} // namespace

void add_audit(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand("audit", "examine the KVM of this machine, register by register");
    command->add_option("--on", options->on, "kvm (default), model:NAME or image:NAME")
        ->option_text("TARGET");
    add_profile(*command, options->profile);
    add_known(*command, options->known);
    add_cpu(*command, options->cpu,
            "the guest CPU's vendor, whose manual decides where the two differ; default: the host's vendor");
    command
        ->add_option("--export", options->export_to,
                     "write the access program of each departure to DIR/RULE.N.json")
        ->option_text("DIR");
    command
        ->add_option_function<std::vector<std::string>>(
            "--without",
            [options](const std::vector<std::string>& names) {
                for (const std::string& name : names) options->without.insert(step_named(name));
            },
            "leave out the programs with such a step, by its name in access programs (such as cr8-write)")
        ->option_text("STEP...")
        ->check(one_of(step_names()));
    command->add_option("--html", options->html, "also write an HTML page with a grid of registers and modes")
        ->option_text("FILE");
    add_format(*command, options->format, &ReportFormat::audit);
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return audit(*options); }; });
}

} // namespace lapicheck::checker
