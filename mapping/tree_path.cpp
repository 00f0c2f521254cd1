#include "mapping/tree_path.h"

namespace tessera::mapping {

Node& TreePath::add(NodeKind kind) {
  path_.emplace_back().kind = kind;
  return path_.back();
}

TreePath& TreePath::place(std::vector<int> tiles) {
  add(NodeKind::kPlace).place.tiles = std::move(tiles);
  return *this;
}

TreePath& TreePath::loop(const std::string& rank, std::int64_t tile, const std::string& rotates) {
  auto& loop = add(NodeKind::kLoop).loop;
  loop.ranks = {{"", rank}};
  loop.tile = tile;
  loop.rotates = rotates;
  return *this;
}

TreePath& TreePath::giving_turn(int turns_later) {
  path_.back().loop.gives_turn = true;
  path_.back().loop.turns_later = turns_later;
  return *this;
}

TreePath& TreePath::split(const std::string& rank, std::int64_t ways, Axis axis, std::int64_t size,
                          std::vector<std::string> no_multicast) {
  auto& split = add(NodeKind::kSplit).split;
  split.ranks = {{"", rank}};
  split.ways = static_cast<int>(ways);
  split.axis = axis;
  split.size = size;
  split.no_multicast = std::move(no_multicast);
  return *this;
}

TreePath& TreePath::store(const std::string& level, std::vector<StoredTensor> tensors) {
  if (tensors.empty()) return *this;
  auto& store = add(NodeKind::kStore).store;
  store.level = level;
  store.tensors = std::move(tensors);
  return *this;
}

Node TreePath::finish(const std::string& layer) {
  add(NodeKind::kLayer).layer.layer = layer;
  for (std::size_t i = path_.size() - 1; i > 0; --i)
    path_[i - 1].children.push_back(std::move(path_[i]));
  Node top = std::move(path_.front());
  path_.clear();
  return top;
}

}  // namespace tessera::mapping
