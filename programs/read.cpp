// Reads the text in one pass: each step is taken out of the JSON tree when it is complete, so that a
// program of a million steps needs no tree of a million objects.
#include <algorithm>
#include <set>
#include <string_view>

#include "model/state.hpp"
#include "programs/bounded_json.hpp"
#include "programs/json_place.hpp"
#include "programs/keywords.hpp"
#include "programs/program.hpp"

namespace lapicheck::programs {
namespace {

constexpr std::size_t most_depth = 32;
constexpr std::uint64_t all_64 = ~std::uint64_t{0};
constexpr std::uint64_t all_32 = 0xffff'ffff;

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// Whether everything else was said, a key that is not known is a slip of the pen.
void refuse_unknown_keys(const At& at, std::span<const std::string_view> known) {
    for (const auto& [key, value] : at.value().items())
        if (std::find(known.begin(), known.end(), key) == known.end())
            At(value, key, at).refuse_it("unknown key" + near_text(key, known));
}

const json& required(const At& at, std::string_view key) {
    const auto found = at.value().find(key);
    if (found == at.value().end()) at.refuse_it(fmt::format("has no \"{}\"", key));
    return *found;
}

At member(const At& at, std::string_view key) { return {required(at, key), key, at}; }

// ---- outcomes

Taken read_taken(const At& at) {
    at.must_be_object();
    refuse_unknown_keys(at, std::array<std::string_view, 2>{"vcpu", "vector"});
    return {static_cast<std::uint32_t>(member(at, "vcpu").number(0, limits::vcpus - 1)),
            static_cast<std::uint8_t>(member(at, "vector").number(0, 255))};
}

EoiBroadcast read_eoi(const At& at) {
    const Taken of = read_taken(at);
    return {of.vcpu, of.vector};
}

Restarted read_restarted(const At& at) {
    at.must_be_object();
    refuse_unknown_keys(at, std::array<std::string_view, 3>{"vcpu", "by", "vector"});
    Restarted restarted;
    restarted.vcpu = static_cast<std::uint32_t>(member(at, "vcpu").number(0, limits::vcpus - 1));
    if (member(at, "by").one_of({"init", "sipi"}) == 1)
        restarted.sipi_vector = static_cast<std::uint8_t>(member(at, "vector").number(0, 255));
    return restarted;
}

template <class Entry>
std::vector<Entry> read_list(const At& at, Entry (*read)(const At&)) {
    at.must_be_array();
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < at.value().size(); ++i) entries.push_back(read(At(at.value()[i], i, at)));
    return entries;
}

StepOutcome read_outcome(const At& at) {
    at.must_be_object();
    refuse_unknown_keys(at, std::array<std::string_view, 9>{"value", "any_value", "gp", "exit", "halted",
                                                            "taken", "eois", "restarted", "error"});
    const json& object = at.value();
    StepOutcome outcome;
    if (object.contains("value")) outcome.value = member(at, "value").hex(all_64);
    if (object.contains("any_value")) outcome.any_value = member(at, "any_value").boolean();
    if (object.contains("gp")) outcome.gp = member(at, "gp").boolean();
    if (object.contains("exit")) outcome.mmio_exit = member(at, "exit").one_of({"mmio"}) == 0;
    if (object.contains("halted")) outcome.halted = member(at, "halted").boolean();
    if (object.contains("taken")) outcome.taken = read_list(member(at, "taken"), read_taken);
    if (object.contains("eois")) outcome.eois = read_list(member(at, "eois"), read_eoi);
    if (object.contains("restarted")) outcome.restarted = read_list(member(at, "restarted"), read_restarted);
    if (object.contains("error")) read_ending(member(at, "error").text(), outcome);
    return outcome;
}

// ---- steps

constexpr std::array<std::string_view, 6> note_keys = {"allowed", "choices", "expected",
                                                       "rules",   "note",    "judgement"};

// What actions were called before; programs that are kept somewhere still say so.
struct FormerName {
    std::string_view name;
    Do what;
};
constexpr std::array former_names = {FormerName{"open-interrupts", Do::enable_interrupts},
                                     FormerName{"close-interrupts", Do::disable_interrupts}};

Do read_do(const At& at) {
    std::array<std::string_view, do_count> names;
    for (std::size_t i = 0; i < do_count; ++i) names[i] = to_string(static_cast<Do>(i));
    const std::string word = at.text();
    for (const FormerName& former : former_names)
        if (word == former.name) return former.what;
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) {
        std::string advice = near_text(word, names);
        if (advice.empty()) advice = fmt::format("; actions: {}", fmt::join(names, ", "));
        at.refuse_it(fmt::format("{} is no action{}", at.shown(), advice));
    }
    return static_cast<Do>(found - names.begin());
}

