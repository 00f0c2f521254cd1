#include "mapping/tangram/pipeline.h"

#include <algorithm>

#include "mapping/tangram/additions.h"
#include "mapping/tangram/region.h"
#include "mapping/tangram/segment_rules.h"
#include "mapping/tangram/turning.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::LayerSpan;
using workloads::Network;
using workloads::OperandRole;

namespace {

constexpr std::int64_t kPieceCounts[] = {2, 4, 8, 16, 32};
/// Cycles from a piece's end to its first use by the next stage.
constexpr double kHandoverLatency = 100;
constexpr std::int64_t kBlockCounts[] = {2, 8, 32};

/// Cycles that a layer would keep one tile busy for.
double work_of(const Layer& layer, const hw::TileDescription& tile) {
  if (layer.kind == LayerKind::kMatrix)
    return static_cast<double>(layer.macs()) /
           (double(tile.array.rows) * tile.array.columns * tile.array.macs_per_pe);
  return static_cast<double>(layer.vector_operations()) / tile.vector_unit.lanes;
}

class PipelineSearch {
 public:
  PipelineSearch(const Network& network, LayerSpan span, const hw::Accelerator& accelerator,
                 const MachineRates& rates, StageChooser& chooser, const TangramSwitches& switches,
                 const PipelineWay& way)
      : network_(network),
        span_(span),
        accelerator_(accelerator),
        rates_(rates),
        chooser_(chooser),
        switches_(switches),
        prefers_sharing_(way.prefers_sharing),
        hosts_(way.hosts.empty()
                   ? std::vector<int>(static_cast<std::size_t>(span.last - span.first) + 1, -1)
                   : way.hosts),
        hosted_(std::ranges::any_of(hosts_, [](int host) { return host >= 0; })) {
    const TileGrid grid{accelerator.rows, accelerator.columns};
    std::vector<double> work;
    for (std::size_t s = 0; s < hosts_.size(); ++s) {
      const bool own = hosts_[s] < 0;
      region_.push_back(own ? work.size() : region_[static_cast<std::size_t>(hosts_[s])]);
      if (own) work.push_back(0);
      work[region_.back()] += work_of(layer(static_cast<int>(s)), accelerator.tile);
    }
    sizes_ = region_sizes(work, grid);
    if (!sizes_.empty()) regions_ = place_regions(sizes_, grid);
  }

  std::vector<Pipeline> run() {
    if (sizes_.empty()) return {};
    for (const auto groups : batch_groups()) {
      consider(alternate(network_, span_, 1, true, false), groups);
      if (!switches_.allo) continue;
      for (const auto pieces : kPieceCounts)
        for (const bool first_gives : {true, false})
          consider(alternate(network_, span_, pieces, first_gives, true, hosts_), groups);
    }
    std::ranges::stable_sort(found_, {}, &Pipeline::cycles);
    return std::move(found_);
  }

 private:
  const Layer& layer(int stage) const { return network_.layers[span_.first + stage]; }

  /// One group, images one by one, and what lies between in powers of two. A stage on the tiles of
  /// another begins when that is through with all images.
  std::vector<std::int64_t> batch_groups() const {
    if (hosted_) return {1};
    const Layer& head = network_.layers[span_.last];
    const auto rank = single_rank(head, head.output, 0);
    std::vector<std::int64_t> groups = {1};
    if (!rank) return groups;
    for (std::int64_t count = 2; count <= head.ranks[*rank].extent; count *= 2)
      if (head.ranks[*rank].extent % count == 0 && all_have(head.ranks[*rank].extent))
        groups.push_back(count);
    return groups;
  }

  bool all_have(std::int64_t images) const {
    for (auto l = span_.first; l <= span_.last; ++l) {
      const Layer& layer = network_.layers[l];
      const auto rank = single_rank(layer, layer.output, 0);
      if (!rank || layer.ranks[*rank].extent != images) return false;
    }
    return true;
  }

