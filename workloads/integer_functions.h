// What every function means in functional mode: exact integers, the same on every machine. The
// reference executor and the simulator call these same scalar functions but move the data
// independently.
//
// Elements are 8-bit integers held in 32 bits. Where a function needs a scale, an element x stands
// for x / 16 (kUnit); sigmoid, tanh, erf and softmax return fractions of 128. The curves are
// approximations chosen for determinism and for keeping differences visible, not for a network's
// accuracy.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>

#include "workloads/layer.h"

namespace tessera::workloads {

using Element = std::int32_t;

inline constexpr Element kElementMin = -128;
inline constexpr Element kElementMax = 127;
/// The element that stands for 1.0.
inline constexpr Element kUnit = 16;
/// 1.0 of the functions that return fractions, before saturation.
inline constexpr Element kFraction = 128;

constexpr Element saturate(std::int64_t value) {
  return static_cast<Element>(std::clamp<std::int64_t>(value, kElementMin, kElementMax));
}

/// value / 2^bits, halves rounded up.
constexpr std::int64_t shift_rounded(std::int64_t value, int bits) {
  return bits == 0 ? value : (value + (std::int64_t{1} << (bits - 1))) >> bits;
}

/// numerator / denominator for a positive denominator, halves rounded up.
constexpr std::int64_t divide_rounded(std::int64_t numerator, std::int64_t denominator) {
  const std::int64_t twice = 2 * numerator + denominator, divisor = 2 * denominator;
  return twice >= 0 ? twice / divisor : -((-twice + divisor - 1) / divisor);
}

/// Largest r with r * r <= value, for a non-negative value.
constexpr std::int64_t integer_sqrt(std::int64_t value) {
  std::int64_t root = 0;
  for (std::int64_t bit = std::int64_t{1} << 30; bit > 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= value) root += bit;
  return root;
}

/// 32-bit accumulation wraps around, so that partial sums may be added in any order.
constexpr Element wrapping_add(Element a, Element b) {
  return static_cast<Element>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

/// Right shift that brings a sum of `terms` products of two elements back to eight bits. A product
/// of uniform elements has a standard deviation of 2^12.4, the sum 2^12.4 sqrt(terms), which leaves
/// 2^6.4 to 2^7.4: some results saturate, and values do not fade from layer to layer behind
/// functions that drop the negative half.
constexpr int requantise_shift(std::int64_t terms) {
  return 6 + (std::bit_width(static_cast<std::uint64_t>(terms)) - 1) / 2;
}

constexpr Element requantise(Element sum, int shift) { return saturate(shift_rounded(sum, shift)); }

/// exp(-i / 16) x 65536 for i in [0, 255], by repeated multiplication with exp(-1/16) = 61565 /
/// 65536.
inline constexpr std::array<std::int64_t, 256> kExponentials = [] {
  std::array<std::int64_t, 256> table{};
  table[0] = 65536;
  for (std::size_t i = 1; i < table.size(); ++i) table[i] = (table[i - 1] * 61565 + 32768) >> 16;
  return table;
}();

/// exp(-distance / 16) x 65536 for a non-negative distance.
constexpr std::int64_t decayed(std::int64_t distance) {
  return distance < 256 ? kExponentials[static_cast<std::size_t>(distance)] : 0;
}

/// 128 / (1 + exp(-x / 16)), not saturated: 0 to 128.
constexpr std::int64_t sigmoid_fraction(std::int64_t x) {
  const std::int64_t tail = decayed(x < 0 ? -x : x);
  const std::int64_t upper = divide_rounded(std::int64_t{kFraction} * 65536, 65536 + tail);
  return x < 0 ? kFraction - upper : upper;
}

/// 128 tanh(x / 16) = 2 sigmoid(2 x) - 1.
constexpr std::int64_t tanh_fraction(std::int64_t x) {
  return 2 * sigmoid_fraction(2 * x) - kFraction;
}

/// 16 exp(x / 16), saturated.
constexpr Element exponential(Element x) {
  if (x <= 0) return saturate(shift_rounded(kUnit * decayed(-x), 16));
  const std::int64_t tail = decayed(x);
  return saturate(divide_rounded(std::int64_t{kUnit} << 32, std::max<std::int64_t>(1, tail) << 16));
}

/// x sigmoid(x) and its relatives: x times a fraction of 128.
constexpr Element gated(Element x, std::int64_t fraction) {
  return saturate(shift_rounded(x * fraction, 7));
}

/// A function of one element. kClip keeps [-64, 63]; kLeakyRelu has slope 1/8; kPow is the square;
/// an arithmetic function has the constant 1.0 as its other operand; kNone is the identity.
constexpr Element apply_function(Function function, Element x) {
  switch (function) {
    case Function::kRelu:
      return std::max(x, 0);
    case Function::kRelu6:
      return std::clamp(x, 0, 6 * kUnit);
    case Function::kClip:
      return std::clamp(x, -64, 63);
    case Function::kSigmoid:
      return saturate(sigmoid_fraction(x));
    case Function::kTanh:
      return saturate(tanh_fraction(x));
    // gelu(x) = x sigmoid(1.702 x), with 1.702 = 27 / 16.
    case Function::kGelu:
      return gated(x, sigmoid_fraction(shift_rounded(27 * x, 4)));
    case Function::kSwish:
      return gated(x, sigmoid_fraction(x));
    // x min(max(x + 3, 0), 6) / 6
    case Function::kHardSwish:
      return gated(x,
                   divide_rounded(kFraction * std::clamp(x + 3 * kUnit, 0, 6 * kUnit), 6 * kUnit));
    case Function::kLeakyRelu:
      return x >= 0 ? x : static_cast<Element>(shift_rounded(x, 3));
    case Function::kExp:
      return exponential(x);
    case Function::kSqrt:
      return saturate(integer_sqrt(std::int64_t{std::max(x, 0)} * kUnit));
    // erf(x) = tanh(1.125 x), within 0.02
    case Function::kErf:
      return saturate(tanh_fraction(shift_rounded(9 * x, 3)));
    case Function::kPow:
      return saturate(shift_rounded(x * x, 4));
    case Function::kAdd:
      return saturate(std::int64_t{x} + kUnit);
    case Function::kSubtract:
      return saturate(std::int64_t{x} - kUnit);
    // Scale 3/4 and shift 1/8, the same for every channel: the parameters are not modelled.
    case Function::kBatchNorm:
      return saturate(shift_rounded(3 * x, 2) + kUnit / 8);
    default:
      return x;
  }
}

constexpr Element divide(Element a, Element b) {
  if (b == 0) return a < 0 ? kElementMin : kElementMax;
  return saturate(b < 0 ? divide_rounded(-kUnit * a, -b) : divide_rounded(kUnit * a, b));
}

/// Two operands at a time, left to right.
constexpr Element combine(Function function, Element a, Element b) {
  switch (function) {
    case Function::kAdd:
      return saturate(std::int64_t{a} + b);
    case Function::kSubtract:
      return saturate(std::int64_t{a} - b);
    case Function::kMultiply:
      return saturate(shift_rounded(a * b, 6));
    case Function::kDivide:
      return divide(a, b);
    case Function::kPow:
      return saturate(shift_rounded(a * b, 4));
    default:
      return std::max(a, b);
  }
}

/// What a kMap layer computes from its operands.
constexpr Element map_elements(Function function, std::span<const Element> x) {
  if (function == Function::kLstmCell)
    return saturate(shift_rounded(sigmoid_fraction(x[1]) * x[3], 7) +
                    shift_rounded(sigmoid_fraction(x[0]) * tanh_fraction(x[2]), 10));
  if (function == Function::kLstmHidden)
    return saturate(shift_rounded(sigmoid_fraction(x[0]) * tanh_fraction(x[1]), 7));
  if (x.size() == 1) return apply_function(function, x[0]);
  Element result = x[0];
  for (const Element operand : x.subspan(1)) result = combine(function, result, operand);
  return result;
}

/// Where a pooling accumulator starts, and how it takes a tap or another partial result.
constexpr Element pool_start(Function function) {
  return function == Function::kMaxPool ? std::numeric_limits<Element>::min() : 0;
}
constexpr Element pool_step(Function function, Element accumulator, Element tap) {
  return function == Function::kMaxPool ? std::max(accumulator, tap)
                                        : wrapping_add(accumulator, tap);
}
/// `count`: taps that the average divides by. A window without any tap gives 0.
constexpr Element pool_finish(Function function, Element accumulator, std::int64_t count) {
  if (count == 0) return 0;
  return function == Function::kMaxPool ? accumulator
                                        : saturate(divide_rounded(accumulator, count));
}

/// Softmax in fractions of 127: maximum, sum of exponentials, quotient.
inline void softmax_row(std::span<const Element> row, std::span<Element> result) {
  const Element top = *std::ranges::max_element(row);
  std::int64_t sum = 0;
  for (const Element x : row) sum += decayed(top - x);
  for (std::size_t i = 0; i < row.size(); ++i)
    result[i] = saturate(divide_rounded(kElementMax * decayed(top - row[i]), sum));
}

/// (x - mean) / standard deviation with a standard deviation of one written as 32.
inline void layer_norm_row(std::span<const Element> row, std::span<Element> result) {
  const auto count = static_cast<std::int64_t>(row.size());
  std::int64_t sum = 0, squares = 0;
  for (const Element x : row) sum += x;
  const std::int64_t mean = divide_rounded(sum, count);
  for (const Element x : row) squares += (x - mean) * (x - mean);
  const std::int64_t deviation =
      std::max<std::int64_t>(1, integer_sqrt(divide_rounded(squares, count)));
  for (std::size_t i = 0; i < row.size(); ++i)
    result[i] = saturate(divide_rounded(32 * (row[i] - mean), deviation));
}

/// Local response normalisation: x / sqrt(1 + sum of squares / 4096), the sum over the window's
/// channels.
constexpr Element local_response(Element x, std::int64_t sum_of_squares) {
  return saturate(divide_rounded(64 * x, integer_sqrt(4096 + sum_of_squares)));
}

}  // namespace tessera::workloads
