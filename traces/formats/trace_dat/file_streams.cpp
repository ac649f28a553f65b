// The data of a trace.dat of version 7, read where the file says that it stands.
//
// Source: trace-cmd.dat.v7(5), trace-cmd 3.1; kbuffer_load_subbuffer(3).
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

extern "C" { // which the header does not say
#include <kbuffer.h>
}

#include "traces/formats/trace_dat/streams.hpp"

namespace lapicheck::traces::trace_dat {
namespace {

// What a file may ask for at most.
constexpr std::uint32_t most_page = 1 << 20;
constexpr std::uint32_t most_chunk = 64 << 20;
constexpr std::uint64_t most_options = 16 << 20;
constexpr std::size_t slack =
    64; // behind the last page: of a damaged one a header may be read that ends behind it
constexpr unsigned most_sections = 1000;
constexpr unsigned most_cpus = 65'000;
constexpr std::uint32_t most_shift = 63;

constexpr std::uint16_t options_section = 0;
constexpr std::uint16_t is_compressed = 1; // of a section's flags
enum OptionId : std::uint16_t { done = 0, buffer = 3, offset = 7, time_shift = 12, tsc2nsec = 14 };

bool read_at(int file, std::uint64_t at, void* into, std::size_t size) {
    auto* bytes = static_cast<char*>(into);
    while (size != 0) {
        const ssize_t read = ::pread(file, bytes, size, static_cast<off_t>(at));
        if (read < 0 && errno == EINTR) continue;
        if (read <= 0) return false;
        bytes += read;
        at += static_cast<std::uint64_t>(read);
        size -= static_cast<std::size_t>(read);
    }
    return true;
}

template <class Number>
std::optional<Number> number_at(int file, std::uint64_t at) {
    Number number{};
    if (!read_at(file, at, &number, sizeof number)) return std::nullopt;
    return number;
}

// Bytes from left to right. Little-endian files of 64-bit kernels alone are read here, as this program is
// one.
class Bytes {
  public:
    explicit Bytes(std::string_view bytes) : rest_(bytes) {}
    template <class Number>
    bool take(Number& number) {
        if (rest_.size() < sizeof number) return false;
        std::memcpy(&number, rest_.data(), sizeof number);
        rest_.remove_prefix(sizeof number);
        return true;
    }
    bool take_text(std::string_view& text) {
        const std::size_t end = rest_.find('\0');
        if (end == std::string_view::npos) return false;
        text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return true;
    }
    bool take_bytes(std::size_t size, std::string_view& bytes) {
        if (rest_.size() < size) return false;
        bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
    }
    std::size_t left() const { return rest_.size(); }

  private:
    std::string_view rest_;
};

struct FreeBuffer {
    void operator()(kbuffer* pages) const { kbuffer_free(pages); }
};
struct FreeContext {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Decompressor = std::unique_ptr<ZSTD_DCtx, FreeContext>;

// What the file says of its times: those of a counter in nanoseconds, then those of another epoch.
// Source: lib/trace-cmd/trace-input.c, timestamp_calc(), trace-cmd 3.1.
struct TimeScale {
    std::uint32_t multiplier = 0; // 0: the times are as they are
    std::uint32_t shift = 0;
    std::uint64_t offset = 0; // added, modulo 2^64

    std::uint64_t scaled(std::uint64_t time) const {
        if (multiplier != 0) time = static_cast<std::uint64_t>((Wide{time} * multiplier) >> shift);
        return time + offset;
    }

  private:
    __extension__ using Wide = unsigned __int128;
};

// Where the data of one CPU stands.
struct Place {
    int cpu = 0;
    std::uint64_t at = 0;
    std::uint64_t size = 0;
    std::uint32_t page_size = 0;
    bool compressed = false;
};

class FileStream final : public Stream {
  public:
    FileStream(int file, const Place& place, const TimeScale& times)
        : Stream(place.cpu), file_(file), place_(place), times_(times), at_(place.at),
          end_(place.at + place.size), pages_(kbuffer_alloc(KBUFFER_LSIZE_8, KBUFFER_ENDIAN_LITTLE)) {
        if (!place_.compressed) return;
        const auto count = place.size < 4 ? std::nullopt : number_at<std::uint32_t>(file, at_);
        if (!count && place.size != 0) error_ = "the data of a CPU ends in its first bytes";
        chunks_ = count.value_or(0);
        at_ += 4;
    }

