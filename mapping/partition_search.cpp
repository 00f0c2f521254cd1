#include "mapping/partition_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "mapping/array_choice.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::Operand;
using workloads::RankId;

namespace {

using Extents = std::vector<std::int64_t>;

/// Does the rank slide over a dimension together with another, as filter taps do? Digits of one
/// index (group and channel) do not.
bool is_window(const Layer& layer, RankId rank) {
  const auto digits = [&](const workloads::AffineTerm& a, const workloads::AffineTerm& b) {
    const auto& [high, low] = a.coefficient > b.coefficient ? std::tie(a, b) : std::tie(b, a);
    return high.coefficient >= low.coefficient * layer.ranks[low.rank].extent;
  };
  const auto slides = [&](const workloads::DimensionAccess& access) {
    for (const auto& term : access.terms)
      for (const auto& other : access.terms)
        if (term.rank == rank && other.rank != rank && !digits(term, other)) return true;
    return false;
  };
  return std::ranges::any_of(layer.inputs, [&](const Operand& input) {
    return std::ranges::any_of(input.dimensions, slides);
  });
}

/// Filter taps stay together, and so do ranks that a vector layer must see whole.
bool can_be_cut(const Layer& layer, RankId rank) {
  if (layer.ranks[rank].extent <= 1) return false;
  if (std::ranges::find(layer.whole_ranks, rank) != layer.whole_ranks.end()) return false;
  if (!layer.ranks[rank].reduced) return true;
  return layer.kind == LayerKind::kMatrix && !is_window(layer, rank);
}

constexpr double kFinalists = 24;
class Search {
 public:
  Search(const workloads::Network& network, workloads::LayerId layer,
         const std::vector<InputSource>& sources, const hw::Accelerator& accelerator,
         const SearchLimits& limits)
      : layer_(network.layers[layer]),
        accelerator_(accelerator),
        limits_(limits),
        cost_(network, layer, sources, accelerator, limits.rates, limits.blocking) {
    base_.layer = layer;
    base_.inputs.resize(layer_.inputs.size());
    base_.output_home = limits.output_home;
    base_.tiles.resize(static_cast<std::size_t>(accelerator.tiles()));
    std::iota(base_.tiles.begin(), base_.tiles.end(), 0);
    for (std::size_t r = 0; r < layer_.ranks.size(); ++r)
      if (can_be_cut(layer_, static_cast<RankId>(r))) ranks_.push_back(static_cast<RankId>(r));
  }

  /// Best first; of equal ones the one found first.
  std::vector<LayerChoice> run(std::size_t places) {
    enumerate();
    std::ranges::stable_sort(dealings_, {}, &Dealing::bound);
    std::vector<LayerChoice> best;
    int tried = 0;
    for (const auto& dealing : dealings_) {
      if (tried >= kFinalists || (best.size() == places && dealing.bound >= score(best.back())))
        break;
      ++tried;
      for (const bool weights_outer : {true, false})
        if (auto choice = block(dealing, weights_outer)) {
          best.insert(std::ranges::upper_bound(best, score(*choice), {}, score), *choice);
          if (best.size() > places) best.pop_back();
        }
    }
    return best;
  }

 private:
  struct Dealing {
    std::vector<PartitionSplit> splits;
    double bound = 0;
  };

  /// One or two ranks per mesh axis, in every factorisation of the axis.
  std::vector<std::vector<PartitionSplit>> axis_options(Axis axis, int length) const {
    std::vector<std::vector<PartitionSplit>> options = {{}};
    for (const RankId outer : ranks_) {
      if (length > 1) options.push_back({{outer, 0, length, axis}});
      for (const RankId inner : ranks_)
        for (int ways = 2; inner != outer && ways < length; ++ways)
          if (length % ways == 0)
            options.push_back({{outer, 0, ways, axis}, {inner, 0, length / ways, axis}});
    }
    return options;
  }

  Extents shares(const std::vector<PartitionSplit>& splits) const {
    Extents extents = layer_.extents();
    for (const auto& split : splits)
      extents[split.rank] = ceil_div<std::int64_t>(extents[split.rank], split.ways);
    return extents;
  }

  void enumerate() {
    std::map<Extents, double> seen;
    const auto rows = axis_options(Axis::kMeshY, accelerator_.rows);
    const auto columns = axis_options(Axis::kMeshX, accelerator_.columns);
    for (const auto& row : rows)
      for (const auto& column : columns) {
        Dealing dealing{row, 0};
        dealing.splits.insert(dealing.splits.end(), column.begin(), column.end());
        const Extents extents = shares(dealing.splits);
        if (!contiguous(extents)) continue;
        StagePlan plan = base_;
        plan.partition = dealing.splits;
        dealing.bound = cost_.of(plan, extents, compute_bound(extents)).bound();
        const auto [entry, added] = seen.try_emplace(extents, dealing.bound);
        if (!added && entry->second <= dealing.bound) continue;
        entry->second = dealing.bound;
        dealings_.push_back(std::move(dealing));
      }
  }

