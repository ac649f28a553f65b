// The mail's last alternative: a `shadow' page for APICs that are disabled or in x2APIC mode, to which reads
// and writes are redirected. The mail does not say whose page it is: each vCPU's, or the VM's.
#pragma once

#include "model/implementations/window_answers.hpp"

namespace lapicheck::model {

template <class D>
class ShadowPageVcpu : public Implementation<D> {
  public:
    bool answers_closed_window(Surroundings<D>& around, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        access_page(around.own, access, out);
        return true;
    }
};

template <class D>
class ShadowPageVm : public Implementation<D> {
  public:
    bool answers_closed_window(Surroundings<D>& around, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        access_page(around.shared, access, out);
        return true;
    }
};

} // namespace lapicheck::model
