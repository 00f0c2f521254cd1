#include "mapping/tangram/stage_choice.h"

#include <algorithm>

#include "mapping/array_choice.h"
#include "mapping/tangram/segment_rules.h"
#include "mapping/tangram/turning.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::RankId;

namespace {

using Extents = std::vector<std::int64_t>;

constexpr std::size_t kFinalists = 6;  ///< partitions whose array mapping is looked for

/// Ranks that deal the output to tiles without cutting an index in two.
std::vector<RankId> dealt_ranks(const Layer& layer, const StageTask& task) {
  std::vector<RankId> ranks;
  const auto channels = channel_rank(layer, layer.output);
  // Pieces are ranges of channels of the whole map; dealt channels would come in another order.
  const bool whole_channels =
      task.handover.loop == StageLoop::kGives || task.handover.loop == StageLoop::kPasses;
  for (std::size_t d = 0; d < layer.output.dimensions.size(); ++d) {
    const auto rank = single_rank(layer, layer.output, d);
    const bool moved = d == 0 && task.batch_groups > 1;
    if (rank && !moved && !(whole_channels && rank == channels)) ranks.push_back(*rank);
  }
  return ranks;
}

std::optional<RankId> images(const Layer& layer) { return single_rank(layer, layer.output, 0); }

/// What the stage's own loop runs over.
std::optional<RankId> loop_rank(const Layer& layer, const Handover& handover) {
  if (handover.loop == StageLoop::kNone) return std::nullopt;
  if (handover.loop != StageLoop::kTakes) return channel_rank(layer, layer.output);
  for (const auto& input : layer.inputs)
    if (input.role == OperandRole::kInput)
      if (const auto rank = channel_rank(layer, input)) return rank;
  return std::nullopt;
}

class Fitting {
 public:
  Fitting(const Network& network, const hw::Accelerator& accelerator, const MachineRates& rates,
          const StageTask& task)
      : network_(network),
        layer_(network.layers[task.layer]),
        accelerator_(accelerator),
        rates_(rates),
        task_(task),
        whole_(layer_.extents()) {
    if (const auto rank = images(layer_))
      whole_[*rank] = ceil_div(whole_[*rank], task.batch_groups);
  }

  std::optional<StageChoice> best() {
    rank_ = loop_rank(layer_, task_.handover);
    if (task_.handover.loop != StageLoop::kNone && !rank_) return std::nullopt;
    const auto ranks = dealt_ranks(layer_, task_);
    if (!task_.dealing)
      enumerate(ranks, 0, {}, 1);
    else if (std::ranges::all_of(*task_.dealing, [&](const PartitionSplit& split) {
               return std::ranges::find(ranks, split.rank) != ranks.end();
             }))
      consider(*task_.dealing);
    std::ranges::stable_sort(dealings_, {}, &Dealing::bound);
    if (dealings_.size() > kFinalists) dealings_.resize(kFinalists);
    std::optional<StageChoice> best;
    const auto take = [&](std::optional<StageChoice> choice) {
      if (choice && (!best || choice->cycles < best->cycles)) best = std::move(choice);
    };
    for (const auto& dealing : dealings_) {
      if (task_.shares) {
        take(best_shared(dealing.splits));
        continue;
      }
      for (const bool resident : {true, false})
        for (const bool twice : {true, false})
          // Nothing but weights is held inside a loop over blocks of them.
          if (!resident || task_.handover.loop != StageLoop::kBlocks)
            take(fit(dealing.splits, resident, twice));
    }
    return best;
  }

 private:
  struct Dealing {
    std::vector<PartitionSplit> splits;
    double bound = 0;
  };

  /// Ways that change the largest share, over one rank after the other.
  void enumerate(const std::vector<RankId>& ranks, std::size_t at,
                 std::vector<PartitionSplit> splits, std::int64_t used) {
    if (at == ranks.size()) return consider(std::move(splits));
    const auto extent = whole_[ranks[at]];
    for (std::int64_t ways = 1; ways <= std::min<std::int64_t>(extent, task_.tiles / used);) {
      auto more = splits;
      if (ways > 1) more.push_back({ranks[at], 0, static_cast<int>(ways), Axis::kTiles});
      enumerate(ranks, at + 1, std::move(more), used * ways);
      const auto share = ceil_div(extent, ways);
      if (share == 1) break;
      ways = ceil_div(extent, share - 1);
    }
  }

