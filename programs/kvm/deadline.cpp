#include "programs/kvm/deadline.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace lapicheck::programs {
namespace {

int signal_number() { return SIGRTMIN + 5; }

// struct kvm_signal_mask; its flexible array is none that C++ takes.
struct SignalMask {
    std::uint32_t length;
    std::uint8_t signals[8];
};

} // namespace

Deadline::Deadline() {
    sigemptyset(&own_);
    sigaddset(&own_, signal_number());
    if (const int fault = pthread_sigmask(SIG_BLOCK, &own_, &before_); fault != 0)
        throw std::system_error(fault, std::generic_category(), "cannot block a signal");
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = signal_number();
    event._sigev_un._tid = ::gettid();
    if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) {
        const int fault = errno;
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        throw std::system_error(fault, std::generic_category(), "cannot make a timer");
    }
}

Deadline::~Deadline() {
    timer_delete(timer_);
    passed(); // a signal left over would end the process
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool Deadline::admit(int vcpu) const {
    sigset_t admitted = before_;
    sigdelset(&admitted, signal_number());
    SignalMask mask{8, {}};
    std::memcpy(mask.signals, &admitted, sizeof mask.signals); // the kernel's sigset_t is the first 8 bytes
    return ::ioctl(vcpu, _IOC(_IOC_WRITE, KVMIO, 0x8b, 4), &mask) == 0;
}

void Deadline::set(std::chrono::microseconds from_now) {
    itimerspec when{};
    timer_settime(timer_, 0, &when, nullptr);
    passed(); // the signal of what was set before
    when.it_value.tv_sec = from_now.count() / 1'000'000;
    when.it_value.tv_nsec = from_now.count() % 1'000'000 * 1000 + 1; // 0 would disarm
    timer_settime(timer_, 0, &when, nullptr);
    at_ = std::chrono::steady_clock::now() + from_now;
}

void Deadline::set_at_least(std::chrono::microseconds from_now) {
    const auto left = at_ - std::chrono::steady_clock::now();
    if (left < from_now || left > 2 * from_now) set(2 * from_now);
}

bool Deadline::passed() {
    constexpr timespec at_once{};
    return sigtimedwait(&own_, nullptr, &at_once) > 0;
}

} // namespace lapicheck::programs
