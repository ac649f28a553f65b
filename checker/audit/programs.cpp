#include "checker/audit/programs.hpp"

#include <array>

#include <fmt/format.h>

#include "checker/audit/interrupt_programs.hpp"
#include "checker/audit/writer.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {
namespace {

using model::Mode;
using model::Reg;
using model::RegisterRow;
using model::u32;
using model::u64;
using programs::Do;

constexpr std::array modes = {Mode::xapic, Mode::x2apic, Mode::disabled};
constexpr std::array on_modes = {Mode::xapic, Mode::x2apic};
constexpr u64 page = model::apic_base::reset_page;
// No APIC has this ID, nor any bit of it in its LDR.
constexpr u64 nobody = 0xfe;
constexpr u32 far_count = 0x7fff'ffff;
constexpr u64 far_deadline = u64{1} << 62;

constexpr std::array timer_modes = {u32{0}, model::lvt::timer_periodic, model::lvt::timer_deadline,
                                    model::lvt::timer_mode};
constexpr u32 to_itself = model::icr_bits(model::Shorthand::self);

class Programs : private AuditWriter {
  public:
    using AuditWriter::AuditWriter;

    std::vector<AuditProgram> all() {
        for (const Mode mode : modes) {
            for (const RegisterRow& row : model::sdm_registers) one_register(mode, row);
            every_msr(mode);
            every_offset(mode);
            beside_the_window(mode);
            base_bits(mode);
            transitions(mode);
            restarts(mode);
            cr8(mode);
            timer(mode);
            deadline(mode);
        }
        for (const Mode mode : on_modes) {
            software_disable(mode);
            errors(mode);
            write_interrupt_programs(*this, mode);
        }
        return take();
    }

  private:
    // ICR: to nobody, whatever the other bits say of the kind of message.
    static void aim_at_nobody(Script& script) {
        if (script.mode() == Mode::xapic) script.write(Reg::icr_high, nobody << 24);
    }
    static u64 aimed(const Script& script, const RegisterRow& row, u64 value) {
        const bool command = row.reg == Reg::icr && script.mode() == Mode::x2apic;
        return command ? value | nobody << 32 : value;
    }

    static void write_and_read(Script& script, const RegisterRow& row, u64 value) {
        script.write(row, aimed(script, row, value));
        script.read(row);
    }

    // Each value that tells of a bit what it is; each single bit on top of the register's reset value.
    void one_register(Mode mode, const RegisterRow& row) {
        program(
            "registers", mode,
            [&](Script& script) {
                script.read(row);
                if (row.reg == Reg::icr) aim_at_nobody(script);
                for (const u32 value : {u32{0}, row.reset, row.writable, row.defined(), ~u32{0}})
                    write_and_read(script, row, value);
                for (u32 bit = 0; bit < 32; ++bit) {
                    write_and_read(script, row, u64{1} << bit);
                    write_and_read(script, row, row.reset ^ (u64{1} << bit));
                }
                if (mode != Mode::x2apic || row.reg == Reg::icr) return;
                for (u32 bit = 32; bit < 64; ++bit) write_and_read(script, row, u64{1} << bit);
            },
            row.name);
    }

    void every_msr(Mode mode) {
        program("MSRs 800H-8FFH", mode, [&](Script& script) {
            for (const u32 beside : {model::x2apic_msr_first - 1, model::x2apic_msr_first + 0x100})
                script.rdmsr(beside);
            for (u32 msr = model::x2apic_msr_first; msr < model::x2apic_msr_first + 0x100; ++msr) {
                script.rdmsr(msr);
                for (const u64 value : {u64{0}, u64{1}, u64{1} << 32})
                    if (msr != row_of(Reg::icr).msr()) script.wrmsr(msr, value);
                script.rdmsr(msr);
            }
        });
    }

