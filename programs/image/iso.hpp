// A CD image with the image in it, which GRUB starts under BIOS and UEFI.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lapicheck::programs::image {

// Written with grub-mkrescue(1), which must be there. Empty: it is written; else why not, and what to do.
std::string write_iso(const std::filesystem::path& file, std::string_view kernel);

} // namespace lapicheck::programs::image
