#include "mapping/cost/looptree/fused_tree.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::mapping::looptree {

namespace {

using importers::TimeloopUnitKind;

class TreeReader {
 public:
  TreeReader(const Schedule& schedule, const workloads::Network& network,
             const importers::TimeloopArchitecture& architecture)
      : schedule_(schedule), network_(network) {
    for (const auto& unit : architecture.units)
      if (unit.kind == TimeloopUnitKind::kStorage) storages_.push_back(unit.name);
    for (const auto& layer : network.layers) check_layer(layer);
  }

  FusedTree read() {
    FusedTree tree;
    tree.network = &network_;
    tree.origin = schedule_.origin;
    tree.levels = static_cast<int>(storages_.size());
    tree.root = chain_from(schedule_.root);
    return tree;
  }

 private:
  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw UserError(schedule_.origin, ": ", parts...);
  }

  void check_layer(const workloads::Layer& layer) const {
    for (const auto& access : layer.output.dimensions)
      if (access.terms.size() != 1)
        fail("the output of '", layer.name,
             "' is indexed by a sum of ranks; the model infers "
             "tiles only through single ones");
    for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank) {
      check_rank(layer, layer.output, static_cast<int>(rank));
      for (const auto& input : layer.inputs) check_rank(layer, input, static_cast<int>(rank));
    }
  }

  void check_rank(const workloads::Layer& layer, const workloads::Operand& operand,
                  int rank) const {
    const auto uses = std::ranges::count_if(operand.dimensions, [&](const auto& access) {
      return std::ranges::any_of(access.terms, [&](const auto& term) { return term.rank == rank; });
    });
    if (uses > 1)
      fail("rank '", layer.ranks[rank].name, "' is in two dimensions of '",
           network_.tensors[operand.tensor].name, "'; the model takes one");
  }

  Chain chain_from(const Node& first) const {
    Chain chain;
    for (const Node* node = &first;;) {
      chain.push_back(step_of(*node));
      const StepKind kind = chain.back().kind;
      if (kind == StepKind::kCompute) return chain;
      if (kind == StepKind::kSequence || kind == StepKind::kPipeline) {
        for (const auto& child : node->children) chain.back().branches.push_back(chain_from(child));
        return chain;
      }
      if (node->children.size() != 1) fail("a node that is no branch needs one child");
      node = &node->children.front();
    }
  }

  Step step_of(const Node& node) const {
    Step step;
    switch (node.kind) {
      case NodeKind::kSequence:
        step.kind = StepKind::kSequence;
        return step;
      case NodeKind::kPipeline:
        step.kind = StepKind::kPipeline;
        return step;
      case NodeKind::kStore:
        return store_step(node.store);
      case NodeKind::kLoop:
        if ((node.loop.step != 0 && node.loop.step != node.loop.tile) || !node.loop.rotates.empty())
          fail("steps and rotation are not part of the model");
        return loop_step(StepKind::kTemporal, node.loop.ranks, node.loop.tile);
      case NodeKind::kSplit:
        if ((node.split.step != 0 && node.split.step != node.split.size) || node.split.skewed ||
            node.split.size == 0)
          fail("steps, balanced shares and skew are not part of the model");
        return loop_step(StepKind::kSpatial, node.split.ranks, node.split.size);
      case NodeKind::kLayer:
        step.layer = layer_index(node.layer.layer);
        return step;
      case NodeKind::kPlace:
        break;
    }
    fail("place nodes are not part of the model");
  }

  Step store_step(const StoreNode& store) const {
    Step step;
    step.kind = StepKind::kStore;
    const auto level = std::ranges::find(storages_, store.memory);
    if (level == storages_.end()) fail("the architecture has no storage '", store.memory, "'");
    step.level = static_cast<int>(level - storages_.begin());
    for (const auto& stored : store.tensors) {
      if (stored.shared_by > 1) fail("shared tensors are not part of the model");
      step.tensors.push_back(tensor_index(stored.tensor));
      step.exploits_reuse = stored.exploits_reuse;
    }
    return step;
  }

  Step loop_step(StepKind kind, const std::vector<RankReference>& ranks, std::int64_t tile) const {
    if (ranks.size() != 1) fail("a loop over several ranks is not part of the model");
    Step step;
    step.kind = kind;
    step.tile = tile;
    for (std::size_t layer = 0; layer < network_.layers.size(); ++layer) {
      if (!ranks.front().layer.empty() && network_.layers[layer].name != ranks.front().layer)
        continue;
      step.rank = network_.layers[layer].rank_index(ranks.front().rank);
      step.layer = static_cast<int>(layer);
      if (step.rank >= 0) return step;
    }
    fail("no layer has a rank '", ranks.front().rank, "'");
  }

  int layer_index(const std::string& name) const {
    const auto layer = std::ranges::find(network_.layers, name, &workloads::Layer::name);
    if (layer == network_.layers.end()) fail("there is no layer '", name, "'");
    return static_cast<int>(layer - network_.layers.begin());
  }

  int tensor_index(const std::string& name) const {
    const auto tensor = std::ranges::find(network_.tensors, name, &workloads::Tensor::name);
    if (tensor == network_.tensors.end()) fail("there is no tensor '", name, "'");
    return static_cast<int>(tensor - network_.tensors.begin());
  }

  const Schedule& schedule_;
  const workloads::Network& network_;
  std::vector<std::string> storages_;
};

}  // namespace

FusedTree fused_tree_of(const Schedule& schedule, const workloads::Network& network,
                        const importers::TimeloopArchitecture& architecture) {
  return TreeReader(schedule, network, architecture).read();
}

std::vector<int> layers_below(const Chain& chain) {
  const Step& end = chain.back();
  if (end.kind == StepKind::kCompute) return {end.layer};
  std::vector<int> layers;
  for (const auto& branch : end.branches)
    for (const int layer : layers_below(branch)) layers.push_back(layer);
  std::ranges::sort(layers);
  return layers;
}

const workloads::Operand* operand_of(const workloads::Layer& layer, int tensor) {
  for (const auto& input : layer.inputs)
    if (input.tensor == tensor) return &input;
  return layer.output.tensor == tensor ? &layer.output : nullptr;
}

}  // namespace tessera::mapping::looptree
