#include "checker/audit/random_program.hpp"

#include <array>

#include "model/implementations/registry.hpp"
#include "programs/sim/target.hpp"

namespace lapicheck::checker {
namespace {

using model::Mode;
using model::Reg;
using model::RegisterRow;
using programs::Do;
using programs::Program;
using programs::Step;

// std::mt19937_64 is the same everywhere; the standard's distributions are not.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t word() { return engine_(); }
    std::uint64_t below(std::uint64_t n) { return engine_() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    template <class List>
    auto of(const List& list) {
        return list[below(std::size(list))];
    }

  private:
    std::mt19937_64 engine_;
};

constexpr std::array<std::uint64_t, 3> pages = {0xfee0'0000, 0xfed0'0000, 0x2'0000'0000};
constexpr std::uint64_t far_deadline = std::uint64_t{1} << 60;
constexpr std::uint32_t far_count = 0x4000'0000;
constexpr std::uint8_t maxphyaddr = 40;

Mode mode_of(const programs::PlainState& state) {
    if (!model::is_enabled(state)) return Mode::disabled;
    return model::has_extd(state) ? Mode::x2apic : Mode::xapic;
}

class Maker {
  public:
    Maker(Dice& dice, Program& program)
        : dice_(dice), program_(program),
          guide_(model::find_implementation("kvm-6.18")->with_module(model::KvmModule::svm)),
          machine_(*guide_, program.machine, facts(program.machine), {}) {}

    void add() {
        if (dice_.one_in(6))
            vcpu_ = static_cast<std::uint32_t>(dice_.below(program_.machine.apic_ids.size()));
        Step step = draw();
        step.vcpu = vcpu_;
        machine_.take(step);
        program_.steps.push_back(step);
    }

  private:
    static programs::MachineFacts facts(const programs::Machine& machine) {
        programs::MachineFacts facts;
        facts.x2apic = machine.x2apic;
        facts.tsc_deadline = machine.tsc_deadline;
        facts.address_bits = maxphyaddr;
        return facts;
    }

    const programs::PlainState& state() const { return machine_.state(vcpu_); }
    std::uint64_t page() const { return state().apic_base & model::apic_base::page; }

    Step draw() {
        switch (dice_.below(20)) {
        case 0: return apic_base();
        case 1: return cr8();
        case 2: return deadline();
        case 3: return message();
        case 4: return host();
        case 5:
        case 6: return command();
        case 7: return odd_access();
        case 8: return any_msr();
        case 9:
        case 10:
        case 11:
        case 12: return read(row());
        default: return write(row());
        }
    }

    static Step step(Do what, std::uint64_t address = 0, std::uint64_t value = 0, std::uint8_t size = 0) {
        Step made;
        made.what = what;
        made.address = address;
        made.value = value;
        made.size = size;
        return made;
    }

    const RegisterRow& row() { return model::sdm_registers[dice_.below(model::window_register_count)]; }

    bool by_msr() { return (mode_of(state()) == Mode::x2apic) != dice_.one_in(16); }

    Step read(const RegisterRow& row) {
        if (by_msr()) return step(Do::rdmsr, row.msr());
        return step(Do::mmio_read, page() + row.offset, 0, 4);
    }

    Step write(const RegisterRow& row) {
        const std::uint32_t low = value_for(row);
        if (by_msr()) {
            const std::uint64_t high = row.reg == Reg::icr ? destination()
                                       : dice_.one_in(24)  ? high_bits()
                                                           : 0;
            return step(Do::wrmsr, row.msr(), high << 32 | low);
        }
        return step(Do::mmio_write, page() + row.offset, low, 4);
    }

    std::uint32_t high_bits() { return std::uint32_t{1} << dice_.below(32); }

    std::uint32_t boundary(const RegisterRow& row) {
        switch (dice_.below(9)) {
        case 0: return 0;
        case 1: return ~std::uint32_t{0};
        case 2: return row.reset;
        case 3: return row.defined();
        case 4: return row.writable;
        case 5: return std::uint32_t{1} << dice_.below(32);
        case 6: return row.reset ^ std::uint32_t{1} << dice_.below(32);
        case 7: return low_word() & row.defined();
        default: return low_word();
        }
    }
    std::uint32_t low_word() { return static_cast<std::uint32_t>(dice_.word()); }

