#include "traces/formats/trace_dat/libtracecmd.hpp"
#include "traces/formats/trace_dat/streams.hpp"

namespace lapicheck::traces::trace_dat {
namespace {

class LibraryStream final : public Stream {
  public:
    LibraryStream(tracecmd_input* handle, int cpu) : Stream(cpu), handle_(handle) {}
    ~LibraryStream() override { release(); }

    Record next() override {
        release();
        record_ = started_ ? tracecmd_read_data(handle_, cpu()) : tracecmd_read_cpu_first(handle_, cpu());
        started_ = true;
        if (record_ == nullptr) return {};
        const auto size = record_->size < 0 ? std::size_t{0} : static_cast<std::size_t>(record_->size);
        return {record_->data, size, record_->ts, record_->missed_events};
    }

  private:
    void release() {
        if (record_ != nullptr) tracecmd_free_record(record_);
        record_ = nullptr;
    }

    tracecmd_input* handle_;
    tep_record* record_ = nullptr;
    bool started_ = false;
};

} // namespace

void add_library_streams(tracecmd_input* handle, int cpus, Streams& streams) {
    for (int cpu = 0; cpu < cpus; ++cpu) streams.push_back(std::make_unique<LibraryStream>(handle, cpu));
}

} // namespace lapicheck::traces::trace_dat
