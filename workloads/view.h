// Views: a logical tensor seen in the storage of another, without moving data. Transposes, aligned
// reshapes, slices, broadcasts and nearest-neighbour repetition are all expressed as digits of a
// mixed-radix index.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace tessera::workloads {

/// The value of a digit that moves nowhere in storage: repetition.
inline constexpr int kNoDimension = -1;

/// One digit of a logical index: counts to `extent`, each step moves `coefficient` along a stored
/// dimension.
struct Digit {
  std::int64_t extent = 1;
  int dimension = kNoDimension;
  std::int64_t coefficient = 0;
  bool operator==(const Digit&) const = default;
};

/// Digits of one logical dimension, outermost first; none means an extent of one.
using Digits = std::vector<Digit>;

std::int64_t extent_of(const Digits& digits);

/// A logical tensor: where its origin lies in the stored tensor and how each logical dimension
/// moves there.
struct View {
  int tensor = -1;
  std::vector<std::int64_t> origin;  ///< per stored dimension
  std::vector<Digits> dimensions;    ///< per logical dimension

  int rank() const { return static_cast<int>(dimensions.size()); }
  std::int64_t extent(int dimension) const { return extent_of(dimensions[dimension]); }
  std::vector<std::int64_t> shape() const;
  std::int64_t elements() const;
  bool operator==(const View&) const = default;
};

/// The stored tensor as it is.
View identity_view(int tensor, const std::vector<std::int64_t>& extents);

/// True when the view is the whole stored tensor, dimension by dimension.
bool is_identity(const View& view, const std::vector<std::int64_t>& extents);

/// True when the view lists all stored elements in storage order (a pure reshape).
bool keeps_storage_order(const View& view, const std::vector<std::int64_t>& extents);

/// Logical dimension i of the result is dimension order[i] of the view.
View transpose(const View& view, const std::vector<int>& order);

/// Same elements under another shape of equal size; nothing when the shapes do not align with the
/// digits.
std::optional<View> reshape(const View& view, const std::vector<std::int64_t>& shape);

/// Indices begin, begin + step, ... of one dimension; nothing when they cut through the digits.
std::optional<View> slice(const View& view, int axis, std::int64_t begin, std::int64_t count,
                          std::int64_t step);

/// NumPy broadcast to a shape of at least the same rank; the caller has checked that it fits.
View broadcast_to(const View& view, const std::vector<std::int64_t>& shape);

/// Every index of `axis` appears `factor` times in a row.
View repeat(const View& view, int axis, std::int64_t factor);

}  // namespace tessera::workloads
