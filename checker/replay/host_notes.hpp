// What userspace, which no event shows, must or may have made of vCPUs: summed up for a report's notes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/domains/concrete.hpp"
#include "model/rule.hpp"

namespace lapicheck::checker {

class HostNotes {
  public:
    // `vcpu`: its label, which vCPUs that one thread runs in turn share. `line`: the first that shows it.
    void was_reset(const std::string& vcpu, model::u64 line, model::u64 observations);
    // `first`: rule and line of the first observation. `shows_ioctls`: the recording has some.
    struct First {
        model::Rule rule = {};
        model::u64 line = 0;
    };
    void may_be_reset(const std::string& vcpu, model::u64 observations, First first, bool shows_ioctls);

    // A line a label, of very many labels the first; what the others have is a number.
    std::vector<std::string> texts() const;

  private:
    struct Entry {
        model::u64 vcpus = 0;
        model::u64 observations = 0;
        model::u64 line = 0;
        First first;
    };
    class Group {
      public:
        void add(const std::string& vcpu, model::u64 line, model::u64 observations, First first);
        const std::map<std::string, Entry>& listed() const { return listed_; }
        const Entry& others() const { return others_; }

      private:
        std::map<std::string, Entry> listed_;
        Entry others_;
    };

    bool shows_ioctls_ = false;
    Group were_reset_;
    Group may_be_reset_;
};

} // namespace lapicheck::checker