  /// All regions of a tile of these extents are boxes without gaps.
  bool contiguous(const Extents& extents) const {
    const auto whole = [&](const Operand& operand) {
      return mapping::contiguous(layer_, operand, extents);
    };
    return whole(layer_.output) && std::ranges::all_of(layer_.inputs, whole);
  }

  double compute_bound(const Extents& extents) const {
    double points = 1;
    for (const auto extent : extents) points *= static_cast<double>(extent);
    const auto& tile = accelerator_.tile;
    if (layer_.kind == LayerKind::kMatrix)
      return points / (tile.array.rows * tile.array.columns * tile.array.macs_per_pe);
    return points * layer_.passes / tile.vector_unit.lanes;
  }

  double compute_cycles(const Extents& tile_extents) {
    if (layer_.kind != LayerKind::kMatrix) return compute_bound(tile_extents);
    return static_cast<double>(array_choice(tile_extents).cycles);
  }

  const ArrayChoice& array_choice(const Extents& extents) {
    const auto found = array_choices_.find(extents);
    if (found != array_choices_.end()) return found->second;
    return array_choices_
        .emplace(extents, choose_array_mapping(layer_, extents, accelerator_.tile.array,
                                               accelerator_.word_bytes()))
        .first->second;
  }

  Bytes round_line(double bytes) const {
    const Bytes line = accelerator_.tile.buffer.line_bytes;
    return round_up(std::max<Bytes>(static_cast<Bytes>(std::ceil(bytes)), line), line);
  }

  Bytes working_set(const StagePlan& plan, const Extents& extents) const {
    const int depth = static_cast<int>(plan.loops.size());
    const Extents inner = extents_inside(plan.loops, depth, extents);
    const auto granule = [&](const Operand& operand) {
      return round_line(static_cast<double>(nominal_elements(operand, inner)) *
                        accelerator_.word_bytes());
    };
    const auto trips = [&](const Operand& operand) {
      std::int64_t product = 1;
      const auto counts = trip_counts(plan.loops, extents);
      for (int l = 0; l < change_depth(plan, operand, depth, extents); ++l) product *= counts[l];
      return product;
    };
    Bytes bytes = 0;
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      bytes += granule(layer_.inputs[i]) *
               static_cast<Bytes>(std::min<std::int64_t>(plan.inputs[i].double_buffered ? 2 : 1,
                                                         trips(layer_.inputs[i])));
    const auto outputs = static_cast<Bytes>(trips(layer_.output));
    bytes += granule(layer_.output) *
             (limits_.output_home == Home::kTiles
                  ? outputs
                  : std::min<Bytes>(plan.output.double_buffered ? 2 : 1, outputs));
    double partners = cost_.tiles_used(plan.partition) /
                      PartitionCost::ways_indexing(plan.partition, layer_.output);
    if (partners > 1) bytes += granule(layer_.output) * (partners > 2 ? 2 : 1);
    return bytes;
  }

  /// Halves one rank's tile at a time, each time the one that costs least, until the slots fit.
  std::optional<LayerChoice> block(const Dealing& dealing, bool weights_outer) {
    const Extents extents = shares(dealing.splits);
    Extents tile = extents;
    StagePlan plan = base_;
    plan.partition = dealing.splits;
    std::optional<LayerChoice> best;
    for (;;) {
      set_loops(plan, extents, tile, weights_outer);
      for (const bool twice : {true, false}) {
        set_buffering(plan, twice);
        if (working_set(plan, extents) > limits_.working_bytes) continue;
        auto choice = finish(plan, extents, tile);
        if (!best || score(choice) < score(*best)) best = std::move(choice);
        if (twice || limits_.blocking == Blocking::kLargestTiles) return best;
      }
      if (!shrink(plan, extents, tile, weights_outer))
        return best ? best : block_single_buffered(plan, extents, tile);
    }
  }

  /// The smallest tile without a second copy of anything: slow, but better than refusing the layer.
  std::optional<LayerChoice> block_single_buffered(StagePlan& plan, const Extents& extents,
                                                   const Extents& tile) {
    set_buffering(plan, false);
    plan.output.double_buffered = false;
    if (working_set(plan, extents) > limits_.working_bytes) return std::nullopt;
    return finish(plan, extents, tile);
  }

