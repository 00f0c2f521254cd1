// When refreshes are owed.
#pragma once

#include <cstdint>

#include "hw_models/dram/command.h"

namespace tessera::dram {

/// The refresh counter of one rank: from `first` on, one more refresh is owed every `interval`.
class RefreshTimer {
 public:
  RefreshTimer(DramCycle first, DramCycle interval) : next_due_(first), interval_(interval) {}

  /// Counts what has fallen due up to and including `now`. Returns whether anything was added.
  bool advance(DramCycle now) {
    if (now < next_due_) return false;
    const DramCycle count = (now - next_due_) / interval_ + 1;
    owed_ += count;
    next_due_ += count * interval_;
    return true;
  }
  void done() { --owed_; }

  DramCycle owed() const { return owed_; }
  DramCycle next_due() const { return next_due_; }

 private:
  DramCycle next_due_;
  DramCycle interval_;
  DramCycle owed_ = 0;
};

}  // namespace tessera::dram
