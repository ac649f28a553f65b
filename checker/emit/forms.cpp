#include <array>

#include "checker/emit/form.hpp"

namespace lapicheck::checker {

// In the order of the help; each is defined in its own file.
#define LAPICHECK_EMIT_FORMS(X)                                                                              \
    X(rom_form)                                                                                              \
    X(multiboot_form)                                                                                        \
    X(pvh_form)                                                                                              \
    X(iso_form)                                                                                              \
    X(blob_form)                                                                                             \
    X(kvm_unit_test_form)                                                                                    \
    X(kselftest_form)

#define LAPICHECK_DECLARE(name) extern const EmitForm name;
LAPICHECK_EMIT_FORMS(LAPICHECK_DECLARE)
#undef LAPICHECK_DECLARE

std::span<const EmitForm> emit_forms() {
#define LAPICHECK_ENTRY(name) name,
    static const std::array forms = {LAPICHECK_EMIT_FORMS(LAPICHECK_ENTRY)};
#undef LAPICHECK_ENTRY
    return forms;
}

} // namespace lapicheck::checker
