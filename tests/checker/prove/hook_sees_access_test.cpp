// A hook sees the access that it is asked in: a fault that depends on which MSR is read is a delta of a few
// lines.
#include <doctest/doctest.h>

#include "checker/counterexample/counterexample.hpp"
#include "checker/prove/engine/prover.hpp"
#include "model/msr.hpp"

namespace lapicheck {
namespace {

// XSA-108 (Xen, October 2014): hvm_msr_read_intercept took MSRs up to BFFH for the x2APIC's, whose registers
// end at 8FFH. There hvm_x2apic_msr_read read behind the page of registers; here, the register of that low
// byte.
template <class D>
class XenXsa108 : public model::Implementation<D> {
  public:
    static constexpr model::ImplementationInfo info{
        "xen-xsa-108", "RDMSR answers up to BFFH", "xen/arch/x86/hvm/hvm.c: hvm_msr_read_intercept, Xen 4.4"};
    typename D::Bool applies(const model::Application<D>& here,
                             const typename D::Bool& condition) const override {
        if (here.rule != model::Rule::X16 || here.access.kind != model::AccessKind::rdmsr) return condition;
        const auto block = here.access.address & ~model::u64{0x3ff};
        using model::either;
        using model::equal;
        return either(condition, equal(block, typename D::U64{model::u64{0x800}}));
    }
};

template <class D>
std::unique_ptr<model::Implementation<D>> make() {
    return std::make_unique<XenXsa108<D>>();
}

constexpr model::ImplementationEntry entry = {
    {XenXsa108<model::Concrete>::info}, &make<model::Concrete>, &make<model::KnownBits>};

} // namespace

TEST_CASE("XSA-108: that MSRs up to BFFH answer is refuted by a read of one of them") {
    prove::PropertyProver prover({&entry, &make<prove::Symbolic>});
    const specs::PropertyEntry& others = *specs::find_property("other-msrs-are-not-the-apics");
    const prove::Result refuted = prover.prove(others);
    REQUIRE(refuted.status == prove::Status::refuted);
    REQUIRE(refuted.counterexample);
    CHECK(prover.confirms(others, *refuted.counterexample));
    const programs::ScenarioStep& last = refuted.counterexample->run.steps.back();
    CHECK(last.kind == model::AccessKind::rdmsr);
    CHECK(last.address >= 0x900);
    CHECK(last.address <= 0xbff);
    for (const char* id : {"rdmsr-returns-register", "reserved-msrs-fault", "read-only-msrs-fault-on-write"})
        CHECK(prover.prove(*specs::find_property(id)).status == prove::Status::holds);
}

} // namespace lapicheck
