#include "mapping/importers/interstellar/import.h"

#include <map>

#include "sim/base/names.h"
#include "sim/base/types.h"

namespace tessera::mapping::interstellar {

namespace {

using workloads::DimensionAccess;
using workloads::Layer;
using workloads::Operand;
using workloads::OperandRole;
using workloads::TensorKind;

/// The tool's loop names and ours.
const std::vector<std::pair<std::string, std::string>> kLoops = {
    {"FX", "S"}, {"FY", "R"}, {"OX", "Q"}, {"OY", "P"}, {"OC", "K"}, {"IC", "C"}, {"ON", "N"}};

std::string rank_of(const JsonValue& loop) {
  std::vector<std::string> known;
  for (const auto& [name, rank] : kLoops) {
    if (loop.text() == name) return rank;
    known.push_back(name);
  }
  loop.fail("no loop '" + loop.text() + "'; " + suggest(loop.text(), known));
}

DimensionAccess plain(const Layer& layer, const std::string& rank) {
  const int index = layer.rank_index(rank);
  return {{{index, 1}}, 0, 0, layer.ranks[index].extent};
}

DimensionAccess window(const Layer& layer, const std::string& rank, std::int64_t stride,
                       const std::string& filter) {
  const int outer = layer.rank_index(rank), inner = layer.rank_index(filter);
  const auto extent = (layer.ranks[outer].extent - 1) * stride + layer.ranks[inner].extent;
  return {{{outer, stride}, {inner, 1}}, 0, 0, extent};
}

Operand add_operand(OperandRole role, TensorKind kind, const std::string& name,
                    std::vector<DimensionAccess> dimensions, workloads::Network& network) {
  workloads::Tensor tensor{name, kind, {}};
  for (const auto& access : dimensions) tensor.extents.push_back(access.valid_end);
  network.tensors.push_back(std::move(tensor));
  return {static_cast<int>(network.tensors.size()) - 1, role, std::move(dimensions)};
}

/// Builds the chain of nodes from the outermost level inwards, keeping what is left of every rank.
class MappingReader {
 public:
  MappingReader(const JsonValue& mapping, const Layer& layer, const Architecture& architecture)
      : mapping_(mapping), layer_(layer), architecture_(architecture) {}

  Schedule read() {
    const auto levels = mapping_.at("levels").items(architecture_.levels.size());
    collect_factors(levels);
    for (std::size_t i = levels.size(); i-- > 0;) append_level(i, levels[i]);
    Node leaf;
    leaf.kind = NodeKind::kLayer;
    leaf.layer.layer = layer_.name;
    chain_.push_back(leaf);
    for (std::size_t i = chain_.size() - 1; i > 0; --i)
      chain_[i - 1].children.push_back(std::move(chain_[i]));
    return {layer_.name, mapping_.origin(), std::move(chain_.front())};
  }

 private:
  /// Trip counts and unrolls of one loop of the tool, multiplied up, are the nominal extents.
  void collect_factors(const std::vector<JsonValue>& levels) {
    for (const auto& rank : layer_.ranks) nominal_[rank.name] = 1;
    for (const auto& level : levels) {
      for (const auto& loop : level.at("temporal_inner_to_outer").items()) {
        const auto pair = loop.items(2);
        nominal_[rank_of(pair[0])] *= pair[1].integer(1);
      }
      for (const auto& [name, ways] : level.at("spatial").members())
        nominal_[rank_named(name, ways)] *= ways.integer(1);
    }
    for (const auto& rank : layer_.ranks) {
      left_[rank.name] = rank.extent;
      if (nominal_[rank.name] < rank.extent)
        mapping_.at("levels").fail("factors of " + tool_name(rank.name) + " multiply to " +
                                   std::to_string(nominal_[rank.name]) + " and do not cover " +
                                   std::to_string(rank.extent));
    }
  }

  static std::string rank_named(const std::string& name, const JsonValue& where) {
    for (const auto& [tool, rank] : kLoops)
      if (tool == name) return rank;
    where.fail("no loop '" + name + "'");
  }

  static std::string tool_name(const std::string& rank) {
    for (const auto& [tool, ours] : kLoops)
      if (ours == rank) return tool;
    return rank;
  }

  void append_level(std::size_t index, const JsonValue& level) {
    append_splits(level);
    chain_.push_back(store(index));
    const auto loops = level.at("temporal_inner_to_outer").items();
    for (std::size_t i = loops.size(); i-- > 0;) append_loop(loops[i].items(2));
  }

  void append_loop(const std::vector<JsonValue>& pair) {
    const std::string rank = rank_of(pair[0]);
    const auto trips = pair[1].integer(1);
    Node node;
    node.kind = NodeKind::kLoop;
    node.loop.ranks = {{"", rank, ""}};
    node.loop.tile = nominal_[rank] /= trips;
    if (trips != ceil_div(left_[rank], node.loop.tile)) node.loop.count = trips;
    left_[rank] = node.loop.tile;
    chain_.push_back(std::move(node));
  }

