// All implementations, in the order of reports; the reference, Sdm, comes first. To add one: write its file,
// and put it into the list. The registry (registry.hpp) and the prover make their tables from it.
#pragma once

#include <tuple>

#include "model/implementations/flexpriority.hpp"
#include "model/implementations/kvm_2018.hpp"
#include "model/implementations/kvm_6_18.hpp"
#include "model/implementations/kvm_quirk.hpp"
#include "model/implementations/kvm_rfc.hpp"
#include "model/implementations/sdm.hpp"
#include "model/implementations/shadow_page.hpp"
#include "model/implementations/userspace_qemu.hpp"

namespace lapicheck::model {

template <template <class> class I>
struct Of {
    template <class D>
    using In = I<D>;
};

using Implementations =
    std::tuple<Of<Sdm>, Of<Kvm2018>, Of<KvmRfc>, Of<KvmQuirkOn>, Of<KvmQuirkOff>, Of<UserspaceQemu>,
               Of<Flexpriority>, Of<ShadowPageVcpu>, Of<ShadowPageVm>, Of<Kvm618>>;

} // namespace lapicheck::model
