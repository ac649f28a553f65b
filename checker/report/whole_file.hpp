// A file that is written piece by piece and is there at the end, whole, or not at all: whatever ends the
// process, and whatever was there before stays until then.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "traces/file_descriptor.hpp"

namespace lapicheck::checker {

class WholeFile {
  public:
    WholeFile() = default;
    ~WholeFile();
    WholeFile(const WholeFile&) = delete;
    WholeFile& operator=(const WholeFile&) = delete;

    // Each: empty, or "FILE: why". An older file's mode is kept; the link of another user is not followed.
    std::string open(const std::filesystem::path& path);
    std::string write(std::string_view text);
    // All was written: now it is there under its name, in the place of an older one.
    std::string keep();

  private:
    std::string fault(std::string_view what) const;
    std::string open_part();
    std::filesystem::path part_name(unsigned attempt) const;
    void keep_mode();

    std::filesystem::path path_;
    std::filesystem::path part_; // its name until then; empty: it has none
    traces::FileDescriptor file_;
};

} // namespace lapicheck::checker
