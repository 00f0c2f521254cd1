#include "mapping/array_choice.h"

#include <algorithm>
#include <array>

#include "mapping/array_registers.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Operand;
using workloads::RankId;

RankRole rank_role(const Layer& layer, RankId rank) {
  RankRole role;
  role.input = Layer::indexes(layer.inputs[0], rank);
  role.weight = layer.inputs.size() > 1 && Layer::indexes(layer.inputs[1], rank);
  role.output = Layer::indexes(layer.output, rank);
  return role;
}

namespace {

using Extents = std::vector<std::int64_t>;

constexpr int kOutputKind = 2;

const Operand& operand_of(const Layer& layer, int kind) {
  return kind == kOutputKind ? layer.output : layer.inputs[static_cast<std::size_t>(kind)];
}

/// One operand's words between buffer and PEs, for one full tile.
struct Moved {
  std::int64_t fills = 1;
  std::int64_t words = 0;  ///< of a fill
  bool partial = false;    ///< outputs that come back to be added to

  int ways(int kind) const { return kind == kOutputKind && partial ? 2 : 1; }
};

Moved moved(const Layer& layer, const ArrayMapping& mapping, int kind, Extents extents) {
  const Operand& operand = operand_of(layer, kind);
  Moved result;
  Extents inside = extents;
  int change = 0;
  for (int i = 0; i < mapping.store_depth[kind]; ++i) {
    const auto& loop = mapping.loops[static_cast<std::size_t>(i)];
    inside[loop.rank] = std::min(inside[loop.rank], loop.tile);
    if (Layer::indexes(operand, loop.rank)) change = i + 1;
  }
  for (int i = 0; i < change; ++i) {
    const auto& loop = mapping.loops[static_cast<std::size_t>(i)];
    const std::int64_t count = ceil_div(extents[loop.rank], loop.tile);
    result.fills *= count;
    result.partial |= count > 1 && !Layer::indexes(layer.output, loop.rank);
    extents[loop.rank] = loop.tile;
  }
  result.words = nominal_elements(operand, inside);
  return result;
}

/// PEs that take the same word.
std::int64_t reached(const ArrayMapping& mapping, const Operand& operand, const Extents& extents) {
  std::int64_t pes = 1;
  for (const auto* axis : {&mapping.rows, &mapping.columns})
    for (const auto& split : *axis)
      if (!Layer::indexes(operand, split.rank)) pes *= std::min(split.ways, extents[split.rank]);
  return pes;
}

std::int64_t steps_of(const ArrayMapping& mapping, Extents extents) {
  std::int64_t steps = 1;
  for (const auto& loop : mapping.loops) {
    steps *= ceil_div(extents[loop.rank], loop.tile);
    extents[loop.rank] = loop.tile;
  }
  return steps;
}

class Chooser {
 public:
  Chooser(const Layer& layer, const Extents& extents, const hw::PeArrayDescription& array,
          int word_bytes)
      : layer_(layer), extents_(extents), array_(array), word_bytes_(word_bytes) {
    for (std::size_t r = 0; r < layer.ranks.size(); ++r)
      roles_.push_back(rank_role(layer, static_cast<RankId>(r)));
  }

  ArrayChoice choose() {
    for (const RankId row : candidates(/*reduced_allowed=*/true))
      for (const RankId column : candidates(/*reduced_allowed=*/false))
        if (row != column || row < 0) try_pair(row, column);
    if (best_.cycles == 0) try_alone(candidates(true).front());
    return best_;
  }

 private:
  /// Ranks worth spreading over an axis; -1 leaves the axis empty.
  std::vector<RankId> candidates(bool reduced_allowed) const {
    std::vector<RankId> ranks;
    for (std::size_t r = 0; r < roles_.size(); ++r)
      if (extents_[r] > 1 && (reduced_allowed || roles_[r].output))
        ranks.push_back(static_cast<RankId>(r));
    if (ranks.empty()) ranks.push_back(-1);
    return ranks;
  }

  /// A dot product inside a PE runs over a reduced rank, or over an output rank where none is left.
  std::vector<SpatialSplit> choose_lanes(const Extents& left) const {
    if (array_.macs_per_pe <= 1) return {};
    RankId chosen = -1;
    for (std::size_t r = 0; r < roles_.size(); ++r) {
      if (left[r] <= 1) continue;
      const auto id = static_cast<RankId>(r);
      const bool better =
          chosen < 0 || (roles_[r].reduced() && !roles_[chosen].reduced()) ||
          (roles_[r].reduced() == roles_[chosen].reduced() && left[r] > left[chosen]);
      if (better) chosen = id;
    }
    if (chosen < 0) return {};
    return {{chosen, std::min<std::int64_t>(left[chosen], array_.macs_per_pe)}};
  }

  void spread(std::vector<SpatialSplit>& axis, RankId rank, std::int64_t size,
              Extents& left) const {
    if (rank < 0) return;
    const std::int64_t ways = std::min(left[rank], size);
    if (ways <= 1) return;
    axis.push_back({rank, ways});
    left[rank] = ceil_div(left[rank], ways);
  }

