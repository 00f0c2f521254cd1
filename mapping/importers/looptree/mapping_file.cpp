#include "mapping/importers/looptree/mapping_file.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "mapping/importers/yaml/yaml_value.h"
#include "sim/base/names.h"
#include "sim/base/types.h"

namespace tessera::mapping::importers {

namespace {

class MappingReader {
 public:
  MappingReader(const TimeloopArchitecture& architecture, const workloads::Network& network)
      : network_(network) {
    for (const auto& unit : architecture.units)
      if (unit.kind != TimeloopUnitKind::kFanout) components_.push_back(&unit);
    for (const auto& layer : network.layers)
      for (const auto& rank : layer.ranks) tile_[rank.name] = rank.extent;
  }

  Node read(const YamlValue& mapping) {
    mapping.allow_only({"type", "nodes"});
    if (const auto type = mapping.at("type"); type.text() != "fused")
      type.fail("'", type.text(), "' is no LoopTree mapping; the type has to be fused");
    Node root = read_chain(mapping.at("nodes"), 0);
    for (const auto& layer : network_.layers)
      if (!seen_.contains(layer.name)) mapping.fail("no compute node runs '", layer.name, "'");
    return root;
  }

 private:
  Node read_chain(const YamlValue& list, int splits) {
    const auto items = list.items();
    std::vector<Node> chain;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string type = items[i].at("type").text();
      const bool ends = type == "compute" || type == "sequential" || type == "pipeline";
      if (ends && i + 1 < items.size()) items[i + 1].fail("nothing can follow a ", type, " node");
      if (!ends && i + 1 == items.size())
        items[i].fail("a list has to end in a compute, sequential or pipeline node");
      chain.push_back(read_node(items[i], type, splits));
    }
    if (chain.empty()) list.fail("the list is empty");
    while (chain.size() > 1) {
      Node inner = std::move(chain.back());
      chain.pop_back();
      chain.back().children.push_back(std::move(inner));
    }
    return std::move(chain.front());
  }

  Node read_node(const YamlValue& item, const std::string& type, int& splits) {
    if (type == "storage") return read_storage(item);
    if (type == "temporal") return read_temporal(item);
    if (type == "spatial") return read_spatial(item, splits++);
    if (type == "sequential") return read_branch(item, NodeKind::kSequence, splits);
    if (type == "pipeline") return read_branch(item, NodeKind::kPipeline, splits);
    if (type == "compute") return read_compute(item);
    item.at("type").fail("'", type,
                         "' is no node type; allowed are storage, temporal, spatial, "
                         "sequential, pipeline, compute");
  }

  const TimeloopUnit& component(const YamlValue& target) const {
    const std::int64_t level = target.integer();
    if (level < 0 || level >= static_cast<std::int64_t>(components_.size()))
      target.fail("target ", level, " is no component; the architecture has 0 to ",
                  components_.size() - 1);
    return *components_[level];
  }

  Node read_storage(const YamlValue& item) const {
    item.allow_only({"type", "target", "dspace", "exploits_reuse"});
    const TimeloopUnit& unit = component(item.at("target"));
    if (unit.kind != TimeloopUnitKind::kStorage)
      item.at("target").fail("'", unit.name, "' is no storage");
    const auto reuse = item.find("exploits_reuse");
    Node node;
    node.kind = NodeKind::kStore;
    node.store.level = level_of(unit);
    node.store.memory = unit.name;
    const auto spaces = item.at("dspace");
    for (const auto& name : spaces.words()) {
      if (std::ranges::find(network_.tensors, name, &workloads::Tensor::name) ==
          network_.tensors.end())
        spaces.fail("'", name, "' is no data space of the workload; ", suggest(name, tensors()));
      StoredTensor stored;
      stored.tensor = name;
      stored.exploits_reuse = !reuse || reuse->flag();
      stored.distribution = Distribution::kNeighbour;
      node.store.tensors.push_back(stored);
    }
    return node;
  }

  static std::string level_of(const TimeloopUnit& unit) {
    if (unit.device_class.find("DRAM") != std::string::npos) return "dram";
    return unit.device_class.find("SRAM") != std::string::npos ? "buffer" : "registers";
  }

  std::vector<std::string> tensors() const {
    std::vector<std::string> names;
    for (const auto& tensor : network_.tensors) names.push_back(tensor.name);
    return names;
  }

