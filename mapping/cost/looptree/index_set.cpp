#include "mapping/cost/looptree/index_set.h"

#include <algorithm>

#include "sim/base/types.h"

namespace tessera::mapping::looptree {

namespace {

/// Ceiling of a / b for positive b and any a.
std::int64_t ceil_of(std::int64_t a, std::int64_t b) {
  return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

}  // namespace

void IndexSet::append(Interval interval) {
  if (interval.begin >= interval.end) return;
  if (!intervals_.empty() && intervals_.back().end >= interval.begin)
    intervals_.back().end = std::max(intervals_.back().end, interval.end);
  else
    intervals_.push_back(interval);
}

std::int64_t IndexSet::size() const {
  std::int64_t size = 0;
  for (const auto& interval : intervals_) size += interval.end - interval.begin;
  return size;
}

bool IndexSet::has(std::int64_t member) const {
  const auto after = std::ranges::upper_bound(intervals_, member, {}, &Interval::begin);
  return after != intervals_.begin() && member < std::prev(after)->end;
}

void IndexSet::append_bounds(std::vector<std::int64_t>& bounds) const {
  for (const auto& interval : intervals_) {
    bounds.push_back(interval.begin);
    bounds.push_back(interval.end);
  }
}

IndexSet IndexSet::unite(const IndexSet& other) const {
  std::vector<Interval> all;
  std::ranges::merge(intervals_, other.intervals_, std::back_inserter(all));
  IndexSet united;
  for (const auto& interval : all) united.append(interval);
  return united;
}

IndexSet IndexSet::intersect(const IndexSet& other) const {
  IndexSet common;
  for (auto a = intervals_.begin(), b = other.intervals_.begin();
       a != intervals_.end() && b != other.intervals_.end();) {
    common.append({std::max(a->begin, b->begin), std::min(a->end, b->end)});
    a->end < b->end ? ++a : ++b;
  }
  return common;
}

IndexSet IndexSet::subtract(const IndexSet& other) const {
  IndexSet rest;
  auto hole = other.intervals_.begin();
  for (const auto& interval : intervals_) {
    std::int64_t begin = interval.begin;
    while (hole != other.intervals_.end() && hole->end <= begin) ++hole;
    for (auto h = hole; h != other.intervals_.end() && h->begin < interval.end; ++h) {
      rest.append({begin, h->begin});
      begin = std::max(begin, h->end);
    }
    rest.append({begin, interval.end});
  }
  return rest;
}

IndexSet IndexSet::scale(std::int64_t coefficient, std::int64_t constant) const {
  IndexSet scaled;
  for (const auto& interval : intervals_) {
    if (coefficient == 1) {
      scaled.append({interval.begin + constant, interval.end + constant});
      continue;
    }
    for (std::int64_t x = interval.begin; x < interval.end; ++x)
      scaled.append({coefficient * x + constant, coefficient * x + constant + 1});
  }
  return scaled;
}

IndexSet IndexSet::unscale(std::int64_t coefficient, std::int64_t constant) const {
  IndexSet unscaled;
  for (const auto& interval : intervals_)
    unscaled.append({ceil_of(interval.begin - constant, coefficient),
                     ceil_of(interval.end - constant, coefficient)});
  return unscaled;
}

IndexSet IndexSet::plus(const IndexSet& other) const {
  IndexSet sums;
  for (const auto& a : intervals_) {
    IndexSet moved;
    for (const auto& b : other.intervals_) moved.append({a.begin + b.begin, a.end + b.end - 1});
    sums = sums.unite(moved);
  }
  return sums;
}

bool Region::empty() const {
  return std::ranges::any_of(sets, [](const IndexSet& set) { return set.empty(); });
}

std::int64_t Region::size() const {
  std::int64_t size = 1;
  for (const auto& set : sets) size *= set.size();
  return size;
}

Region Region::intersect(const Region& other) const {
  Region common;
  for (std::size_t i = 0; i < sets.size(); ++i)
    common.sets.push_back(sets[i].intersect(other.sets[i]));
  return common;
}

Region unite_dimensions(const Region& a, const Region& b) {
  Region united;
  for (std::size_t i = 0; i < a.sets.size(); ++i) united.sets.push_back(a.sets[i].unite(b.sets[i]));
  return united;
}

std::vector<Region> subtract(const Region& a, const Region& b) {
  if (a.empty()) return {};
  if (a.intersect(b).empty()) return {a};
  std::vector<Region> pieces;
  Region rest = a;
  for (std::size_t i = 0; i < a.sets.size(); ++i) {
    Region piece = rest;
    piece.sets[i] = rest.sets[i].subtract(b.sets[i]);
    if (!piece.empty()) pieces.push_back(piece);
    rest.sets[i] = rest.sets[i].intersect(b.sets[i]);
  }
  return pieces;
}

std::vector<Region> subtract(const std::vector<Region>& a, const std::vector<Region>& b) {
  std::vector<Region> rest = a;
  for (const auto& hole : b) {
    std::vector<Region> next;
    for (const auto& region : rest)
      for (auto& piece : subtract(region, hole)) next.push_back(std::move(piece));
    rest = std::move(next);
  }
  return rest;
}

std::int64_t size_of(const std::vector<Region>& disjoint) {
  std::int64_t size = 0;
  for (const auto& region : disjoint) size += region.size();
  return size;
}

}  // namespace tessera::mapping::looptree