    void every_offset(Mode mode) {
        for (const std::uint8_t size : {std::uint8_t{4}, std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{8}})
            program(
                "window", mode,
                [&](Script& script) {
                    for (u32 offset = 0; offset < model::window_bytes; offset += 16) {
                        const bool commands = offset == row_of(Reg::icr).offset;
                        for (const u32 within : {0U, 1U, 4U, 8U, 12U}) {
                            if (within % size != 0 && size != 4) continue;
                            script.mmio_read(page + offset + within, size);
                            if (commands) continue;
                            script.mmio_write(page + offset + within, 0x5a, size);
                            script.mmio_read(page + offset + within, size);
                        }
                    }
                    read_everything(script);
                },
                fmt::format("{} bytes", size));
    }

    // The pages beside the window, and where it is not.
    void beside_the_window(Mode mode) {
        program("beside the window", mode, [&](Script& script) {
            for (const u64 other : {page - 0x1000, page + 0x1000, page ^ 0x1'0000'0000})
                for (const RegisterRow& row : model::sdm_registers) {
                    script.mmio_write(other + row.offset, 0x5a);
                    script.mmio_read(other + row.offset);
                }
            read_everything(script);
        });
    }

    // Every register that can be read, by both ways: which of them is open is what is examined.
    static void read_everything(Script& script) {
        script.rdmsr(model::apic_base::msr);
        for (const RegisterRow& row : model::sdm_registers) script.mmio_read(page + row.offset);
        for (const RegisterRow& row : model::sdm_registers) script.rdmsr(row.msr());
        script.rdmsr(model::tsc_deadline_msr);
        script.cr8_read();
    }

    // Of every register that holds what is written to it, a value of its own.
    static void fill(Script& script) {
        for (const RegisterRow& row : model::sdm_registers) {
            const bool counts = row.reg == Reg::initial_count;
            if (!script.is_writable(row) || !script.is_readable(row) || row.reg == Reg::icr) continue;
            if (row.reg == Reg::esr) continue;
            u32 value = 0xa5a5'5a5a & row.writable;
            if (row.reg == Reg::svr) value |= model::svr::enable;
            if (model::is_lvt(row.reg)) value &= ~model::lvt::delivery_mode;
            script.write(row, counts ? far_count : value);
        }
        aim_at_nobody(script);
        const RegisterRow& icr = row_of(Reg::icr);
        for (const u32 reserved : {u32{0}, icr.reserved()})
            script.write(icr, aimed(script, icr, reserved | model::icr::assert_level | 0x55));
        for (const std::uint8_t vector : {std::uint8_t{0x31}, std::uint8_t{0xc5}}) script.interrupt(vector);
    }

    // Of IA32_APIC_BASE each bit, from where the mode has it.
    void base_bits(Mode mode) {
        program("IA32_APIC_BASE", mode, [&](Script& script) {
            const u64 base = script.base_in(mode);
            for (u32 bit = 0; bit < 64; ++bit) {
                const bool is_mode =
                    (u64{1} << bit & (model::apic_base::enable | model::apic_base::extd)) != 0;
                if (is_mode) continue;
                script.wrmsr(model::apic_base::msr, base ^ (u64{1} << bit));
                script.rdmsr(model::apic_base::msr);
                script.wrmsr(model::apic_base::msr, base);
                script.rdmsr(model::apic_base::msr);
            }
        });
    }

    // To each pair of the mode's bits, and back by the way that is always open.
    void transitions(Mode mode) {
        for (const u64 bits : {u64{0}, model::apic_base::enable, model::apic_base::extd,
                               model::apic_base::enable | model::apic_base::extd})
            program(
                "transition", mode,
                [&](Script& script) {
                    fill(script);
                    const u64 base = script.base_in(Mode::disabled);
                    const auto go = [&](u64 to) {
                        script.wrmsr(model::apic_base::msr, base | to);
                        read_everything(script);
                    };
                    go(bits);
                    go(0);
                    go(model::apic_base::enable);
                    go(model::apic_base::enable | model::apic_base::extd);
                },
                fmt::format("to EN={} EXTD={}", (bits & model::apic_base::enable) != 0 ? 1 : 0,
                            (bits & model::apic_base::extd) != 0 ? 1 : 0));
    }