  RankReference rank_of(const YamlValue& item) const {
    const auto rank = item.at(item.find("rank") ? "rank" : "dimension");
    for (const auto& layer : network_.layers)
      if (layer.rank_index(rank.text()) >= 0) return {layer.name, rank.text()};
    std::vector<std::string> known;
    for (const auto& entry : tile_) known.push_back(entry.first);
    rank.fail("'", rank.text(), "' is no dimension of the workload; ", suggest(rank.text(), known));
  }

  static std::int64_t tile_of(const YamlValue& item) {
    if (const auto factor = item.find("factor"))
      factor->fail("factor is not analysed by the tool; give tile_shape");
    const auto shape = item.at(item.find("tile_shape") ? "tile_shape" : "tile_size");
    if (shape.integer() < 1) shape.fail("'", shape.text(), "' has to be at least 1");
    return shape.integer();
  }

  Node read_temporal(const YamlValue& item) {
    item.allow_only(
        {"type", "rank", "dimension", "tile_shape", "tile_size", "factor", "iterator_name"});
    Node node;
    node.kind = NodeKind::kLoop;
    node.loop.ranks = {rank_of(item)};
    node.loop.tile = tile_of(item);
    tile_[node.loop.ranks.front().rank] = node.loop.tile;
    return node;
  }

  Node read_spatial(const YamlValue& item, int order) {
    item.allow_only({"type", "rank", "dimension", "tile_shape", "tile_size", "factor",
                     "iterator_name", "spatial"});
    Node node;
    node.kind = NodeKind::kSplit;
    node.split.ranks = {rank_of(item)};
    node.split.size = tile_of(item);
    std::int64_t& tile = tile_[node.split.ranks.front().rank];
    node.split.ways = static_cast<int>(ceil_div(tile, node.split.size));
    node.split.axis = order % 2 == 0 ? Axis::kArrayY : Axis::kArrayX;
    tile = node.split.size;
    return node;
  }

  Node read_branch(const YamlValue& item, NodeKind kind, int splits) {
    item.allow_only({"type", "branches"});
    Node node;
    node.kind = kind;
    for (const auto& branch : item.at("branches").items()) {
      const auto outside = tile_;
      node.children.push_back(read_chain(branch, splits));
      tile_ = outside;
    }
    if (node.children.empty()) item.fail("a branch node has no branches");
    return node;
  }

  Node read_compute(const YamlValue& item) {
    item.allow_only({"type", "einsum", "target", "parallelism", "incomplete"});
    if (const auto incomplete = item.find("incomplete"); incomplete && incomplete->flag())
      incomplete->fail("incomplete leaves are not read");
    if (const auto parallelism = item.find("parallelism"))
      parallelism->fail("parallelism is not read; write the spatial loops out");
    const auto einsum = item.at("einsum");
    std::vector<std::string> known;
    for (const auto& layer : network_.layers) known.push_back(layer.name);
    if (std::ranges::find(known, einsum.text()) == known.end())
      einsum.fail("'", einsum.text(), "' is no einsum; ", suggest(einsum.text(), known));
    if (!seen_.insert(einsum.text()).second)
      einsum.fail("'", einsum.text(), "' has two compute nodes");
    Node node;
    node.kind = NodeKind::kLayer;
    node.layer.layer = einsum.text();
    return node;
  }

  const workloads::Network& network_;
  std::vector<const TimeloopUnit*> components_;
  std::map<std::string, std::int64_t> tile_;  ///< what the loops so far leave of each rank
  std::set<std::string> seen_;
};

Schedule read_mapping(const YamlValue& file, const std::string& origin,
                      const TimeloopArchitecture& architecture, const workloads::Network& network) {
  Schedule schedule;
  schedule.name = std::filesystem::path(origin).stem().string();
  schedule.origin = origin;
  schedule.root = MappingReader(architecture, network).read(file.at("mapping"));
  return schedule;
}

}  // namespace

Schedule load_looptree_mapping(const std::string& path, const TimeloopArchitecture& architecture,
                               const workloads::Network& network) {
  return read_mapping(YamlValue::load(path), path, architecture, network);
}

Schedule parse_looptree_mapping(const std::string& text, const std::string& origin,
                                const TimeloopArchitecture& architecture,
                                const workloads::Network& network) {
  return read_mapping(YamlValue::parse(text, origin), origin, architecture, network);
}

}  // namespace tessera::mapping::importers
