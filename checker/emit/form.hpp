// The forms in which 'lapicheck emit' writes access programs. A form is one file in this folder, which
// defines it, and its line in forms.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "programs/image/blob.hpp"
#include "programs/image/packages.hpp"
#include "programs/program.hpp"

namespace lapicheck::checker {

struct EmitRequest {
    std::vector<programs::Program> programs;
    bool is_audit = false;                                   // they are an audit's
    std::string name;                                        // of the program, as the user gave it
    std::string output;                                      // a file
    programs::image::Bits bits = programs::image::Bits::b64; // of an image's mode
    std::uint32_t settle = 2000;                             // an image's PAUSEs after a step
};

struct EmitForm {
    std::string_view name;
    std::string_view what;
    // Writes the file. Empty: done; else why not, and what to do.
    std::string (*write)(const EmitRequest& request);
};

std::span<const EmitForm> emit_forms();

// The programs as the image takes them; they refer to `programs`.
std::vector<programs::image::Section> sections_of(const std::vector<programs::Program>& programs);
// Why the image cannot be the programs' machine; empty: it can.
std::string image_refusal(const std::vector<programs::Program>& programs);

} // namespace lapicheck::checker
