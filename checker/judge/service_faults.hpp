// What is wrong with an interrupt that is given to the processor, or with an EOI, in the form that
// divergence_text.cpp puts into words.
#pragma once

#include "checker/judge/divergence.hpp"

namespace lapicheck::checker {

// `reg`: where it shows that the vector had to wait.
inline Mismatch injected(Mode mode, Rule rule, Reg reg, Detail why) {
    Mismatch mismatch;
    mismatch.rule = rule;
    mismatch.fault = Fault::injected;
    mismatch.reg = reg;
    mismatch.mode = mode;
    mismatch.detail = why;
    return mismatch;
}

// A vector was given though `waiting`, which is higher, is in IRR.
inline Mismatch overtook(Mode mode, u32 waiting) {
    return injected(mode, Rule::P02, Reg::irr0, {"vector {:02X}H is pending in IRR", waiting});
}

// `ended`: above FFH if the EOI ended nothing.
inline Detail ended_though_in_service(u64 ended, u32 in_service) {
    if (ended > 0xff) return {"the EOI ended no vector although {:02X}H is in service", in_service};
    return {"the EOI ended vector {:02X}H although {:02X}H is in service", ended, in_service};
}

// The vector that kept the given one waiting, or that had to be ended; 0 if there is none.
inline u32 deciding_vector(const Mismatch& mismatch) {
    const Detail& detail = mismatch.detail;
    if (mismatch.fault == Fault::eoi_vector)
        return static_cast<u32>(detail.second != 0 ? detail.second : detail.first);
    const bool waits = mismatch.fault == Fault::injected && mismatch.reg != Reg::tpr;
    return waits ? static_cast<u32>(detail.first) : 0;
}

} // namespace lapicheck::checker