  void consider(const std::vector<Handover>& handovers, std::int64_t groups) {
    if (std::ranges::find(tried_, std::pair(groups, handovers)) != tried_.end()) return;
    tried_.emplace_back(groups, handovers);
    Pipeline pipeline{span_, groups, false, {}, 0};
    for (std::size_t s = 0; s < handovers.size(); ++s) {
      const auto task = task_of(static_cast<int>(s), handovers[s], pipeline);
      auto stage = task ? best_stage(*task) : std::nullopt;
      if (!stage) return;
      stage->plan.tiles = regions_[region_[s]];
      pipeline.stages.push_back(std::move(*stage));
    }
    pipeline.cycles = pipeline_cycles(pipeline, network_, rates_, accelerator_.word_bytes());
    found_.push_back(std::move(pipeline));
  }

  /// What the next stage of a pipeline has to fit; none when it cannot be dealt as its host is.
  std::optional<StageTask> task_of(int stage, const Handover& handover,
                                   const Pipeline& pipeline) const {
    const auto at = static_cast<std::size_t>(stage);
    StageTask task{span_.first + stage, sizes_[region_[at]], pipeline.batch_groups, handover};
    if (hosts_[at] < 0) return task;
    const auto& host = pipeline.stages[static_cast<std::size_t>(hosts_[at])];
    task.dealing = dealt_like(network_.layers[host.plan.layer], host.plan.partition, layer(stage));
    return task.dealing ? std::optional(task) : std::nullopt;
  }

  /// Apart or with an input that goes round.
  std::optional<StageChoice> best_stage(const StageTask& task) {
    auto best = best_apart(task);
    if (!switches_.sharing || (best && !prefers_sharing_)) return best;
    StageTask shared = task;
    shared.shares = true;
    const auto& other = chooser_.choose(shared);
    return other && (!best || other->cycles < best->cycles) ? other : best;
  }

  /// A stage that holds whole maps may fetch its weights block by block.
  std::optional<StageChoice> best_apart(const StageTask& task) {
    auto best = chooser_.choose(task);
    if (task.handover.loop != StageLoop::kNone ||
        network_.layers[task.layer].kind != LayerKind::kMatrix)
      return best;
    for (const auto blocks : kBlockCounts) {
      StageTask blocked = task;
      blocked.handover = {StageLoop::kBlocks, blocks};
      const auto& other = chooser_.choose(blocked);
      if (other && (!best || other->cycles < best->cycles)) best = other;
    }
    return best;
  }

  const Network& network_;
  LayerSpan span_;
  const hw::Accelerator& accelerator_;
  const MachineRates& rates_;
  StageChooser& chooser_;
  const TangramSwitches& switches_;
  const bool prefers_sharing_;
  const std::vector<int> hosts_;     ///< per stage the one on whose tiles it runs; -1: its own
  const bool hosted_;                ///< some stage has no tiles of its own
  std::vector<std::size_t> region_;  ///< per stage
  std::vector<int> sizes_;           ///< per region
  std::vector<std::vector<TileId>> regions_;
  std::vector<std::pair<std::int64_t, std::vector<Handover>>> tried_;
  std::vector<Pipeline> found_;
};

bool gives_pieces(const Handover& handover) {
  return handover.loop == StageLoop::kGives || handover.loop == StageLoop::kPasses;
}

bool takes_pieces(const Handover& handover) {
  return handover.loop == StageLoop::kTakes || handover.loop == StageLoop::kPasses;
}

/// Weights that all stages ask for at once when the segment begins.
double resident_bytes(const Pipeline& pipeline) {
  double bytes = 0;
  for (const auto& stage : pipeline.stages)
    if (stage.weights_resident) bytes += stage.weight_bytes;
  return bytes;
}

/// Stages from one to the last that reads what it writes; 0: it is read outside.
int farthest_reader(const Network& network, LayerSpan span, int stage) {
  const auto readers = readers_inside(network, span, stage);
  return readers.empty() ? 0 : std::ranges::max(readers) - stage;
}

/// A stage as it stands in the tree: the loop over image groups around it, what stays outside of
/// it, and where its outputs live. A ring has a place for the granule in work, one more when it is
/// held twice, and one for every stage that a map skips.
StagePlan whole_plan(const Pipeline& pipeline, const StageChoice& stage, const Network& network) {
  const Layer& layer = network.layers[stage.plan.layer];
  StagePlan plan = stage.plan;
  if (pipeline.batch_groups > 1) {
    const auto images = *single_rank(layer, layer.output, 0);
    plan.loops.insert(plan.loops.begin(),
                      {images, layer.ranks[images].extent / pipeline.batch_groups});
    for (std::size_t i = 0; i < plan.inputs.size(); ++i)
      if (!stage.weights_resident || layer.inputs[i].role != OperandRole::kWeight)
        ++plan.inputs[i].depth;
    ++plan.output.depth;
  }
  const int distance =
      farthest_reader(network, pipeline.span, stage.plan.layer - pipeline.span.first);
  plan.output_home = distance > 0 || pipeline.keeps_output ? Home::kTiles : Home::kDram;
  if (distance > 0) plan.ring_places = (plan.output.double_buffered ? 2 : 1) + distance - 1;
  return plan;
}

}  // namespace

