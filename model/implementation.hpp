// An implementation of the local APIC: the manual's rules, and the few things that it does otherwise.
//
// Each reads like the change that made it: a class that overrides the one or two hooks it needs. The step
// is instantiated once for each domain over this interface; replay, which knows the manual alone, is bound
// to it statically (driver.hpp).
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "model/domains/page.hpp"
#include "model/driver.hpp"

namespace lapicheck::model {

// How an implementation is named, listed and explained: `static constexpr ImplementationInfo info` of its
// class.
struct ImplementationInfo {
    std::string_view name;
    std::string_view summary;
    std::string_view source; // file, function and version, or where else the fact comes from
};

// What lies at the window's address where the APIC does not answer, for implementations that put memory
// there: a page of one vCPU's, and one that all vCPUs of the machine have.
template <class D>
struct Surroundings {
    typename D::Page own;
    typename D::Page shared;
};

// Where an implementation is asked: which rule, at which place of the rules' text, in which access (of INIT,
// messages and the like: what came).
template <class D>
struct Application {
    Rule rule;
    Place place;
    const Access<D>& access;
};

template <class D>
class Implementation {
  public:
    using Bool = typename D::Bool;
    using U32 = typename D::U32;
    using U64 = typename D::U64;

    Implementation() = default;
    Implementation(const Implementation&) = delete;
    Implementation& operator=(const Implementation&) = delete;
    virtual ~Implementation() = default;

    virtual const RegisterTable& table() const { return sdm_registers; }
    // Whether a rule is acted upon; `condition`: whether the manual's does. Bool{false} drops the rule.
    virtual Bool applies(const Application<D>&, const Bool& condition) const { return condition; }
    // What it does where the manual leaves it unspecified, as the rule's text proposes or otherwise. Nothing:
    // anything that the manual allows, so that a proof holds for every answer.
    virtual std::optional<bool> decides(const Application<D>&, bool /*proposal*/) const {
        return std::nullopt;
    }
    virtual std::optional<Bool> chooses(const Application<D>&, const Bool& /*proposal*/) const {
        return std::nullopt;
    }
    virtual std::optional<U32> chooses(const Application<D>&, const U32& /*proposal*/) const {
        return std::nullopt;
    }
    virtual std::optional<U64> chooses(const Application<D>&, const U64& /*proposal*/) const {
        return std::nullopt;
    }
    // What answers an access to the closed window. True: `out` says it; false: the manual's "anything".
    virtual bool answers_closed_window(Surroundings<D>&, const State<D>&, const Access<D>&,
                                       Outcome<D>&) const {
        return false;
    }
    // What it does besides, once the step is done.
    virtual void amend(const State<D>& /*before*/, const Cpu<D>&, const Access<D>&, Outcome<D>&,
                       State<D>& /*after*/) const {}
    // What changes when the host reads the state out and loads it back, as for a migration.
    virtual void save_and_load(State<D>&) const {}
};

// A driver of the step that runs it as `implementation` does.
template <class Base>
class As : public Base {
  public:
    using D = typename Base::D;
    using Bool = typename D::Bool;

    As(const As&) = delete;
    As& operator=(const As&) = delete;
    template <class... Args>
    explicit As(const Implementation<D>& implementation, Surroundings<D>& around, const Cpu<D>& cpu,
                Args&&... args)
        : Base(std::forward<Args>(args)...), implementation_(&implementation), around_(&around), cpu_(&cpu) {}

    const RegisterTable& table() const { return implementation_->table(); }
    const RegisterRow& row(Reg reg) const { return table()[index_of(reg)]; }
    template <class Offset>
    const RegisterRow* row_at(Offset offset) {
        return Base::row_of(table(), offset);
    }

    // What is asked from here on is asked in this access.
    void begins(const Access<D>& access) { access_ = &access; }

    bool operator()(Rule rule, const Bool& condition, Place place = Place::current()) {
        return Base::operator()(rule, implementation_->applies({rule, place, *access_}, condition), place);
    }
    bool unspecified(Rule rule, bool proposal, Place place = Place::current()) {
        if (const auto decided = implementation_->decides({rule, place, *access_}, proposal)) return *decided;
        return Base::unspecified(rule, proposal, place);
    }
    template <class T>
    T unspecified_value(Rule rule, T proposal, Place place = Place::current()) {
        if (const auto chosen = implementation_->chooses({rule, place, *access_}, proposal)) return *chosen;
        return Base::unspecified_value(rule, proposal, place);
    }
    void elsewhere(const State<D>& s, const Access<D>& access, Outcome<D>& out) {
        if (implementation_->answers_closed_window(*around_, s, access, out)) return;
        if (!is_write(access.kind)) out.value = Base::unspecified_value(Rule::M05, typename D::U64{~u64{0}});
    }
    void amend(const State<D>& before, const Access<D>& access, Outcome<D>& out, State<D>& after) const {
        implementation_->amend(before, *cpu_, access, out, after);
    }

  private:
    const Implementation<D>* implementation_;
    Surroundings<D>* around_;
    const Cpu<D>* cpu_;
    Access<D> by_itself_{AccessKind::hardware, {}}; // outside a step
    const Access<D>* access_ = &by_itself_;
};

} // namespace lapicheck::model
