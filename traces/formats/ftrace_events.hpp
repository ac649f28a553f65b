// What stands behind the head of a line of ftrace text: the name of the tracepoint and its text.
// The texts changed between kernels; docs/trace-formats.md has the table.
#pragma once

#include <optional>
#include <string_view>

#include "traces/event.hpp"

namespace lapicheck::traces {

// The text of a known tracepoint that could not be read.
struct UnreadableText {
    std::string_view name; // "kvm_apic"
    std::string_view why;  // "unknown register name"
    // It leaves a hole in what is known of the APIC. False where the event only accompanies others.
    bool leaves_hole = false;
};

// Fills kind and fields of `event` from `text` ("kvm_apic: apic_read APIC_ID = 0x0"). The kind
// stays `other` for tracepoints of no interest.
// `with_requests`: also what only tells of other interrupt controllers; such lines are many.
std::optional<UnreadableText> read_event_text(std::string_view text, Event& event, bool with_requests = true);

// Whether the text of this tracepoint ("kvm_apic", as the kernel names it) is read for what it says or for
// that it happened: what a recording is to hold.
bool is_of_interest(std::string_view tracepoint);

// More than one blank between name and text: written by trace-cmd report.
bool is_padded(std::string_view text);

} // namespace lapicheck::traces
