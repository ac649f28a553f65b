#include "checker/audit/audit.hpp"

#include <algorithm>
#include <filesystem>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "checker/audit/programs.hpp"
#include "checker/audit/shrink.hpp"
#include "programs/step_access.hpp"
#include "programs/targets/targets.hpp"

namespace lapicheck::checker {
namespace {

using programs::Program;

Reg register_of(const programs::Step& step) {
    if (step.what == programs::Do::cr8_read || step.what == programs::Do::cr8_write) return Reg::tpr;
    return model::register_addressed(programs::access_kind(step.what), step.address);
}

programs::GuestVendor vendor_of(GuestCpu cpu) {
    if (cpu == GuestCpu::either) return programs::GuestVendor::either;
    return cpu == GuestCpu::amd ? programs::GuestVendor::amd : programs::GuestVendor::intel;
}

std::vector<std::string> loaded_modules() {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/module", error))
        if (const std::string name = entry.path().filename(); name.starts_with("kvm")) names.push_back(name);
    std::ranges::sort(names);
    return names;
}

class Auditor {
  public:
    Auditor(programs::Target& target, const AuditRequest& request) : request_(request), party_(&target) {
        for (AuditMachine& machine : audit_machines()) add_machine(std::move(machine));
        audit_.cpu = request.cpu;
        audit_.target = target.name();
        audit_.full_name = programs::full_name(*party_);
        if (programs::is_kvm(audit_.target))
            audit_.kernel = programs::kernel_release(), audit_.modules = loaded_modules();
        audit_.profile = request.profile;
        audit_.known = request.known;
    }

    Audit run() {
        for (const AuditMachine& machine : machines_) {
            examine(machine);
            if (!audit_.absent.empty()) return std::move(audit_);
        }
        for (auto& [key, departure] : found_) shorten(departure);
        for (auto& [key, departure] : found_) add_by_cause(std::move(departure));
        for (const programs::Do what : request_.without)
            audit_.refused.push_back(fmt::format("programs with {}: left out (--without)", to_string(what)));
        std::stable_partition(
            audit_.departures.begin(), audit_.departures.end(),
            [](const AuditDeparture& departure) { return departure.divergence.known == nullptr; });
        return std::move(audit_);
    }

  private:
    // As the target can be it; twice the same is once.
    void add_machine(AuditMachine machine) {
        machine.machine.vendor = vendor_of(request_.cpu);
        const programs::Machine asked = std::exchange(machine.machine, party_->nearest(machine.machine));
        if (std::ranges::find(machines_, machine.machine, &AuditMachine::machine) != machines_.end()) return;
        if (asked.x2apic && !machine.machine.x2apic) machine.what += ", no x2APIC";
        if (asked.tsc_deadline && !machine.machine.tsc_deadline) machine.what += ", no TSC-deadline timer";
        machines_.push_back(std::move(machine));
    }

    AuditKey key_of(const Divergence& divergence) const {
        const Mismatch& mismatch = divergence.mismatch;
        const specs::Departure* known = request_.known.find(mismatch);
        return {mismatch.rule, mismatch.mode, mismatch.fault, known != nullptr ? known : mismatch.departure};
    }

    // One entry for each root cause that the target's own file names.
    void add_by_cause(AuditDeparture departure) {
        const auto same_cause = [&](const AuditDeparture& other) {
            return other.key.departure != nullptr && other.key.departure == departure.key.departure;
        };
        const auto first = request_.known.empty() ? audit_.departures.end()
                                                  : std::ranges::find_if(audit_.departures, same_cause);
        if (first == audit_.departures.end()) return audit_.departures.push_back(std::move(departure));
        first->consequences.push_back(departure.key);
        first->count += departure.count;
    }

    bool is_left_out(const Program& program) const {
        return std::ranges::any_of(program.steps, [this](const programs::Step& step) {
            return request_.without.contains(step.what);
        });
    }

    void tell(std::string what) const {
        if (request_.progress) request_.progress(what);
    }

