#include "mapping/importers/interstellar/import.h"

#include <map>

#include "mapping/importers/interstellar/halide_text.h"
#include "mapping/importers/interstellar/levels.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
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
    return {layer_.name, mapping_.origin(), chain_of(std::move(chain_))};
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
    chain_.push_back(store_node(index, architecture_));
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

  const JsonValue& mapping_;
  const Layer& layer_;
  const Architecture& architecture_;
  std::map<std::string, std::int64_t>
      nominal_;  ///< extent inside the nodes so far, factors multiplied
  std::map<std::string, std::int64_t> left_;  ///< the same, but never more than the layer has
  std::vector<Node> chain_;
};

}  // namespace

LayerShape shape_of(const Layer& layer) {
  const auto refuse = [&](const std::string& what) {
    throw UserError("layer '", layer.name, "': ", what, " is none of Interstellar's seven loops");
  };
  if (layer.kind != workloads::LayerKind::kMatrix || layer.inputs.size() != 2)
    refuse("a layer without multiply-accumulates of two operands");
  LayerShape shape;
  const std::map<std::string, std::int64_t*> loops = {
      {"N", &shape.batch},       {"K", &shape.outputs},        {"C", &shape.inputs},
      {"P", &shape.rows},        {"Q", &shape.columns},        {"M", &shape.rows},
      {"R", &shape.window_rows}, {"S", &shape.window_columns}, {"G", &shape.copies}};
  for (const auto& rank : layer.ranks) {
    const auto loop = loops.find(rank.name);
    if (loop != loops.end())
      *loop->second *= rank.extent;
    else if (rank.extent > 1)
      refuse("rank " + rank.name);
  }
  for (const auto& access : layer.inputs.front().dimensions)
    for (const auto& term : access.terms) {
      if (layer.ranks[term.rank].name == "P") shape.stride_rows = term.coefficient;
      if (layer.ranks[term.rank].name == "Q") shape.stride_columns = term.coefficient;
    }
  return shape;
}

workloads::Network network_of(const LayerShape& shape, const std::string& name,
                              const std::string& origin) {
  workloads::Network network;
  network.name = name;
  Layer layer;
  layer.name = name;
  layer.origin = origin;
  layer.ranks = {{"N", shape.batch},
                 {"K", shape.outputs},
                 {"C", shape.inputs, true},
                 {"P", shape.rows},
                 {"Q", shape.columns},
                 {"R", shape.window_rows, true},
                 {"S", shape.window_columns, true}};
  network.batch = shape.batch;
  layer.inputs.push_back(
      add_operand(OperandRole::kInput, TensorKind::kInput, name + ".I",
                  {plain(layer, "N"), plain(layer, "C"), window(layer, "P", shape.stride_rows, "R"),
                   window(layer, "Q", shape.stride_columns, "S")},
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

workloads::Network read_layer(const JsonValue& file, const std::string& name) {
  LayerShape shape;
  shape.batch = file.at("batch_size").integer(1);
  shape.outputs = file.at("output_fmap_channel").integer(1);
  shape.inputs = file.at("input_fmap_channel").integer(1);
  shape.rows = file.at("fmap_height").integer(1);
  shape.columns = file.at("fmap_width").integer(1);
  shape.window_rows = file.at("window_height").integer(1);
  shape.window_columns = file.at("window_width").integer(1);
  shape.stride_rows = file.at("stride_height").integer(1);
  shape.stride_columns = file.at("stride_width").integer(1);
  return network_of(shape, name, "layer of " + file.origin());
}

Schedule read_mapping(const JsonValue& mapping, const workloads::Layer& layer,
                      const Architecture& architecture) {
  return MappingReader(mapping, layer, architecture).read();
}

Schedule load_mapping(const std::string& path, const workloads::Layer& layer,
                      const Architecture& architecture) {
  const std::string text = read_file(path);
  if (is_halide_text(text)) return read_halide(text, path, layer, architecture);
  return read_mapping(JsonValue::parse(text, path), layer, architecture);
}

}  // namespace tessera::mapping::interstellar
