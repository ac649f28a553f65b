// The programs of an audit that are about interrupts: what one APIC does with those that come to it, and whom
// messages of each kind reach.
#include "checker/audit/interrupt_programs.hpp"
#include "model/command.hpp"

namespace lapicheck::checker {
namespace {

using model::Mode;
using model::Reg;
using model::Shorthand;
using model::u32;
using model::u64;
using programs::Do;
namespace delivery_mode = model::delivery_mode;

constexpr u32 assert_level = model::icr::assert_level;
constexpr u32 logical = model::icr::logical;
constexpr u32 level = model::icr::trigger;

// PPR first: it shows what is in service, too.
void read_bitmaps(Script& script, u32 vector) {
    script.read(Reg::ppr);
    for (const Reg first : {Reg::irr0, Reg::isr0, Reg::tmr0})
        script.read(model::offset_by(first, vector >> 5));
}

void disable_by_software(Script& script) {
    script.write(Reg::svr, row_of(Reg::svr).reset & ~model::svr::enable);
}

void one_by_one(Script& script) {
    for (const u32 vector : {0x00U, 0x0fU, 0x10U, 0x1fU, 0x20U, 0x55U, 0x80U, 0xf1U, 0xffU})
        for (const bool level_triggered : {false, true}) {
            script.interrupt(static_cast<std::uint8_t>(vector), level_triggered);
            read_bitmaps(script, vector);
            for (const u32 tpr : {0xffU, 0x50U, 0x00U}) {
                script.write(Reg::tpr, tpr);
                script.act(Do::enable_interrupts);
                script.act(Do::disable_interrupts);
                read_bitmaps(script, vector);
            }
            script.write(Reg::eoi, 0);
            read_bitmaps(script, vector);
            script.write(Reg::eoi, 0); // nothing is in service
        }
}

// Ended from the highest down.
void nested(Script& script) {
    script.act(Do::enable_interrupts);
    for (const std::uint8_t vector : {std::uint8_t{0x31}, std::uint8_t{0x42}, std::uint8_t{0x53}})
        script.interrupt(vector);
    for (const std::uint8_t vector : {std::uint8_t{0x51}, std::uint8_t{0x22}}) script.interrupt(vector);
    for (int i = 0; i < 6; ++i) {
        script.read(Reg::ppr);
        for (u32 word = 0; word < 8; ++word) script.read(model::offset_by(Reg::isr0, word));
        script.write(Reg::eoi, 0);
    }
    script.act(Do::disable_interrupts);
}

// Messages from vCPU 0, and both vCPUs looked at after each.
class Exchange {
  public:
    Exchange(Script& script, Mode mode) : script_(&script), mode_(mode) {
        script.on(1);
        script.enter(mode);
        set_logical_ids(1, 2);
    }

    // One bit each, in the flat model; in x2APIC mode they are what the IDs make them: 1 and 2, too.
    void set_logical_ids(u32 first, u32 second) {
        if (mode_ != Mode::xapic) return;
        for (const auto& [vcpu, ldr] : {std::pair{0U, first}, std::pair{1U, second}}) {
            script_->on(vcpu);
            script_->write(Reg::ldr, ldr << 24);
            script_->read(Reg::ldr);
        }
    }
    void send(u32 command, u64 destination) {
        script_->on(0);
        if (mode_ == Mode::x2apic) {
            const u64 whom = destination == 0xff ? 0xffff'ffff : destination;
            script_->write(Reg::icr, whom << 32 | command);
        } else {
            script_->write(Reg::icr_high, destination << 24);
            script_->write(Reg::icr, command);
        }
        script_->read(Reg::icr);
        look(command & model::icr::vector);
    }
    void look(u32 vector) {
        for (std::uint32_t vcpu = 0; vcpu < 2; ++vcpu) {
            script_->on(vcpu);
            read_bitmaps(*script_, vector);
            script_->read(Reg::esr);
        }
    }
    // Both processors take what waits.
    void take_all() {
        for (std::uint32_t vcpu = 0; vcpu < 2; ++vcpu) {
            script_->on(vcpu);
            script_->act(Do::enable_interrupts);
            script_->act(Do::disable_interrupts);
            for (u32 word = 0; word < 8; ++word) script_->read(model::offset_by(Reg::isr0, word));
        }
    }

