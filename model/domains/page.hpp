// A page of plain memory, as implementations put it behind the closed window. Bytes that nobody wrote are 0.
#pragma once

#include <map>

#include "model/domains/known_bits.hpp"

namespace lapicheck::model {

// Byte: u8, or Known<u8>. Addresses are taken modulo the page.
template <class Byte>
class BytePage {
  public:
    u64 read(u64 address, u32 size) const requires std::same_as<Byte, u8> {
        u64 value = 0;
        for (u32 i = 0; i < size && i < 8; ++i) value |= u64{at(address + i)} << (8 * i);
        return value;
    }
    void write(u64 address, u32 size, u64 value) requires std::same_as<Byte, u8> {
        for (u32 i = 0; i < size && i < 8; ++i) put(address + i, static_cast<u8>(value >> (8 * i)));
    }
    Known<u64> read(const Known<u64>& address, u32 size) const requires std::same_as<Byte, Known<u8>> {
        Known<u64> value = u64{0};
        for (u32 i = 0; i < size && i < 8; ++i) {
            const Known<u8> byte = at(address.value + i);
            value |= Known<u64>{u64{byte.value} << (8 * i), ~(u64{static_cast<u8>(~byte.known)} << (8 * i))};
        }
        return value;
    }
    void write(const Known<u64>& address, u32 size,
               const Known<u64>& value) requires std::same_as<Byte, Known<u8>> {
        for (u32 i = 0; i < size && i < 8; ++i)
            put(address.value + i,
                Byte{static_cast<u8>(value.value >> (8 * i)), static_cast<u8>(value.known >> (8 * i))});
    }
    friend bool operator==(const BytePage&, const BytePage&) = default;

  private:
    static constexpr u64 bytes = 0x1000;

    Byte at(u64 address) const {
        const auto found = bytes_.find(address % bytes);
        return found == bytes_.end() ? Byte{u8{0}} : found->second;
    }

    // A page has one form, whatever was written to it in between: bytes of 0 are left out.
    void put(u64 address, Byte byte) {
        if (byte == Byte{u8{0}}) bytes_.erase(address % bytes);
        else bytes_[address % bytes] = byte;
    }

    std::map<u64, Byte> bytes_;
};

inline bool equal(const BytePage<u8>& a, const BytePage<u8>& b) { return a == b; }
// Whether two pages of which a part is unknown are the same is left unknown.
inline KnownBool equal(const BytePage<Known<u8>>&, const BytePage<Known<u8>>&) { return {}; }

} // namespace lapicheck::model
