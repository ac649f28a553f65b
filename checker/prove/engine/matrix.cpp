#include "checker/prove/engine/matrix.hpp"

#include <algorithm>
#include <ctime>
#include <exception>
#include <mutex>
#include <semaphore>
#include <thread>

namespace lapicheck::prove {
namespace {

// Into so many parts the properties are divided, whatever the machine: what is found does not depend on it.
constexpr std::size_t slices = 2;

double thread_milliseconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// What the threads share.
class Table {
  public:
    explicit Table(const MatrixRequest& request)
        : request_(request), results_(request.implementations.size() * request.properties.size()),
          confirmed_(results_.size(), true), milliseconds_(results_.size()) {}

    // Every `slices`-th property, of all implementations: what is learnt of one helps with the next.
    void fill_slice(std::size_t slice) {
        const auto cache = std::make_shared<ProofCache>(request_.options.bounds.budget);
        for (std::size_t row = 0; row < request_.implementations.size(); ++row) {
            if (slice >= request_.properties.size()) return;
            PropertyProver prover(symbolic(*request_.implementations[row]), cache, request_.options);
            if (slice == 0) prover.dump_cases();
            for (std::size_t p = slice; p < request_.properties.size(); p += slices) fill(prover, row, p);
        }
    }

    void failed(std::exception_ptr error) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::move(error);
    }

    Matrix finished() {
        if (error_) std::rethrow_exception(error_);
        Matrix matrix{request_.implementations, request_.properties, std::move(results_), {},
                      std::move(milliseconds_), solver_version()};
        for (std::size_t i = 0; i < matrix.results.size(); ++i)
            if (!confirmed_[i]) matrix.unconfirmed.push_back(&matrix.results[i]);
        return matrix;
    }

  private:
    void fill(PropertyProver& prover, std::size_t row, std::size_t p) {
        const PropertyEntry& property = *request_.properties[p];
        const double begin = thread_milliseconds();
        Result result = prover.prove(property);
        const bool confirmed = !result.counterexample || prover.confirms(property, *result.counterexample);
        const std::size_t place = row * request_.properties.size() + p;
        milliseconds_[place] = thread_milliseconds() - begin; // no other thread writes there
        put(place, std::move(result), confirmed);
    }
    void put(std::size_t place, Result result, bool confirmed) {
        const std::lock_guard lock(mutex_);
        results_[place] = std::move(result);
        confirmed_[place] = confirmed;
        ++done_;
        if (request_.progress) request_.progress(done_);
    }

    const MatrixRequest& request_;
    std::mutex mutex_;
    std::vector<Result> results_;
    std::vector<bool> confirmed_;
    std::vector<double> milliseconds_;
    std::size_t done_ = 0;
    std::exception_ptr error_;
};

} // namespace

Matrix prove_all(const MatrixRequest& request) {
    Table table(request);
    std::counting_semaphore<> may_run(std::max(1U, request.threads));
    {
        std::vector<std::jthread> threads;
        for (std::size_t slice = 0; slice < slices; ++slice)
            threads.emplace_back([&table, &may_run, slice] {
                may_run.acquire();
                try {
                    table.fill_slice(slice);
                } catch (...) {
                    table.failed(std::current_exception());
                }
                may_run.release();
            });
    }
    return table.finished();
}

} // namespace lapicheck::prove