    Record next() override {
        Record record;
        unsigned long long time = 0;
        if (page_ != nullptr) record.data = kbuffer_next_event(pages_.get(), &time);
        while (record.data == nullptr) {
            if (!load_page()) return {};
            record.data = kbuffer_read_event(pages_.get(), &time);
            record.missed = kbuffer_missed_events(pages_.get());
        }
        record.time = times_.scaled(time);
        const int size = kbuffer_event_size(pages_.get());
        const auto offset = static_cast<std::size_t>(static_cast<const char*>(record.data) - page_);
        // A damaged page must not be read behind its end.
        if (size < 0 || offset > place_.page_size ||
            static_cast<std::size_t>(size) > place_.page_size - offset)
            return end("a damaged page of the ring buffer"), Record{};
        record.size = static_cast<std::size_t>(size);
        return record;
    }

  private:
    void end(std::string_view why) {
        error_ = fmt::format("CPU {}: {}", cpu(), why);
        at_ = end_;
        chunks_ = 0;
        held_size_ = 0;
        page_ = nullptr;
    }

    bool load_page() {
        page_ = nullptr;
        if (next_page_ >= held_size_ && !load_data()) return false;
        page_ = held_.data() + next_page_;
        next_page_ += place_.page_size;
        // The page says how much of it is used; that may not be more than there is.
        std::uint64_t used = 0;
        std::memcpy(&used, page_ + 8, sizeof used);
        if ((used & 0xfffff) > place_.page_size - 16) return end("a damaged page of the ring buffer"), false;
        if (kbuffer_load_subbuffer(pages_.get(), page_) != 0)
            return end("a page of the ring buffer of an unknown form"), false;
        return true;
    }

    void hold(std::size_t size) {
        held_.resize(size + slack);
        held_size_ = size;
    }

    // Whole pages.
    bool load_data() {
        next_page_ = 0;
        if (place_.compressed) return load_chunk();
        if (at_ >= end_) return false;
        const auto size = std::min<std::uint64_t>(end_ - at_, std::uint64_t{16} * place_.page_size);
        hold(size / place_.page_size * place_.page_size);
        if (held_size_ == 0 || !read_at(file_, at_, held_.data(), held_size_))
            return end("its data is cut"), false;
        at_ += held_size_;
        return true;
    }

    bool load_chunk() {
        if (chunks_ == 0) return false;
        --chunks_;
        const auto packed = number_at<std::uint32_t>(file_, at_);
        const auto unpacked = number_at<std::uint32_t>(file_, at_ + 4);
        if (!packed || !unpacked || *packed > most_chunk || *unpacked > most_chunk || *unpacked == 0 ||
            *unpacked % place_.page_size != 0)
            return end("its data is cut, or damaged"), false;
        packed_.resize(*packed);
        hold(*unpacked);
        if (!read_at(file_, at_ + 8, packed_.data(), packed_.size())) return end("its data is cut"), false;
        if (unpacker_ == nullptr) unpacker_.reset(ZSTD_createDCtx());
        if (ZSTD_decompressDCtx(unpacker_.get(), held_.data(), held_size_, packed_.data(), packed_.size()) !=
            held_size_)
            return end("its data cannot be decompressed"), false;
        at_ += 8 + packed_.size();
        return true;
    }

    int file_;
    Place place_;
    TimeScale times_;
    std::uint64_t at_;
    std::uint64_t end_;
    std::uint32_t chunks_ = 0;
    std::unique_ptr<kbuffer, FreeBuffer> pages_;
    std::vector<char> held_;
    std::size_t held_size_ = 0;
    std::vector<char> packed_;
    std::size_t next_page_ = 0;
    char* page_ = nullptr; // in held_
    Decompressor unpacker_;
};

// The chain of option sections.
class Options {
  public:
    Options(int file, bool zstd) : file_(file), zstd_(zstd) {}

    // False: this file is for libtracecmd.
    bool read(std::uint64_t at) {
        for (unsigned n = 0; at != 0; ++n)
            if (n == most_sections || !read_section(at)) return false;
        return true;
    }
    const std::vector<Place>& places() const { return places_; }
    const TimeScale& times() const { return times_; }

