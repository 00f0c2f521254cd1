#include "mapping/fusion/segment.h"

#include <algorithm>
#include <map>

#include "mapping/array_choice.h"
#include "mapping/fusion/organisation.h"
#include "mapping/partition_search.h"
#include "mapping/refine/arrangement.h"
#include "mapping/region_difference.h"
#include "mapping/slot_placer.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;
using workloads::OperandRole;

namespace {

/// Cycles from a request to its first data and, in a pipeline, from a granule's end to its reader.
constexpr double kRoundTrip = 120;

bool inside(Segment segment, int layer) { return layer >= segment.first && layer <= segment.last; }

Node node_of(NodeKind kind) {
  Node node;
  node.kind = kind;
  return node;
}

Node chained(std::vector<Node> path) {
  for (std::size_t i = path.size() - 1; i > 0; --i)
    path[i - 1].children.push_back(std::move(path[i]));
  return std::move(path.front());
}

/// `layer` is empty where only one is below.
Node loop_node(const std::string& layer, const std::string& rank, std::int64_t tile) {
  Node node = node_of(NodeKind::kLoop);
  node.loop.ranks = {{layer, rank}};
  node.loop.tile = tile;
  return node;
}

Node split_node(const std::string& layer, const std::string& rank, std::int64_t ways, Axis axis) {
  Node node = node_of(NodeKind::kSplit);
  node.split.ranks = {{layer, rank}};
  node.split.ways = static_cast<int>(ways);
  node.split.axis = axis;
  return node;
}

class TreeWriter {
 public:
  TreeWriter(const Network& network, const SegmentChoice& choice,
             const hw::Accelerator& accelerator)
      : network_(network), choice_(choice), accelerator_(accelerator) {}

  /// The array mapping follows the largest tile of each layer, which the tree without it tells.
  Node write() {
    auto plain = read_fusions(tree({}), "segment", network_, grid());
    infer_members(plain.front(), "segment", network_, grid());
    std::map<int, ArrayMapping> arrays;
    for (const auto& member : plain.front().members) {
      const Layer& layer = network_.layers[member.layer];
      if (layer.kind != LayerKind::kMatrix) continue;
      std::vector<std::int64_t> extents;
      for (std::size_t r = 0; r < layer.ranks.size(); ++r)
        extents.push_back(largest(member, static_cast<int>(r)));
      arrays[member.layer] =
          choose_array_mapping(layer, extents, accelerator_.tile.array, accelerator_.word_bytes())
              .mapping;
    }
    return tree(arrays);
  }

 private:
  TileGrid grid() const { return {accelerator_.rows, accelerator_.columns}; }
  const Layer& head() const { return network_.layers[choice_.segment.last]; }
  int depth() const { return static_cast<int>(choice_.loops.size()); }

  static std::int64_t largest(const FusionMember& member, workloads::RankId rank) {
    workloads::Operand single;
    single.dimensions.push_back({{{rank, 1}}, 0, 0, std::int64_t{1} << 60});
    return most_indices(member, single, member.loops, static_cast<int>(member.loops.size()))
        .front();
  }

  Node tree(const std::map<int, ArrayMapping>& arrays) const {
    std::vector<Node> path;
    if (!choice_.pipelined) add_shares(path);
    for (int d = 0; d <= depth(); ++d) {
      if (d > 0)
        path.push_back(loop_node(head().name, head().ranks[choice_.loops[d - 1].rank].name,
                                 choice_.loops[d - 1].tile));
      add_stores(path, d);
    }
    Node branches = node_of(choice_.pipelined ? NodeKind::kPipeline : NodeKind::kSequence);
    for (int l = choice_.segment.first; l <= choice_.segment.last; ++l)
      branches.children.push_back(branch(l, arrays));
    path.push_back(std::move(branches));
    return chained(std::move(path));
  }