  /// Fills what one rank leaves of an axis with the longest rank that may stand there.
  void fill_rest(std::vector<SpatialSplit>& axis, std::int64_t size, bool reduced_allowed,
                 Extents& left) const {
    std::int64_t used = 1;
    for (const auto& split : axis) used *= split.ways;
    if (size / used < 2) return;
    const bool reduces = !axis.empty() && roles_[axis.front().rank].reduced();
    RankId chosen = -1;
    for (std::size_t r = 0; r < roles_.size(); ++r) {
      const bool fits =
          left[r] > 1 && (roles_[r].reduced() ? reduced_allowed && reduces : !reduces);
      if (fits && (chosen < 0 || left[r] > left[chosen])) chosen = static_cast<RankId>(r);
    }
    spread(axis, chosen, size / used, left);
  }

  /// The only rank that can be spread stands along one axis or the other.
  void try_alone(RankId rank) {
    try_pair(rank, -1);
    try_pair(-1, rank);
  }

  void try_pair(RankId row, RankId column) {
    ArrayMapping mapping;
    Extents left = extents_;
    mapping.lanes = choose_lanes(left);
    for (const auto& split : mapping.lanes)
      left[split.rank] = ceil_div(left[split.rank], split.ways);
    spread(mapping.rows, row, array_.rows, left);
    spread(mapping.columns, column, array_.columns, left);
    fill_rest(mapping.rows, array_.rows, true, left);
    fill_rest(mapping.columns, array_.columns, false, left);
    for (const bool output_stationary : {true, false}) {
      mapping.loops = order_loops(left, output_stationary);
      place_registers(mapping);
      consider(mapping);
    }
  }

  /// Output-stationary: reduced ranks innermost. Weight-stationary: ranks without weights
  /// innermost.
  std::vector<ArrayLoopSpec> order_loops(const Extents& left, bool output_stationary) const {
    std::vector<ArrayLoopSpec> outer, inner;
    for (std::size_t r = 0; r < roles_.size(); ++r) {
      if (left[r] <= 1) continue;
      const bool inside = output_stationary ? roles_[r].reduced() : !roles_[r].weight;
      (inside ? inner : outer).push_back({static_cast<RankId>(r), ceil_div(extents_[r], left[r])});
    }
    outer.insert(outer.end(), inner.begin(), inner.end());
    return outer;
  }

  /// Holds each operand as far out as the register file allows: outputs first, then weights, then
  /// inputs.
  void place_registers(ArrayMapping& mapping) const {
    const int depths = static_cast<int>(mapping.loops.size());
    Bytes split = 0;
    for (const Bytes bytes : array_.operand_register_bytes) split += bytes;
    auto shared = static_cast<std::int64_t>(array_.register_bytes) / word_bytes_;
    for (const int kind : {2, 1, 0}) {
      if (kind == 1 && layer_.inputs.size() < 2) continue;
      const std::int64_t own =
          static_cast<std::int64_t>(array_.operand_register_bytes[kind]) / word_bytes_;
      const std::int64_t budget = split != 0 ? own : (kind == 0 ? shared : shared / 2);
      const auto copies = [&] {
        return 2 * register_words(layer_, mapping, kind, extents_, array_.reduction);
      };
      int& depth = mapping.store_depth[kind];
      for (depth = 0; depth < depths && copies() > budget;) ++depth;
      mapping.double_buffered[kind] = true;
      shared -= std::min(shared, copies());
    }
  }

  void consider(const ArrayMapping& mapping) {
    std::int64_t cycles = steps_of(mapping, extents_), first = 0, words = 0;
    for (int kind = 0; kind < 3; ++kind) {
      if (kind == 1 && layer_.inputs.size() < 2) continue;
      const Moved traffic = moved(layer_, mapping, kind, extents_);
      const std::int64_t per_fill =
          ceil_div<std::int64_t>(traffic.words, std::max(1, array_.bus_words_per_cycle[kind]));
      const int ways = traffic.ways(kind);
      cycles = std::max(cycles, traffic.fills * per_fill * ways);
      words += traffic.fills * traffic.words * ways;
      first = kind == kOutputKind ? first + per_fill : std::max(first, per_fill);
    }
    cycles += first;
    const bool better = best_.cycles == 0 || cycles < best_.cycles ||
                        (cycles == best_.cycles && words < best_.buffer_words);
    if (better) best_ = {mapping, cycles, words};
  }

  const Layer& layer_;
  const Extents& extents_;
  const hw::PeArrayDescription& array_;
  int word_bytes_;
  std::vector<RankRole> roles_;
  ArrayChoice best_;
};

}  // namespace

ArrayTraffic array_traffic(const Layer& layer, const ArrayMapping& mapping,
                           const std::vector<std::int64_t>& extents) {
  const std::int64_t steps = steps_of(mapping, extents);
  ArrayTraffic traffic;
  for (int kind = 0; kind < 3; ++kind) {
    if (kind == 1 && layer.inputs.size() < 2) continue;
    const Moved one = moved(layer, mapping, kind, extents);
    const std::int64_t pes = reached(mapping, operand_of(layer, kind), extents);
    const std::int64_t words = one.fills * one.words;
    const std::int64_t back = one.ways(kind) == 2 ? words : 0;
    traffic.words += words + back;
    traffic.hops += words * pes + back;
    const bool passes_through =
        one.fills == steps && mapping.store_depth[kind] == static_cast<int>(mapping.loops.size());
    if (!passes_through) traffic.fills += (kind == kOutputKind ? words : words * pes) + back;
  }
  return traffic;
}

ArrayChoice choose_array_mapping(const Layer& layer, const Extents& extents,
                                 const hw::PeArrayDescription& array, int word_bytes) {
  return Chooser(layer, extents, array, word_bytes).choose();
}

}  // namespace tessera::mapping
