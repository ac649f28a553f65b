// Files that are there whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lapicheck::checker {

// Creates the folder and those above it. Empty: done; else why not, with the path.
std::string make_folder(const std::filesystem::path& folder);
// Writes under another name and renames. Empty: done; else why not, with the path.
std::string write_whole(const std::filesystem::path& path, std::string_view text);

} // namespace lapicheck::checker
