#include "programs/kvm/target.hpp"

#include <system_error>
#include <utility>

#include "programs/kvm/runner.hpp"

namespace lapicheck::programs {
namespace {

// `carry_out`: what gives a Execution; why there is none is one too.
template <class CarryOut>
Execution run_of(CarryOut carry_out) {
    try {
        return carry_out();
    } catch (const KvmAbsent& absent) {
        return {Execution::Status::absent, absent.what(), {}, {}, {}};
    } catch (const KvmRefused& refused) {
        return {Execution::Status::refused, refused.what(), {}, {}, {}};
    } catch (const std::system_error& error) {
        return {Execution::Status::refused, error.what(), {}, {}, {}};
    }
}

} // namespace

KvmTarget::KvmTarget() = default;
KvmTarget::KvmTarget(const Bounds& bounds) : bounds_(bounds) {}
KvmTarget::~KvmTarget() = default;

Execution KvmTarget::run(const Program& program) {
    return run_of([&] {
        KvmRunner runner(program.machine, bounds_);
        return Execution{Execution::Status::ran, {}, runner.run(program), runner.found(), {}};
    });
}

Execution KvmTarget::run_again(const Program& program) {
    const bool usable = kept_ != nullptr && kept_->machine() == program.machine && kept_->reset();
    if (!usable) kept_.reset();
    return run_of([&] {
        if (kept_ == nullptr) kept_ = std::make_unique<KvmRunner>(program.machine, bounds_);
        return Execution{Execution::Status::ran, {}, kept_->run(program), kept_->found(), {}};
    });
}

} // namespace lapicheck::programs
