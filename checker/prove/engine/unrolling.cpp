#include "checker/prove/engine/unrolling.hpp"

namespace lapicheck::prove {
namespace {

// The accesses that runs are made of. What is left out gets no further: narrow and unaligned accesses can do
// nothing that the aligned one does not, reads of MSRs and CR8 change nothing, RESET is where a run begins.
constexpr std::array run_kinds = {
    AccessKind::wrmsr,     AccessKind::mmio_write,     AccessKind::mmio_read,
    AccessKind::message,   AccessKind::take_interrupt, AccessKind::timer_expires,
    AccessKind::cr8_write, AccessKind::hardware,       AccessKind::init};

// What a path leads to, for one mode; nothing if it leads to another.
struct Landing {
    z3::expr guard = context().bool_val(false);
    std::optional<SymState> state;
    std::optional<SymSurroundings> around;
};

SymSurroundings select_around(const SymBool& condition, const SymSurroundings& a, const SymSurroundings& b) {
    return {select(condition, a.own, b.own), select(condition, a.shared, b.shared)};
}

Landing join(const z3::expr& condition, Landing yes, Landing no) {
    if (!yes.state) {
        if (no.state) no.guard = (!condition && no.guard).simplify();
        return no;
    }
    if (!no.state) {
        yes.guard = (condition && yes.guard).simplify();
        return yes;
    }
    const SymBool c{condition};
    return {z3::ite(condition, yes.guard, no.guard).simplify(), select_state(c, *yes.state, *no.state),
            select_around(c, *yes.around, *no.around)};
}

Landing landing_in(Mode mode, std::span<const Path> paths) {
    return merged<Landing>(
        paths,
        [mode](const Path& path) {
            if (path.invalid_mode || known_mode(path.after) != mode) return Landing{};
            return Landing{context().bool_val(true), path.after, path.around};
        },
        join);
}

} // namespace

Unrolling::Unrolling(const SymImplementation& implementation, std::string name, bool bsp)
    : implementation_(&implementation), name_(std::move(name)) {
    SymState before;
    before.apic_base = bsp ? model::apic_base::bsp : u64{0};
    before[model::Reg::version] = SymU32::variable("cpu.version");
    const Start start{any_cpu(), before, {}};
    steps_.push_back(
        {paths_of(implementation, start, any_access(AccessKind::reset, 4, name_), choice_prefix(0))});
    guards_.push_back({context().bool_val(true)});
    frames_.push_back({std::nullopt, modes_after(steps_.back(), guards_.back(), start.cpu)});
    // Whether an AMD CPU comes up disabled is left open (R08), and whether a locked one comes up in x2APIC
    // mode (B17). Runs begin as most machines do once their firmware runs: enabled, in xAPIC mode.
    std::erase_if(frames_.back().modes_reached,
                  [](const ReachableMode& reached) { return reached.mode != Mode::xapic; });
}

std::string Unrolling::choice_prefix(std::size_t depth) const { return fmt::format("{}{}.", name_, depth); }

std::vector<ReachableMode> Unrolling::modes_after(const std::vector<std::vector<Path>>& steps,
                                                  const std::vector<z3::expr>& guards, const SymCpu& cpu) {
    std::vector<ReachableMode> modes_reached;
    for (const Mode mode : modes) {
        Landing all;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            Landing landing = landing_in(mode, steps[i]);
            if (!landing.state) continue;
            landing.guard = (guards[i] && landing.guard).simplify();
            if (!all.state) {
                all = std::move(landing);
                continue;
            }
            // The guards of two groups exclude each other.
            const SymBool here{landing.guard};
            all = {(landing.guard || all.guard).simplify(), select_state(here, *landing.state, *all.state),
                   select_around(here, *landing.around, *all.around)};
        }
        if (all.state) modes_reached.push_back({mode, all.guard, {cpu, *all.state, *all.around}});
    }
    return modes_reached;
}

void Unrolling::add_frame() {
    const std::size_t depth = frames_.size();
    const std::string prefix = choice_prefix(depth);
    z3::context& c = context();
    const StepVariables variables{c.bv_const((prefix + "kind").c_str(), 4),
                                  SymU64::variable(prefix + "address"), SymU64::variable(prefix + "value")};
    std::vector<std::vector<Path>> steps;
    std::vector<z3::expr> guards;
    for (const ReachableMode& reached : frames_.back().modes_reached)
        for (const AccessKind kind : run_kinds) {
            const SymAccess access{kind, variables.address, 4, variables.value};
            steps.push_back(paths_of(*implementation_, reached.start, access, prefix));
            guards.push_back(reached.guard && variables.kind == c.bv_val(static_cast<unsigned>(kind), 4));
        }
    const SymCpu cpu = frames_.back().modes_reached.front().start.cpu;
    frames_.push_back({variables, modes_after(steps, guards, cpu)});
    steps_.push_back(std::move(steps));
    guards_.push_back(std::move(guards));
}

const Frame& Unrolling::frame(std::size_t depth) {
    while (frames_.size() <= depth) add_frame();
    return frames_[depth];
}

const std::vector<Path>& Unrolling::paths(std::size_t depth, std::size_t reached, const SymAccess& access,
                                          const std::string& prefix) {
    auto& paths = final_paths_[{depth, reached, access.kind, access.size}];
    if (paths.empty())
        paths = paths_of(*implementation_, frame(depth).modes_reached[reached].start, access, prefix);
    return paths;
}

std::vector<Choice> Unrolling::choices_taken(std::size_t depth,
                                             const std::function<bool(const z3::expr&)>& is_true) {
    for (std::size_t i = 0; i < steps_[depth].size(); ++i) {
        if (!is_true(guards_[depth][i])) continue;
        for (const Path& path : steps_[depth][i])
            if (is_true(path.condition())) return path.choices;
    }
    return {};
}

} // namespace lapicheck::prove