    void restarts(Mode mode) {
        for (const Do what : {Do::reset, Do::init, Do::save_load})
            for (std::uint32_t vcpu = 0; vcpu < machine().apic_ids.size(); ++vcpu)
                program(
                    "restart", mode,
                    [&](Script& script) {
                        script.on(vcpu);
                        if (vcpu != 0) script.enter(mode);
                        fill(script);
                        script.act(what);
                        read_everything(script);
                        const u64 base = script.base_in(Mode::disabled);
                        for (const u64 bits : {u64{0}, model::apic_base::enable,
                                               model::apic_base::enable | model::apic_base::extd}) {
                            script.wrmsr(model::apic_base::msr, base | bits);
                            read_everything(script);
                        }
                    },
                    fmt::format("{} of vCPU {}", programs::to_string(what), vcpu));
    }

    void cr8(Mode mode) {
        program("CR8", mode, [&](Script& script) {
            for (u32 value = 0; value < 16; ++value) {
                script.cr8_write(value);
                script.cr8_read();
                script.read(Reg::tpr);
                script.read(Reg::ppr);
            }
            for (u32 bit = 4; bit < 64; ++bit) {
                script.cr8_write(u64{1} << bit);
                script.cr8_read();
            }
            for (u32 value = 0; value < 0x100; value += 0x11) {
                script.write(Reg::tpr, value);
                script.cr8_read();
                script.read(Reg::ppr);
            }
        });
    }

    void timer(Mode mode) {
        for (const u32 timer_mode : timer_modes)
            program(
                "timer", mode,
                [&](Script& script) {
                    const u32 entry = timer_mode | 0x41;
                    for (const u32 count : {far_count, u32{0}}) {
                        script.write(Reg::lvt_timer, entry | model::lvt::mask);
                        script.read(Reg::lvt_timer);
                        for (u32 divide = 0; divide < 16; ++divide) {
                            script.write(Reg::dcr, divide);
                            script.write(Reg::initial_count, count);
                            script.read(Reg::initial_count);
                            script.read(Reg::current_count);
                        }
                        // What a change of the mode does to a count that runs.
                        for (const u32 other : timer_modes) {
                            script.write(Reg::initial_count, far_count);
                            script.write(Reg::lvt_timer, other | model::lvt::mask | 0x41);
                            script.read(Reg::initial_count);
                            script.read(Reg::current_count);
                            script.rdmsr(model::tsc_deadline_msr);
                            script.write(Reg::lvt_timer, entry | model::lvt::mask);
                            script.read(Reg::initial_count);
                            script.read(Reg::current_count);
                        }
                    }
                    const bool by_deadline = timer_mode == model::lvt::timer_deadline;
                    if (timer_mode == timer_modes.back() || (by_deadline && !machine().tsc_deadline)) return;
                    for (const u32 expiring : {0x41U, 0x0eU, 0x51U | model::lvt::mask}) {
                        // KVM does not clear a deadline that passes while the entry is masked: there is
                        // nothing to wait for.
                        if (timer_mode != 0 && (expiring & model::lvt::mask) != 0) continue;
                        script.write(Reg::lvt_timer, timer_mode | expiring);
                        if (by_deadline) script.wrmsr(model::tsc_deadline_msr, 1);
                        else script.write(Reg::initial_count, 0x1000);
                        if (timer_mode != model::lvt::timer_periodic) script.act(Do::timer_expires);
                        for (u32 word = 0; word < 8; ++word) script.read(model::offset_by(Reg::irr0, word));
                        script.read(Reg::current_count);
                        script.rdmsr(model::tsc_deadline_msr);
                        script.write(Reg::esr, 0);
                        script.read(Reg::esr);
                    }
                },
                fmt::format("timer mode {}", timer_mode >> 17));
    }

    void deadline(Mode mode) {
        program("TSC deadline", mode, [&](Script& script) {
            for (const u32 timer_mode : timer_modes) {
                script.write(Reg::lvt_timer, timer_mode | model::lvt::mask | 0x41);
                script.rdmsr(model::tsc_deadline_msr);
                for (const u64 value : {far_deadline, u64{0}, far_deadline + 1}) {
                    script.wrmsr(model::tsc_deadline_msr, value);
                    script.rdmsr(model::tsc_deadline_msr);
                }
            }
        });
    }