std::uint64_t most_value(const Step& step) {
    if (step.what == Do::mmio_write && step.size < 8) return (std::uint64_t{1} << (8 * step.size)) - 1;
    if (step.what == Do::message) return all_32 | model::by_device;
    return all_64;
}

std::uint8_t read_size(const At& at) {
    const auto size = at.number(1, 16);
    if ((size & (size - 1)) != 0) at.refuse_it(fmt::format("{} is none of 1, 2, 4, 8 and 16", size));
    return static_cast<std::uint8_t>(size);
}

void read_word(Step& step, Word word, const At& at) {
    switch (word) {
    case Word::address:
        step.address = at.hex(step.what == Do::msi ? all_64 : limits::physical_address);
        break;
    case Word::msr:
    case Word::destination: step.address = at.hex(all_32); break;
    case Word::size: step.size = read_size(at); break;
    case Word::value: step.value = at.hex(most_value(step)); break;
    case Word::data: step.value = at.hex(all_32); break;
    case Word::vector: step.vector = static_cast<std::uint8_t>(at.number(0, 255)); break;
    case Word::trigger: step.level = at.one_of({"edge", "level"}) == 1; break;
    case Word::microseconds: step.value = at.number(0, limits::wait_microseconds); break;
    }
}

void refuse_unknown_step_keys(const At& at, std::span<const Word> words) {
    std::vector<std::string_view> known = {"vcpu", "do", "outcome"};
    known.insert(known.end(), note_keys.begin(), note_keys.end());
    for (const Word word : words) known.push_back(to_string(word));
    refuse_unknown_keys(at, known);
}

Step read_step(const At& at) {
    at.must_be_object();
    Step step;
    step.what = read_do(member(at, "do"));
    step.vcpu = static_cast<std::uint32_t>(member(at, "vcpu").number(0, limits::vcpus - 1));
    const auto words = words_of(step.what);
    for (const Word word : words) read_word(step, word, member(at, to_string(word)));
    refuse_unknown_step_keys(at, words);
    return step;
}

StepNotes read_notes(const At& at) {
    StepNotes notes;
    if (at.value().contains("outcome")) notes.outcome = read_outcome(member(at, "outcome"));
    for (const std::string_view key : note_keys)
        if (at.value().contains(key)) notes.others.emplace_back(key, text_of(at.value().at(key)));
    return notes;
}

// ---- the machine

