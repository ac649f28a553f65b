// JSON of others, parsed in time that grows with its length: the tree keeps the order of keys and looks each
// one up among those before it.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace lapicheck::programs {

// In one object; none that is read here has nearly as many.
inline constexpr std::size_t most_keys = 1000;

// Refuses (out_of_range) an object with more keys; parse errors as json::parse has them.
inline nlohmann::ordered_json parse_bounded(std::string_view text) {
    using json = nlohmann::ordered_json;
    std::vector<std::size_t> keys; // of each open object
    return json::parse(text, [&keys](int, json::parse_event_t event, json&) {
        if (event == json::parse_event_t::object_start) keys.push_back(0);
        else if (event == json::parse_event_t::object_end) keys.pop_back();
        else if (event == json::parse_event_t::key && ++keys.back() > most_keys)
            throw json::out_of_range::create(401, "an object with more than 1000 keys", nullptr);
        return true;
    });
}

} // namespace lapicheck::programs
