// The reference: what the manual leaves open stays open.
#pragma once

#include "model/implementation.hpp"

namespace lapicheck::model {

template <class D>
class Sdm : public Implementation<D> {};

} // namespace lapicheck::model
