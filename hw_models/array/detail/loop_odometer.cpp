#include "hw_models/array/detail/loop_odometer.h"

#include <algorithm>
#include <map>

namespace tessera::hw::detail {

int loops_that_change(const ArrayWork& work, int operand) {
  int depth = 0;
  for (int loop = 0; loop < work.operand[operand].store_depth; ++loop)
    if (work.loops[loop].indexes[operand]) depth = loop + 1;
  return depth;
}

LoopOdometer::LoopOdometer(const ArrayWork& work, int depth)
    : work_(work), index_(static_cast<std::size_t>(depth), 0) {}

void LoopOdometer::advance() {
  for (std::size_t loop = index_.size(); loop > 0; --loop) {
    if (++index_[loop - 1] < work_.loops[loop - 1].count) return;
    index_[loop - 1] = 0;
  }
  done_ = true;
}

bool LoopOdometer::is_last_within(int depth) const {
  for (std::size_t loop = static_cast<std::size_t>(depth); loop < index_.size(); ++loop)
    if (index_[loop] + 1 < work_.loops[loop].count) return false;
  return true;
}

FillSequence::FillSequence(const ArrayWork& work, int operand, std::int64_t lines_per_fill,
                           std::int64_t slid_lines)
    : work_(work),
      operand_(operand),
      lines_(lines_per_fill),
      slid_lines_(slid_lines),
      depth_(loops_that_change(work, operand)),
      odometer_(work, depth_) {}

std::int64_t FillSequence::first_line() const {
  const bool slides = work_.operand[operand_].slide_words > 0 && depth_ > 0;
  std::int64_t position = 0;
  for (int loop = 0; loop < depth_ - (slides ? 1 : 0); ++loop)
    if (work_.loops[loop].indexes[operand_])
      position = position * work_.loops[loop].count + odometer_.index(loop);
  if (!slides) return work_.line_address[operand_] + position * lines_;
  // A row of windows: the first one, then the pieces that the others add.
  const std::int64_t row = lines_ + (work_.loops[depth_ - 1].count - 1) * slid_lines_;
  const std::int64_t moved = odometer_.index(depth_ - 1);
  return work_.line_address[operand_] + position * row +
         (moved > 0 ? lines_ + (moved - 1) * slid_lines_ : 0);
}

bool FillSequence::revisits() const {
  if (work_.accumulate_in_buffer) return true;
  for (int loop = 0; loop < depth_; ++loop)
    if (!work_.loops[loop].indexes[operand_] && odometer_.index(loop) > 0) return true;
  return false;
}

std::int64_t shortest_revisit(const ArrayWork& work) {
  std::int64_t shortest = 0;
  std::map<std::int64_t, std::int64_t> last_visit;
  for (FillSequence tile(work, kOutputOperand, 1); !tile.done(); tile.advance()) {
    const auto [visit, first_time] = last_visit.try_emplace(tile.first_line(), tile.number());
    if (first_time) continue;
    const std::int64_t distance = tile.number() - visit->second;
    shortest = shortest == 0 ? distance : std::min(shortest, distance);
    visit->second = tile.number();
  }
  return shortest;
}

}  // namespace tessera::hw::detail