  Extents shares(const std::vector<PartitionSplit>& splits) const {
    Extents extents = whole_;
    for (const auto& split : splits)
      extents[split.rank] = ceil_div<std::int64_t>(extents[split.rank], split.ways);
    return extents;
  }

  void consider(std::vector<PartitionSplit> splits) {
    const Extents extents = shares(splits);
    if (!contiguous(layer_, layer_.output, extents)) return;
    double points = layer_.kind == LayerKind::kMatrix ? 1 : layer_.passes;
    for (const auto extent : extents) points *= static_cast<double>(extent);
    const double arriving = map_words(extents) + weight_words(extents);
    const double bound = std::max(points / rate(), bytes(arriving) / rates_.link_bytes_per_cycle);
    dealings_.push_back({std::move(splits), bound});
  }

  double rate() const {
    const auto& tile = accelerator_.tile;
    return layer_.kind == LayerKind::kMatrix
               ? double(tile.array.rows) * tile.array.columns * tile.array.macs_per_pe
               : tile.vector_unit.lanes;
  }

  double bytes(double words) const { return words * accelerator_.word_bytes(); }

  double map_words(const Extents& extents) const { return words(OperandRole::kInput, extents); }
  double weight_words(const Extents& extents) const { return words(OperandRole::kWeight, extents); }
  double words(OperandRole role, const Extents& extents) const {
    double sum = 0;
    for (const auto& input : layer_.inputs)
      if (input.role == role) sum += double(nominal_elements(input, extents));
    return sum;
  }

  bool is_inside(const Operand& operand) const {
    const auto loop = task_.handover.loop;
    if (loop == StageLoop::kNone) return true;
    if (operand.role == OperandRole::kWeight) return true;
    if (operand.role == OperandRole::kOutput)
      return loop == StageLoop::kGives || loop == StageLoop::kPasses;
    return loop == StageLoop::kTakes || loop == StageLoop::kPasses;
  }

  Bytes slot_bytes(const Operand& operand, const Extents& extents, bool twice) const {
    const Bytes one =
        round_up(static_cast<Bytes>(nominal_elements(operand, extents) * accelerator_.word_bytes()),
                 accelerator_.tile.buffer.line_bytes);
    return twice ? 2 * one : one;
  }

  std::optional<StageChoice> fit(const std::vector<PartitionSplit>& splits, bool resident,
                                 bool twice) {
    StageChoice choice;
    choice.handover = task_.handover;
    choice.weights_resident = resident;
    choice.plan.layer = task_.layer;
    choice.plan.partition = splits;
    const Extents share = shares(splits);
    Extents inner = share;
    std::int64_t trips = 1;
    if (rank_) {
      // A piece is a range of the whole map, a block one of the tile's share.
      const auto extent =
          task_.handover.loop == StageLoop::kBlocks ? share[*rank_] : whole_[*rank_];
      inner[*rank_] = ceil_div(extent, task_.handover.pieces);
      trips = ceil_div(share[*rank_], inner[*rank_]);
      choice.plan.loops = {{*rank_, inner[*rank_]}};
    }
    if (!holds(choice, share, inner, twice, trips)) return std::nullopt;
    price(choice, share, inner, static_cast<double>(trips), twice);
    return choice;
  }

  /// Fills in where operands are held; false when they do not fit.
  bool holds(StageChoice& choice, const Extents& share, const Extents& inner, bool twice,
             std::int64_t trips) const {
    Bytes used = 0;
    const int loops = static_cast<int>(choice.plan.loops.size());
    const bool comes_again = trips > 1 || task_.batch_groups > 1;
    for (const auto& input : layer_.inputs) {
      const bool weight = input.role == OperandRole::kWeight;
      const bool outside = (weight && choice.weights_resident) || !is_inside(input);
      const bool again = weight && choice.weights_resident ? false : comes_again;
      choice.plan.inputs.push_back({outside ? 0 : loops, twice && again});
      used += slot_bytes(input, outside ? share : inner, twice && again);
    }
    const bool inside = is_inside(layer_.output);
    choice.plan.output = {inside ? loops : 0, twice && comes_again};
    used += slot_bytes(layer_.output, inside ? inner : share, twice && comes_again);
    return used <= accelerator_.tile.buffer.bytes;
  }

