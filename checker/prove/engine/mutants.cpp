#include "checker/prove/engine/mutants.hpp"

#include <algorithm>
#include <set>

#include "checker/prove/engine/allowed_steps.hpp"
#include "checker/prove/engine/cases.hpp"

namespace lapicheck::prove {
namespace {

using model::Place;
using model::Reg;
using model::RegAccess;
using model::RegisterRow;
using model::RegisterTable;
using model::Rule;

std::string file_of(const Place& place) {
    const std::string_view name = place.file;
    const std::size_t slash = name.rfind("model/");
    return std::string(slash == std::string_view::npos ? name : name.substr(slash));
}

bool is_at(const RulePlace& application, Rule rule, const Place& place) {
    return application.rule == rule && application.line == place.line && application.file == file_of(place);
}

template <class D>
class TwistedImplementation : public model::Implementation<D> {
  public:
    explicit TwistedImplementation(Mutant mutant) : mutant_(std::move(mutant)) {}

    const RegisterTable& table() const override {
        return mutant_.table ? *mutant_.table : model::sdm_registers;
    }
    typename D::Bool applies(const model::Application<D>& here,
                             const typename D::Bool& condition) const override {
        if (!mutant_.twist || !is_at(mutant_.twist->first, here.rule, here.place)) return condition;
        switch (mutant_.twist->second) {
        case Twist::drop: return typename D::Bool{false};
        case Twist::force: return typename D::Bool{true};
        case Twist::negate: break;
        }
        if constexpr (std::is_same_v<typename D::Bool, bool>) return !condition;
        else return negate(condition);
    }

  private:
    Mutant mutant_;
};

// The reference, which notes where rules are applied.
class Listener : public SymImplementation {
  public:
    SymBool applies(const model::Application<Symbolic>& here, const SymBool& condition) const override {
        heard_.insert({here.rule, file_of(here.place), here.place.line});
        return condition;
    }
    std::vector<RulePlace> heard() const {
        std::vector<RulePlace> all(heard_.begin(), heard_.end());
        std::ranges::sort(all, {}, [](const RulePlace& a) { return std::tuple(a.file, a.line, a.rule); });
        return all;
    }

  private:
    mutable std::set<RulePlace> heard_;
};

std::vector<RulePlace> applications() {
    const Listener listener;
    for (const CaseKey& key : all_cases()) {
        const Start start{any_cpu(), any_state(key.mode, "s."), any_surroundings("s.")};
        paths_of(listener, start, any_access(key.kind, key.size, "a."), "c.");
    }
    return listener.heard();
}

void add_twists(std::vector<Mutant>& mutants) {
    constexpr std::array words = {std::pair{Twist::drop, "dropped"}, std::pair{Twist::force, "forced"},
                                  std::pair{Twist::negate, "negated"}};
    for (const RulePlace& application : applications())
        for (const auto& [twist, word] : words) {
            Mutant mutant;
            mutant.rule = application.rule;
            mutant.name = fmt::format("{} {} at {}:{}", model::to_string(application.rule), word,
                                      application.file, application.line);
            mutant.twist = {application, twist};
            mutants.push_back(std::move(mutant));
        }
}

std::string row_name(const RegisterRow& row) {
    return model::is_bitmap(row.reg) ? fmt::format("{}{}", row.name, row.offset >> 4 & 7)
                                     : std::string(row.name);
}

// Lists one wrong cell after the other.
class TableMutants {
  public:
    explicit TableMutants(std::vector<Mutant>& mutants) : mutants_(mutants) {}

    void add_row(const RegisterRow& row) {
        // In each kind of field the lowest and the highest bit, and each of those that stand alone.
        for (const u32 bit : ends(row.writable)) {
            add(row, fmt::format("bit {} is reserved", std::countr_zero(bit)),
                [bit](RegisterRow& r) { r.writable &= ~bit; });
            add(row, fmt::format("bit {} is read-only", std::countr_zero(bit)), [bit](RegisterRow& r) {
                r.writable &= ~bit;
                r.read_only |= bit;
            });
        }
        if (row.writable != 0)
            for (const u32 bit : ends(row.reserved()))
                add(row, fmt::format("reserved bit {} is writable", std::countr_zero(bit)),
                    [bit](RegisterRow& r) { r.writable |= bit; });
        for (const u32 bit : ends(row.optional))
            add(row, fmt::format("optional bit {} is always there", std::countr_zero(bit)),
                [bit](RegisterRow& r) {
                    r.optional &= ~bit;
                    r.writable |= bit;
                });
        for (const u32 bit : ends(row.intel_only))
            add(row, fmt::format("Intel's bit {} is AMD's too", std::countr_zero(bit)),
                [bit](RegisterRow& r) {
                    r.intel_only &= ~bit;
                    r.read_only |= bit;
                });
        for (const u32 bit : ends(row.amd_sure | row.intel_sure))
            add(row, fmt::format("bit {} is reserved", std::countr_zero(bit)), [bit](RegisterRow& r) {
                r.amd_sure &= ~bit;
                r.intel_sure &= ~bit;
            });
        if (row.ones != 0) add(row, "does not read as ones", [](RegisterRow& r) { r.ones = 0; });
        if (keeps_reset_value(row.reg))
            add(row, "another RESET value",
                [](RegisterRow& r) { r.reset ^= r.reset == 0 ? 0x20 : r.reset & ~(r.reset - 1); });
        add_access(row, "xAPIC", &RegisterRow::xapic);
        add_access(row, "x2APIC", &RegisterRow::x2apic);
    }

  private:
    static std::vector<u32> ends(u32 mask) {
        if (mask == 0) return {};
        const u32 low = mask & ~(mask - 1);
        const u32 high = std::bit_floor(mask);
        return low == high ? std::vector{low} : std::vector{low, high};
    }
    static bool keeps_reset_value(Reg reg) {
        return reg != Reg::id && reg != Reg::version && !no_answer_shows(reg);
    }
    void add_access(const RegisterRow& row, std::string_view mode, RegAccess RegisterRow::*column) {
        constexpr std::array words = {std::pair{RegAccess::absent, "absent"},
                                      std::pair{RegAccess::read_only, "read-only"},
                                      std::pair{RegAccess::read_write, "read-write"}};
        for (const auto& [access, word] : words) {
            if (row.*column == access) continue;
            add(row, fmt::format("{} in {} mode", word, mode),
                [column, access = access](RegisterRow& r) { r.*column = access; });
        }
    }
    template <class Change>
    void add(const RegisterRow& row, const std::string& what, Change change) {
        RegisterTable table = model::sdm_registers;
        change(table[model::index_of(row.reg)]);
        Mutant mutant;
        mutant.name = fmt::format("{}: {}", row_name(row), what);
        mutant.rule = row.read_rule;
        mutant.table = table;
        mutants_.push_back(std::move(mutant));
    }

    std::vector<Mutant>& mutants_;
};

} // namespace

std::unique_ptr<SymImplementation> Mutant::symbolic() const {
    return std::make_unique<TwistedImplementation<Symbolic>>(*this);
}
std::unique_ptr<PlainImplementation> Mutant::plain() const {
    return std::make_unique<TwistedImplementation<model::Concrete>>(*this);
}

std::vector<Mutant> mutants() {
    std::vector<Mutant> all;
    add_twists(all);
    TableMutants table(all);
    for (const RegisterRow& row : model::sdm_registers) table.add_row(row);
    return all;
}

} // namespace lapicheck::prove