  bool shrink(StagePlan& plan, const Extents& extents, Extents& tile, bool weights_outer) {
    set_buffering(plan, true);
    std::optional<std::pair<double, Extents>> best;
    for (const RankId rank : ranks_) {
      if (tile[rank] <= 1) continue;
      Extents smaller = tile;
      smaller[rank] = ceil_div<std::int64_t>(tile[rank], 2);
      if (!contiguous(smaller)) continue;
      set_loops(plan, extents, smaller, weights_outer);
      const double bytes = static_cast<double>(working_set(plan, extents));
      const double over = std::max(1.0, bytes / static_cast<double>(limits_.working_bytes));
      const double price =
          cost_.of(plan, extents, compute_cycles(smaller) * trips(plan, extents)).total() * over;
      if (!best || price < best->first) best = {price, smaller};
    }
    if (!best) return false;
    tile = best->second;
    return true;
  }

  static double trips(const StagePlan& plan, const Extents& extents) {
    double product = 1;
    for (const auto count : trip_counts(plan.loops, extents)) product *= static_cast<double>(count);
    return product;
  }

  void set_buffering(StagePlan& plan, bool twice) const {
    const int depth = static_cast<int>(plan.loops.size());
    for (auto& input : plan.inputs) input = {depth, twice};
    plan.output = {depth, true};
  }

  /// Reduced ranks innermost, so that sums stay in the buffer; the ranks of the operand to be kept
  /// outermost.
  void set_loops(StagePlan& plan, const Extents& extents, const Extents& tile,
                 bool weights_outer) const {
    plan.loops.clear();
    const auto add = [&](int wanted) {
      for (const RankId rank : ranks_)
        if (tile[rank] < extents[rank] && loop_class(rank, weights_outer) == wanted)
          plan.loops.push_back({rank, tile[rank]});
    };
    for (const int position : {0, 1, 2, 3}) add(position);
    const int depth = static_cast<int>(plan.loops.size());
    for (auto& input : plan.inputs) input.depth = depth;
    plan.output.depth = depth;
  }

  int loop_class(RankId rank, bool weights_outer) const {
    if (layer_.ranks[rank].reduced) return 3;
    const RankRole role = rank_role(layer_, rank);
    if (role.input && role.weight) return 0;
    return role.weight == weights_outer ? 1 : 2;
  }

  LayerChoice finish(StagePlan plan, const Extents& extents, const Extents& tile) {
    if (layer_.kind == LayerKind::kMatrix) plan.array = array_choice(tile).mapping;
    LayerChoice choice{plan, cost_.of(plan, extents, compute_cycles(tile) * trips(plan, extents)),
                       0};
    std::int64_t granules = 1;
    const auto counts = trip_counts(plan.loops, extents);
    for (int l = 0; l < change_depth(plan, layer_.output, plan.output.depth, extents); ++l)
      granules *= counts[l];
    choice.output_share_bytes =
        round_line(static_cast<double>(nominal_elements(layer_.output, tile)) *
                   accelerator_.word_bytes()) *
        static_cast<Bytes>(granules);
    return choice;
  }

  static double score(const LayerChoice& choice) { return choice.cost.total(); }

  const Layer& layer_;
  const hw::Accelerator& accelerator_;
  const SearchLimits& limits_;
  const PartitionCost cost_;
  StagePlan base_;
  std::vector<RankId> ranks_;
  std::vector<Dealing> dealings_;
  std::map<Extents, ArrayChoice> array_choices_;
};

}  // namespace

Bytes smallest_working_set(const Layer& layer, const hw::Accelerator& accelerator) {
  Extents extents;
  for (std::size_t r = 0; r < layer.ranks.size(); ++r)
    extents.push_back(can_be_cut(layer, static_cast<RankId>(r)) ? 1 : layer.ranks[r].extent);
  const Bytes line = accelerator.tile.buffer.line_bytes;
  const auto granule = [&](const Operand& operand) {
    return round_up(
        static_cast<Bytes>(nominal_elements(operand, extents) * accelerator.word_bytes()), line);
  };
  Bytes bytes = granule(layer.output);
  for (const auto& input : layer.inputs) bytes += granule(input);
  return bytes;
}

std::optional<LayerChoice> search_partition(const workloads::Network& network,
                                            workloads::LayerId layer,
                                            const std::vector<InputSource>& sources,
                                            const hw::Accelerator& accelerator,
                                            const SearchLimits& limits) {
  auto best = search_partitions(network, layer, sources, accelerator, limits, 1);
  return best.empty() ? std::nullopt : std::optional(std::move(best.front()));
}

std::vector<LayerChoice> search_partitions(const workloads::Network& network,
                                           workloads::LayerId layer,
                                           const std::vector<InputSource>& sources,
                                           const hw::Accelerator& accelerator,
                                           const SearchLimits& limits, int places) {
  return Search(network, layer, sources, accelerator, limits).run(static_cast<std::size_t>(places));
}

}  // namespace tessera::mapping
