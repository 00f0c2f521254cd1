#include "mapping/row_stationary.h"

#include <algorithm>
#include <numeric>

#include "mapping/partition_search.h"
#include "mapping/row_stationary_search.h"
#include "mapping/stage_path.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::RankId;

namespace {

using Extents = std::vector<std::int64_t>;

void refuse(const hw::Accelerator& accelerator, const char* field, const std::string& is,
            const char* needed) {
  throw UserError("schedule row_stationary: accelerator ", accelerator.name, ": tile.array.", field,
                  " is ", is, "; it needs ", needed);
}

/// Rows of filters and ifmaps reach many PEs at once, sums go from PE to PE, and a PE works on one
/// product at a time.
void check_array(const hw::Accelerator& accelerator) {
  const auto& array = accelerator.tile.array;
  if (array.delivery[hw::kInputOperand] != hw::Delivery::kMulticast)
    refuse(accelerator, "input_delivery", "SYSTOLIC", "MULTICAST");
  if (array.delivery[hw::kWeightOperand] != hw::Delivery::kMulticast)
    refuse(accelerator, "weight_delivery", "SYSTOLIC", "MULTICAST");
  if (array.reduction != hw::SpatialReduction::kChain)
    refuse(accelerator, "reduction",
           array.reduction == hw::SpatialReduction::kTree ? "TREE" : "NONE", "CHAIN");
  if (array.macs_per_pe != 1)
    refuse(accelerator, "macs_per_pe", std::to_string(array.macs_per_pe), "1");
}

/// The stage of one convolution.
class PlanBuilder {
 public:
  PlanBuilder(const Layer& layer, const ConvolutionRanks& ranks, const hw::Accelerator& accelerator)
      : layer_(layer), ranks_(ranks), accelerator_(accelerator), extents_(layer.extents()) {}

  std::optional<StagePlan> build(workloads::LayerId id) {
    plan_.layer = id;
    plan_.tiles.resize(static_cast<std::size_t>(accelerator_.tiles()));
    std::iota(plan_.tiles.begin(), plan_.tiles.end(), 0);
    deal_tiles();
    const auto chosen = search_row_stationary(layer_, extents_, accelerator_);
    if (!chosen) return std::nullopt;
    choice_ = *chosen;
    block();
    spread();
    buffer_twice_where_it_fits();
    return std::move(plan_);
  }

 private:
  /// Of the share of a tile; 1 for a rank that the layer does not have.
  std::int64_t extent(RankId rank) const { return rank < 0 ? 1 : extents_[rank]; }
  RankId filter_rank() const { return choice_.deals_groups ? ranks_.g : ranks_.k; }

  void deal_tiles() {
    const bool by_group = extent(ranks_.k) == 1 && ranks_.g >= 0;
    deal(ranks_.p, accelerator_.rows, Axis::kMeshY);
    deal(by_group ? ranks_.g : ranks_.k, accelerator_.columns, Axis::kMeshX);
  }

  void deal(RankId rank, int length, Axis axis) {
    const auto ways = static_cast<int>(std::min<std::int64_t>(extent(rank), length));
    if (ways < 2) return;
    plan_.partition.push_back({rank, 0, ways, axis});
    extents_[rank] = ceil_div<std::int64_t>(extents_[rank], ways);
  }

  void loop(RankId rank, std::int64_t tile) {
    if (rank < 0 || tile >= inside(rank)) return;
    plan_.loops.push_back({rank, tile});
  }

  std::int64_t inside(RankId rank) const {
    return extents_inside(plan_.loops, static_cast<int>(plan_.loops.size()), extents_)[rank];
  }

  int depth() const { return static_cast<int>(plan_.loops.size()); }

  /// Loops around the buffer's tiles: sums of m filters stay while all channels pass by, the
  /// channels of a pass stay for all its filters.
  void block() {
    plan_.inputs.resize(2);
    if (!choice_.deals_groups) loop(ranks_.g, 1);
    loop(filter_rank(), choice_.m);
    loop(ranks_.n, choice_.n);
    loop(ranks_.p, choice_.e);
    plan_.output.depth = depth();
    loop(ranks_.c, choice_.q * choice_.r);
    if (choice_.deals_groups) loop(filter_rank(), choice_.p * choice_.t);
    plan_.inputs[0].depth = depth();
    loop(filter_rank(), choice_.p * choice_.t);
    plan_.inputs[1].depth = depth();
  }

