// When flits left: enough history to answer how many had left k cycles ago, without an event per
// flit.
#pragma once

#include <bit>
#include <cstdint>

#include "sim/base/types.h"

namespace tessera::noc {

/// Counts grants, at most one per cycle, and remembers the last 64 cycles bit by bit. Flits and
/// credits on their way over a link are read off the sender's log instead of being stored.
class GrantLog {
 public:
  std::uint64_t count() const { return count_; }
  /// Sum of the cycles of all grants, for occupancy integrals.
  std::uint64_t cycle_sum() const { return cycle_sum_; }
  Cycle as_of() const { return as_of_; }

  /// A grant in `cycle`, later than all before.
  void record(Cycle cycle) {
    const Cycle passed = cycle - as_of_;
    history_ = (passed < 64 ? history_ << passed : 0) | 1;
    as_of_ = cycle;
    ++count_;
    cycle_sum_ += cycle;
  }

  /// One grant in every cycle after the last one recorded up to and including `last`.
  void record_until(Cycle last) {
    if (last <= as_of_) return;
    const Cycle run = last - as_of_;
    history_ = run < 64 ? (history_ << run) | ((std::uint64_t{1} << run) - 1) : ~std::uint64_t{0};
    count_ += run;
    cycle_sum_ += run * as_of_ + run * (run + 1) / 2;
    as_of_ = last;
  }

  /// No grant in any cycle after the last one recorded up to and including `last`.
  void skip_until(Cycle last) {
    if (last <= as_of_) return;
    const Cycle passed = last - as_of_;
    history_ = passed < 64 ? history_ << passed : 0;
    as_of_ = last;
  }

  /// Grants in cycles up to and including `cycle - lag`; `cycle - lag` at most 63 before the last
  /// grant.
  std::uint64_t count_before(Cycle cycle, std::uint32_t lag) const {
    const auto hidden = static_cast<std::int64_t>(as_of_ + lag - cycle);
    return hidden <= 0 ? count_ : count_ - std::popcount(history_ & low_bits(hidden));
  }

  /// Sum of the cycles of the grants counted by count_before.
  std::uint64_t cycle_sum_before(Cycle cycle, std::uint32_t lag) const {
    const auto hidden = static_cast<std::int64_t>(as_of_ + lag - cycle);
    std::uint64_t sum = cycle_sum_;
    if (hidden <= 0) return sum;
    for (std::uint64_t bits = history_ & low_bits(hidden); bits != 0; bits &= bits - 1)
      sum -= as_of_ - std::countr_zero(bits);
    return sum;
  }

  /// First grant after `cycle - lag`, plus the lag; kNever when there is none yet.
  Cycle next_after(Cycle cycle, std::uint32_t lag) const {
    const auto hidden = static_cast<std::int64_t>(as_of_ + lag - cycle);
    if (hidden <= 0) return kNever;
    const std::uint64_t pending = history_ & low_bits(hidden);
    return pending == 0 ? kNever : as_of_ - (63 - std::countl_zero(pending)) + lag;
  }

  /// Cycles without grant between `cycle - lag` and the last grant.
  std::uint32_t gaps(Cycle cycle, std::uint32_t lag) const {
    const auto hidden = static_cast<std::int64_t>(as_of_ + lag - cycle);
    if (hidden <= 0) return 0;
    const std::uint64_t pending = history_ & low_bits(hidden);
    if (pending == 0) return 0;
    return static_cast<std::uint32_t>(hidden - std::countr_zero(pending) - std::popcount(pending));
  }

  /// The same when there will be a grant in every cycle from `open_from` on: also counts what is
  /// missing until then.
  std::uint32_t gaps_until(Cycle open_from, Cycle cycle, std::uint32_t lag) const {
    const auto hidden = static_cast<std::int64_t>(as_of_ + lag - cycle);
    std::uint32_t missing = 0;
    if (hidden > 0)
      missing = static_cast<std::uint32_t>(hidden - std::popcount(history_ & low_bits(hidden)));
    const Cycle known = hidden > 0 ? as_of_ : cycle - lag;
    return missing +
           (open_from > known + 1 ? static_cast<std::uint32_t>(open_from - 1 - known) : 0);
  }

  /// Fault injection for the tests of the self-check: one grant is forgotten.
  void forget_one() { --count_; }

 private:
  static std::uint64_t low_bits(std::int64_t bits) {
    return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  }

  std::uint64_t history_ = 0;  // bit k: grant in cycle as_of_ - k
  Cycle as_of_ = 0;            // last cycle decided
  std::uint64_t count_ = 0;
  std::uint64_t cycle_sum_ = 0;
};

}  // namespace tessera::noc
