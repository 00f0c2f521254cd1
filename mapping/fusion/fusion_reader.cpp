#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "mapping/fusion/fusion_plan.h"
#include "mapping/fusion/organisation.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;

namespace {

bool is_branch(const Node& node) {
  return node.kind == NodeKind::kSequence || node.kind == NodeKind::kPipeline;
}

/// What the nodes above the branch say.
struct Outside {
  std::vector<Fusion::SharedLoop> loops;
  std::vector<SplitNode> splits;
  std::vector<TileId> tiles;
  std::set<std::string> in_dram;
  std::map<std::string, int> in_tiles;  ///< with the places of a ring; 0: the whole map
  std::map<std::string, Held> held;     ///< tensors held in the buffer, by outermost store
};

class FusionReader {
 public:
  FusionReader(const std::string& origin, const Network& network, TileGrid grid)
      : origin_(origin), network_(network), grid_(grid) {}

  std::vector<Fusion> read(const Node& top) {
    const Node* node = &top;
    for (; !is_branch(*node); node = &node->children.front()) visit_outside(*node);
    Fusion fusion;
    fusion.pipelined = node->kind == NodeKind::kPipeline;
    fusion.loops = outside_.loops;
    for (const auto& child : node->children) fusion.members.push_back(read_member(child, fusion));
    if (fusion.pipelined) deal_tiles(fusion);
    find_homes(fusion);
    return split_up(std::move(fusion));
  }

 private:
  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw UserError(origin_, ": ", parts...);
  }

  void check_tiles(const PlaceNode& place) const {
    for (const int tile : place.tiles)
      if (tile < 0 || tile >= grid_.rows * grid_.columns)
        refuse("place: tile ", tile, " outside 0..", grid_.rows * grid_.columns - 1);
  }

  void visit_outside(const Node& node) {
    if (node.children.empty()) refuse("a path of nodes ends without a layer");
    if (node.children.size() != 1)
      refuse("a node above the sequence or pipeline has several children");
    switch (node.kind) {
      case NodeKind::kStore:
        for (const auto& tensor : node.store.tensors) hold_outside(node.store, tensor);
        return;
      case NodeKind::kLoop:
        return visit_shared_loop(node.loop);
      case NodeKind::kSplit:
        return visit_shared_split(node.split);
      case NodeKind::kPlace:
        check_tiles(node.place);
        if (node.place.organisation != Organisation::kExplicit)
          refuse("an organisation deals tiles to the layers of a pipeline; place it inside");
        outside_.tiles = node.place.tiles;
        return;
      default:
        refuse("a layer stands above a sequence or pipeline");
    }
  }

  void refuse_kept(const StoredTensor& tensor) const {
    if (!tensor.kept_from.empty())
      refuse("tensor ", tensor.tensor, " of fused layers is kept from ", tensor.kept_from,
             "; layers that stand alone can keep theirs");
    if (tensor.or_dram)
      refuse("tensor ", tensor.tensor,
             " of fused layers has or_dram; maps of layers that stand alone can leave for DRAM");
  }

  void hold_outside(const StoreNode& store, const StoredTensor& tensor) {
    if (tensor.shared_by > 1) refuse("tensor ", tensor.tensor, ": shared buffers of fused layers");
    refuse_kept(tensor);
    if (std::ranges::find(network_.tensors, tensor.tensor, &workloads::Tensor::name) ==
        network_.tensors.end())
      refuse("store ", store.level, ": no tensor '", tensor.tensor, "' in network ", network_.name);
    if (store.level == "dram") {
      outside_.in_dram.insert(tensor.tensor);
    } else if (store.level == "tiles") {
      outside_.in_tiles.emplace(tensor.tensor, tensor.places);
    } else if (store.level == "buffer") {
      const Held held{static_cast<int>(outside_.loops.size()), tensor.exploits_reuse,
                      tensor.double_buffered};
      if (!outside_.held.emplace(tensor.tensor, held).second)
        refuse("tensor ", tensor.tensor,
               " is held in the buffer twice; the tile buffer is one level");
    } else {
      refuse("store ", store.level,
             " above a sequence or pipeline; known there: dram, tiles, buffer");
    }
  }

  void visit_shared_loop(const LoopNode& loop) {
    if (loop.ranks.size() != 1 || !loop.ranks.front().of_tensor.empty())
      refuse("a loop above a sequence or pipeline runs over one rank of the last layer");
    const auto& rank = loop.ranks.front();
    if ((loop.step != 0 && loop.step != loop.tile) || loop.count != 0 || !loop.rotates.empty() ||
        loop.tile < 1)
      refuse("loop ", rank.rank,
             " above a sequence or pipeline: sliding, padded and rotating loops");
    for (const auto& other : outside_.loops)
      if (other.rank.rank == rank.rank)
        refuse("two loops over rank ", rank.rank, " above a sequence or pipeline");
    outside_.loops.push_back({rank, loop.tile});
  }

