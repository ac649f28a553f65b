#include "checker/audit/script.hpp"

namespace lapicheck::checker {

using model::Mode;
using model::RegAccess;
using model::RegisterRow;
using model::u64;
using programs::Do;

namespace {

u64 place_of(const RegisterRow& row) { return model::apic_base::reset_page + row.offset; }

} // namespace

void Script::add(Do what, u64 address, u64 value, std::uint8_t size) {
    programs::Step step;
    step.what = what;
    step.vcpu = vcpu_;
    step.address = address;
    step.value = value;
    step.size = size;
    program_.steps.push_back(step);
}

void Script::interrupt(std::uint8_t vector, bool level) {
    add(Do::interrupt);
    program_.steps.back().vector = vector;
    program_.steps.back().level = level;
}

u64 Script::base_in(Mode mode) const {
    u64 value = model::apic_base::reset_page;
    if (vcpu_ == 0) value |= model::apic_base::bsp;
    if (mode != Mode::disabled) value |= model::apic_base::enable;
    if (mode == Mode::x2apic) value |= model::apic_base::extd;
    return value;
}

void Script::enter(Mode mode) {
    mode_ = mode;
    if (mode != Mode::xapic) wrmsr(model::apic_base::msr, base_in(mode));
}

void Script::read(const RegisterRow& row) {
    if (mode_ == Mode::x2apic) rdmsr(row.msr());
    else mmio_read(place_of(row));
}

void Script::write(const RegisterRow& row, u64 value) {
    if (mode_ == Mode::x2apic) wrmsr(row.msr(), value);
    else mmio_write(place_of(row), value);
}

bool Script::is_readable(const RegisterRow& row) const {
    const RegAccess access = mode_ == Mode::x2apic ? row.x2apic : row.xapic;
    return access != RegAccess::absent && access != RegAccess::write_only;
}

bool Script::is_writable(const RegisterRow& row) const {
    const RegAccess access = mode_ == Mode::x2apic ? row.x2apic : row.xapic;
    return access == RegAccess::read_write || access == RegAccess::write_only;
}

} // namespace lapicheck::checker