  void price(StageChoice& choice, const Extents& share, const Extents& inner, double trips,
             bool twice) {
    double compute;
    if (layer_.kind == LayerKind::kMatrix) {
      const auto& array = array_choice(inner);
      choice.plan.array = array.mapping;
      compute = trips * static_cast<double>(array.cycles);
    } else {
      double points = layer_.passes;
      for (const auto extent : inner) points *= static_cast<double>(extent);
      compute = trips * points / rate();
    }
    const bool again = !choice.weights_resident && task_.batch_groups > 1;
    const double maps = bytes(map_words(share)), weights = bytes(weight_words(share));
    const double arriving =
        (maps + (again || trips > 1 ? weights : 0)) / rates_.link_bytes_per_cycle;
    choice.first_fetch =
        (maps + weights) / rates_.link_bytes_per_cycle / (rank_ ? trips : 1) + kFetchLatency;
    // With one copy the next piece is asked for when this one is done with.
    choice.cycles = twice ? std::max(compute, arriving) + kFetchLatency
                          : compute + arriving + trips * kFetchLatency;
    choice.weight_bytes = total_bytes(OperandRole::kWeight, share, choice.plan.partition);
    choice.map_bytes = total_bytes(OperandRole::kInput, share, choice.plan.partition);
  }

  /// Fewest cycles over what can go round, each with the largest rounds that fit.
  std::optional<StageChoice> best_shared(const std::vector<PartitionSplit>& splits) {
    const auto loop = task_.handover.loop;
    const bool known =
        loop == StageLoop::kNone || loop == StageLoop::kGives || loop == StageLoop::kTakes;
    if (!known || task_.batch_groups > 1 || layer_.kind != LayerKind::kMatrix) return std::nullopt;
    Extents inside = whole_;
    if (rank_) {
      if (inside[*rank_] % task_.handover.pieces != 0) return std::nullopt;
      inside[*rank_] /= task_.handover.pieces;
    }
    std::optional<StageChoice> best;
    for (const auto& tiles : turnings_of(layer_, inside, splits, accelerator_)) {
      auto choice = first_shared(splits, inside, tiles);
      if (choice && (!best || choice->cycles < best->cycles)) best = std::move(choice);
    }
    return best;
  }

  std::optional<StageChoice> first_shared(const std::vector<PartitionSplit>& splits,
                                          const Extents& inside,
                                          const std::vector<Turning>& tiles) {
    // Pieces that come through a ring are counted by those who ask for them, not by those who get
    // them from a neighbour.
    if (task_.handover.loop == StageLoop::kTakes &&
        layer_.inputs[tiles.front().input].role == OperandRole::kInput)
      return std::nullopt;
    for (const auto& way : tiles)
      for (const bool twice : {true, false})
        if (auto choice = fit_shared(splits, inside, way, twice)) return choice;
    return std::nullopt;
  }

  std::optional<StageChoice> fit_shared(const std::vector<PartitionSplit>& splits,
                                        const Extents& inside, const Turning& way, bool twice) {
    StageChoice choice;
    choice.handover = task_.handover;
    StagePlan& plan = choice.plan;
    plan.layer = task_.layer;
    plan.partition = splits;
    if (rank_) plan.loops.push_back({*rank_, inside[*rank_]});
    const int outer = static_cast<int>(plan.loops.size());
    Extents dealt = inside;
    for (const auto& split : splits)
      dealt[split.rank] = ceil_div<std::int64_t>(dealt[split.rank], split.ways);
    for (const auto& loop : way.loops(dealt)) plan.loops.push_back(loop);
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      plan.inputs.push_back(static_cast<int>(i) == way.input
                                ? Holding{.depth = outer + 1,
                                          .shared_by = static_cast<int>(way.ways),
                                          .turn = outer + 1}
                                : Holding{depth_beside(layer_.inputs[i], way, plan), twice});
    plan.output = {task_.handover.loop == StageLoop::kGives ? outer : 0, twice};
    const Extents share = shares(splits);
    if (shared_bytes(plan, way, dealt, share) > accelerator_.tile.buffer.bytes) return std::nullopt;
    price_shared(choice, way, share);
    return choice;
  }