  /// A pass on the array: the window slides along the output row; all filters use an ifmap word
  /// before the next one has its turn. Groups of one channel take turns around the window.
  void spread() {
    auto& array = plan_.array;
    Extents left = extents_inside(plan_.loops, depth(), extents_);
    const auto step = [&](RankId rank, std::int64_t tile) {
      if (rank < 0 || left[rank] <= tile) return;
      array.loops.push_back({rank, tile});
      left[rank] = tile;
    };
    if (choice_.deals_groups) step(filter_rank(), choice_.t);
    step(ranks_.n, 1);
    step(ranks_.q, 1);
    array.store_depth[0] = array.store_depth[2] = static_cast<int>(array.loops.size());
    array.store_depth[1] = 0;
    array.double_buffered[1] = false;
    step(ranks_.s, 1);
    step(ranks_.c, choice_.r);
    step(filter_rank(), choice_.t);
    const auto place = [](std::vector<SpatialSplit>& axis, RankId rank, std::int64_t ways) {
      if (rank >= 0 && ways > 1) axis.push_back({rank, ways});
    };
    place(array.rows, filter_rank(), choice_.sets_down);
    place(array.rows, ranks_.p, choice_.pieces);
    place(array.rows, ranks_.c, choice_.r);
    place(array.rows, ranks_.r, extent(ranks_.r));
    place(array.columns, filter_rank(), choice_.sets_across);
    place(array.columns, ranks_.p, ceil_div<std::int64_t>(choice_.e, choice_.pieces));
  }

  Bytes granule(const workloads::Operand& operand, int depth) const {
    const auto bytes =
        static_cast<Bytes>(nominal_elements(operand, extents_inside(plan_.loops, depth, extents_)) *
                           accelerator_.word_bytes());
    return round_up(bytes, accelerator_.tile.buffer.line_bytes);
  }

  /// Weights of the next pass come first: there is a new set for every pass.
  void buffer_twice_where_it_fits() {
    Bytes used = granule(layer_.output, plan_.output.depth);
    for (int i : {0, 1}) used += granule(layer_.inputs[i], plan_.inputs[i].depth);
    const auto twice = [&](const workloads::Operand& operand, Holding& holding) {
      const Bytes more = granule(operand, holding.depth);
      holding.double_buffered = used + more <= accelerator_.tile.buffer.bytes;
      if (holding.double_buffered) used += more;
    };
    twice(layer_.inputs[1], plan_.inputs[1]);
    twice(layer_.inputs[0], plan_.inputs[0]);
    twice(layer_.output, plan_.output);
  }

  const Layer& layer_;
  const ConvolutionRanks& ranks_;
  const hw::Accelerator& accelerator_;
  Extents extents_;
  RowStationaryMapping choice_;
  StagePlan plan_;
};

/// As `layerwise` runs a layer whose inputs come from DRAM and whose outputs go there.
StagePlan plan_alone(const Network& network, workloads::LayerId id,
                     const hw::Accelerator& accelerator, const MachineRates& rates) {
  const SearchLimits limits{accelerator.tile.buffer.bytes, Home::kDram, rates};
  const Layer& layer = network.layers[id];
  const std::vector<InputSource> sources(layer.inputs.size());
  const auto choice = search_partition(network, id, sources, accelerator, limits);
  if (!choice)
    throw UserError("layer ", layer.name, ": no tile of it fits into a tile buffer of ",
                    accelerator.tile.buffer.bytes, " B");
  return choice->plan;
}

}  // namespace

Schedule schedule_row_stationary(const Network& network, const hw::Accelerator& accelerator,
                                 const MachineRates& rates) {
  check_array(accelerator);
  Schedule schedule{"row_stationary", "schedule row_stationary", {}};
  // A pass takes a few channels of many pixels: side by side, most of a burst would be others.
  schedule.dram_placement.fitted_to_burst_bytes = static_cast<Bytes>(rates.dram_burst_bytes);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const auto id = static_cast<workloads::LayerId>(i);
    const Layer& layer = network.layers[i];
    std::optional<StagePlan> plan;
    if (const auto ranks = convolution_ranks(layer))
      plan = PlanBuilder(layer, *ranks, accelerator).build(id);
    if (!plan) plan = plan_alone(network, id, accelerator, rates);
    schedule.root.children.push_back(stage_path(layer, *plan));
  }
  return schedule;
}

}  // namespace tessera::mapping
