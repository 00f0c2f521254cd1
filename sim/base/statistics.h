// Exact small statistics: everything is integer counts until the moment of reporting.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

/// Counts of non-negative integer samples in bins of one, with an open last bin.
/// Percentiles are exact for samples below `limit`; the maximum is always exact.
class Histogram {
 public:
  explicit Histogram(std::uint64_t limit = 4096) : limit_(limit) {}

  void add(std::uint64_t sample, std::uint64_t times = 1);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  std::uint64_t max() const { return max_; }
  double mean() const;
  /// Smallest sample s such that at least `fraction` of all samples are <= s (nearest rank). 0 when
  /// empty.
  std::uint64_t percentile(double fraction) const;
  /// Count per value; the last bin holds everything at or above the limit.
  const std::vector<std::uint64_t>& bins() const { return bins_; }

 private:
  std::uint64_t limit_;
  std::vector<std::uint64_t> bins_;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace tessera
