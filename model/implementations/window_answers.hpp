// What implementations answer where the window is closed: the ways that the seed's question weighs.
#pragma once

#include "model/implementation.hpp"

namespace lapicheck::model {

// Reads give ones, writes go nowhere.
template <class D>
class AllOnesWindow : public Implementation<D> {
  public:
    bool answers_closed_window(Surroundings<D>&, const State<D>&, const Access<D>& access,
                               Outcome<D>& out) const override {
        if (!is_write(access.kind)) out.value = typename D::U64{size_mask(access.size)};
        return true;
    }
};

// The access leaves for userspace. What that answers is its matter, not KVM's.
template <class D>
class ExitingWindow : public Implementation<D> {
  public:
    bool answers_closed_window(Surroundings<D>&, const State<D>&, const Access<D>&,
                               Outcome<D>& out) const override {
        out.exits_to_userspace = true;
        return false;
    }
};

// A page of memory answers.
template <class D>
void access_page(typename D::Page& page, const Access<D>& access, Outcome<D>& out) {
    if (is_write(access.kind)) page.write(access.address, access.size, access.value);
    else out.value = page.read(access.address, access.size);
}

} // namespace lapicheck::model