    void software_disable(Mode mode) {
        for (const RegisterRow& row : model::sdm_registers) {
            if (!model::is_lvt(row.reg)) continue;
            program(
                "software disable", mode,
                [&](Script& script) {
                    const u32 on = row_of(Reg::svr).reset | model::svr::enable;
                    const u32 off = row_of(Reg::svr).reset & ~model::svr::enable;
                    const u32 unmasked = 0x61;
                    for (const u32 svr : {on, off, on, off, on}) {
                        script.write(Reg::svr, svr);
                        script.read(row);
                        script.write(row, unmasked);
                        script.read(row);
                        script.write(row, unmasked | model::lvt::mask);
                        script.read(row);
                        script.write(row, unmasked);
                    }
                    script.read(row);
                },
                row.name);
        }
    }

    void errors(Mode mode) {
        program("errors", mode, [&](Script& script) {
            const auto show = [&script] {
                script.read(Reg::esr);
                for (int i = 0; i < 2; ++i) {
                    script.write(Reg::esr, 0);
                    script.read(Reg::esr);
                }
            };
            show();
            script.write(Reg::lvt_error, 0x66);
            for (u32 vector = 0; vector < 18; ++vector) {
                script.write(Reg::icr, vector | to_itself | model::icr::assert_level);
                show();
                if (mode == Mode::x2apic) script.write(Reg::self_ipi, vector);
                show();
                script.interrupt(static_cast<std::uint8_t>(vector));
                for (const Reg reg : {Reg::irr0, Reg::tmr0, Reg::isr0}) script.read(reg);
                show();
                for (const Reg entry : model::lvt_entries) {
                    script.write(entry, vector);
                    show();
                    script.write(entry, vector | model::lvt::mask);
                }
            }
            if (mode == Mode::xapic)
                for (u32 offset = 0; offset < model::window_bytes; offset += 16) {
                    if (model::register_at(offset) != Reg::none) continue;
                    script.mmio_read(page + offset);
                    script.mmio_write(page + offset, 0);
                    show();
                }
            script.write(Reg::esr, 0xff);
            show();
        });
    }
};

} // namespace

std::vector<AuditMachine> audit_machines() {
    programs::Machine one;
    one.apic_ids = {0};
    std::vector<AuditMachine> machines{{"one vCPU", one}};
    const auto add = [&](std::string what, const std::function<void(programs::Machine&)>& change) {
        programs::Machine machine = one;
        change(machine);
        machines.push_back({std::move(what), std::move(machine)});
    };
    add("two vCPUs", [](programs::Machine& m) { m.apic_ids = {0, 1}; });
    add("quirks off", [](programs::Machine& m) {
        m.disabled_quirks = {"LAPIC_MMIO_HOLE", "LINT0_REENABLED"};
    });
    add("split irqchip", [](programs::Machine& m) { m.split_irqchip = true; });
    add("no x2APIC", [](programs::Machine& m) { m.x2apic = false; });
    add("no TSC-deadline timer", [](programs::Machine& m) { m.tsc_deadline = false; });
    return machines;
}

std::vector<AuditProgram> audit_programs(const programs::Machine& machine) { return Programs(machine).all(); }

programs::Program one_after_the_other(std::span<const AuditProgram> programs) {
    programs::Program all;
    all.machine = programs.front().program.machine;
    for (const AuditProgram& program : programs) {
        for (std::uint32_t vcpu = 0; vcpu < all.machine.apic_ids.size(); ++vcpu) {
            programs::Step reset;
            reset.what = Do::reset;
            reset.vcpu = vcpu;
            all.steps.push_back(reset);
        }
        all.steps.insert(all.steps.end(), program.program.steps.begin(), program.program.steps.end());
    }
    return all;
}

} // namespace lapicheck::checker