void read_vcpus(Machine& machine, const At& at) {
    at.must_be_array();
    if (at.value().empty() || at.value().size() > limits::vcpus)
        at.refuse_it(fmt::format("{} vCPUs; a machine has 1 to {}", at.value().size(), limits::vcpus));
    for (std::size_t i = 0; i < at.value().size(); ++i) {
        const At vcpu(at.value()[i], i, at);
        vcpu.must_be_object();
        refuse_unknown_keys(vcpu, std::array<std::string_view, 1>{"apic_id"});
        const At id = member(vcpu, "apic_id");
        const auto number = static_cast<std::uint32_t>(id.number(0, 0xffff'fffe));
        if (std::find(machine.apic_ids.begin(), machine.apic_ids.end(), number) != machine.apic_ids.end())
            id.refuse_it(
                fmt::format("another vCPU already has the APIC ID {}; give each vCPU its own", number));
        machine.apic_ids.push_back(number);
    }
}

void read_quirks(Machine& machine, const At& at) {
    at.must_be_array();
    std::vector<std::string_view> known;
    for (const std::string& name : quirk_names())
        if (!name.empty()) known.push_back(name);
    for (std::size_t i = 0; i < at.value().size(); ++i) {
        const At quirk(at.value()[i], i, at);
        const std::string name = quirk.text();
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            const std::string near = near_text(name, known);
            quirk.refuse_it(
                fmt::format("{} is no quirk of KVM{}", quirk.shown(),
                            near.empty() ? fmt::format("; quirks: {}", fmt::join(known, ", ")) : near));
        }
        machine.disabled_quirks.push_back(name);
    }
}

void read_cpuid(Machine& machine, const At& at) {
    at.must_be_object();
    refuse_unknown_keys(at, std::array<std::string_view, 3>{"x2apic", "tsc_deadline", "maxphyaddr"});
    if (at.value().contains("x2apic")) machine.x2apic = member(at, "x2apic").boolean();
    if (at.value().contains("tsc_deadline")) machine.tsc_deadline = member(at, "tsc_deadline").boolean();
    if (at.value().contains("maxphyaddr"))
        machine.maxphyaddr = static_cast<std::uint8_t>(member(at, "maxphyaddr").number(36, 52));
}

Machine read_machine(const At& at) {
    at.must_be_object();
    refuse_unknown_keys(
        at, std::array<std::string_view, 5>{"vcpus", "vendor", "irqchip", "disabled_quirks", "cpuid"});
    Machine machine;
    read_vcpus(machine, member(at, "vcpus"));
    if (at.value().contains("vendor"))
        machine.vendor = static_cast<GuestVendor>(member(at, "vendor").one_of({"either", "intel", "amd"}));
    if (at.value().contains("irqchip"))
        machine.split_irqchip = member(at, "irqchip").one_of({"kernel", "split"}) == 1;
    if (at.value().contains("disabled_quirks")) read_quirks(machine, member(at, "disabled_quirks"));
    if (at.value().contains("cpuid")) read_cpuid(machine, member(at, "cpuid"));
    return machine;
}

// ---- the text

// Follows the parser: where it is, that no key comes twice and nothing is nested without end, and
// takes the steps out.
class Follower {
  public:
    explicit Follower(Program& program) : program_(program) {}

    bool operator()(json::parse_event_t event, json& parsed) {
        using Event = json::parse_event_t;
        switch (event) {
        case Event::key: on_key(parsed.get_ref<const std::string&>()); return true;
        case Event::value: enter(); return true;
        case Event::object_start:
        case Event::array_start:
            enter();
            descend(event == Event::array_start);
            return true;
        case Event::array_end: open_.pop_back(); return true;
        case Event::object_end: break;
        }
        open_.pop_back();
        return !in_steps() || !take_step(parsed);
    }

  private:
    struct Open {
        bool array = false;
        std::size_t entered = 0; // elements of the array so far
        std::string key;         // the object's latest
        std::set<std::string> keys;
    };

    std::string path() const {
        std::string text;
        for (const Open& open : open_)
            text += "/" + (open.array ? std::to_string(open.entered - 1) : open.key);
        return text;
    }

    bool in_steps() const {
        return open_.size() == 2 && open_[1].array && !open_[0].array && open_[0].key == "steps";
    }

    void on_key(const std::string& key) {
        open_.back().key = shortened(key);
        if (open_.back().keys.size() == most_keys)
            refuse(path(), fmt::format("more than {} keys in one object", most_keys));
        if (!open_.back().keys.insert(key).second) refuse(path(), "this key comes twice; keep one of them");
    }

    void enter() {
        if (open_.empty() || !open_.back().array) return;
        ++open_.back().entered;
        if (in_steps() && open_.back().entered > limits::steps)
            refuse(path(), fmt::format("more than {} steps; split the program", limits::steps));
    }

    void descend(bool array) {
        if (open_.size() == most_depth)
            refuse(path(), fmt::format("nested deeper than {} levels; flatten it", most_depth));
        open_.push_back({array, 0, {}, {}});
    }

    // Steps that are no objects stay in the tree and are refused at the end.
    bool take_step(const json& parsed) {
        const std::string here = path();
        const At at(parsed, here);
        program_.steps.push_back(read_step(at));
        StepNotes notes = read_notes(at);
        if (notes.outcome || !notes.others.empty())
            program_.notes.emplace(program_.steps.size() - 1, std::move(notes));
        return true;
    }

    Program& program_;
    std::vector<Open> open_;
};

void read_rest(Program& program, const json& root) {
    const At at(root, "");
    if (!root.is_object())
        refuse("", fmt::format("not an access program: {} stands where an object {{...}} must", at.shown()));
    member(at, "schema_version").number(1, 1);
    program.machine = read_machine(member(at, "machine"));
    const At steps = member(at, "steps");
    steps.must_be_array();
    if (!steps.value().empty())
        steps.refuse_it(At(steps.value()[0], "", at).shown() + " is no step; a step is an object");
    for (std::size_t i = 0; i < program.steps.size(); ++i)
        if (program.steps[i].vcpu >= program.machine.apic_ids.size())
            refuse(fmt::format("/steps/{}/vcpu", i),
                   fmt::format("there is no vCPU {}; the machine has {}, the first is 0",
                               program.steps[i].vcpu, program.machine.apic_ids.size()));
    for (const auto& [key, value] : root.items())
        if (key != "schema_version" && key != "machine" && key != "steps")
            program.others.emplace_back(key, text_of(value));
}

// The library's text without its marks: "at line 1, column 5: syntax error ...".
std::string syntax_error(const json::exception& error) {
    std::string_view what = error.what();
    if (const auto mark = what.find("] "); mark != std::string_view::npos) what.remove_prefix(mark + 2);
    if (what.starts_with("parse error ")) what.remove_prefix(12);
    return fmt::format("not JSON: {}", what);
}

} // namespace

ProgramText read_program(std::string_view text, const std::string& name) {
    ProgramText result;
    try {
        Follower follower(result.program);
        const json root = json::parse(text, [&follower](int, json::parse_event_t event, json& parsed) {
            return follower(event, parsed);
        });
        read_rest(result.program, root);
    } catch (const Refusal& refusal) {
        result.error = fmt::format("{}: {}", name, refusal.what());
    } catch (const json::exception& error) {
        result.error = fmt::format("{}: {}", name, syntax_error(error));
    }
    return result;
}

} // namespace lapicheck::programs
