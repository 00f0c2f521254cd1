#include "mapping/schedule.h"

#include <sstream>

namespace tessera::mapping {

namespace {

std::string rank_names(const std::vector<RankReference>& ranks) {
  std::string text;
  for (const auto& rank : ranks) {
    if (!text.empty()) text += "+";
    const std::string counted =
        rank.of_tensor.empty() ? rank.rank : rank.of_tensor + "[" + rank.rank + "]";
    text += rank.layer.empty() ? counted : rank.layer + "." + counted;
  }
  return text;
}

const char* axis_name(Axis axis) {
  switch (axis) {
    case Axis::kMeshX:
      return "mesh_x";
    case Axis::kMeshY:
      return "mesh_y";
    case Axis::kTiles:
      return "tiles";
    case Axis::kArrayX:
      return "array_x";
    case Axis::kArrayY:
      return "array_y";
    case Axis::kLanes:
      return "lanes";
  }
  return "";
}

const char* organisation_name(Organisation organisation) {
  switch (organisation) {
    case Organisation::kExplicit:
      return "";
    case Organisation::kBlocked1d:
      return "blocked_1d";
    case Organisation::kBlocked2d:
      return "blocked_2d";
    case Organisation::kStriped1d:
      return "striped_1d";
    case Organisation::kCheckerboard:
      return "checkerboard";
  }
  return "";
}

void print_loop(const LoopNode& loop, std::ostream& out) {
  out << "loop " << rank_names(loop.ranks) << " tile " << loop.tile;
  if (loop.step != 0 && loop.step != loop.tile) out << " step " << loop.step;
  if (!loop.rotates.empty()) out << " rotate " << loop.rotates;
  if (loop.gives_turn) out << " gives turn";
  if (loop.turns_later > 0) out << " " << loop.turns_later << " later";
  if (loop.count != 0) out << " count " << loop.count;
}

void print_names(const char* label, const std::vector<std::string>& names, std::ostream& out) {
  if (names.empty()) return;
  out << label;
  for (const auto& name : names) out << " " << name;
}

void print_split(const SplitNode& split, std::ostream& out) {
  out << "split " << rank_names(split.ranks);
  if (split.size != 0) out << " size " << split.size;
  if (split.step != 0 && split.step != split.size) out << " step " << split.step;
  out << " ways " << split.ways << " over " << axis_name(split.axis);
  if (split.skewed) out << " skewed";
  if (split.joint) out << " joint";
  if (!split.unit.empty()) out << " of " << split.unit;
  print_names(" no multicast", split.no_multicast, out);
  print_names(" no neighbour", split.no_neighbour, out);
}

void print_tensor(const StoredTensor& tensor, std::ostream& out) {
  out << " " << tensor.tensor;
  if (tensor.double_buffered) out << " (double)";
  if (!tensor.exploits_reuse) out << " (no reuse)";
  if (tensor.shared_by > 1) out << " (shared by " << tensor.shared_by << ")";
  if (tensor.distribution == Distribution::kMulticast) out << " (multicast)";
  if (tensor.distribution == Distribution::kNeighbour) out << " (neighbour)";
  if (tensor.partial_sums == PartialSums::kToOwner) out << " (sums to owner)";
  if (tensor.partial_sums == PartialSums::kToOwnerInPieces) out << " (sums to owner in pieces)";
  if (tensor.partial_sums == PartialSums::kInNetwork) out << " (sums in network)";
  if (!tensor.kept_from.empty()) out << " (kept from " << tensor.kept_from << ")";
  if (tensor.or_dram) out << " (or dram)";
  if (tensor.places > 0) out << " (ring of " << tensor.places << ")";
}

void print_place(const PlaceNode& place, std::ostream& out) {
  out << "place tiles ";
  if (place.tiles.empty()) out << "all";
  for (std::size_t i = 0; i < place.tiles.size(); ++i) out << (i ? "," : "") << place.tiles[i];
  if (place.organisation != Organisation::kExplicit)
    out << " organisation " << organisation_name(place.organisation) << " depth " << place.depth
        << " index " << place.index;
}

void print_node(const Node& node, int depth, std::ostream& out) {
  out << std::string(2 * depth, ' ');
  switch (node.kind) {
    case NodeKind::kSequence:
      out << "sequence";
      break;
    case NodeKind::kPipeline:
      out << "pipeline";
      break;
    case NodeKind::kLoop:
      print_loop(node.loop, out);
      break;
    case NodeKind::kSplit:
      print_split(node.split, out);
      break;
    case NodeKind::kStore:
      out << "store " << node.store.level;
      if (!node.store.memory.empty()) out << " " << node.store.memory;
      out << ":";
      for (const auto& tensor : node.store.tensors) print_tensor(tensor, out);
      break;
    case NodeKind::kPlace:
      print_place(node.place, out);
      break;
    case NodeKind::kLayer:
      out << "layer " << node.layer.layer;
      break;
  }
  out << "\n";
  for (const auto& child : node.children) print_node(child, depth + 1, out);
}

}  // namespace

std::optional<Estimate> expected_of(const Schedule& schedule) {
  Estimate all;
  for (const auto& top : schedule.root.children) {
    if (top.expected.cycles == 0) return std::nullopt;
    all += top.expected;
  }
  return schedule.root.children.empty() ? std::nullopt : std::optional(all);
}

std::string to_text(const Schedule& schedule) {
  std::ostringstream out;
  print_node(schedule.root, 0, out);
  return out.str();
}

}  // namespace tessera::mapping
