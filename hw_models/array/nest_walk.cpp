#include "hw_models/array/nest_walk.h"

#include <algorithm>

namespace tessera::hw {

namespace {

/// Nests with fewer groups are walked, larger ones remembered.
constexpr std::int64_t kWorthRemembering = 32;

/// Finds out when a loop's situation comes back (Brent's cycle finding): compares with a kept
/// situation, which is renewed at the 1st, 2nd, 4th, 8th ... iteration.
class PeriodFinder {
 public:
  struct Period {
    std::int64_t iterations = 0;  ///< 0: none found
    Time cycles = 0;
  };

  Period look(Timeline& timeline, OperandSet operands, std::int64_t iteration) {
    const Time phases = timeline.slot_phases(operands);
    const bool renews = iteration >= renew_at_;
    if (phases != kept_phases_ && !renews) return {};
    timeline.settle(operands);
    current_.clear();
    timeline.save_moments(operands, current_);
    if (phases == kept_phases_ && current_ == kept_)
      return {iteration - kept_iteration_, timeline.now() - kept_now_};
    if (!renews) return {};
    std::swap(current_, kept_);
    kept_phases_ = phases;
    kept_iteration_ = iteration;
    kept_now_ = timeline.now();
    renew_at_ = 2 * iteration;
    return {};
  }

 private:
  std::vector<Time> current_;
  std::vector<Time> kept_;
  Time kept_phases_ = -1;
  std::int64_t kept_iteration_ = 0;
  Time kept_now_ = 0;
  std::int64_t renew_at_ = 1;
};

}  // namespace

NestWalk::NestWalk(const ArrayPlan& plan, const ArrayWork& work, Timeline& timeline)
    : plan_(plan), work_(work), timeline_(timeline), groups_inside_(plan.group_loops + 1, 1) {
  for (int level = plan.group_loops - 1; level >= 0; --level)
    groups_inside_[level] = groups_inside_[level + 1] * work.loops[level].count;
}

OperandSet NestWalk::changing_from(int level) const {
  OperandSet operands = 0;
  for (int x = 0; x < kOperands; ++x)
    if (plan_.operand[x].used && plan_.operand[x].change_loop >= level) operands |= operand_bit(x);
  return operands;
}

OperandSet NestWalk::sliding_at(int level) const {
  OperandSet operands = 0;
  for (int x = 0; x < kOperands; ++x)
    if (plan_.operand[x].slides() && plan_.operand[x].change_loop == level)
      operands |= operand_bit(x);
  return operands;
}

void NestWalk::move_addresses(int level, std::int64_t iterations) {
  for (int x = 0; x < kOperands; ++x)
    if (plan_.operand[x].used && level <= plan_.operand[x].change_loop)
      timeline_.move_address(x, iterations * plan_.operand[x].line_stride[level]);
}

void NestWalk::run_loops(int level, int first_from, int end_from, bool revisit) {
  const OperandSet opens = changing_from(first_from);
  const OperandSet slid = sliding_at(first_from);
  const OperandSet closes = changing_from(end_from);
  if (level == plan_.group_loops) return timeline_.run_group(opens, slid, closes, revisit);
  if (groups_inside_[level] < kWorthRemembering)
    return iterate(level, first_from, end_from, revisit);

  const OperandSet touched = opens | closes | changing_from(level);
  std::vector<Time> situation = {level,  opens,   slid,
                                 closes, revisit, timeline_.slot_phases(touched)};
  timeline_.settle(touched);
  timeline_.save_moments(touched, situation);
  const Time entry = timeline_.now();
  if (const auto known = outcomes_.find(situation); known != outcomes_.end())
    return timeline_.load_outcome(touched, entry, known->second);
  iterate(level, first_from, end_from, revisit);
  std::vector<Time> outcome;
  timeline_.save_outcome(touched, entry, outcome);
  outcomes_.emplace(std::move(situation), std::move(outcome));
}

void NestWalk::iterate(int level, int first_from, int end_from, bool revisit) {
  const std::int64_t count = work_.loops[level].count;
  const bool reduces = level < static_cast<int>(plan_.reducing.size()) && plan_.reducing[level];
  const OperandSet inside = changing_from(level);
  PeriodFinder finder;
  for (std::int64_t i = 0; i < count; ++i) {
    // The first iteration may open, and the last close, operands of outer loops.
    if (i > 0 && i + 2 < count) {
      const auto period = finder.look(timeline_, inside, i);
      if (period.iterations > 0) {
        const std::int64_t periods = (count - 1 - i) / period.iterations;
        timeline_.shift(inside, periods * period.cycles);
        move_addresses(level, periods * period.iterations);
        i += periods * period.iterations;
      }
    }
    run_loops(level + 1, i == 0 ? first_from : level, i + 1 == count ? end_from : level,
              revisit || (i > 0 && reduces));
    move_addresses(level, 1);
  }
  move_addresses(level, -count);
}

}  // namespace tessera::hw