  /// Loops around what is held beside a shared input: what goes with its pieces changes with them.
  int depth_beside(const Operand& input, const Turning& way, const StagePlan& plan) const {
    const int outer = rank_ ? 1 : 0;
    if (Layer::indexes(input, way.turning)) return static_cast<int>(plan.loops.size());
    if (task_.handover.loop == StageLoop::kGives && input.role == OperandRole::kInput) return 0;
    return outer + (Layer::indexes(input, way.round) ? 1 : 0);
  }

  Bytes shared_bytes(const StagePlan& plan, const Turning& way, const Extents& dealt,
                     const Extents& share) const {
    const auto& shared = layer_.inputs[way.input];
    Bytes used = line_bytes_of(shared, dealt, accelerator_) / static_cast<Bytes>(way.ways) +
                 accelerator_.tile.buffer.line_bytes;
    const auto add = [&](const Operand& operand, const Holding& held) {
      const bool again = change_depth(plan, operand, held.depth, share) > 0;
      used += slot_bytes(operand, extents_inside(plan.loops, held.depth, share),
                         held.double_buffered && again);
    };
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      if (static_cast<int>(i) != way.input) add(layer_.inputs[i], plan.inputs[i]);
    add(layer_.output, plan.output);
    return used;
  }

  /// A ring has one place to spare: the neighbour lets a piece go only when it is done with it.
  void price_shared(StageChoice& choice, const Turning& way, const Extents& share) {
    double trips = 1;
    for (const auto count : trip_counts(choice.plan.loops, share))
      trips *= static_cast<double>(count);
    const auto inner =
        extents_inside(choice.plan.loops, static_cast<int>(choice.plan.loops.size()), share);
    const auto& array = array_choice(inner);
    choice.plan.array = array.mapping;
    const double step = bytes(double(nominal_elements(layer_.inputs[way.input], inner))) /
                            rates_.link_bytes_per_cycle +
                        kStepLatency;
    const double arriving =
        bytes(map_words(share) + weight_words(share)) / rates_.link_bytes_per_cycle;
    choice.cycles =
        std::max(trips * (static_cast<double>(array.cycles) + step), arriving) + kFetchLatency;
    choice.first_fetch = arriving / trips + kFetchLatency;
    choice.weight_bytes = total_bytes(OperandRole::kWeight, share, choice.plan.partition);
    choice.map_bytes = total_bytes(OperandRole::kInput, share, choice.plan.partition);
  }

  /// What different tiles fetch, halos counted, alike once.
  double total_bytes(OperandRole role, const Extents& share,
                     const std::vector<PartitionSplit>& splits) const {
    double sum = 0;
    for (const auto& input : layer_.inputs) {
      if (input.role != role) continue;
      double ways = 1;
      for (const auto& split : splits)
        if (Layer::indexes(input, split.rank)) ways *= split.ways;
      sum += ways * double(nominal_elements(input, share));
    }
    return bytes(sum);
  }

  const ArrayChoice& array_choice(const Extents& extents) {
    const auto found = arrays_.find(extents);
    if (found != arrays_.end()) return found->second;
    return arrays_
        .emplace(extents, choose_array_mapping(layer_, extents, accelerator_.tile.array,
                                               accelerator_.word_bytes()))
        .first->second;
  }

  const Network& network_;
  const Layer& layer_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  const StageTask& task_;
  Extents whole_;  ///< of one batch group
  std::optional<RankId> rank_;
  std::vector<Dealing> dealings_;
  std::map<Extents, ArrayChoice> arrays_;
};

}  // namespace

StageTask::Key StageTask::key() const {
  std::vector<std::pair<RankId, int>> ways;
  if (dealing) ways.emplace_back(-1, 0);
  for (const auto& split : dealing.value_or(std::vector<PartitionSplit>{}))
    ways.emplace_back(split.rank, split.ways);
  return {layer, tiles, batch_groups, handover.loop, handover.pieces, shares, std::move(ways)};
}

StageChooser::StageChooser(const Network& network, const hw::Accelerator& accelerator,
                           const MachineRates& rates)
    : network_(network), accelerator_(accelerator), rates_(rates) {}

const std::optional<StageChoice>& StageChooser::choose(const StageTask& task) {
  const auto found = known_.find(task);
  if (found != known_.end()) return found->second;
  return known_.emplace(task, Fitting(network_, accelerator_, rates_, task).best()).first->second;
}

}  // namespace tessera::mapping