    // To make a machine takes longer than a program: all run on one, RESET between them. If a program ends
    // it, each gets its own.
    void examine(const AuditMachine& machine) {
        std::vector<AuditProgram> programs = audit_programs(machine.machine);
        std::erase_if(programs, [this](const AuditProgram& program) { return is_left_out(program.program); });
        tell(machine.what);
        const Program all = one_after_the_other(programs);
        if (!examine(machine, programs, all)) return;
        audit_.machines.push_back(machine.what);
    }

    // Between the programs. Of a vCPU that has died not even that is done.
    static bool all_reset(std::span<const AuditProgram> programs, const programs::Execution& run) {
        std::size_t at = 0;
        for (const AuditProgram& program : programs) {
            const std::size_t vcpus = program.program.machine.apic_ids.size();
            for (std::size_t i = 0; i < vcpus; ++i)
                if (!run.outcomes[at + i].is_done()) return false;
            at += vcpus + program.program.steps.size();
        }
        return true;
    }

    bool examine(const AuditMachine& machine, std::span<const AuditProgram> programs, const Program& all) {
        const programs::Execution run = party_->run(all);
        if (run.status == programs::Execution::Status::absent) audit_.absent = run.reason;
        if (run.status == programs::Execution::Status::refused)
            audit_.refused.push_back(fmt::format("{}: {}", machine.what, run.reason));
        if (run.status != programs::Execution::Status::ran) return false;
        if (audit_.cpu == GuestCpu::either && run.found.amd)
            audit_.cpu = *run.found.amd ? GuestCpu::amd : GuestCpu::intel;
        if (programs.size() > 1 && !all_reset(programs, run)) {
            for (const AuditProgram& program : programs)
                if (!examine(machine, std::span(&program, 1), one_after_the_other(std::span(&program, 1))))
                    return false;
            return true;
        }
        const std::vector<StepVerdict> verdicts = judge_run(all, run);
        std::size_t first = 0;
        for (const AuditProgram& program : programs) {
            first += all.machine.apic_ids.size();
            ++audit_.programs;
            take(machine, program, std::span(verdicts).subspan(first, program.program.steps.size()));
            first += program.program.steps.size();
        }
        return true;
    }

    void take(const AuditMachine& machine, const AuditProgram& program,
              std::span<const StepVerdict> verdicts) {
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
            const programs::Step& step = program.program.steps[i];
            const bool judged = verdicts[i].kind != StepVerdict::Kind::not_judged;
            if (programs::is_access(step.what)) ++(judged ? audit_.accesses : audit_.not_judged);
            if (const Reg reg = register_of(step);
                judged && programs::is_access(step.what) && reg != Reg::none)
                ++audit_.grid[{reg, program.mode}].examined;
            for (const Divergence& divergence : verdicts[i].divergences)
                take(machine, program.program, i, divergence);
        }
    }

    void take(const AuditMachine& machine, const Program& program, std::size_t step,
              const Divergence& divergence) {
        AuditDeparture& departure = found_[key_of(divergence)];
        if (divergence.mismatch.reg != Reg::none) departure.registers.insert(divergence.mismatch.reg);
        AuditCell& cell = audit_.grid[{divergence.mismatch.reg, divergence.mismatch.mode}];
        cell.broken.insert(divergence.mismatch.rule);
        cell.all_known = cell.all_known && key_of(divergence).departure != nullptr;
        // The first machines are the plainest.
        const bool nearer = departure.count == 0 ||
                            (departure.machine == machine.what && step + 1 < departure.program.steps.size());
        ++departure.count;
        if (!nearer) return;
        departure.key = key_of(divergence);
        departure.machine = machine.what;
        departure.divergence = divergence;
        departure.program = program;
        departure.program.steps.resize(step + 1);
    }

    // What of the program's last step, or of an earlier one, is the departure.
    std::optional<std::pair<std::size_t, Divergence>>
    shown(const Program& program, const programs::Execution& run, const AuditKey& key) const {
        if (run.status != programs::Execution::Status::ran) return std::nullopt;
        const std::vector<StepVerdict> verdicts = judge_run(program, run);
        for (std::size_t i = 0; i < verdicts.size(); ++i)
            for (const Divergence& divergence : verdicts[i].divergences) {
                const AuditKey here = key_of(divergence);
                if (!(here < key) && !(key < here)) return std::pair{i, divergence};
            }
        return std::nullopt;
    }

