// Values of a JSON text that know where they stand in it, and refuse with place, reason and advice.
#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lapicheck::programs {

using json = nlohmann::ordered_json;

// `/steps/3/value: "0xfg" is ...`; caught where the text's reader hands out its error.
class Refusal : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

[[noreturn]] inline void refuse(const std::string& path, const std::string& reason) {
    throw Refusal(path.empty() ? reason : fmt::format("{}: {}", path, reason));
}

// A key of any length, as a message has it.
inline std::string shortened(std::string_view key) {
    return key.size() <= 60 ? std::string(key) : std::string(key.substr(0, 57)) + "...";
}

// One value and the way to it. The path is put together only for an error.
class At {
  public:
    At(const json& value, std::string_view key) : value_(value), key_(key) {}
    At(const json& value, std::string_view key, const At& up) : value_(value), key_(key), up_(&up) {}
    At(const json& value, std::size_t index, const At& up) : value_(value), index_(index), up_(&up) {}

    const json& value() const { return value_; }

    std::string path() const {
        const std::string up = up_ == nullptr ? "" : up_->path();
        if (up_ == nullptr) return shortened(key_);
        return up + "/" + (up_->value_.is_array() ? std::to_string(index_) : shortened(key_));
    }

    [[noreturn]] void refuse_it(const std::string& reason) const { refuse(path(), reason); }

    // As it stands in the text, short.
    std::string shown() const {
        std::string text = value_.is_structured()
                               ? (value_.is_array() ? "an array" : "an object")
                               : value_.dump(-1, ' ', false, json::error_handler_t::replace);
        return text.size() <= 60 ? text : text.substr(0, 57) + "...";
    }

    void must_be_object() const {
        if (!value_.is_object()) refuse_it(fmt::format("{} stands where an object {{...}} must", shown()));
    }
    void must_be_array() const {
        if (!value_.is_array()) refuse_it(fmt::format("{} stands where an array [...] must", shown()));
    }

    bool boolean() const {
        if (!value_.is_boolean()) refuse_it(fmt::format("{} is neither true nor false", shown()));
        return value_.get<bool>();
    }

    std::string text() const {
        if (!value_.is_string()) refuse_it(fmt::format("{} is no string; write it in quotes", shown()));
        return value_.get<std::string>();
    }

    std::uint64_t number(std::uint64_t least, std::uint64_t most) const {
        if (!value_.is_number_integer() || (!value_.is_number_unsigned() && value_.get<std::int64_t>() < 0) ||
            value_.get<std::uint64_t>() < least || value_.get<std::uint64_t>() > most)
            refuse_it(fmt::format("{} is no whole number from {} to {}; write it without quotes", shown(),
                                  least, most));
        return value_.get<std::uint64_t>();
    }

    // "0x1f": 64 bits are too many for a JSON number.
    std::uint64_t hex(std::uint64_t most) const {
        if (value_.is_number_unsigned())
            refuse_it(
                fmt::format("{} is a number; write it as \"{:#x}\"", shown(), value_.get<std::uint64_t>()));
        if (!value_.is_string())
            refuse_it(fmt::format("{} is no hexadecimal string; write it as \"0x1f\"", shown()));
        const auto& digits = value_.get_ref<const std::string&>();
        std::uint64_t parsed = 0;
        const char* end = digits.data() + digits.size();
        const bool prefixed = digits.starts_with("0x") && digits.size() > 2;
        const auto [stopped, fault] = std::from_chars(digits.data() + (prefixed ? 2 : 0), end, parsed, 16);
        if (fault == std::errc::result_out_of_range && stopped == end)
            refuse_it(fmt::format("{} has more than 64 bits", shown()));
        if (!prefixed || fault != std::errc{} || stopped != end)
            refuse_it(fmt::format("{} is no hexadecimal number; write it as \"0x1f\"", shown()));
        if (parsed > most) refuse_it(fmt::format("{} is too large; the most is \"{:#x}\"", shown(), most));
        return parsed;
    }

    // The index of the word it is.
    std::size_t one_of(std::initializer_list<std::string_view> words) const {
        const std::string word = text();
        std::string list;
        std::size_t index = 0;
        for (const std::string_view candidate : words) {
            if (word == candidate) return index;
            list += fmt::format("{}\"{}\"", index == 0 ? "" : ", ", candidate);
            ++index;
        }
        refuse_it(fmt::format("{} is none of {}", shown(), list));
    }

  private:
    const json& value_;
    std::string_view key_;
    std::size_t index_ = 0;
    const At* up_ = nullptr;
};

} // namespace lapicheck::programs
