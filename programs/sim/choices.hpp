// Names for the answers that the manual leaves open: on formulas a variable has the name, and the plain run
// that confirms a counterexample finds its value under it.
#pragma once

#include <map>
#include <string>

#include <fmt/format.h>

#include "model/driver.hpp"

namespace lapicheck::programs {

using model::Rule;
using model::u32;
using model::u64;

enum class ChoiceSort : std::uint8_t { way, condition, word, wide_word };

// Counts the questions that one path of a step asks: "B15.way.0" is the first about B15.
class ChoiceNamer {
  public:
    std::string next(Rule rule, ChoiceSort sort) {
        constexpr std::array sorts = {"way", "condition", "word", "wide"};
        const auto s = static_cast<std::size_t>(sort);
        return fmt::format("{}.{}.{}", model::to_string(rule), sorts[s], count_[{rule, sort}]++);
    }
    void clear() { count_.clear(); }

  private:
    std::map<std::pair<Rule, ChoiceSort>, unsigned> count_;
};

// The choices of one step that are not as the rules propose, by name.
using ChoiceValues = std::map<std::string, u64>;

// The plain driver that answers from such a list.
class ScriptedDriver : public model::ConcreteDriver<> {
  public:
    explicit ScriptedDriver(const ChoiceValues& values) : values_(&values) {}

    bool unspecified(Rule rule, bool proposal, model::Place = model::Place::current()) {
        return answer(rule, ChoiceSort::way, proposal);
    }
    bool unspecified_value(Rule rule, bool proposal, model::Place = model::Place::current()) {
        return answer(rule, ChoiceSort::condition, proposal);
    }
    u32 unspecified_value(Rule rule, u32 proposal, model::Place = model::Place::current()) {
        return answer(rule, ChoiceSort::word, proposal);
    }
    u64 unspecified_value(Rule rule, u64 proposal, model::Place = model::Place::current()) {
        return answer(rule, ChoiceSort::wide_word, proposal);
    }

  private:
    template <class T>
    T answer(Rule rule, ChoiceSort sort, T proposal) {
        const auto found = values_->find(namer_.next(rule, sort));
        return found == values_->end() ? proposal : static_cast<T>(found->second);
    }

    const ChoiceValues* values_;
    ChoiceNamer namer_;
};

} // namespace lapicheck::programs
