// An implementation that nobody of the model, the prover or the reports knows: one class, and one entry. As
// docs/adding-an-implementation.md says it.
#include <doctest/doctest.h>

#include "checker/prove/counterexample.hpp"
#include "model/implementation.hpp"

namespace lapicheck {
namespace {

// A bug: while the APIC is disabled, writes to the window are carried out all the same.
template <class D>
class WritesWhenDisabled : public model::Implementation<D> {
  public:
    typename D::Bool applies(model::Rule rule, const model::Place&, typename D::Bool holds) const override {
        return rule == model::Rule::M04 ? typename D::Bool{false} : holds;
    }
};

template <class D>
std::unique_ptr<model::Implementation<D>> make() {
    return std::make_unique<WritesWhenDisabled<D>>();
}

constexpr proof::ImplementationEntry entry = {
    "writes-when-disabled",  "the window takes writes while the APIC is disabled",
    "made up in a test",     &make<model::Concrete>,
    &make<model::KnownBits>, &make<proof::Symbolic>,
};

} // namespace

TEST_CASE("an added implementation: what it gets wrong is refuted, the rest is proved") {
    proof::Prover prover(entry);
    const proof::PropertyEntry& effect = *proof::find_property("no-mmio-effect-when-disabled");
    const proof::Result refuted = prover.prove(effect);
    REQUIRE(refuted.status == proof::Status::refuted);
    REQUIRE(refuted.counterexample);
    CHECK(prover.confirms(effect, *refuted.counterexample));
    CHECK(refuted.counterexample->steps() == 2);
    CHECK(
        checker::counterexample_text(refuted, checker::Shows::counterexample).find("writes-when-disabled") !=
        std::string::npos);
    for (const char* id : {"no-mmio-read-when-disabled", "no-mmio-effect-in-x2apic", "mmio-isolation"})
        CHECK(prover.prove(*proof::find_property(id)).status == proof::Status::holds);
}

} // namespace lapicheck