  private:
    Script* script_;
    Mode mode_;
};

void messages(Script& script, Mode mode) {
    Exchange exchange(script, mode);
    for (const u32 delivery : {delivery_mode::fixed, delivery_mode::lowest_priority})
        for (const u64 destination : {u64{0}, u64{1}, u64{2}, u64{3}, u64{0xff}}) {
            exchange.send(0x61 | delivery | assert_level, destination);
            exchange.send(0x71 | delivery | assert_level | logical, destination);
        }
    for (const auto whom : {Shorthand::self, Shorthand::all, Shorthand::all_but_self})
        for (const u32 vector : {0x0dU, 0x81U})
            exchange.send(vector | assert_level | model::icr_bits(whom), 1);
    exchange.send(0x91 | assert_level | level, 1);
    exchange.send(0x92 | level, 1);
    for (const u32 addressed : {u32{0}, logical})
        exchange.send(delivery_mode::nmi | assert_level | addressed, 1);
    if (mode == Mode::x2apic)
        for (const u32 vector : {0x0eU, 0xa1U}) {
            script.on(0);
            script.write(Reg::self_ipi, vector);
            exchange.look(vector);
        }
    exchange.take_all();
    exchange.send(delivery_mode::init | level, 1); // de-assert: nothing
    if (mode == Mode::xapic) {
        constexpr u32 cluster_model = 0x0fff'ffff;
        for (std::uint32_t vcpu = 0; vcpu < 2; ++vcpu) {
            script.on(vcpu);
            script.write(Reg::dfr, cluster_model);
        }
        exchange.set_logical_ids(0x21, 0x42);
        for (const u64 destination : {u64{0x21}, u64{0x42}, u64{0x23}, u64{0x11}, u64{0xff}})
            exchange.send(0xb1 | assert_level | logical, destination);
    }
    exchange.send(delivery_mode::init | assert_level | level, 1);
    exchange.send(delivery_mode::startup | 0x10 | assert_level, 1);
}

// Among several addressed by their bits only those count who are there and accept it.
void lowest_priority(Script& script, Mode mode) {
    Exchange exchange(script, mode);
    constexpr u32 command = delivery_mode::lowest_priority | assert_level | logical;
    for (const u64 absent : {u64{0x4}, u64{0xc}})
        for (const u64 present : {u64{1}, u64{2}})
            for (u32 vector = 0x62; vector < 0x68; ++vector)
                exchange.send(command | vector, absent | present);
    exchange.take_all();
    script.on(1);
    disable_by_software(script);
    for (u32 vector = 0x72; vector < 0x78; ++vector) exchange.send(command | vector, 3);
}

// What is not queued in IRR reaches an APIC that software has disabled; the rest does not.
void to_disabled_by_software(Script& script, Mode mode) {
    Exchange exchange(script, mode);
    script.on(1);
    disable_by_software(script);
    constexpr u32 vcpu_1 = 1;
    constexpr u32 bit_1 = 2;
    const auto send = [&](u32 command) {
        exchange.send(command | assert_level, vcpu_1);
        exchange.send(command | assert_level | logical, bit_1);
    };
    send(delivery_mode::fixed | 0x93);
    send(delivery_mode::lowest_priority | 0x95);
    send(delivery_mode::nmi);
    for (const u32 addressed : {logical, u32{0}}) {
        const u64 whom = addressed != 0 ? bit_1 : vcpu_1;
        exchange.send(delivery_mode::init | assert_level | level | addressed, whom);
        exchange.send(delivery_mode::startup | 0x10 | assert_level | addressed, whom);
    }
}

// Ended by a write of EOI, with and without the suppression of the broadcast.
void ends(Script& script) {
    const u32 on = row_of(Reg::svr).reset | model::svr::enable;
    for (const u32 svr : {on, on | model::svr::eoi_suppression})
        for (const bool level_triggered : {true, false}) {
            script.write(Reg::svr, svr);
            script.read(Reg::svr);
            script.interrupt(level_triggered ? 0x44 : 0x45, level_triggered);
            script.act(Do::enable_interrupts);
            script.act(Do::disable_interrupts);
            script.write(Reg::eoi, 0);
        }
}

// The first error fires the error entry, if it is not masked: whoever sends a vector that no APIC accepts
// makes one, and who reads where no register is.
void errors(Script& script, Mode mode) {
    constexpr u32 vector = 0x57;
    constexpr u32 illegal = 0x0d;
    constexpr u64 no_register = 0x40;
    script.write(Reg::svr, row_of(Reg::svr).reset | model::svr::enable);
    for (const bool by_sending : {true, false}) {
        if (!by_sending && mode != Mode::xapic) continue;
        for (const u32 mask : {model::lvt::mask, u32{0}})
            for (const bool looks : {true, false}) {
                script.write(Reg::lvt_error, vector | mask);
                script.write(Reg::esr, 0);
                if (by_sending)
                    script.write(Reg::icr, illegal | assert_level | model::icr_bits(Shorthand::self));
                else script.mmio_read(model::apic_base::reset_page + no_register);
                if (looks) read_bitmaps(script, vector);
                script.act(Do::enable_interrupts);
                script.act(Do::disable_interrupts);
                read_bitmaps(script, vector);
                script.write(Reg::eoi, 0);
                script.write(Reg::esr, 0);
                script.read(Reg::esr);
            }
    }
}

} // namespace

void write_interrupt_programs(AuditWriter& writer, Mode mode) {
    writer.program("interrupts", mode, [](Script& script) {
        one_by_one(script);
        nested(script);
        disable_by_software(script); // then it takes none
        script.interrupt(0x77);
        script.act(Do::enable_interrupts);
        read_bitmaps(script, 0x77);
    });
    writer.program("the end of interrupts", mode, ends);
    writer.program("errors", mode, [mode](Script& script) { errors(script, mode); });
    if (writer.machine().apic_ids.size() < 2) return;
    writer.program("messages", mode, [mode](Script& script) { messages(script, mode); });
    writer.program("lowest priority", mode, [mode](Script& script) { lowest_priority(script, mode); });
    writer.program("messages to an APIC that software has disabled", mode,
                   [mode](Script& script) { to_disabled_by_software(script, mode); });
}

} // namespace lapicheck::checker
