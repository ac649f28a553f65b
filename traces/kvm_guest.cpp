#include "traces/kvm_guest.hpp"

#include <system_error>
#include <utility>

#include "traces/kvm_runner.hpp"

namespace lapicheck::traces {

Run KvmGuest::run(const Program& program) {
    try {
        KvmRunner runner(program, bounds_);
        Found found = runner.found();
        return {Run::Status::ran, {}, runner.run(), std::move(found)};
    } catch (const KvmAbsent& absent) {
        return {Run::Status::absent, absent.what(), {}, {}};
    } catch (const KvmRefused& refused) {
        return {Run::Status::refused, refused.what(), {}, {}};
    } catch (const std::system_error& error) {
        return {Run::Status::refused, error.what(), {}, {}};
    }
}

} // namespace lapicheck::traces