  /// Rows over the rows of the grid, columns over its columns; tokens over all tiles.
  void add_shares(std::vector<Node>& path) const {
    const auto ranks = cut_ranks(head());
    if (ranks.size() == 1) {
      const auto& rank = head().ranks[ranks[0]];
      path.push_back(split_node(head().name, rank.name,
                                std::min<std::int64_t>(rank.extent, accelerator_.tiles()),
                                Axis::kTiles));
      return;
    }
    const auto& rows = head().ranks[ranks[0]];
    const auto& columns = head().ranks[ranks[1]];
    path.push_back(split_node(head().name, rows.name,
                              std::min<std::int64_t>(rows.extent, accelerator_.rows),
                              Axis::kMeshY));
    path.push_back(split_node(head().name, columns.name,
                              std::min<std::int64_t>(columns.extent, accelerator_.columns),
                              Axis::kMeshX));
  }

  void add_stores(std::vector<Node>& path, int at) const {
    std::map<workloads::TensorId, int> depths;
    for (int l = choice_.segment.first; l <= choice_.segment.last; ++l) {
      const Layer& layer = network_.layers[l];
      for (const auto& input : layer.inputs) {
        const bool weight = input.role == OperandRole::kWeight;
        depths.try_emplace(input.tensor, weight && choice_.weights_resident ? 0 : depth());
      }
    }
    for (int l = choice_.segment.first; l < choice_.segment.last; ++l)
      depths[network_.layers[l].output.tensor] = choice_.kept[l - choice_.segment.first];
    depths[head().output.tensor] = depth();
    Node store = node_of(NodeKind::kStore);
    store.store.level = "buffer";
    for (const auto& [tensor, own] : depths)
      if (own == at)
        store.store.tensors.push_back(
            StoredTensor{network_.tensors[tensor].name, is_doubled(own), true, 1, {}, {}});
    if (!store.store.tensors.empty()) path.push_back(std::move(store));
  }

  /// What is held inside a loop has a granule to come.
  bool is_doubled(int held) const { return choice_.double_buffered && held > 0; }

  Node branch(int l, const std::map<int, ArrayMapping>& arrays) const {
    const Layer& layer = network_.layers[l];
    std::vector<Node> path;
    if (choice_.pipelined) add_stage(path, l);
    if (const auto array = arrays.find(l); array != arrays.end())
      add_array(path, layer, array->second);
    Node leaf = node_of(NodeKind::kLayer);
    leaf.layer.layer = layer.name;
    path.push_back(std::move(leaf));
    return chained(std::move(path));
  }

  /// A stage's tiles take shares of its channels and of its columns: rows move with the loops.
  void add_stage(std::vector<Node>& path, int l) const {
    PlaceNode place{{}, choice_.organisation, choice_.segment.depth(), l - choice_.segment.first};
    auto tiles = static_cast<std::int64_t>(organised_tiles(place, grid()).size());
    path.push_back(node_of(NodeKind::kPlace));
    path.back().place = place;
    const Layer& layer = network_.layers[l];
    const auto cuts = cut_ranks(layer);
    const auto add = [&](workloads::RankId rank) {
      const auto ways = std::min(tiles, layer.ranks[rank].extent);
      if (ways <= 1) return;
      path.push_back(split_node("", layer.ranks[rank].name, ways, Axis::kTiles));
      tiles /= ways;
    };
    const auto add_columns = [&] {
      if (cuts.size() > 1 && choice_.loops.size() < 2) add(cuts[1]);
    };
    if (choice_.columns_first) add_columns();
    for (std::size_t r = 0; r < layer.ranks.size(); ++r)
      if (!layer.ranks[r].reduced && std::ranges::find(cuts, static_cast<int>(r)) == cuts.end() &&
          is_single(layer, r))
        add(static_cast<int>(r));
    if (!choice_.columns_first) add_columns();
  }

  /// Writes a dimension by itself: shares of it are boxes.
  static bool is_single(const Layer& layer, std::size_t rank) {
    return std::ranges::any_of(layer.output.dimensions, [&](const auto& access) {
      return access.terms.size() == 1 && access.terms.front().rank == static_cast<int>(rank);
    });
  }

