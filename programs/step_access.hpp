// A step of a program as an access of the model: one mapping for all who run or judge programs.
#pragma once

#include "model/state.hpp"
#include "programs/program.hpp"

namespace lapicheck::programs {

// The guest's own access to a register: the others act on a vCPU or come from outside.
constexpr bool is_access(Do what) { return what <= Do::cr8_write; }
constexpr bool is_read(Do what) { return what == Do::mmio_read || what == Do::rdmsr || what == Do::cr8_read; }

// Of a step that is one: is_access().
constexpr model::AccessKind access_kind(Do what) {
    switch (what) {
    case Do::mmio_read: return model::AccessKind::mmio_read;
    case Do::mmio_write: return model::AccessKind::mmio_write;
    case Do::wrmsr: return model::AccessKind::wrmsr;
    case Do::cr8_read: return model::AccessKind::cr8_read;
    case Do::cr8_write: return model::AccessKind::cr8_write;
    default: return model::AccessKind::rdmsr;
    }
}
constexpr model::Access<model::Concrete> access_of(const Step& step) {
    const model::AccessKind kind = access_kind(step.what);
    return {kind, step.address, model::is_mmio(kind) ? step.size : 4U,
            model::is_write(kind) ? step.value : 0};
}

} // namespace lapicheck::programs
