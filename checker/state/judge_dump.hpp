// One state of a local APIC held against the rules that speak of one state: each register as the model's read
// of it, in the state that the others make, and the invariants, which every state that can be reached from
// RESET has. And what an interrupt that is pending waits for.
#pragma once

#include <string>
#include <vector>

#include "model/rule.hpp"
#include "model/state.hpp"
#include "traces/formats/state_dump.hpp"

namespace lapicheck::checker {

struct StateFinding {
    model::Reg reg = model::Reg::none;
    model::Rule rule = model::Rule::M14; // of a register that reads wrong
    std::string_view invariant;          // that does not hold; empty: it is the register's read
    std::string text;                    // "ppr is 0x0; allowed: 0xe0"
};

struct PendingVector {
    model::u32 vector = 0;
    bool in_service = false;
    bool is_level = false; // if `tells_trigger`
    bool tells_trigger = false;
    std::string waits_for; // of a pending one
};

struct StateReport {
    std::string path;
    traces::StateDump dump;
    std::vector<PendingVector> in_service; // the highest first
    std::vector<PendingVector> pending;
    std::vector<StateFinding> findings;
    std::vector<std::string> notes;
    unsigned checked = 0; // registers and invariants that could be decided
};

StateReport judge_dump(std::string path, traces::StateDump dump);

} // namespace lapicheck::checker
