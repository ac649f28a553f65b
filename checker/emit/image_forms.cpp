// The bootable image in its packages, and the blob that goes into one.
#include "checker/emit/form.hpp"
#include "checker/report/output_file.hpp"
#include "programs/image/blob.hpp"
#include "programs/image/iso.hpp"
#include "programs/image/output.hpp"

namespace lapicheck::checker {
namespace {

namespace image = programs::image;

// What `package` makes of the blob is written by `write`.
template <class Package>
std::string with_blob(const EmitRequest& request, Package package) {
    if (std::string why = image_refusal(request.programs); !why.empty())
        return request.name.empty() ? why : request.name + ": " + why;
    const std::vector<image::Section> sections = sections_of(request.programs);
    image::BlobOptions options;
    options.nonce = image::nonce_of(sections);
    options.settle = request.settle;
    return package(image::write_blob(sections, options));
}

std::string write_rom(const EmitRequest& request) {
    return with_blob(request, [&](const std::string& blob) {
        return write_whole(request.output, image::rom_package(blob, request.bits));
    });
}

std::string write_multiboot(const EmitRequest& request) {
    return with_blob(request, [&](const std::string& blob) {
        return write_whole(request.output, image::multiboot_package(blob, request.bits));
    });
}

std::string write_pvh(const EmitRequest& request) {
    return with_blob(request, [&](const std::string& blob) {
        return write_whole(request.output, image::pvh_package(blob));
    });
}

std::string write_iso_file(const EmitRequest& request) {
    return with_blob(request, [&](const std::string& blob) {
        return image::write_iso(request.output, image::multiboot_package(blob, request.bits));
    });
}

std::string write_blob_file(const EmitRequest& request) {
    return with_blob(request, [&](const std::string& blob) { return write_whole(request.output, blob); });
}

} // namespace

extern const EmitForm rom_form, multiboot_form, pvh_form, iso_form, blob_form;
const EmitForm rom_form{"rom", "firmware", write_rom};
const EmitForm multiboot_form{"multiboot", "a kernel for GRUB and QEMU", write_multiboot};
const EmitForm pvh_form{"pvh", "an ELF64 kernel with a PVH entry", write_pvh};
const EmitForm iso_form{"iso", "a CD image for BIOS and UEFI", write_iso_file};
const EmitForm blob_form{"blob", "the program for an image without one", write_blob_file};

std::vector<image::Section> sections_of(const std::vector<programs::Program>& programs) {
    const bool one = programs.size() == 1; // on whatever machine it finds
    std::vector<image::Section> all;
    all.reserve(programs.size());
    for (const programs::Program& program : programs)
        all.push_back({program.steps, program.machine.apic_ids, one ? 0 : image::needs_of(program.machine)});
    return all;
}

std::string image_refusal(const std::vector<programs::Program>& programs) {
    for (const programs::Program& program : programs)
        if (std::string why = image::refusal_of(program.machine); !why.empty()) return why;
    return {};
}

} // namespace lapicheck::checker