    std::uint32_t value_for(const RegisterRow& row) {
        if (row.reg == Reg::icr) return command_word();
        std::uint32_t value = boundary(row);
        if (row.reg == Reg::svr && !dice_.one_in(3)) value |= model::svr::enable;
        // Most writes are ones that the register takes.
        const bool must_be_legal = row.reg != Reg::initial_count && dice_.one_in(2);
        if (must_be_legal) value &= row.defined();
        if ((row.reg == Reg::eoi || row.reg == Reg::esr) && !dice_.one_in(6)) value = 0;
        if (row.reg == Reg::initial_count && value != 0) value |= far_count;
        if (row.reg == Reg::tpr && is_interrupt_pending()) value &= ~model::tpr::subclass;
        return value;
    }
    bool is_interrupt_pending() const {
        for (std::uint32_t word = 0; word < 8; ++word)
            if (state()[model::offset_by(Reg::irr0, word)] != 0) return true;
        return false;
    }

    std::uint32_t destination() {
        const std::array<std::uint32_t, 12> words = {0,           1,        2,        3,    4,   0xff,
                                                     0xffff'ffff, 0x1'0001, 0x1'0000, 0x10, 0xf, 0x80};
        const std::uint32_t word = dice_.one_in(8) ? low_word() : dice_.of(words);
        return word == model::everybody(false) && mode_of(state()) == Mode::x2apic ? 0 : word;
    }

    static bool is_lowest(std::uint32_t command) {
        return (command & model::icr::delivery_mode) == model::delivery_mode::lowest_priority;
    }
    bool several_vcpus() const { return program_.machine.apic_ids.size() > 1; }
    // Whom a logical destination names is not defined.
    bool is_logical_undefined() const {
        bool xapic = false;
        bool x2apic = false;
        for (std::size_t i = 0; i < program_.machine.apic_ids.size(); ++i) {
            xapic = xapic || mode_of(machine_.state(i)) == Mode::xapic;
            x2apic = x2apic || mode_of(machine_.state(i)) == Mode::x2apic;
            const std::uint32_t model = machine_.state(i)[Reg::dfr] >> 28;
            if (model != 0 && model != 0xf) return true;
        }
        return xapic && x2apic;
    }

    // What the ICR is given.
    std::uint32_t command_word() {
        constexpr std::array<std::uint32_t, 6> modes = {0, 0, 0, 0x100, 0x300, 0x700};
        std::uint32_t word = (low_word() & model::icr::vector) | dice_.of(modes);
        if (dice_.one_in(3)) word |= model::icr::logical;
        if (!dice_.one_in(3)) word |= model::icr::assert_level;
        if (dice_.one_in(4)) word |= model::icr::trigger;
        word |= static_cast<std::uint32_t>(dice_.below(4)) << 18;
        if (dice_.one_in(12)) word |= std::uint32_t{1} << dice_.below(32);
        if (is_lowest(word) && several_vcpus()) word &= ~model::icr::delivery_mode;
        if (is_lowest(word) || is_logical_undefined()) word &= ~model::icr::logical;
        constexpr std::uint32_t smi = 0x200; // and what becomes one by a bit that was set
        if ((word & model::icr::delivery_mode) == smi) word &= ~model::icr::delivery_mode;
        if ((word & model::icr::delivery_mode) >= 0x400 && (word & model::icr::delivery_mode) <= 0x600)
            word &= ~model::icr::delivery_mode;
        return word;
    }

    Step command() {
        if (dice_.one_in(4)) return write(model::sdm_registers[model::index_of(Reg::self_ipi)]);
        if (dice_.one_in(4)) return write(model::sdm_registers[model::index_of(Reg::icr_high)]);
        return write(model::sdm_registers[model::index_of(Reg::icr)]);
    }

    Step apic_base() {
        if (dice_.one_in(3)) return step(Do::rdmsr, model::apic_base::msr);
        std::uint64_t value = page() | (state().apic_base & model::apic_base::bsp);
        if (dice_.one_in(12)) value = dice_.of(pages) | (value & model::apic_base::bsp);
        if (dice_.one_in(12)) value ^= model::apic_base::bsp;
        switch (dice_.below(4)) {
        case 0: break; // disabled
        case 1: value |= model::apic_base::extd; break;
        case 2: value |= model::apic_base::enable; break;
        default: value |= model::apic_base::enable | model::apic_base::extd; break;
        }
        if (dice_.one_in(10)) value ^= std::uint64_t{1} << dice_.below(64);
        return step(Do::wrmsr, model::apic_base::msr, kept_off_ram(value));
    }

    // The window must not lie where the guest's own memory or the I/O APIC does.
    static std::uint64_t kept_off_ram(std::uint64_t value) {
        const std::uint64_t page = value & model::apic_base::page;
        const bool ram = page >= 0x4000'0000 && page < 0x4200'0000;
        const bool io_apic = page == 0xfec0'0000;
        return ram || io_apic ? pages[0] | (value & ~model::apic_base::page) : value;
    }

    Step cr8() {
        if (dice_.one_in(2)) return step(Do::cr8_read);
        return step(Do::cr8_write, 0,
                    dice_.one_in(6) ? std::uint64_t{1} << dice_.below(64) : dice_.below(16));
    }

    Step deadline() {
        if (dice_.one_in(2)) return step(Do::rdmsr, model::tsc_deadline_msr);
        return step(Do::wrmsr, model::tsc_deadline_msr,
                    dice_.one_in(2) ? 0 : far_deadline + dice_.below(1000));
    }

    Step message() {
        if (dice_.one_in(2)) {
            Step made = step(Do::interrupt);
            made.vector = static_cast<std::uint8_t>(dice_.word());
            made.level = dice_.one_in(3);
            return made;
        }
        constexpr std::uint64_t logical = 4;
        constexpr std::array<std::uint32_t, 4> modes = {0, 0, 0x100, 0x700};
        std::uint32_t data = (low_word() & model::icr::vector) | dice_.of(modes) | model::icr::assert_level;
        if (is_lowest(data) && several_vcpus()) data &= ~model::icr::delivery_mode;
        const bool physical = is_lowest(data) || is_logical_undefined() || !dice_.one_in(3);
        const std::uint64_t address = 0xfee0'0000 | (destination() & 0xff) << 12 | (physical ? 0 : logical);
        if (dice_.one_in(3)) data |= model::icr::trigger;
        return step(Do::msi, address, data);
    }

    Step host() {
        switch (dice_.below(8)) {
        case 0: return step(Do::reset);
        case 1: return step(mode_of(state()) == Mode::disabled ? Do::save_load : Do::init);
        case 2:
        case 3: return step(Do::save_load);
        case 4:
        case 5: return step(Do::disable_interrupts);
        default: return step(Do::enable_interrupts);
        }
    }

    // Of another size, not on 16 bytes, at no register.
    Step odd_access() {
        constexpr std::array<std::uint8_t, 4> sizes = {1, 2, 4, 8};
        const std::uint8_t size = dice_.of(sizes);
        std::uint64_t offset = dice_.below(0x400) & ~std::uint64_t{0xf};
        if (dice_.one_in(8)) offset = dice_.below(model::window_bytes - 16);
        if (dice_.one_in(2)) offset += dice_.below(16);
        if (dice_.one_in(2)) return step(Do::mmio_read, page() + offset, 0, size);
        // Whatever of it reaches a register must neither start a timer that runs out nor send an SMI.
        const RegisterRow* row = model::find_row(model::sdm_registers, static_cast<std::uint32_t>(offset));
        std::uint64_t value = row == nullptr ? low_word() : value_for(*row);
        if (size == 8) value |= value << 32;
        return step(Do::mmio_write, page() + offset, value & model::size_mask(size), size);
    }

    Step any_msr() {
        const std::uint64_t msr = model::x2apic_msr_first + dice_.below(0x100);
        if (dice_.one_in(2)) return step(Do::rdmsr, msr);
        const Reg reg = model::register_addressed(model::AccessKind::wrmsr, msr);
        if (reg == Reg::none) return step(Do::wrmsr, msr, low_word());
        return step(Do::wrmsr, msr, value_for(model::sdm_registers[model::index_of(reg)]));
    }

    Dice& dice_;
    Program& program_;
    std::unique_ptr<programs::PlainImplementation> guide_;
    programs::ModelMachine machine_;
    std::uint32_t vcpu_ = 0;
};

} // namespace

std::vector<std::string> left_out_of_random_programs() {
    return {
        "timers that could expire during the program: only distant counts and deadlines are written",
        "lowest-priority messages with several possible targets: KVM's hash chooses the target",
        "logical destinations in mixed modes or without a DFR model, FFH in x2APIC mode: undefined",
        "NMIs, INIT and SIPI by ICR or MSI: KVM chooses when they take effect",
        "TPR[3:0] while an interrupt is pending: whether kvm_amd loses them depends on when it last looked",
        "SMIs, for which the guest has no handler",
        "HLT, which nothing might end"};
}

Program RandomPrograms::next(std::size_t steps) {
    Dice dice(seed_ * 0x9e37'79b9'7f4a'7c15 + drawn_++);
    Program program;
    const auto vcpus = static_cast<std::uint32_t>(1 + dice.below(3));
    for (std::uint32_t i = 0; i < vcpus; ++i) program.machine.apic_ids.push_back(i);
    program.machine.x2apic = !dice.one_in(12);
    program.machine.tsc_deadline = !dice.one_in(8);
    program.machine.maxphyaddr = maxphyaddr;
    if (fit_) program.machine = fit_(program.machine);
    Maker maker(dice, program);
    while (program.steps.size() < steps) maker.add();
    return program;
}

} // namespace lapicheck::checker
