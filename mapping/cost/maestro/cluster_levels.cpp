#include "mapping/cost/maestro/cluster_levels.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::mapping::maestro {

namespace {

using workloads::Layer;
using workloads::Operand;
using workloads::OperandRole;

/// The input dimension that a rank strides through, or nullptr where no filter slides.
const workloads::DimensionAccess* sliding_access(const Layer& layer, int rank) {
  for (const auto& operand : layer.inputs)
    for (const auto& access : operand.dimensions)
      if (access.terms.size() == 2 && access.terms.front().rank == rank) return &access;
  return nullptr;
}

/// The names that MAESTRO's users know; the tree follows the field's.
std::string tool_name(const std::string& rank, bool matrix_product) {
  if (matrix_product) return rank == "K" ? "N" : rank == "C" ? "K" : rank;
  return rank == "P" ? "Y" : rank == "Q" ? "X" : rank;
}

std::vector<int> ranks_of(const Operand& operand) {
  std::vector<int> ranks;
  for (const auto& access : operand.dimensions) ranks.push_back(access.terms.front().rank);
  return ranks;
}

const Operand& operand_of(const Layer& layer, OperandRole role) {
  for (const auto& operand : layer.inputs)
    if (operand.role == role) return operand;
  throw UserError("layer '", layer.name, "': the MAESTRO model needs one input and one weight");
}

class LevelReader {
 public:
  LevelReader(const Schedule& schedule, const Layer& layer) : schedule_(schedule), layer_(layer) {}

  std::vector<ClusterLevel> read() {
    levels_.resize(1);
    const Node* node = &schedule_.root;
    while (node->kind != NodeKind::kLayer) {
      take(*node);
      if (node->children.size() != 1)
        fail("nodes with several children are not part of a directive list");
      node = &node->children.front();
    }
    return std::move(levels_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw UserError(schedule_.origin, ": schedule of layer '", layer_.name,
                    "' for the MAESTRO model: ", why);
  }

  void take(const Node& node) {
    switch (node.kind) {
      case NodeKind::kLoop:
        for (const auto& rank : node.loop.ranks) add(rank, false, node.loop.tile, node.loop.step);
        break;
      case NodeKind::kSplit:
        levels_.back().units = node.split.ways;
        for (const auto& rank : node.split.ranks) add(rank, true, node.split.size, node.split.step);
        break;
      case NodeKind::kStore:
        if (node.store.level == "group") levels_.emplace_back();
        break;
      default:
        fail("only loops, splits and stores can be read as directives");
    }
  }

  void add(const RankReference& rank, bool spatial, std::int64_t size, std::int64_t step) {
    const int index = layer_.rank_index(rank.rank);
    if (index < 0) fail("no rank '" + rank.rank + "' in the layer");
    Map map{index, spatial, size, step == 0 ? size : step};
    const auto* access = sliding_access(layer_, index);
    if (access != nullptr && rank.of_tensor.empty()) {
      const auto stride = access->terms.front().coefficient;
      map.size = (map.size - 1) * stride + layer_.ranks[access->terms.back().rank].extent;
      map.offset *= stride;
    }
    levels_.back().maps.push_back(map);
  }

  const Schedule& schedule_;
  const Layer& layer_;
  std::vector<ClusterLevel> levels_;
};

}  // namespace

LayerModel layer_model(const Layer& layer) {
  LayerModel model;
  const bool matrix_product = layer.rank_index("M") >= 0;
  for (std::size_t i = 0; i < layer.ranks.size(); ++i) {
    const auto& rank = layer.ranks[i];
    const auto* access = sliding_access(layer, static_cast<int>(i));
    ModelDimension dimension{tool_name(rank.name, matrix_product), rank.extent, -1, 1, rank.extent};
    if (access != nullptr) {
      dimension.extent = access->valid_end;
      dimension.window = access->terms.back().rank;
      dimension.stride = access->terms.front().coefficient;
    }
    model.dimensions.push_back(dimension);
    if (rank.reduced) model.reduced.push_back(static_cast<int>(i));
  }
  model.input = ranks_of(operand_of(layer, OperandRole::kInput));
  model.weight = ranks_of(operand_of(layer, OperandRole::kWeight));
  model.output = ranks_of(layer.output);
  model.macs = layer.macs();
  return model;
}

std::vector<ClusterLevel> cluster_levels(const Schedule& schedule, const Layer& layer) {
  return LevelReader(schedule, layer).read();
}

}  // namespace tessera::mapping::maestro
