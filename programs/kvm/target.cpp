#include "programs/kvm/target.hpp"

#include <system_error>
#include <utility>

#include "programs/kvm/runner.hpp"

namespace lapicheck::traces {
namespace {

// `carry_out`: what gives a Run; why there is none is one too.
template <class CarryOut>
Run run_of(CarryOut carry_out) {
    try {
        return carry_out();
    } catch (const KvmAbsent& absent) {
        return {Run::Status::absent, absent.what(), {}, {}};
    } catch (const KvmRefused& refused) {
        return {Run::Status::refused, refused.what(), {}, {}};
    } catch (const std::system_error& error) {
        return {Run::Status::refused, error.what(), {}, {}};
    }
}

} // namespace

KvmGuest::KvmGuest() = default;
KvmGuest::KvmGuest(const Bounds& bounds) : bounds_(bounds) {}
KvmGuest::~KvmGuest() = default;

Run KvmGuest::run(const Program& program) {
    return run_of([&] {
        KvmRunner runner(program.machine, bounds_);
        return Run{Run::Status::ran, {}, runner.run(program), runner.found()};
    });
}

Run KvmGuest::run_again(const Program& program) {
    const bool usable = kept_ != nullptr && kept_->machine() == program.machine && kept_->reset();
    if (!usable) kept_.reset();
    return run_of([&] {
        if (kept_ == nullptr) kept_ = std::make_unique<KvmRunner>(program.machine, bounds_);
        return Run{Run::Status::ran, {}, kept_->run(program), kept_->found()};
    });
}

} // namespace lapicheck::traces
