// Loop nests counted out one iteration at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "hw_models/array/array_work.h"

namespace tessera::hw::detail {

/// Loops an operand's register contents depend on: up to the innermost that indexes it outside its
/// store.
int loops_that_change(const ArrayWork& work, int operand);

/// Indices of the first `depth` loops of a nest, advanced like an odometer.
class LoopOdometer {
 public:
  LoopOdometer(const ArrayWork& work, int depth);

  bool done() const { return done_; }
  void advance();
  /// Will the next advance change one of the first `depth` loops (or end the nest)?
  bool is_last_within(int depth) const;
  std::int64_t index(int loop) const { return index_[loop]; }

 private:
  const ArrayWork& work_;
  std::vector<std::int64_t> index_;
  bool done_ = false;
};

/// The fills of one operand in order, with the buffer line each starts at.
class FillSequence {
 public:
  /// `slid_lines` are those of a fill whose window has only moved on.
  FillSequence(const ArrayWork& work, int operand, std::int64_t lines_per_fill,
               std::int64_t slid_lines = 0);

  bool done() const { return odometer_.done(); }
  void advance() {
    odometer_.advance();
    ++number_;
  }
  std::int64_t number() const { return number_; }
  std::int64_t first_line() const;
  /// Only the innermost loop has moved on, and the window slides along it.
  bool slid() const {
    return depth_ > 0 && work_.operand[operand_].slide_words > 0 && odometer_.index(depth_ - 1) > 0;
  }
  /// Outputs: was this tile worked on before, or does an earlier instruction leave sums in it?
  bool revisits() const;

 private:
  const ArrayWork& work_;
  int operand_;
  std::int64_t lines_;
  std::int64_t slid_lines_;
  int depth_;
  LoopOdometer odometer_;
  std::int64_t number_ = 0;
};

/// Fewest output tiles between two visits of the same one, found by listing all visits; 0: never
/// twice.
std::int64_t shortest_revisit(const ArrayWork& work);

}  // namespace tessera::hw::detail