int producing_stage(const Network& network, LayerSpan span, workloads::TensorId tensor) {
  for (auto l = span.first; l <= span.last; ++l)
    if (network.layers[l].output.tensor == tensor) return l - span.first;
  return -1;
}

double pipeline_dram_bytes(const Pipeline& pipeline, const Network& network, int word_bytes) {
  double bytes = 0;
  const auto groups = static_cast<double>(pipeline.batch_groups);
  for (const auto& stage : pipeline.stages) {
    const Layer& layer = network.layers[stage.plan.layer];
    bytes += stage.weight_bytes * (stage.weights_resident ? 1 : groups);
    double outside = 0, maps = 0;
    for (const auto& input : layer.inputs) {
      if (input.role != OperandRole::kInput) continue;
      const auto words = static_cast<double>(network.tensors[input.tensor].elements());
      maps += words;
      if (producing_stage(network, pipeline.span, input.tensor) < 0) outside += words;
    }
    if (maps > 0) bytes += stage.map_bytes * groups * outside / maps;
  }
  const auto& head = network.layers[pipeline.span.last];
  if (!pipeline.keeps_output)
    bytes += static_cast<double>(network.tensors[head.output.tensor].elements() * word_bytes);
  return bytes;
}

double pipeline_cycles(const Pipeline& pipeline, const Network& network, const MachineRates& rates,
                       int word_bytes) {
  const double head_start = resident_bytes(pipeline) / rates.dram_bytes_per_cycle;
  std::vector<double> begin, end;
  double slowest = 0, last = 0;
  for (std::size_t s = 0; s < pipeline.stages.size(); ++s) {
    const auto& stage = pipeline.stages[s];
    double from = 0, until = 0;
    for (const auto& input : network.layers[stage.plan.layer].inputs) {
      const int p = producing_stage(network, pipeline.span, input.tensor);
      if (p < 0) continue;
      const auto& producer = pipeline.stages[static_cast<std::size_t>(p)];
      const auto at = static_cast<std::size_t>(p);
      const bool pieces = gives_pieces(producer.handover) && takes_pieces(stage.handover);
      const auto count = static_cast<double>(pieces ? producer.handover.pieces : 1);
      from = std::max(from, begin[at] + producer.cycles / count + kHandoverLatency);
      until = std::max(until, end[at] + stage.cycles / count);
    }
    if (from == 0) from = std::max(stage.first_fetch, head_start);
    begin.push_back(from);
    end.push_back(std::max(from + stage.cycles, until));
    slowest = std::max(slowest, end.back() - from);
    last = std::max(last, end.back());
  }
  const double stages = last + slowest * static_cast<double>(pipeline.batch_groups - 1);
  return std::max(stages,
                  pipeline_dram_bytes(pipeline, network, word_bytes) / rates.dram_bytes_per_cycle);
}

std::vector<Pipeline> pipelines_of(const Network& network, LayerSpan span,
                                   const hw::Accelerator& accelerator, const MachineRates& rates,
                                   const TangramSwitches& switches, StageChooser& chooser,
                                   const PipelineWay& way) {
  return PipelineSearch(network, span, accelerator, rates, chooser, switches, way).run();
}

Node pipeline_tree(const Pipeline& pipeline, const Network& network) {
  Node segment;
  segment.kind = NodeKind::kPipeline;
  for (const auto& stage : pipeline.stages)
    segment.children.push_back(
        shared_path(network.layers[stage.plan.layer], whole_plan(pipeline, stage, network)));
  return segment;
}

}  // namespace tessera::mapping
