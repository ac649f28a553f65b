// libFuzzer target for the pages of trace.dat, which are read here and there in a file. Whatever the bytes,
// it does not crash, and ends.
#include <cstdint>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "traces/formats/trace_dat/streams.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace lapicheck::traces::trace_dat;
    const int file = ::memfd_create("fuzz", MFD_CLOEXEC);
    if (::write(file, data, size) == static_cast<ssize_t>(size)) {
        Streams streams;
        add_file_streams(file, streams);
        std::uint64_t sum = 0;
        for (const auto& stream : streams) {
            // A page of damaged records may hold many; their bytes must be there.
            for (unsigned n = 0; n < 100'000; ++n) {
                const Record record = stream->next();
                if (record.data == nullptr) break;
                for (std::size_t i = 0; i < record.size; ++i)
                    sum += static_cast<const std::uint8_t*>(record.data)[i];
            }
        }
        if (sum == 1) ::close(-1); // the sum is used
    }
    ::close(file);
    return 0;
}
