#include "sim/base/time_bins.h"

#include <algorithm>

namespace tessera {

namespace {

// 128 bits: byte-cycles of a long interval times its length.
__extension__ using Wide = unsigned __int128;

std::uint64_t share(std::uint64_t amount, Cycle part, Cycle whole) {
  return static_cast<std::uint64_t>(static_cast<Wide>(amount) * part / whole);
}

}  // namespace

TimeBins::TimeBins(std::size_t rows, std::size_t bins, Cycle width)
    : bins_(bins), width_(width), counts_(rows * bins) {}

void TimeBins::add(std::size_t row, Cycle begin, Cycle end, std::uint64_t amount) {
  if (amount == 0) return;
  reach(end);
  std::uint64_t* counts = &counts_[row * bins_];
  if (begin >= end) begin = end - 1;
  const Cycle length = end - begin;
  std::uint64_t spread = 0;
  for (Cycle from = begin; from < end;) {
    const std::size_t bin = static_cast<std::size_t>(from / width_);
    const Cycle to = std::min<Cycle>((bin + 1) * width_, end);
    const auto through = share(amount, to - begin, length);
    counts[bin] += through - spread;
    spread = through;
    from = to;
  }
}

void TimeBins::reach(Cycle end) {
  while (end > width_ * bins_) widen();
}

void TimeBins::widen() {
  for (std::size_t first = 0; first < counts_.size(); first += bins_) {
    std::uint64_t* counts = &counts_[first];
    for (std::size_t bin = 0; bin < bins_; ++bin)
      counts[bin] = 2 * bin < bins_ ? counts[2 * bin] + counts[2 * bin + 1] : 0;
  }
  width_ *= 2;
}

std::vector<std::uint64_t> TimeBins::row(std::size_t row, std::size_t count) const {
  const auto first = counts_.begin() + static_cast<std::ptrdiff_t>(row * bins_);
  return {first, first + static_cast<std::ptrdiff_t>(count)};
}

}  // namespace tessera