  void add_registers(std::vector<Node>& path, const Layer& layer, const ArrayMapping& array,
                     int at) const {
    Node store = node_of(NodeKind::kStore);
    store.store.level = "registers";
    for (int kind = 0; kind < 3; ++kind) {
      if (array.store_depth[kind] != at || (kind == 1 && layer.inputs.size() < 2)) continue;
      const auto tensor = kind == 2 ? layer.output.tensor : layer.inputs[kind].tensor;
      store.store.tensors.push_back(StoredTensor{
          network_.tensors[tensor].name, array.double_buffered[kind], true, 1, {}, {}});
    }
    if (!store.store.tensors.empty()) path.push_back(std::move(store));
  }

  void add_array(std::vector<Node>& path, const Layer& layer, const ArrayMapping& array) const {
    for (std::size_t i = 0; i < array.loops.size(); ++i) {
      add_registers(path, layer, array, static_cast<int>(i));
      path.push_back(loop_node("", layer.ranks[array.loops[i].rank].name, array.loops[i].tile));
    }
    add_registers(path, layer, array, static_cast<int>(array.loops.size()));
    const auto splits = [&](const std::vector<SpatialSplit>& axis, Axis where) {
      for (const auto& split : axis)
        path.push_back(split_node("", layer.ranks[split.rank].name, split.ways, where));
    };
    splits(array.rows, Axis::kArrayY);
    splits(array.columns, Axis::kArrayX);
    splits(array.lanes, Axis::kLanes);
  }

