// The mail's last alternative: a `shadow' page for APICs that are disabled or in x2APIC mode, to which reads
// and writes are redirected. The mail does not say whose page it is: each vCPU's, or the VM's.
#pragma once

#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

template <class D>
class ShadowPageVcpu : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{"shadow-page-vcpu", "the mail's shadow page, one for each vCPU",
                                             "the mail of 2018-07-27"};
    bool answers_closed_window(Surroundings<D>& around, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        access_page(around.own, access, out);
        return true;
    }
};

template <class D>
class ShadowPageVm : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{"shadow-page-vm", "the mail's shadow page, one for the VM",
                                             "the mail of 2018-07-27"};
    bool answers_closed_window(Surroundings<D>& around, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        access_page(around.shared, access, out);
        return true;
    }
};

} // namespace lapicheck::model