  /// Axes alternate, the first innermost, so that only the two loops of one axis are neighbours.
  void append_splits(const JsonValue& level) {
    const auto spatial = level.at("spatial");
    if (!level.has("spatial_axes") || level.at("spatial_axes").is_null()) {
      if (!spatial.members().empty())
        spatial.fail("needs spatial_axes, which say where the loops go");
      return;
    }
    std::vector<std::vector<JsonValue>> axes;
    for (const auto& axis : level.at("spatial_axes").items())
      if (is_unrolled(spatial, axis)) axes.push_back(axis.items());
    for (std::size_t i = axes.size(); i-- > 0;)
      for (std::size_t k = axes[i].size(); k-- > 0;)
        append_split(axes[i][k], spatial.at(axes[i][k].text()).integer(1),
                     i % 2 == 0 && axes.size() > 1 ? Axis::kArrayY : Axis::kArrayX);
  }

  /// An axis of the tool may name a loop that is not unrolled after all.
  static bool is_unrolled(const JsonValue& spatial, const JsonValue& axis) {
    const auto loops = axis.items();
    if (loops.empty() || loops.size() > 2) axis.fail("an axis has one loop or two");
    if (loops.size() == 2) return true;
    rank_of(loops[0]);
    return spatial.has(loops[0].text()) && spatial.at(loops[0].text()).integer(1) > 1;
  }

  void append_split(const JsonValue& loop, std::int64_t ways, Axis axis) {
    const std::string rank = rank_of(loop);
    Node node;
    node.kind = NodeKind::kSplit;
    node.split.ranks = {{"", rank, ""}};
    node.split.size = nominal_[rank] /= ways;
    node.split.ways = static_cast<int>(ways);
    node.split.axis = axis;
    left_[rank] = node.split.size;
    chain_.push_back(std::move(node));
  }

  Node store(std::size_t index) const {
    static constexpr const char* kTensorNames[] = {"I0", "O", "W"};
    Node node;
    node.kind = NodeKind::kStore;
    node.store.level = level_name(index);
    for (int tensor = 0; tensor < kTensors; ++tensor) {
      if (!architecture_.levels[index].holds[tensor]) continue;
      StoredTensor stored;
      stored.tensor = kTensorNames[tensor];
      if (index > 0 && architecture_.levels[index - 1].parallel_mode == ParallelMode::kNeighbour)
        stored.distribution = Distribution::kNeighbour;
      if (index > 0 && architecture_.levels[index - 1].parallel_mode == ParallelMode::kBroadcast)
        stored.distribution = Distribution::kMulticast;
      node.store.tensors.push_back(stored);
    }
    return node;
  }

  /// Memories up to the array are registers, between array and DRAM a buffer and shared buffers
  /// above it.
  std::string level_name(std::size_t index) const {
    if (index + 1 == architecture_.levels.size()) return "dram";
    std::size_t array = 0;
    for (std::size_t i = 0; i < architecture_.levels.size(); ++i)
      if (architecture_.levels[i].parallel_count > 1) array = i;
    if (index <= array) return "registers";
    return index == array + 1 ? "buffer" : "shared";
  }

  const JsonValue& mapping_;
  const Layer& layer_;
  const Architecture& architecture_;
  std::map<std::string, std::int64_t>
      nominal_;  ///< extent inside the nodes so far, factors multiplied
  std::map<std::string, std::int64_t> left_;  ///< the same, but never more than the layer has
  std::vector<Node> chain_;
};

}  // namespace

workloads::Network read_layer(const JsonValue& file, const std::string& name) {
  workloads::Network network;
  network.name = name;
  Layer layer;
  layer.name = name;
  layer.origin = "layer of " + file.origin();
  layer.ranks = {{"N", file.at("batch_size").integer(1)},
                 {"K", file.at("output_fmap_channel").integer(1)},
                 {"C", file.at("input_fmap_channel").integer(1), true},
                 {"P", file.at("fmap_height").integer(1)},
                 {"Q", file.at("fmap_width").integer(1)},
                 {"R", file.at("window_height").integer(1), true},
                 {"S", file.at("window_width").integer(1), true}};
  network.batch = layer.ranks[0].extent;
  const auto stride_y = file.at("stride_height").integer(1);
  const auto stride_x = file.at("stride_width").integer(1);
  layer.inputs.push_back(
      add_operand(OperandRole::kInput, TensorKind::kInput, name + ".I",
                  {plain(layer, "N"), plain(layer, "C"), window(layer, "P", stride_y, "R"),
                   window(layer, "Q", stride_x, "S")},
                  network));
  layer.inputs.push_back(add_operand(
      OperandRole::kWeight, TensorKind::kWeight, name + ".W",
      {plain(layer, "K"), plain(layer, "C"), plain(layer, "R"), plain(layer, "S")}, network));
  layer.output = add_operand(
      OperandRole::kOutput, TensorKind::kOutput, name + ".O",
      {plain(layer, "N"), plain(layer, "K"), plain(layer, "P"), plain(layer, "Q")}, network);
  network.layers.push_back(std::move(layer));
  return network;
}

Schedule read_mapping(const JsonValue& mapping, const workloads::Layer& layer,
                      const Architecture& architecture) {
  return MappingReader(mapping, layer, architecture).read();
}

}  // namespace tessera::mapping::interstellar
