// Where a tile's cycles went: every cycle has exactly one cause.
#pragma once

#include <array>
#include <numeric>
#include <string_view>

#include "sim/base/types.h"

namespace tessera::hw {

enum class Cause : int {
  kCompute,      ///< PE array in its steady phase
  kFillDrain,    ///< PE array filling or draining
  kDelivery,     ///< PE array waiting for buses and buffer slots
  kVector,       ///< vector unit
  kControl,      ///< issuing an instruction
  kWaitDram,     ///< data or room awaited from DRAM
  kWaitShared,   ///< data or room awaited from a shared buffer
  kWaitNetwork,  ///< data on its way
  kWaitPeer,     ///< another tile has not produced, is not ready, or has no room
  kIdle,         ///< no share in the work at this time
};
inline constexpr int kCauses = 10;
inline constexpr std::array<std::string_view, kCauses> kCauseNames = {
    "compute",   "array_fill_drain",   "buffer_and_delivery", "vector",    "control",
    "wait_dram", "wait_shared_buffer", "wait_network",        "wait_peer", "idle"};

/// Cycles of one tile by cause; they add up to the cycles that it has accounted for.
class CycleStack {
 public:
  void add(Cause cause, Cycle cycles) { cycles_[static_cast<int>(cause)] += cycles; }
  void add(const CycleStack& other) {
    for (int i = 0; i < kCauses; ++i) cycles_[i] += other.cycles_[i];
  }
  Cycle of(Cause cause) const { return cycles_[static_cast<int>(cause)]; }
  Cycle total() const { return std::accumulate(cycles_.begin(), cycles_.end(), Cycle{0}); }

 private:
  std::array<Cycle, kCauses> cycles_{};
};

}  // namespace tessera::hw
