// The reference: what the manual does not specify stays unspecified.
#pragma once

#include "model/implementation.hpp"

namespace lapicheck::model {

template <class D>
class Sdm : public Implementation<D> {
  public:
    static constexpr ImplementationInfo info{"sdm", "the manuals; where they specify nothing, any behaviour",
                                             "Intel SDM Vol. 3A 325384-059US; AMD APM Vol. 2"};
};

} // namespace lapicheck::model
