// What a simulation that may have been ended early says of a program.
#pragma once

#include <optional>

#include "sim/base/types.h"

namespace tessera::mapping {

struct Verdict {
  std::optional<Cycle> cycles;
  Cycle more_than = 0;  ///< while the cycles are not known

  /// Whether the question for the cycles up to `limit` (0: no limit) needs no simulation.
  bool decides(Cycle limit) const { return cycles || (limit > 0 && more_than >= limit); }
  /// The cycles unless there are more than `limit`.
  std::optional<Cycle> within(Cycle limit) const {
    return cycles && (limit == 0 || *cycles <= limit) ? cycles : std::nullopt;
  }
};

}  // namespace tessera::mapping