    void shorten(AuditDeparture& departure) {
        tell(fmt::format("shortening {}", model::to_string(departure.key.rule)));
        const auto on_fresh_machine = [this](const Program& program) { return party_->run(program); };
        const auto on_used_machine = [this](const Program& program) { return party_->run_again(program); };
        // What shows on a used machine only is shortened on fresh ones; what never shows on those stays as
        // it was found.
        if (!shorten(departure, on_used_machine)) shorten(departure, on_fresh_machine);
        departure.machine = name_of(departure.program.machine, departure.machine);
        departure.program.machine.vendor = vendor_of(audit_.cpu);
        if (audit_.profile == Profile::kvm || !request_.known.empty())
            departure.divergence.known = departure.key.departure;
    }

    bool shorten(AuditDeparture& departure, const std::function<programs::Execution(const Program&)>& run) {
        // What a counter shows is a matter of time: not every run has it.
        const int tries = departure.divergence.mismatch.bounded ? 8 : 1;
        programs::Execution last;
        std::optional<std::pair<std::size_t, Divergence>> found;
        const auto shows_on = [&](const Program& program,
                                  const std::function<programs::Execution(const Program&)>& run_once) {
            for (int i = 0; i < tries; ++i) {
                last = run_once(program);
                found = shown(program, last, departure.key);
                if (found && found->first + 1 == program.steps.size()) return true;
            }
            return false;
        };
        Program shorter =
            shrink(departure.program, [&](const Program& program) { return shows_on(program, run); });
        if (!shows_on(shorter, [this](const Program& program) { return party_->run(program); })) return false;
        departure.program = std::move(shorter);
        departure.divergence = std::move(found->second);
        departure.outcome = last.outcomes.back();
        departure.by_one_vendor = allowed_by_other_vendor(departure, last);
        return true;
    }

    std::string name_of(const programs::Machine& machine, const std::string& otherwise) const {
        const auto found = std::ranges::find(machines_, machine, &AuditMachine::machine);
        return found == machines_.end() ? otherwise : found->what;
    }

    // Whether the other vendor's manual allows what came of the program's last step.
    bool allowed_by_other_vendor(const AuditDeparture& departure, const programs::Execution& run) const {
        if (audit_.cpu == GuestCpu::either) return false;
        Program program = departure.program;
        program.machine.vendor = vendor_of(audit_.cpu == GuestCpu::amd ? GuestCpu::intel : GuestCpu::amd);
        const Mismatch& here = departure.divergence.mismatch;
        return std::ranges::none_of(judge_run(program, run).back().divergences,
                                    [&](const Divergence& divergence) {
                                        const Mismatch& there = divergence.mismatch;
                                        return there.reg == here.reg && there.fault == here.fault &&
                                               (here.bits == 0 || (there.bits & here.bits) != 0);
                                    });
    }

    AuditRequest request_;
    programs::Target* party_;
    std::vector<AuditMachine> machines_;
    std::map<AuditKey, AuditDeparture> found_;
    Audit audit_;
};

} // namespace

bool operator<(const AuditKey& a, const AuditKey& b) {
    const auto words = [](const AuditKey& key) {
        return std::tuple(key.rule, key.mode, key.fault,
                          key.departure == nullptr ? std::string_view{}
                                                   : std::string_view{key.departure->id});
    };
    return words(a) < words(b);
}

std::size_t Audit::count_unknown() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        departures, [](const AuditDeparture& departure) { return departure.divergence.known == nullptr; }));
}

Audit audit(programs::Target& target, const AuditRequest& request) { return Auditor(target, request).run(); }
Audit audit(const std::string& target, const AuditRequest& request) {
    return audit(*programs::make_target(target).target, request);
}

} // namespace lapicheck::checker
