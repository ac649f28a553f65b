#include "checker/matrix.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <semaphore>
#include <thread>

namespace lapicheck::checker {
namespace {

// What the threads share.
class Table {
  public:
    explicit Table(const MatrixRequest& request)
        : request_(request), results_(request.implementations.size() * request.properties.size()),
          confirmed_(results_.size(), true) {}

    void fill_row(std::size_t row) {
        proof::Prover prover(*request_.implementations[row], request_.options);
        for (std::size_t p = 0; p < request_.properties.size(); ++p) {
            const proof::PropertyEntry& property = *request_.properties[p];
            proof::Result result = prover.prove(property);
            const bool confirmed =
                !result.counterexample || prover.confirms(property, *result.counterexample);
            put(row * request_.properties.size() + p, std::move(result), confirmed);
        }
    }

    void failed(std::exception_ptr error) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::move(error);
    }

    Matrix finished() {
        if (error_) std::rethrow_exception(error_);
        Matrix matrix{request_.implementations, request_.properties, std::move(results_), {}};
        for (std::size_t i = 0; i < matrix.results.size(); ++i)
            if (!confirmed_[i]) matrix.unconfirmed.push_back(&matrix.results[i]);
        return matrix;
    }

  private:
    void put(std::size_t place, proof::Result result, bool confirmed) {
        const std::lock_guard lock(mutex_);
        results_[place] = std::move(result);
        confirmed_[place] = confirmed;
        ++done_;
        if (request_.progress) request_.progress(done_);
    }

    const MatrixRequest& request_;
    std::mutex mutex_;
    std::vector<proof::Result> results_;
    std::vector<bool> confirmed_;
    std::size_t done_ = 0;
    std::exception_ptr error_;
};

} // namespace

std::size_t Matrix::count(proof::Status status) const {
    return static_cast<std::size_t>(std::ranges::count(results, status, &proof::Result::status));
}

Matrix prove_all(const MatrixRequest& request) {
    Table table(request);
    std::counting_semaphore<> may_run(std::max(1U, request.threads));
    {
        std::vector<std::jthread> threads;
        for (std::size_t row = 0; row < request.implementations.size(); ++row)
            threads.emplace_back([&table, &may_run, row] {
                may_run.acquire();
                try {
                    table.fill_row(row);
                } catch (...) {
                    table.failed(std::current_exception());
                }
                may_run.release();
            });
    }
    return table.finished();
}

int exit_code(const Matrix& matrix) {
    using enum proof::Status;
    if (!matrix.unconfirmed.empty()) return 2;
    if (matrix.count(refuted) != 0) return 1;
    return matrix.count(bounded) + matrix.count(unknown) != 0 ? 4 : 0;
}

} // namespace lapicheck::checker