  void visit_shared_split(const SplitNode& split) {
    if (split.axis == Axis::kArrayX || split.axis == Axis::kArrayY || split.axis == Axis::kLanes)
      refuse("a split over the array above a sequence or pipeline");
    if (!outside_.loops.empty())
      refuse("a split over tiles inside a loop above a sequence or pipeline");
    outside_.splits.push_back(split);
  }

  const Layer& layer(const FusionMember& member) const { return network_.layers[member.layer]; }

  workloads::LayerId find_layer(const std::string& name) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < network_.layers.size(); ++i) {
      if (network_.layers[i].name == name) return static_cast<workloads::LayerId>(i);
      names.push_back(network_.layers[i].name);
    }
    refuse("no layer '", name, "' in network ", network_.name, "; ", suggest(name, names));
  }

  workloads::RankId rank_of(const Layer& layer, const std::vector<RankReference>& ranks) const {
    if (ranks.size() != 1)
      refuse("layer ", layer.name, ": fused ranks below a sequence or pipeline");
    const std::string& named = ranks.front().layer;
    if (!named.empty() && named != layer.name)
      refuse("rank ", named, ".", ranks.front().rank, " where ranks are those of layer ",
             layer.name);
    const int id = layer.rank_index(ranks.front().rank);
    if (id < 0 || !ranks.front().of_tensor.empty())
      refuse("layer ", layer.name, ": no rank '", ranks.front().rank, "'");
    return id;
  }

  PartitionSplit partition(const Layer& layer, const SplitNode& split) const {
    if (split.ways < 1) refuse("layer ", layer.name, ": a split needs at least one way");
    if (split.skewed || split.joint)
      refuse("layer ", layer.name, ": skewed or joint split of a fused layer");
    if (split.step != 0 && split.step != split.size)
      refuse("layer ", layer.name, ": overlapping split over tiles");
    return {rank_of(layer, split.ranks), split.size, split.ways, split.axis};
  }

  /// Everything between a branch and its leaf.
  FusionMember read_member(const Node& top, const Fusion& fusion) {
    const Node* leaf = &top;
    while (leaf->kind != NodeKind::kLayer) {
      if (is_branch(*leaf)) refuse("a sequence or pipeline inside another");
      if (leaf->children.size() != 1) refuse("a branch is one path of nodes down to its layer");
      leaf = &leaf->children.front();
    }
    FusionMember member;
    member.layer = find_layer(leaf->layer.layer);
    const Layer& own = layer(member);
    member.tiles = outside_.tiles;
    member.inputs.resize(own.inputs.size());
    Progress progress;
    progress.held.assign(own.inputs.size() + 1, false);
    for (std::size_t i = 0; i <= own.inputs.size(); ++i) {
      const auto found = outside_.held.find(network_.tensors[tensor_of(own, i)].name);
      if (found == outside_.held.end()) continue;
      (i < own.inputs.size() ? member.inputs[i] : member.output) = found->second;
      progress.held[i] = true;
    }
    for (const Node* node = &top; node != leaf; node = &node->children.front())
      visit_inside(*node, member, fusion, progress);
    for (std::size_t i = 0; i < progress.held.size(); ++i)
      if (!progress.held[i])
        refuse("layer ", own.name, ": tensor ", network_.tensors[tensor_of(own, i)].name,
               " is held in no buffer");
    for (int kind = 0; kind < 3; ++kind)
      if (!progress.in_registers[kind])
        member.array.store_depth[kind] = static_cast<int>(member.array.loops.size());
    return member;
  }

  struct Progress {
    std::vector<bool> held;  ///< per input, then the output
    bool in_registers[3] = {};
    bool complete() const {
      return std::ranges::all_of(held, [](bool one) { return one; });
    }
  };

  static workloads::TensorId tensor_of(const Layer& layer, std::size_t operand) {
    return operand < layer.inputs.size() ? layer.inputs[operand].tensor : layer.output.tensor;
  }

  void visit_inside(const Node& node, FusionMember& member, const Fusion& fusion,
                    Progress& progress) {
    const Layer& own = layer(member);
    switch (node.kind) {
      case NodeKind::kLoop: {
        const auto& loop = node.loop;
        if (loop.tile < 1 || (loop.step != 0 && loop.step != loop.tile) || loop.count != 0 ||
            !loop.rotates.empty())
          refuse("layer ", own.name,
                 ": sliding, padded and rotating loops below a sequence or pipeline");
        const auto rank = rank_of(own, loop.ranks);
        if (progress.complete())
          member.array.loops.push_back({rank, loop.tile});
        else
          member.own_loops.push_back({rank, loop.tile});
        return;
      }
      case NodeKind::kSplit:
        return visit_split(node.split, member, fusion);
      case NodeKind::kStore:
        for (const auto& tensor : node.store.tensors)
          hold_inside(node.store, tensor, member, fusion, progress);
        return;
      case NodeKind::kPlace:
        return visit_place(node.place, member, fusion);
      default:
        refuse("layer ", own.name, ": a sequence or pipeline inside another");
    }
  }

  void visit_split(const SplitNode& split, FusionMember& member, const Fusion& fusion) const {
    const auto part = partition(layer(member), split);
    if (split.axis == Axis::kArrayY) return member.array.rows.push_back({part.rank, part.ways});
    if (split.axis == Axis::kArrayX) return member.array.columns.push_back({part.rank, part.ways});
    if (split.axis == Axis::kLanes) return member.array.lanes.push_back({part.rank, part.ways});
    if (!fusion.pipelined)
      refuse("layer ", layer(member).name,
             ": a split over tiles below a sequence; deal the last layer above it");
    if (!member.own_loops.empty())
      refuse("layer ", layer(member).name, ": a split over tiles inside a loop");
    member.partition.push_back(part);
  }

  void visit_place(const PlaceNode& place, FusionMember& member, const Fusion& fusion) const {
    check_tiles(place);
    if (!fusion.pipelined) refuse("layer ", layer(member).name, ": a place below a sequence");
    member.tiles = tiles_of(place, grid_);
  }

  static std::vector<TileId> tiles_of(const PlaceNode& place, TileGrid grid);

  void hold_inside(const StoreNode& store, const StoredTensor& tensor, FusionMember& member,
                   const Fusion& fusion, Progress& progress) const {
    const Layer& own = layer(member);
    const std::size_t operand = find_operand(own, tensor.tensor);
    if (tensor.shared_by > 1) refuse("layer ", own.name, ": shared buffers of fused layers");
    refuse_kept(tensor);
    if (store.level == "buffer") {
      if (progress.held[operand])
        refuse("layer ", own.name, ": tensor ", tensor.tensor,
               " is held in the buffer twice; the tile buffer is one level");
      progress.held[operand] = true;
      (operand < own.inputs.size() ? member.inputs[operand] : member.output) = {
          fusion.depth() + static_cast<int>(member.own_loops.size()), tensor.exploits_reuse,
          tensor.double_buffered};
    } else if (store.level == "registers") {
      const std::size_t kind = operand == own.inputs.size() ? 2 : operand;
      if (kind > 2) refuse("layer ", own.name, ": registers hold two inputs and the output");
      member.array.store_depth[kind] = static_cast<int>(member.array.loops.size());
      member.array.double_buffered[kind] = tensor.double_buffered;
      progress.in_registers[kind] = true;
    } else {
      refuse("layer ", own.name, ": store ", store.level,
             " below a sequence or pipeline; known there: buffer, registers");
    }
  }

  /// Input index, or one past the last for the output.
  std::size_t find_operand(const Layer& layer, const std::string& name) const {
    std::vector<std::string> names = {"O"};
    for (std::size_t i = 0; i <= layer.inputs.size(); ++i) {
      const auto& tensor = network_.tensors[tensor_of(layer, i)].name;
      const auto shorthand =
          i < layer.inputs.size() ? operand_name(layer, static_cast<int>(i)) : "O";
      if (name == tensor || name == shorthand) return i;
      names.push_back(tensor);
    }
    refuse("layer ", layer.name, ": no tensor '", name, "'; it has ", join(names));
  }

  /// Stages without a place get tiles in equal runs. No tile works for two stages.
  void deal_tiles(Fusion& fusion) const {
    const int tiles = outside_.tiles.empty() ? grid_.rows * grid_.columns
                                             : static_cast<int>(outside_.tiles.size());
    const auto members = static_cast<int>(fusion.members.size());
    if (tiles < members) refuse("pipeline of ", members, " layers on ", tiles, " tiles");
    std::map<TileId, int> owner;
    for (int m = 0; m < members; ++m) {
      auto& own = fusion.members[m].tiles;
      if (own.empty() || own == outside_.tiles) {
        own.clear();
        for (int i = m * tiles / members; i < (m + 1) * tiles / members; ++i)
          own.push_back(outside_.tiles.empty() ? i : outside_.tiles[i]);
      }
      for (const TileId tile : own)
        if (const auto [entry, added] = owner.emplace(tile, m); !added)
          refuse("tile ", tile, " works for layers ", layer(fusion.members[entry->second]).name,
                 " and ", layer(fusion.members[m]).name, " of one pipeline");
    }
  }

  /// A tensor between members lives in DRAM or in the tiles when a store above says so, else in its
  /// window.
  void find_homes(Fusion& fusion) const {
    for (auto& member : fusion.members) {
      const auto tensor = layer(member).output.tensor;
      const auto& name = network_.tensors[tensor].name;
      const auto readers = network_.consumers(tensor);
      const bool inside = std::ranges::any_of(readers, [&](int reader) {
        return std::ranges::find(fusion.members, reader, &FusionMember::layer) !=
               fusion.members.end();
      });
      if (outside_.in_dram.contains(name) || readers.empty()) {
        member.output_home = Home::kDram;
        if (inside && (fusion.depth() > 0 || fusion.pipelined))
          refuse("tensor ", name,
                 " is stored in DRAM and read by a later layer of the same tile loops");
      } else if (inside) {
        member.output_home = fusion.pipelined ? Home::kTiles : Home::kWindow;
        if (const auto ring = outside_.in_tiles.find(name);
            !fusion.pipelined && ring != outside_.in_tiles.end() && ring->second > 0)
          refuse("tensor ", name, " stays in a window of the tiles that take turns; a ring of ",
                 ring->second, " places stands between tiles");
        check_stays_inside(fusion, member, readers);
      } else {
        member.output_home = outside_.in_tiles.contains(name) ? Home::kTiles : Home::kDram;
      }
      if (const auto ring = outside_.in_tiles.find(name); ring != outside_.in_tiles.end())
        member.ring_places = ring->second;
    }
  }

  void check_stays_inside(const Fusion& fusion, const FusionMember& member,
                          const std::vector<workloads::LayerId>& readers) const {
    const auto& tensor = network_.tensors[layer(member).output.tensor];
    if (tensor.kind == workloads::TensorKind::kOutput)
      refuse("tensor ", tensor.name,
             " is an output of the network and cannot stay among the layers that read it");
    for (const int reader : readers)
      if (std::ranges::find(fusion.members, reader, &FusionMember::layer) == fusion.members.end())
        refuse("tensor ", tensor.name, " is also read by layer ", network_.layers[reader].name,
               ", which is not fused with it; store it in dram");
  }

  std::vector<Fusion> split_up(Fusion fusion) {
    const bool tied = fusion.depth() > 0 || fusion.pipelined ||
                      std::ranges::any_of(fusion.members, [](const auto& member) {
                        return member.output_home == Home::kWindow;
                      });
    if (tied) {
      fusion.head = find_head(fusion);
      if (!fusion.pipelined) deal_head(fusion);
      return {std::move(fusion)};
    }
    std::vector<Fusion> alone;
    for (auto& member : fusion.members) {
      Fusion one;
      one.members.push_back(std::move(member));
      if (!outside_.splits.empty())
        refuse("a split over tiles above layers that share nothing; write it into each");
      alone.push_back(std::move(one));
    }
    return alone;
  }

  void deal_head(Fusion& fusion) const {
    auto& head = fusion.members[fusion.head];
    for (const auto& split : outside_.splits)
      head.partition.push_back(partition(layer(head), split));
  }

  int find_head(const Fusion& fusion) const {
    int head = -1;
    for (std::size_t m = 0; m < fusion.members.size(); ++m) {
      const auto tensor = layer(fusion.members[m]).output.tensor;
      const bool read = std::ranges::any_of(fusion.members, [&](const FusionMember& member) {
        return std::ranges::any_of(layer(member).inputs,
                                   [&](const auto& input) { return input.tensor == tensor; });
      });
      if (read) continue;
      if (head >= 0)
        refuse("layers ", layer(fusion.members[head]).name, " and ", layer(fusion.members[m]).name,
               " are both last; fused layers have a single last one");
      head = static_cast<int>(m);
    }
    if (head != static_cast<int>(fusion.members.size()) - 1)
      refuse("layer ", layer(fusion.members.back()).name,
             " stands behind the last layer of its fusion");
    return head;
  }

  const std::string& origin_;
  const Network& network_;
  TileGrid grid_;
  Outside outside_;
};

std::vector<TileId> FusionReader::tiles_of(const PlaceNode& place, TileGrid grid) {
  return place.organisation == Organisation::kExplicit ? place.tiles : organised_tiles(place, grid);
}

}  // namespace

int Fusion::producer_of(const Network& network, workloads::TensorId tensor) const {
  for (std::size_t m = 0; m < members.size(); ++m)
    if (network.layers[members[m].layer].output.tensor == tensor) return static_cast<int>(m);
  return -1;
}

bool is_fused(const Node& top) {
  const Node* node = &top;
  while (!is_branch(*node)) {
    if (node->children.size() != 1) return false;
    node = &node->children.front();
  }
  return true;
}

std::vector<Fusion> read_fusions(const Node& top, const std::string& origin, const Network& network,
                                 TileGrid grid) {
  return FusionReader(origin, network, grid).read(top);
}

}  // namespace tessera::mapping