  private:
    bool read_section(std::uint64_t& at) {
        std::array<char, 16> head{};
        if (!read_at(file_, at, head.data(), head.size())) return false;
        Bytes bytes({head.data(), head.size()});
        std::uint16_t id = 0;
        std::uint16_t flags = 0;
        std::uint32_t description = 0;
        std::uint64_t size = 0;
        if (!bytes.take(id) || !bytes.take(flags) || !bytes.take(description) || !bytes.take(size))
            return false;
        if (id != options_section || (flags & is_compressed) != 0 || size > most_options) return false;
        std::vector<char> options(size);
        if (!read_at(file_, at + head.size(), options.data(), options.size())) return false;
        return read_options(Bytes({options.data(), options.size()}), at);
    }

    bool read_options(Bytes options, std::uint64_t& next) {
        next = 0;
        std::uint16_t id = 0;
        std::uint32_t size = 0;
        std::string_view data;
        while (options.take(id) && options.take(size) && options.take_bytes(size, data)) {
            if (id == OptionId::done) return Bytes(data).take(next);
            if (id == OptionId::time_shift) return false; // a guest's, in time with its host
            if (id == OptionId::offset) read_offset(data);
            if (id == OptionId::tsc2nsec) read_scale(Bytes(data));
            if (id == OptionId::buffer && !read_buffer(Bytes(data))) return false;
        }
        return false;
    }

    // "-1796131859000000000", or hexadecimal.
    void read_offset(std::string_view data) {
        const std::string text(data);
        times_.offset += static_cast<std::uint64_t>(std::strtoll(text.c_str(), nullptr, 0));
    }

    void read_scale(Bytes data) {
        std::uint32_t multiplier = 0;
        std::uint32_t shift = 0;
        if (!data.take(multiplier) || !data.take(shift) || data.left() < 8 || shift > most_shift) return;
        times_.multiplier = multiplier;
        times_.shift = shift;
    }

    bool read_buffer(Bytes data) {
        std::uint64_t section = 0;
        std::string_view name;
        std::string_view clock;
        std::uint32_t cpus = 0;
        Place place;
        if (!data.take(section) || !data.take_text(name) || !data.take_text(clock) ||
            !data.take(place.page_size) || !data.take(cpus) || cpus > most_cpus || place.page_size < 64 ||
            place.page_size > most_page)
            return false;
        const auto flags = number_at<std::uint16_t>(file_, section + 2);
        place.compressed = flags && (*flags & is_compressed) != 0;
        if (!flags || (place.compressed && !zstd_)) return false;
        for (std::uint32_t i = 0; i < cpus; ++i) {
            std::uint32_t cpu = 0;
            if (!data.take(cpu) || !data.take(place.at) || !data.take(place.size) || cpu > most_cpus)
                return false;
            place.cpu = static_cast<int>(cpu);
            if (place.size != 0) places_.push_back(place);
        }
        return true;
    }

    int file_;
    bool zstd_;
    std::vector<Place> places_;
    TimeScale times_;
};

} // namespace

bool add_file_streams(int file, Streams& streams) {
    // Magic, version, byte order, size of a long, page size, compression, the first options.
    std::array<char, 256> head{};
    const ssize_t size = ::pread(file, head.data(), head.size(), 0);
    if (size <= 0) return false;
    Bytes bytes({head.data(), static_cast<std::size_t>(size)});
    constexpr std::string_view magic = "\x17\x08\x44tracing";
    std::string_view text;
    std::uint8_t big_endian = 0;
    std::uint8_t long_size = 0;
    std::uint32_t page_size = 0;
    std::string_view compression;
    std::uint64_t options_at = 0;
    if (!bytes.take_bytes(magic.size(), text) || text != magic || !bytes.take_text(text) || text != "7" ||
        !bytes.take(big_endian) || !bytes.take(long_size) || !bytes.take(page_size) ||
        !bytes.take_text(compression) || !bytes.take_text(text) || !bytes.take(options_at) ||
        big_endian != 0 || long_size != 8)
        return false;
    Options options(file, compression == "zstd");
    if (!options.read(options_at)) return false;
    for (const Place& place : options.places())
        streams.push_back(std::make_unique<FileStream>(file, place, options.times()));
    return true;
}

} // namespace lapicheck::traces::trace_dat
