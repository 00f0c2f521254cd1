#include "tests/support/random_plan.h"

#include <algorithm>
#include <numeric>

#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "tests/support/stage_tree.h"

namespace tessera::test {

using namespace mapping;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;
using workloads::RankId;

namespace {

using Extents = std::vector<std::int64_t>;

constexpr int kMostDraws = 40;

/// Does every tile of such extents produce a box of outputs? Two ranks that index one dimension
/// (groups and filters) do not when the slower one has several values and the faster one is cut.
bool outputs_are_box(const Layer& layer, const Extents& extents) {
  std::int64_t points = 1;
  for (std::size_t rank = 0; rank < extents.size(); ++rank)
    if (!layer.ranks[rank].reduced) points *= extents[rank];
  return nominal_elements(layer.output, extents) == points;
}

template <typename T>
void shuffle(std::vector<T>& items, Random& random) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
}

/// Draws one stage. `effort` grows when the draws before did not fit.
class StageDraw {
 public:
  StageDraw(const Network& network, workloads::LayerId id, const hw::Accelerator& accelerator,
            int effort, Random& random)
      : network_(network),
        layer_(network.layers[id]),
        accelerator_(accelerator),
        effort_(effort),
        random_(random),
        plan_(plain_plan(network, id)) {
    for (const auto& rank : layer_.ranks) extents_.push_back(rank.extent);
  }

  StagePlan draw() {
    do {
      draw_partition();
    } while (!outputs_are_box(layer_, extents_));
    const Extents share = extents_;
    do {
      extents_ = share;
      draw_blocking();
    } while (!outputs_are_box(layer_, extents_inside(plan_.loops, plan_.output.depth, share)));
    draw_home();
    choose_array(plan_, network_, accelerator_);
    return std::move(plan_);
  }

 private:
  bool divisible(RankId rank) const {
    return extents_[rank] > 1 &&
           (!layer_.ranks[rank].reduced || layer_.kind == LayerKind::kMatrix ||
            layer_.kind == LayerKind::kPool) &&
           std::ranges::find(layer_.whole_ranks, rank) == layer_.whole_ranks.end();
  }

  RankId any_divisible() {
    std::vector<RankId> ranks;
    for (RankId rank = 0; rank < std::ssize(layer_.ranks); ++rank)
      if (divisible(rank)) ranks.push_back(rank);
    return ranks.empty() ? -1 : ranks[random_.below(ranks.size())];
  }

  void draw_partition() {
    plan_.partition.clear();
    for (std::size_t rank = 0; rank < extents_.size(); ++rank)
      extents_[rank] = layer_.ranks[rank].extent;
    plan_.tiles.resize(static_cast<std::size_t>(accelerator_.tiles()));
    std::iota(plan_.tiles.begin(), plan_.tiles.end(), 0);
    if (random_.bernoulli(0.5)) {
      shuffle(plan_.tiles, random_);
      draw_splits(Axis::kTiles, accelerator_.tiles());
    } else {
      draw_splits(Axis::kMeshY, accelerator_.rows);
      draw_splits(Axis::kMeshX, accelerator_.columns);
    }
  }

  void draw_splits(Axis axis, int tiles) {
    for (std::int64_t splits = random_.between(0, 3); splits > 0 && tiles > 1; --splits) {
      const RankId rank = any_divisible();
      if (rank < 0) return;
      const int ways = static_cast<int>(random_.between(2, tiles));
      const std::int64_t part = ceil_div<std::int64_t>(extents_[rank], ways);
      plan_.partition.push_back({rank, random_.bernoulli(0.3) ? part : 0, ways, axis});
      extents_[rank] = part;
      tiles /= ways;
    }
  }

  void draw_blocking() {
    plan_.loops.clear();
    const std::int64_t wanted = random_.between(0, 3) + effort_ / 4;
    for (std::int64_t i = 0; i < wanted; ++i) {
      const RankId rank = any_divisible();
      if (rank < 0) break;
      const std::int64_t half = ceil_div<std::int64_t>(extents_[rank], 2);
      extents_[rank] = random_.between(1, effort_ > 4 ? half : extents_[rank] - 1);
      plan_.loops.push_back({rank, extents_[rank]});
    }
    draw_holdings();
  }

  /// Outputs of vector layers stand outside every loop over a reduced rank; sums of others may
  /// spill to DRAM.
  void draw_holdings() {
    const int loops = static_cast<int>(plan_.loops.size());
    const auto first_reduced = std::ranges::find_if(
        plan_.loops, [&](const BufferLoop& loop) { return layer_.ranks[loop.rank].reduced; });
    const bool may_spill = layer_.kind == LayerKind::kMatrix && random_.bernoulli(0.5);
    const int outermost = may_spill ? loops : static_cast<int>(first_reduced - plan_.loops.begin());
    plan_.output = {outermost, random_.bernoulli(0.5)};
    spills_ = plan_.output.depth > first_reduced - plan_.loops.begin();
    if (effort_ < 8 && random_.bernoulli(0.2))
      plan_.output.depth = static_cast<int>(random_.between(0, plan_.output.depth));
    bool inside_all = plan_.output.depth == loops;
    for (auto& input : plan_.inputs) {
      const bool inside = effort_ >= 8 || random_.bernoulli(0.6);
      input = {inside ? loops : static_cast<int>(random_.between(0, loops)),
               random_.bernoulli(0.5)};
      inside_all |= input.depth == loops;
    }
    if (!inside_all) plan_.inputs[random_.below(plan_.inputs.size())].depth = loops;
    if (layer_.kind != LayerKind::kMatrix || random_.bernoulli(0.5)) return;
    for (auto& input : plan_.inputs) input.staging = random_.bernoulli(0.5);
    plan_.output.staging = random_.bernoulli(0.3);
  }

  void draw_home() {
    const bool intermediate =
        network_.tensors[layer_.output.tensor].kind == workloads::TensorKind::kIntermediate;
    const bool can_stay = intermediate && !spills_ && !plan_.output.staging;
    if (can_stay && random_.bernoulli(effort_ < 12 ? 0.6 : 0.1))
      plan_.output_home = Home::kTiles;
    else if (can_stay && !accelerator_.shared_buffers.empty() && random_.bernoulli(0.6))
      plan_.output_home = Home::kShared;
    else
      plan_.output_home = Home::kDram;
  }

  const Network& network_;
  const Layer& layer_;
  const hw::Accelerator& accelerator_;
  int effort_;
  bool spills_ = false;
  Random& random_;
  StagePlan plan_;
  Extents extents_;  ///< of the part of the layer that the splits and loops drawn so far leave
};

std::vector<StagePlan> draw_plans(const Network& network, const hw::Accelerator& accelerator,
                                  int effort, Random& random) {
  std::vector<StagePlan> plans;
  for (std::size_t id = 0; id < network.layers.size(); ++id)
    plans.push_back(StageDraw(network, static_cast<int>(id), accelerator, effort, random).draw());
  return plans;
}

}  // namespace

std::optional<RandomProgram> random_program(const Network& network,
                                            const hw::Accelerator& accelerator, Random& random) {
  RandomProgram drawn;
  for (; drawn.refused < kMostDraws; ++drawn.refused) {
    drawn.schedule = schedule_of(network, draw_plans(network, accelerator, drawn.refused, random));
    try {
      drawn.program = lower(drawn.schedule, network, accelerator);
      return drawn;
    } catch (const UserError&) {
      // Does not fit into the tile buffer, or leaves some sums with fewer partners than others.
    }
  }
  return std::nullopt;
}

}  // namespace tessera::test
