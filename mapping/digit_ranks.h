// Ranks that are split over tiles inside a loop over themselves, written in digits.
#pragma once

#include "mapping/schedule.h"

namespace tessera::mapping {

/// A tile's share of a rank is one range, but a split over tiles inside a loop over the same rank
/// deals a tile one range per iteration. Such a rank becomes several: M of 1024, a loop that leaves
/// 256 and a split that leaves 64 become M/2 (4 iterations), M/1 (4 tiles) and M (64), with M/2 x
/// 256 + M/1 x 64 + M in the tensors.
struct DigitForm {
  Schedule schedule;
  workloads::Network network;
};

/// Both unchanged when no split stands so. UserError naming layer and rank when the pieces are
/// unequal.
DigitForm in_digits(const Schedule& schedule, const workloads::Network& network);

}  // namespace tessera::mapping
