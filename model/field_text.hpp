// Bits of registers in words: which ones, what they are called, what they have to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/state.hpp"

namespace lapicheck::model {

struct NamedBits {
    std::string_view name;
    u64 mask = 0;
};

// The fields of the register as it reads in that mode; empty: none have names, as with a count.
std::vector<NamedBits> fields_of(Reg reg, Mode mode);
// CR8 reads TPR[7:4].
std::vector<NamedBits> fields_of_cr8();

// "bit 7", "bits 31:17 and 12".
std::string bits_text(u64 bits);
// What those of `bits` have to be that `required` determines: "bit 7 must be 1 (illegal register address)",
// "bits 7:0 must be FFH (vector), bit 9 must be 0 (reserved)".
std::string required_bits_text(const std::vector<NamedBits>& fields, Known<u64> required, u64 bits);
// The same of a word of ISR, TMR or IRR: "bit 0 must be 1 (vector 40H)".
std::string required_vectors_text(Reg word, u64 required, u64 bits);

} // namespace lapicheck::model
