#include "mapping/importers/interstellar/levels.h"

namespace tessera::mapping::interstellar {

namespace {

std::string level_name(std::size_t level, const Architecture& architecture) {
  if (level + 1 == architecture.levels.size()) return "dram";
  const std::size_t array = array_level(architecture);
  if (level <= array) return "registers";
  return level == array + 1 ? "buffer" : "shared";
}

}  // namespace

std::size_t array_level(const Architecture& architecture) {
  std::size_t array = 0;
  for (std::size_t i = 0; i < architecture.levels.size(); ++i)
    if (architecture.levels[i].parallel_count > 1) array = i;
  return array;
}

Node store_node(std::size_t level, const Architecture& architecture) {
  Node node;
  node.kind = NodeKind::kStore;
  node.store.level = level_name(level, architecture);
  for (int tensor = 0; tensor < kTensors; ++tensor) {
    if (!architecture.levels[level].holds[tensor]) continue;
    StoredTensor stored;
    stored.tensor = kTensorNames[tensor];
    if (level > 0 && architecture.levels[level - 1].parallel_mode == ParallelMode::kNeighbour)
      stored.distribution = Distribution::kNeighbour;
    if (level > 0 && architecture.levels[level - 1].parallel_mode == ParallelMode::kBroadcast)
      stored.distribution = Distribution::kMulticast;
    node.store.tensors.push_back(stored);
  }
  return node;
}

Node chain_of(std::vector<Node> nodes) {
  for (std::size_t i = nodes.size() - 1; i > 0; --i)
    nodes[i - 1].children.push_back(std::move(nodes[i]));
  return std::move(nodes.front());
}

}  // namespace tessera::mapping::interstellar
