// Writes an access program step by step.
#pragma once

#include "model/registers.hpp"
#include "model/state.hpp"
#include "programs/program.hpp"

namespace lapicheck::checker {

class Script {
  public:
    explicit Script(const programs::Machine& machine) { program_.machine = machine; }

    void on(std::uint32_t vcpu) { vcpu_ = vcpu; }
    void mmio_read(model::u64 address, std::uint8_t size = 4) {
        add(programs::Do::mmio_read, address, 0, size);
    }
    void mmio_write(model::u64 address, model::u64 value, std::uint8_t size = 4) {
        add(programs::Do::mmio_write, address, value, size);
    }
    void rdmsr(model::u64 msr) { add(programs::Do::rdmsr, msr); }
    void wrmsr(model::u64 msr, model::u64 value) { add(programs::Do::wrmsr, msr, value); }
    void cr8_read() { add(programs::Do::cr8_read); }
    void cr8_write(model::u64 value) { add(programs::Do::cr8_write, 0, value); }
    void act(programs::Do what) { add(what); }
    void interrupt(std::uint8_t vector, bool level = false);

    // The value of IA32_APIC_BASE that RESET leaves, with the mode's bits.
    model::u64 base_in(model::Mode mode) const;
    // From xAPIC mode, as RESET leaves it.
    void enter(model::Mode mode);
    model::Mode mode() const { return mode_; }
    // By the way that the mode has to its registers; in a disabled APIC through the window.
    void read(const model::RegisterRow& row);
    void write(const model::RegisterRow& row, model::u64 value);
    void read(model::Reg reg) { read(model::sdm_registers[model::index_of(reg)]); }
    void write(model::Reg reg, model::u64 value) { write(model::sdm_registers[model::index_of(reg)], value); }
    bool is_readable(const model::RegisterRow& row) const;
    bool is_writable(const model::RegisterRow& row) const;

    programs::Program take() { return std::move(program_); }

  private:
    void add(programs::Do what, model::u64 address = 0, model::u64 value = 0, std::uint8_t size = 0);

    programs::Program program_;
    std::uint32_t vcpu_ = 0;
    model::Mode mode_ = model::Mode::xapic;
};

} // namespace lapicheck::checker
