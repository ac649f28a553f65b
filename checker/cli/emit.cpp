#include <memory>

#include <fmt/format.h>

#include "checker/cli/command.hpp"
#include "checker/cli/image_programs.hpp"
#include "checker/cli/output_file.hpp"
#include "programs/image/iso.hpp"
#include "programs/image/output.hpp"
#include "programs/image/packages.hpp"

namespace lapicheck::checker {
namespace {

namespace image = programs::image;

constexpr auto footer = R"(Examples:
  lapicheck emit program.json --as rom -o program.rom      qemu-system-x86_64 -bios program.rom -debugcon stdio
  lapicheck emit --audit --as iso -o audit.iso             for BIOS and UEFI: another hypervisor, bare metal
  lapicheck judge serial.log --audit                       what came out of COM1 there

docs/any-hypervisor.md says how to start each form, and on what.

Exit status: 0 written, 2 wrong usage, a damaged program, or a file that could not be written.)";

enum class Form : std::uint8_t { rom, multiboot, pvh, iso, blob };

struct Options {
    ImageOptions what;
    Form form = Form::rom;
    image::Bits bits = image::Bits::b64;
    std::uint32_t settle = 2000;
    std::string output;
};

std::string write(const Options& options, const std::string& blob) {
    switch (options.form) {
    case Form::rom: return write_whole(options.output, image::rom_package(blob, options.bits));
    case Form::multiboot: return write_whole(options.output, image::multiboot_package(blob, options.bits));
    case Form::pvh: return write_whole(options.output, image::pvh_package(blob));
    case Form::iso: return image::write_iso(options.output, image::multiboot_package(blob, options.bits));
    case Form::blob: break;
    }
    return write_whole(options.output, blob);
}

int emit(const Options& options) {
    if (options.output.empty())
        return complain("emit", exit_code::bad_input, "no file to write: add -o FILE");
    const ImagePrograms made = image_programs(options.what);
    if (!made.error.empty()) return complain("emit", exit_code::bad_input, made.error);
    const std::vector<image::Section> sections = made.sections();
    image::BlobOptions blob;
    blob.nonce = image::nonce_of(sections);
    blob.settle = options.settle;
    const std::string error = write(options, image::write_blob(sections, blob));
    return error.empty() ? exit_code::conforms : complain("emit", exit_code::bad_input, error);
}

} // namespace

void add_emit(CLI::App& app, Action& action) {
    const auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("emit", "write a bootable image that runs access programs on any machine");
    add_image_programs(*command, options->what);
    add_choice<Form>(*command, "--as", options->form,
                     {{"rom", Form::rom},
                      {"multiboot", Form::multiboot},
                      {"pvh", Form::pvh},
                      {"iso", Form::iso},
                      {"blob", Form::blob}},
                     "the form of the image, or (blob) the program for one that has none; default: rom");
    add_choice<image::Bits>(*command, "--bits", options->bits,
                            {{"64", image::Bits::b64}, {"32", image::Bits::b32}},
                            "of the image's mode; 32: for machines without long mode; default: 64");
    command
        ->add_option("--settle", options->settle,
                     "PAUSE instructions to wait until what a step sent has arrived; default: 2000")
        ->option_text("N")
        ->check(CLI::Range(1U, 100'000'000U));
    command->add_option("-o,--output", options->output, "the file to write")->option_text("FILE");
    command->footer(footer);
    command->callback([options, &action] { action = [options] { return emit(*options); }; });
}

} // namespace lapicheck::checker
