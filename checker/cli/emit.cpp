#include <memory>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/image_programs.hpp"
#include "checker/emit/form.hpp"

namespace lapicheck::checker {
namespace {

namespace image = programs::image;

constexpr auto footer = R"(Examples:
  lapicheck emit program.json --as rom -o program.rom      qemu-system-x86_64 -bios program.rom -debugcon stdio
  lapicheck emit --audit --as iso -o audit.iso             for BIOS and UEFI: another hypervisor, bare metal
  lapicheck judge serial.log --audit                       what came out of COM1 there
  lapicheck emit E02.1.json --as kvm-unit-test -o kvm-unit-tests/x86/e02.c
  lapicheck emit E02.1.json --as kselftest -o linux/tools/testing/selftests/kvm/x86/e02.c

docs/any-hypervisor.md says how to start each form of the image, and how to build the two C files.

Exit status: 0 written, 2 wrong usage, a damaged program, one that the form cannot carry (with the reason), or a file
that could not be written.)";

struct Options {
    ImageOptions what;
    EmitRequest request;
    const EmitForm* form = &emit_forms().front();
};

int emit(const Options& options) {
    if (options.request.output.empty())
        return complain("emit", exit_code::bad_input, "no file to write: add -o FILE");
    ImagePrograms made = image_programs(options.what);
    if (!made.error.empty()) return complain("emit", exit_code::bad_input, made.error);
    EmitRequest request = options.request;
    request.programs = std::move(made.programs);
    request.is_audit = options.what.audit;
    request.name = options.what.path;
    const std::string error = options.form->write(request);
    return error.empty() ? exit_code::conforms : complain("emit", exit_code::bad_input, error);
}

std::vector<std::pair<std::string, const EmitForm*>> form_words() {
    std::vector<std::pair<std::string, const EmitForm*>> words;
    for (const EmitForm& form : emit_forms()) words.emplace_back(form.name, &form);
    return words;
}

std::string form_help() {
    std::string help;
    for (const EmitForm& form : emit_forms())
        help += fmt::format("{}{}: {}", help.empty() ? "" : ", ", form.name, form.what);
    return help + "; default: rom";
}

} // namespace

void add_emit(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = app.add_subcommand(
        "emit",
        "write access programs as a bootable image for any machine, or as a C test of another project");
    add_image_programs(*command, options->what);
    add_choice<const EmitForm*>(*command, "--as", options->form, form_words(), form_help());
    add_choice<image::Bits>(*command, "--bits", options->request.bits,
                            {{"64", image::Bits::b64}, {"32", image::Bits::b32}},
                            "of the image's mode; 32: for machines without long mode; default: 64");
    command
        ->add_option("--settle", options->request.settle,
                     "PAUSE instructions to wait until what a step sent has arrived; default: 2000")
        ->option_text("N")
        ->check(CLI::Range(1U, 100'000'000U));
    command->add_option("-o,--output", options->request.output, "the file to write")->option_text("FILE");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return emit(*options); }; });
}

} // namespace lapicheck::checker
