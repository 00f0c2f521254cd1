#include "mapping/tangram/turning.h"

#include <algorithm>

#include "mapping/stage_path.h"
#include "mapping/tangram/segment_rules.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Operand;
using workloads::RankId;

namespace {

using Shares = std::vector<std::int64_t>;

class Turnings {
 public:
  Turnings(const Layer& layer, const Shares& whole, const std::vector<PartitionSplit>& splits,
           const hw::Accelerator& accelerator)
      : layer_(layer), whole_(whole), splits_(splits), accelerator_(accelerator), share_(whole) {
    for (const auto& split : splits)
      share_[split.rank] = ceil_div<std::int64_t>(share_[split.rank], split.ways);
  }

  std::vector<std::vector<Turning>> run() {
    for (const auto& split : splits_)
      if (split.ways > 1 && layer_.ranks[split.rank].reduced) return {};
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      if (const auto turning = turning_rank(layer_.inputs[i])) share(static_cast<int>(i), *turning);
    return std::move(found_);
  }

 private:
  /// Rank whose trips are dealt to the tiles: filters of weights, channels of maps.
  std::optional<RankId> turning_rank(const Operand& operand) const {
    return operand.role == workloads::OperandRole::kWeight ? channel_rank(layer_, layer_.output)
                                                           : channel_rank(layer_, operand);
  }

  /// Tiles that want the same share of an input.
  std::int64_t group(const Operand& operand) const {
    std::int64_t tiles = 1;
    for (const auto& split : splits_)
      if (!Layer::indexes(operand, split.rank)) tiles *= split.ways;
    return tiles;
  }

  void share(int input, RankId turning) {
    const Operand& operand = layer_.inputs[input];
    const auto tiles = group(operand);
    for (std::size_t r = 0; r < layer_.ranks.size(); ++r) {
      const auto round = static_cast<RankId>(r);
      if (layer_.ranks[r].reduced || Layer::indexes(operand, round) || share_[r] == 1) continue;
      for (std::int64_t ways = 2; ways <= tiles; ++ways)
        if (tiles % ways == 0) consider({input, ways, turning, round, 1, share_});
    }
  }

  void consider(Turning way) {
    if (!cut(way) || !even(way.turning, way.piece[way.turning])) return;
    std::vector<Turning> tiles;
    way.tile = share_[way.round];
    while (way.tile > 1) {
      way.tile = way.piece[way.round] = ceil_div<std::int64_t>(way.tile, 2);
      if (even(way.round, way.tile)) tiles.push_back(way);
    }
    if (!tiles.empty()) found_.push_back(std::move(tiles));
  }

  /// The largest piece whose number the tiles divide and that the staging FIFO holds; weights of
  /// one filter that are more are cut along the input channels too.
  bool cut(Turning& way) const {
    const Operand& operand = layer_.inputs[way.input];
    const auto fits = [&] {
      return line_bytes_of(operand, way.piece, accelerator_) <=
             accelerator_.tile.interface.staging_bytes;
    };
    for (auto size = share_[way.turning] / way.ways; size >= 1; --size) {
      if (ceil_div(share_[way.turning], size) % way.ways != 0) continue;
      way.piece[way.turning] = size;
      if (fits()) return true;
    }
    const auto channels = channel_rank(layer_, operand);
    if (operand.role != workloads::OperandRole::kWeight || !channels || *channels == way.turning)
      return false;
    if (share_[way.turning] % way.ways != 0) return false;
    way.piece[way.turning] = 1;
    while (way.piece[*channels] > 1 && !fits())
      way.piece[*channels] = ceil_div<std::int64_t>(way.piece[*channels], 2);
    return fits();
  }

  /// All tiles make as many trips of a loop.
  bool even(RankId rank, std::int64_t tile) const {
    std::int64_t least = whole_[rank];
    for (const auto& split : splits_)
      if (split.rank == rank) least /= split.ways;
    return ceil_div(least, tile) == ceil_div(share_[rank], tile);
  }

  const Layer& layer_;
  const Shares& whole_;
  const std::vector<PartitionSplit>& splits_;
  const hw::Accelerator& accelerator_;
  Shares share_;
  std::vector<std::vector<Turning>> found_;
};

}  // namespace

std::vector<BufferLoop> Turning::loops(const std::vector<std::int64_t>& share) const {
  std::vector<BufferLoop> loops = {{round, tile}, {turning, piece[turning], true}};
  for (std::size_t r = 0; r < share.size(); ++r) {
    const auto rank = static_cast<RankId>(r);
    if (rank != round && rank != turning && piece[r] < share[r]) loops.push_back({rank, piece[r]});
  }
  return loops;
}

std::vector<std::vector<Turning>> turnings_of(const Layer& layer,
                                              const std::vector<std::int64_t>& whole,
                                              const std::vector<PartitionSplit>& splits,
                                              const hw::Accelerator& accelerator) {
  return Turnings(layer, whole, splits, accelerator).run();
}

Bytes line_bytes_of(const Operand& operand, const std::vector<std::int64_t>& extents,
                    const hw::Accelerator& accelerator) {
  return round_up(static_cast<Bytes>(nominal_elements(operand, extents) * accelerator.word_bytes()),
                  accelerator.tile.buffer.line_bytes);
}

Node shared_path(const Layer& layer, const StagePlan& plan) {
  Node top = stage_path(layer, plan);
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    const auto& shared = plan.inputs[i];
    if (shared.shared_by == 1) continue;
    const auto name = operand_name(layer, static_cast<int>(i));
    int loops = 0;
    for (Node* node = &top; node->kind != NodeKind::kLayer; node = &node->children.front()) {
      if (node->kind != NodeKind::kLoop) continue;
      if (loops >= shared.turn && loops < static_cast<int>(plan.loops.size()))
        node->loop.rotates = name;
      ++loops;
    }
  }
  return top;
}

}  // namespace tessera::mapping
