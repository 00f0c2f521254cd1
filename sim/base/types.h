// Units used everywhere. A quantity carries its unit in the type or, failing that, in its name.
#pragma once

#include <cstdint>

namespace tessera {

/// Cycles of the chip clock; DRAM code states its own clock in the name.
using Cycle = std::uint64_t;
using Bytes = std::uint64_t;

/// No such moment: larger than any cycle a run can reach.
inline constexpr Cycle kNever = ~Cycle{0};

/// Ceiling of a / b for non-negative a and positive b.
template <typename T>
constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

/// Smallest multiple of `unit` that is at least `value`.
template <typename T>
constexpr T round_up(T value, T unit) {
  return ceil_div(value, unit) * unit;
}

}  // namespace tessera
