#include "checker/cli/image_programs.hpp"

#include "checker/audit/programs.hpp"
#include "programs/file.hpp"

namespace lapicheck::checker {

void add_image_programs(CLI::App& command, ImageOptions& into) {
    CLI::Option* program =
        command.add_option("PROGRAM", into.path, "an access program (JSON); - is standard input");
    CLI::Option* audit = command.add_flag("--audit", into.audit, "the programs of 'lapicheck audit' instead");
    audit->excludes(program);
    command.add_option("--vcpus", into.vcpus, "with --audit: 1 (default) or 2, programs of two vCPUs, too")
        ->option_text("N")
        ->needs(audit)
        ->check(CLI::Range(1U, 2U));
}

ImagePrograms image_programs(const ImageOptions& options) {
    ImagePrograms made;
    if (!options.audit) {
        if (options.path.empty()) return {{}, "no program: name a PROGRAM, or add --audit"};
        const programs::FileText file = programs::read_text_file(options.path);
        if (!file.error.empty()) return {{}, file.error};
        programs::ProgramText text = programs::read_program(file.text, file.name);
        if (!text.error.empty()) return {{}, text.error};
        made.programs.push_back(std::move(text.program));
        return made;
    }
    for (unsigned vcpus = 1; vcpus <= options.vcpus; ++vcpus)
        for (const bool x2apic : {true, false})
            for (const bool deadline : {true, false}) {
                programs::Machine machine;
                for (std::uint32_t id = 0; id < vcpus; ++id) machine.apic_ids.push_back(id);
                machine.x2apic = x2apic;
                machine.tsc_deadline = deadline;
                made.programs.push_back(one_after_the_other(audit_programs(machine)));
            }
    return made;
}

} // namespace lapicheck::checker
