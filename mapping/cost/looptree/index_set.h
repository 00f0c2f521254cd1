// Exact sets of integers and products of them: the data of a tile, strides and gaps included.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace tessera::mapping::looptree {

/// Half-open range.
struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  auto operator<=>(const Interval&) const = default;
};

/// A finite set of integers, as disjoint intervals in ascending order that do not touch.
class IndexSet {
 public:
  IndexSet() = default;
  IndexSet(std::int64_t begin, std::int64_t end) {
    if (begin < end) intervals_.push_back({begin, end});
  }

  bool empty() const { return intervals_.empty(); }
  std::int64_t size() const;
  std::int64_t min() const { return intervals_.front().begin; }
  std::int64_t max() const { return intervals_.back().end - 1; }

  bool has(std::int64_t member) const;
  /// Appends where intervals begin and where they have ended.
  void append_bounds(std::vector<std::int64_t>& bounds) const;

  IndexSet unite(const IndexSet& other) const;
  IndexSet intersect(const IndexSet& other) const;
  IndexSet subtract(const IndexSet& other) const;
  bool contains(const IndexSet& other) const { return other.subtract(*this).empty(); }
  /// { coefficient x + constant : x in this }, coefficient at least 1.
  IndexSet scale(std::int64_t coefficient, std::int64_t constant) const;
  /// { x : coefficient x + constant in this }.
  IndexSet unscale(std::int64_t coefficient, std::int64_t constant) const;
  /// All sums of a member of each.
  IndexSet plus(const IndexSet& other) const;

  auto operator<=>(const IndexSet&) const = default;

 private:
  void append(Interval interval);

  std::vector<Interval> intervals_;
};

/// A product of index sets: one per dimension of a tensor, or one per rank of an einsum. Empty when
/// one of them is; no dimensions at all stand for a single point.
class Region {
 public:
  std::vector<IndexSet> sets;

  bool empty() const;
  std::int64_t size() const;
  Region intersect(const Region& other) const;
  auto operator<=>(const Region&) const = default;
};

/// Per dimension; exact when the regions are slices of a product, as tiles of a loop nest are.
Region unite_dimensions(const Region& a, const Region& b);

/// `a` without `b` as disjoint regions.
std::vector<Region> subtract(const Region& a, const Region& b);
std::vector<Region> subtract(const std::vector<Region>& a, const std::vector<Region>& b);

/// Elements of disjoint regions.
std::int64_t size_of(const std::vector<Region>& disjoint);

}  // namespace tessera::mapping::looptree
