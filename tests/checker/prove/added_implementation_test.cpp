// An implementation that nobody of the model, the prover or the reports knows: one class, and one entry. As
// docs/adding.md says it.
#include <doctest/doctest.h>

#include "checker/counterexample/counterexample.hpp"
#include "checker/prove/engine/prover.hpp"
#include "model/implementation.hpp"

namespace lapicheck {
namespace {

// A bug: while the APIC is disabled, writes to the window are carried out all the same.
template <class D>
class WritesWhenDisabled : public model::Implementation<D> {
  public:
    static constexpr model::ImplementationInfo info{
        "writes-when-disabled", "the window takes writes while the APIC is disabled", "made up in a test"};
    typename D::Bool applies(const model::Application<D>& here,
                             const typename D::Bool& condition) const override {
        return here.rule == model::Rule::M04 ? typename D::Bool{false} : condition;
    }
};

template <class D>
std::unique_ptr<model::Implementation<D>> make() {
    return std::make_unique<WritesWhenDisabled<D>>();
}

constexpr model::ImplementationEntry entry = {
    {WritesWhenDisabled<model::Concrete>::info}, &make<model::Concrete>, &make<model::KnownBits>};

} // namespace

TEST_CASE("an added implementation: what it gets wrong is refuted, the rest is proved") {
    prove::PropertyProver prover({&entry, &make<prove::Symbolic>});
    const specs::PropertyEntry& effect = *specs::find_property("no-mmio-effect-when-disabled");
    const prove::Result refuted = prover.prove(effect);
    REQUIRE(refuted.status == prove::Status::refuted);
    REQUIRE(refuted.counterexample);
    CHECK(prover.confirms(effect, *refuted.counterexample));
    CHECK(refuted.counterexample->steps() == 2);
    CHECK(checker::counterexample_text(
              {*refuted.implementation, *refuted.property, *refuted.counterexample, "Z3"},
              checker::Shows::counterexample)
              .find("writes-when-disabled") != std::string::npos);
    for (const char* id : {"no-mmio-read-when-disabled", "no-mmio-effect-in-x2apic", "mmio-isolation"})
        CHECK(prover.prove(*specs::find_property(id)).status == prove::Status::holds);
}

} // namespace lapicheck
