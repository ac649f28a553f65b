// Binary records of KVM's tracepoints, decoded by the formats that the recording brings along.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "traces/event.hpp"

struct tep_event;

namespace lapicheck::traces::trace_dat {

// Where a field stands in the records of one tracepoint; it may be missing in some kernels.
struct Field {
    std::uint16_t offset = 0;
    std::uint8_t size = 0; // 1, 2, 4 or 8; 0: this kernel's tracepoint has no such field
    bool is_signed = false;
};

inline constexpr std::size_t most_fields = 7;

// The fields of one record, by their place in the row of the tracepoint.
class Fields {
  public:
    Fields(const char* record, const std::array<Field, most_fields>& fields)
        : record_(record), fields_(fields) {}
    bool has(std::size_t field) const { return fields_[field].size != 0; }
    // 0 if there is none.
    std::uint64_t operator[](std::size_t field) const;

  private:
    const char* record_;
    const std::array<Field, most_fields>& fields_;
};

// A tracepoint that is of interest, and the names of the fields that its function asks for.
struct Tracepoint {
    std::string_view name;
    // Fills kind and fields of `event`; leaves the kind `other` where the record says nothing of interest.
    void (*decode)(const Fields& fields, Event& event) = nullptr;
    std::array<const char*, most_fields> fields{};
    bool is_request = false; // tells only of other interrupt controllers
};

// What the decoder knows of one tracepoint of a recording.
class Decoder {
  public:
    Decoder() = default;
    Decoder(tep_event* format, bool with_requests);

    bool is_of_interest() const { return tracepoint_ != nullptr; }
    // False: the record is shorter than its format says.
    bool decode(const void* record, std::size_t size, Event& event) const {
        if (size < least_size_) return false;
        tracepoint_->decode(Fields(static_cast<const char*>(record), fields_), event);
        return true;
    }

  private:
    const Tracepoint* tracepoint_ = nullptr;
    std::array<Field, most_fields> fields_{};
    std::size_t least_size_ = 0;
};

} // namespace lapicheck::traces::trace_dat