  const Network& network_;
  const SegmentChoice& choice_;
  const hw::Accelerator& accelerator_;
};

/// Points one tile computes at most; tiles that take turns add up, pipelined ones do not.
double compute_cycles(const Fusion& fusion, const Network& network,
                      const hw::Accelerator& accelerator) {
  const auto& array = accelerator.tile.array;
  double cycles = 0;
  for (const auto& member : fusion.members) {
    const Layer& layer = network.layers[member.layer];
    const double rate = layer.kind == LayerKind::kMatrix
                            ? double(array.rows) * array.columns * array.macs_per_pe
                            : accelerator.tile.vector_unit.lanes;
    const double own = double(executed_points(member)) / double(member.shares.size()) / rate;
    cycles = fusion.pipelined ? std::max(cycles, own) : cycles + own;
  }
  return cycles;
}

/// Elements that all shares fetch of an input from outside; those that several tiles want alike
/// come once.
double fetched_elements(const FusionMember& member, std::size_t input, const Layer& layer) {
  double words = 0;
  std::vector<workloads::RankTile> seen;
  for (const auto& share : member.shares) {
    auto alike = share.ranks;
    for (std::size_t r = 0; r < alike.size(); ++r)
      if (!Layer::indexes(layer.inputs[input], static_cast<int>(r))) alike[r] = {};
    if (std::ranges::find(seen, alike) != seen.end()) continue;
    seen.push_back(alike);
    double own = double(region_of(layer.inputs[input], share.ranks).elements());
    for (int l = 0; l < member.inputs[input].depth; ++l) {
      const auto& loop = member.loops[l];
      if (loop.rank < 0 || !Layer::indexes(layer.inputs[input], loop.rank)) continue;
      // Fetched again for every trip of the loops further out that leave it alone.
      for (int outer = 0; outer < l; ++outer)
        if (member.loops[outer].rank < 0 ||
            !Layer::indexes(layer.inputs[input], member.loops[outer].rank))
          own *= double(member.loops[outer].count);
      break;
    }
    words += own;
  }
  return words;
}

double dram_bytes(const Fusion& fusion, const Network& network, int word_bytes) {
  double words = 0;
  for (const auto& member : fusion.members) {
    const Layer& layer = network.layers[member.layer];
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      if (fusion.producer_of(network, layer.inputs[i].tensor) < 0)
        words += fetched_elements(member, i, layer);
    if (member.output_home == Home::kDram)
      words += double(region_of(layer.output, layer.whole()).elements());
  }
  return words * word_bytes;
}

std::int64_t shared_trips(const Fusion& fusion) {
  std::int64_t trips = 1;
  const auto& head = fusion.members[static_cast<std::size_t>(fusion.head)];
  for (int l = 0; l < fusion.depth(); ++l) trips *= head.loops[static_cast<std::size_t>(l)].count;
  return trips;
}

/// Tiles of a producer that hold something of what a share reads.
std::int64_t sources_of(const FusionMember& producer, const Layer& made,
                        const workloads::Region& read) {
  return std::ranges::count_if(producer.shares, [&](const auto& share) {
    return workloads::overlap(region_of(made.output, share.ranks), read);
  });
}

/// A request and the head of an answer for every tile that holds a piece of a granule, and its
/// words.
double handover_cycles(const Fusion& fusion, const Network& network,
                       const hw::Accelerator& accelerator, double link_bytes) {
  constexpr double kPerPiece = 3;
  if (!fusion.pipelined) return 0;
  const auto trips = static_cast<double>(shared_trips(fusion));
  double most = 0;
  for (const auto& member : fusion.members) {
    if (member.shares.empty()) continue;
    const Layer& layer = network.layers[member.layer];
    const auto& share = member.shares[member.shares.size() / 2];
    double own = 0;
    for (const auto& input : layer.inputs) {
      const int from = fusion.producer_of(network, input.tensor);
      if (from < 0) continue;
      const auto& producer = fusion.members[static_cast<std::size_t>(from)];
      const auto read = region_of(input, share.ranks);
      own += trips * kPerPiece *
             static_cast<double>(sources_of(producer, network.layers[producer.layer], read));
      own += static_cast<double>(read.elements()) * accelerator.word_bytes() / link_bytes;
    }
    most = std::max(most, own);
  }
  return most;
}

/// Weights that are there before the first tile.
double resident_bytes(const Fusion& fusion, const Network& network, int word_bytes) {
  double words = 0;
  for (const auto& member : fusion.members)
    for (std::size_t i = 0; i < member.inputs.size(); ++i) {
      const auto& input = network.layers[member.layer].inputs[i];
      if (member.inputs[i].depth == 0 && input.role == OperandRole::kWeight)
        words += double(network.tensors[input.tensor].elements());
    }
  return words * word_bytes;
}

/// Bytes of the fullest tile, or none when the slots have no place.
std::optional<Bytes> placed(const Fusion& fusion, const Network& network,
                            const hw::Accelerator& accelerator) {
  auto stages = build_fusion(fusion, 0, network, accelerator);
  Bytes most = 0;
  Bytes sum = 0;
  for (auto& stage : stages) {
    Bytes own = 0;
    for (const auto& slot : stage.slots)
      own += slot.granule_bytes * static_cast<Bytes>(slot.granules);
    most = std::max(most, own);
    sum += own;
  }
  const Bytes bytes = fusion.pipelined ? most : sum;
  return bytes <= accelerator.tile.buffer.bytes ? std::optional(bytes) : std::nullopt;
}

bool stays(const Node& node) {
  if (node.kind == NodeKind::kStore && node.store.level == "tiles") return true;
  return std::ranges::any_of(node.children, stays);
}

}  // namespace

bool can_fuse(const Network& network, Segment segment) {
  for (int l = segment.first; l <= segment.last; ++l) {
    const Layer& layer = network.layers[l];
    if (!layer.whole_ranks.empty() || cut_ranks(layer).empty()) return false;
    const auto readers = network.consumers(layer.output.tensor);
    if (network.producers(layer.output.tensor).size() != 1) return false;
    if (l == segment.last) continue;
    if (readers.empty() ||
        !std::ranges::all_of(readers, [&](int reader) { return inside(segment, reader); }))
      return false;
  }
  return true;
}

