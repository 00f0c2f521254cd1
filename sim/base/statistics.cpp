#include "sim/base/statistics.h"

#include <algorithm>
#include <cmath>

namespace tessera {

void Histogram::add(std::uint64_t sample, std::uint64_t times) {
  const std::uint64_t bin = std::min(sample, limit_);
  if (bin >= bins_.size()) bins_.resize(bin + 1);
  bins_[bin] += times;
  count_ += times;
  sum_ += sample * times;
  max_ = std::max(max_, sample);
}

void Histogram::merge(const Histogram& other) {
  if (other.bins_.size() > bins_.size()) bins_.resize(other.bins_.size());
  for (std::size_t i = 0; i < other.bins_.size(); ++i) bins_[i] += other.bins_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

double Histogram::mean() const {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

std::uint64_t Histogram::percentile(double fraction) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t value = 0; value < bins_.size(); ++value) {
    seen += bins_[value];
    if (seen >= rank) return value == limit_ ? max_ : value;
  }
  return max_;
}

}  // namespace tessera
