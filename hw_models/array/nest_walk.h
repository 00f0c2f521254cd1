// Walks an array instruction's loop nest without visiting every iteration.
#pragma once

#include <map>
#include <vector>

#include "hw_models/array/array_plan.h"
#include "hw_models/array/array_work.h"
#include "hw_models/array/timeline.h"

namespace tessera::hw {

/// Runs a Timeline over a loop nest. What the rest of a loop does depends only on the situation at
/// the start of an iteration: the moments of the operands that change inside it, relative to now,
/// and the banks their next lines are in. When a situation comes back, whole periods are skipped;
/// when an inner nest starts in a situation it has started in before, its outcome is taken from
/// memory. Both are exact.
class NestWalk {
 public:
  NestWalk(const ArrayPlan& plan, const ArrayWork& work, Timeline& timeline);

  void run() { run_loops(0, kOutside, kOutside, work_.accumulate_in_buffer); }

 private:
  static constexpr int kOutside = -1;

  /// Iterations of all loops from `level` in. Operands that change at `first_from` or further in
  /// open in the first of them, those that change at `end_from` or further in close in the last.
  void run_loops(int level, int first_from, int end_from, bool revisit);
  void iterate(int level, int first_from, int end_from, bool revisit);
  void move_addresses(int level, std::int64_t iterations);
  /// Operands that change at this loop or further in.
  OperandSet changing_from(int level) const;
  /// Operands whose window slides when this loop moves on.
  OperandSet sliding_at(int level) const;

  const ArrayPlan& plan_;
  const ArrayWork& work_;
  Timeline& timeline_;
  std::vector<std::int64_t> groups_inside_;  ///< per level
  std::map<std::vector<Time>, std::vector<Time>> outcomes_;
};

}  // namespace tessera::hw
