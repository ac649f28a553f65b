#include <filesystem>
#include <string>

#include <dlfcn.h>
#include <fmt/format.h>

#include "checker/prove/prover.hpp"

namespace lapicheck::prove {
namespace {

std::filesystem::path beside_the_program() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::filesystem::path{prover_object} : program.parent_path() / prover_object;
}

Prover& load() {
    const std::filesystem::path path = beside_the_program();
    // It stays loaded: what it gives out lives there.
    void* const object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (object == nullptr)
        throw NoProver(fmt::format("cannot load the prover: {}; put {} beside the program, and install Z3 "
                                   "(Debian: libz3-4)",
                                   dlerror(), prover_object));
    const auto get = reinterpret_cast<GetProver>(dlsym(object, prover_symbol));
    if (get == nullptr)
        throw NoProver(fmt::format("{}: no prover of lapicheck {}", path.string(), LAPICHECK_VERSION));
    return *get();
}

} // namespace

Prover& prover() {
    static Prover& loaded = load();
    return loaded;
}

} // namespace lapicheck::prove
