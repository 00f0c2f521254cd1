#include "workloads/view.h"

#include <algorithm>
#include <numeric>

namespace tessera::workloads {

namespace {

bool continues(const Digit& outer, const Digit& inner) {
  return outer.dimension == inner.dimension &&
         outer.coefficient == inner.coefficient * inner.extent;
}

/// Appends a digit, merging it with the one before where both walk the storage as one.
void append(Digits& digits, const Digit& digit) {
  if (digit.extent == 1) return;
  if (!digits.empty() && continues(digits.back(), digit))
    digits.back() = {digits.back().extent * digit.extent, digit.dimension, digit.coefficient};
  else
    digits.push_back(digit);
}

Digits all_digits(const View& view) {
  Digits digits;
  for (const auto& dimension : view.dimensions)
    for (const auto& digit : dimension) append(digits, digit);
  return digits;
}

/// Takes digits of product `extent` off the inner end; nothing when a digit would have to be cut
/// unevenly.
std::optional<Digits> take_inner(Digits& digits, std::int64_t extent) {
  Digits taken;
  while (extent > 1) {
    if (digits.empty()) return std::nullopt;
    Digit& last = digits.back();
    const std::int64_t common = std::gcd(last.extent, extent);
    if (common != std::min(last.extent, extent)) return std::nullopt;
    taken.push_back({common, last.dimension, last.coefficient});
    extent /= common;
    last = {last.extent / common, last.dimension, last.coefficient * common};
    if (last.extent == 1) digits.pop_back();
  }
  std::ranges::reverse(taken);
  return taken;
}

void shift(View& view, const Digit& digit, std::int64_t steps) {
  if (digit.dimension != kNoDimension) view.origin[digit.dimension] += steps * digit.coefficient;
}

/// Slice of the digits from `first` on; digits before it are fixed.
bool slice_digits(View& view, Digits& digits, std::int64_t begin, std::int64_t count,
                  std::int64_t step) {
  Digits kept;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    Digit digit = digits[i];
    const std::int64_t inner = extent_of({digits.begin() + static_cast<long>(i) + 1, digits.end()});
    const std::int64_t last = begin + (count - 1) * step;
    if (inner > 1 && begin / inner == last / inner) {
      shift(view, digit, begin / inner);
      begin %= inner;
      continue;
    }
    if (inner > 1 && (step != 1 || begin % inner != 0 || count % inner != 0)) return false;
    shift(view, digit, begin / inner);
    digit = {count / inner, digit.dimension, digit.coefficient * step};
    kept.push_back(digit);
    kept.insert(kept.end(), digits.begin() + static_cast<long>(i) + 1, digits.end());
    break;
  }
  digits = kept;
  return true;
}

}  // namespace

std::int64_t extent_of(const Digits& digits) {
  std::int64_t product = 1;
  for (const auto& digit : digits) product *= digit.extent;
  return product;
}

std::vector<std::int64_t> View::shape() const {
  std::vector<std::int64_t> extents;
  for (const auto& digits : dimensions) extents.push_back(extent_of(digits));
  return extents;
}

std::int64_t View::elements() const {
  std::int64_t product = 1;
  for (const auto& digits : dimensions) product *= extent_of(digits);
  return product;
}

View identity_view(int tensor, const std::vector<std::int64_t>& extents) {
  View view{tensor, std::vector<std::int64_t>(extents.size(), 0), {}};
  for (std::size_t i = 0; i < extents.size(); ++i)
    view.dimensions.push_back({{extents[i], static_cast<int>(i), 1}});
  return view;
}

bool is_identity(const View& view, const std::vector<std::int64_t>& extents) {
  if (view.dimensions.size() != extents.size()) return false;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const auto& digits = view.dimensions[i];
    if (view.origin[i] != 0 || extent_of(digits) != extents[i]) return false;
    if (extents[i] > 1 && digits != Digits{{extents[i], static_cast<int>(i), 1}}) return false;
  }
  return true;
}

bool keeps_storage_order(const View& view, const std::vector<std::int64_t>& extents) {
  if (std::ranges::any_of(view.origin, [](std::int64_t offset) { return offset != 0; }))
    return false;
  return all_digits(view) == all_digits(identity_view(view.tensor, extents));
}

View transpose(const View& view, const std::vector<int>& order) {
  View result{view.tensor, view.origin, {}};
  for (const int dimension : order) result.dimensions.push_back(view.dimensions[dimension]);
  return result;
}

std::optional<View> reshape(const View& view, const std::vector<std::int64_t>& shape) {
  if (shape == view.shape()) return view;
  Digits digits = all_digits(view);
  View result{view.tensor, view.origin, std::vector<Digits>(shape.size())};
  for (std::size_t i = shape.size(); i-- > 0;) {
    auto taken = take_inner(digits, shape[i]);
    if (!taken) return std::nullopt;
    for (const auto& digit : *taken) append(result.dimensions[i], digit);
  }
  if (!digits.empty()) return std::nullopt;
  return result;
}

std::optional<View> slice(const View& view, int axis, std::int64_t begin, std::int64_t count,
                          std::int64_t step) {
  View result = view;
  if (!slice_digits(result, result.dimensions[axis], begin, count, step)) return std::nullopt;
  return result;
}

View broadcast_to(const View& view, const std::vector<std::int64_t>& shape) {
  View result{view.tensor, view.origin, std::vector<Digits>(shape.size())};
  const std::size_t missing = shape.size() - view.dimensions.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i >= missing && view.extent(static_cast<int>(i - missing)) == shape[i])
      result.dimensions[i] = view.dimensions[i - missing];
    else
      result.dimensions[i] = {{shape[i], kNoDimension, 0}};
  }
  return result;
}

View repeat(const View& view, int axis, std::int64_t factor) {
  View result = view;
  if (factor > 1) result.dimensions[axis].push_back({factor, kNoDimension, 0});
  return result;
}

}  // namespace tessera::workloads