std::vector<workloads::RankId> cut_ranks(const Layer& layer) {
  const auto& dimensions = layer.output.dimensions;
  std::vector<workloads::RankId> ranks;
  const std::size_t first = dimensions.size() == 4 ? 2 : dimensions.size() == 3 ? 1 : 0;
  const std::size_t end = dimensions.size() == 4 ? 4 : first + 1;
  for (std::size_t d = first; d < std::min(end, dimensions.size()); ++d) {
    if (dimensions[d].terms.size() != 1) return {};
    ranks.push_back(dimensions[d].terms.front().rank);
  }
  return ranks;
}

Node segment_tree(const Network& network, const SegmentChoice& choice,
                  const hw::Accelerator& accelerator) {
  return TreeWriter(network, choice, accelerator).write();
}

double SegmentCost::cycles(const MachineRates& rates) const {
  const double first = first_bytes / rates.dram_bytes_per_cycle;
  const double moving = (dram_bytes - first_bytes) / rates.dram_bytes_per_cycle;
  if (overlaps) return kRoundTrip + first + std::max({compute_cycles, moving, handover_cycles});
  return first + compute_cycles + moving + handover_cycles +
         kRoundTrip * static_cast<double>(trips + 1);
}

std::optional<SegmentCost> cost_of(const Network& network, const SegmentChoice& choice,
                                   const hw::Accelerator& accelerator) {
  try {
    const TileGrid grid{accelerator.rows, accelerator.columns};
    auto fusions =
        read_fusions(segment_tree(network, choice, accelerator), "segment", network, grid);
    Fusion& fusion = fusions.front();
    infer_members(fusion, "segment", network, grid);
    const auto bytes = placed(fusion, network, accelerator);
    if (!bytes) return std::nullopt;
    SegmentCost cost;
    cost.compute_cycles = compute_cycles(fusion, network, accelerator);
    cost.dram_bytes = mapping::dram_bytes(fusion, network, accelerator.word_bytes());
    cost.first_bytes = resident_bytes(fusion, network, accelerator.word_bytes());
    cost.trips = shared_trips(fusion);
    cost.handover_cycles =
        handover_cycles(fusion, network, accelerator, accelerator.network.flit_bytes());
    cost.overlaps = choice.double_buffered;
    cost.buffer_bytes = *bytes;
    for (const auto& member : fusion.members)
      cost.recomputed +=
          executed_points(member) - workloads::volume(network.layers[member.layer].whole());
    return cost;
  } catch (const UserError&) {
    return std::nullopt;  // what lowering refuses is no candidate
  }
}

std::optional<double> layerwise_cycles(const Network& network, Segment segment,
                                       const hw::Accelerator& accelerator,
                                       const MachineRates& rates) {
  double cycles = 0;
  for (int l = segment.first; l <= segment.last; ++l) {
    const std::vector<InputSource> sources(network.layers[l].inputs.size());
    const SearchLimits limits{accelerator.tile.buffer.bytes, Home::kDram, rates};
    const auto choice = search_partition(network, l, sources, accelerator, limits);
    if (!choice) return std::nullopt;
    cycles += choice->cost.total();
  }
  return cycles;
}

std::vector<bool> staying_outputs(const Schedule& layerwise) {
  std::vector<bool> staying;
  for (const auto& top : layerwise.root.children) staying.push_back(stays(top));
  return staying;
}

Schedule with_segments(const Network& network, const std::vector<SegmentChoice>& choices,
                       const std::string& name, const hw::Accelerator& accelerator,
                       const MachineRates& rates) {
  auto pieces = arrangement_of(schedule_layerwise(network, accelerator, rates), network);
  for (const auto& choice : choices) {
    const workloads::LayerSpan span{choice.segment.first, choice.segment.last};
    auto touched = span;
    auto fused = exchanged(pieces, {span, segment_tree(network, choice, accelerator)});
    if (fused) fused = with_room(std::move(*fused), span, network, accelerator, touched);
    if (fused) pieces = std::move(*fused);
  }
  return schedule_of(pieces, name);
}

}  // namespace tessera::mapping
