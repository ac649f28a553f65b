#include "traces/loaded_object.hpp"

#include <filesystem>

#include <dlfcn.h>

namespace lapicheck::traces {

LoadedSymbol load_symbol(const char* object, const char* symbol) {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    // A program of the tests stands in a folder below.
    std::filesystem::path folder = program.parent_path();
    while (!std::filesystem::exists(folder / object, error) && folder.has_relative_path())
        folder = folder.parent_path();
    void* const loaded = dlopen((folder / object).c_str(), RTLD_NOW | RTLD_LOCAL);
    LoadedSymbol found;
    if (loaded != nullptr) found.symbol = dlsym(loaded, symbol);
    if (found.symbol != nullptr) return found;
    const char* const why = dlerror();
    found.error = why == nullptr ? "not found" : why;
    return found;
}

} // namespace lapicheck::traces
