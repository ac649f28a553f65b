// Parts of the program that stand beside it as shared objects: what they need is loaded only where it is
// needed.
#pragma once

#include <string>

namespace lapicheck::traces {

struct LoadedSymbol {
    void* symbol = nullptr;
    std::string error; // of the loader, if there is no symbol
};
// `object` is the name of a file in the folder of the program. It stays loaded.
LoadedSymbol load_symbol(const char* object, const char* symbol);

} // namespace lapicheck::traces
