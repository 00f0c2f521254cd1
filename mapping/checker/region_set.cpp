#include "mapping/checker/region_set.h"

#include <algorithm>
#include <numeric>
#include <sstream>

namespace tessera::mapping::checker {

using workloads::IndexRange;
using workloads::Region;

namespace {

/// True when each index of `inner` is a multiple of the step away from the begin of `outer`.
bool aligned(const IndexRange& outer, const IndexRange& inner) {
  return (inner.begin - outer.begin) % outer.step == 0 &&
         (inner.count == 1 || inner.step % outer.step == 0);
}

bool contains(const IndexRange& outer, const IndexRange& inner) {
  return outer.count > 0 && inner.begin >= outer.begin && inner.last() <= outer.last() &&
         aligned(outer, inner);
}

/// What is left of one region after others have taken their elements out of it.
class Remainder {
 public:
  explicit Remainder(const std::vector<const Region*>& regions) : regions_(regions) {}

  /// True when nothing of `needed` is left after regions `next` and later.
  bool vanishes(const Region& needed, std::size_t next) {
    if (needed.empty()) return true;
    if (next == regions_.size()) return false;
    return checker::contains(*regions_[next], needed) || cut(needed, next, 0);
  }

 private:
  /// Cuts `needed`, whose dimensions before `dimension` already lie inside the region, into what is
  /// outside in this dimension (left for later regions) and what is inside.
  bool cut(const Region& needed, std::size_t next, std::size_t dimension) {
    if (dimension == needed.dimensions.size()) return true;
    const IndexRange& taken = regions_[next]->dimensions[dimension];
    if (taken.count == 0) return vanishes(needed, next + 1);
    return cut_residues(needed, next, dimension, taken);
  }

  /// Splits the range so that each piece meets the taken range in a run of neighbours or not at
  /// all.
  bool cut_residues(const Region& needed, std::size_t next, std::size_t dimension,
                    const IndexRange& taken) {
    const IndexRange& range = needed.dimensions[dimension];
    const std::int64_t pieces =
        range.count == 1 ? 1 : std::lcm(range.step, taken.step) / range.step;
    for (std::int64_t i = 0; i < std::min(pieces, range.count); ++i) {
      Region piece = needed;
      piece.dimensions[dimension] = {range.begin + i * range.step,
                                     (range.count - i + pieces - 1) / pieces, range.step * pieces};
      const bool meets = (piece.dimensions[dimension].begin - taken.begin) % taken.step == 0;
      if (!(meets ? cut_run(piece, next, dimension, taken) : vanishes(piece, next + 1)))
        return false;
    }
    return true;
  }

  /// Below, inside and above the taken range.
  bool cut_run(const Region& piece, std::size_t next, std::size_t dimension,
               const IndexRange& taken) {
    const IndexRange range = piece.dimensions[dimension];
    const auto position = [&](std::int64_t index) {  // first of the range at or after an index
      const std::int64_t steps =
          index <= range.begin ? 0 : (index - range.begin + range.step - 1) / range.step;
      return std::min(steps, range.count);
    };
    const std::int64_t first = position(taken.begin);
    const std::int64_t end = position(taken.last() + 1);
    const auto run = [&](std::int64_t from, std::int64_t to) {
      Region part = piece;
      part.dimensions[dimension] = {range.begin + from * range.step, to - from, range.step};
      return part;
    };
    if (first == end) return vanishes(piece, next + 1);
    return vanishes(run(0, first), next + 1) && vanishes(run(end, range.count), next + 1) &&
           cut(run(first, end), next, dimension + 1);
  }

  const std::vector<const Region*>& regions_;
};

}  // namespace

bool contains(const Region& outer, const Region& inner) {
  if (inner.empty()) return true;
  for (std::size_t d = 0; d < inner.dimensions.size(); ++d)
    if (!contains(outer.dimensions[d], inner.dimensions[d])) return false;
  return true;
}

bool covered(const Region& needed, const std::vector<const Region*>& regions) {
  return Remainder(regions).vanishes(needed, 0);
}

std::string to_text(const Region& region) {
  std::ostringstream out;
  for (std::size_t d = 0; d < region.dimensions.size(); ++d) {
    const IndexRange& range = region.dimensions[d];
    out << (d == 0 ? "" : " x ") << "[" << range.begin << ","
        << (range.count == 0 ? range.begin : range.last() + 1) << ")";
    if (range.step != 1 && range.count > 1) out << ":" << range.step;
  }
  return out.str();
}

}  // namespace tessera::mapping::checker
