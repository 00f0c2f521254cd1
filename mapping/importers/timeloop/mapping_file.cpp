#include "mapping/importers/timeloop/mapping_file.h"

#include <filesystem>

#include "mapping/importers/timeloop/directives.h"

namespace tessera::mapping::importers {

namespace {

Node store_node(const TimeloopUnit& unit, const UnitDirectives& directives, std::string level,
                const workloads::Network& network) {
  Node node;
  node.kind = NodeKind::kStore;
  node.store.level = std::move(level);
  node.store.memory = unit.name;
  for (std::size_t i = 0; i < network.tensors.size(); ++i) {
    if (!directives.kept[i]) continue;
    StoredTensor stored;
    stored.tensor = network.tensors[i].name;
    stored.double_buffered = unit.multiple_buffering;
    stored.exploits_reuse = !directives.no_reuse[i];
    stored.distribution = Distribution::kNeighbour;
    node.store.tensors.push_back(stored);
  }
  return node;
}

std::vector<std::string> marked(const std::vector<bool>& marks, const workloads::Network& network) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (marks[i]) names.push_back(network.tensors[i].name);
  return names;
}

/// Builds the chain of nodes from the outside in.
class TreeBuilder {
 public:
  TreeBuilder(const TimeloopArchitecture& architecture, const workloads::Network& network,
              const std::vector<UnitDirectives>& directives)
      : architecture_(architecture),
        network_(network),
        layer_(network.layers.front()),
        directives_(directives),
        tile_(layer_.ranks.size(), 1) {
    for (const auto& unit : directives)
      for (std::size_t rank = 0; rank < tile_.size(); ++rank)
        tile_[rank] *= unit.factors[rank].factor;
  }

  Node build() {
    for (std::size_t unit = 0; unit < directives_.size(); ++unit) add_unit(unit);
    Node leaf;
    leaf.kind = NodeKind::kLayer;
    leaf.layer.layer = layer_.name;
    chain_.push_back(leaf);
    while (chain_.size() > 1) {
      Node inner = std::move(chain_.back());
      chain_.pop_back();
      chain_.back().children.push_back(std::move(inner));
    }
    return std::move(chain_.front());
  }

 private:
  void add_unit(std::size_t unit) {
    const auto& directives = directives_[unit];
    if (architecture_.units[unit].kind == TimeloopUnitKind::kStorage)
      chain_.push_back(store_node(architecture_.units[unit], directives, level_of(unit), network_));
    for (std::size_t i = directives.order.size(); i-- > 0;) {
      const int rank = directives.order[i];
      const std::int64_t factor = directives.factors[rank].factor;
      tile_[rank] /= factor;
      if (factor > 1) add_loop(unit, rank, i < directives.split);
    }
  }

  void add_loop(std::size_t unit, int rank, bool on_x) {
    Node node;
    const RankReference reference{"", layer_.ranks[rank].name};
    if (architecture_.units[unit].kind == TimeloopUnitKind::kStorage) {
      node.kind = NodeKind::kLoop;
      node.loop.ranks = {reference};
      node.loop.tile = tile_[rank];
    } else {
      node.kind = NodeKind::kSplit;
      node.split.ranks = {reference};
      node.split.size = tile_[rank];
      node.split.ways = static_cast<int>(directives_[unit].factors[rank].factor);
      node.split.axis = axis_of(unit, on_x);
      node.split.unit = architecture_.units[unit].name;
      node.split.no_multicast = marked(directives_[unit].no_multicast, network_);
      node.split.no_neighbour = marked(directives_[unit].no_neighbour, network_);
    }
    chain_.push_back(node);
  }

  static bool is_buffer(const TimeloopUnit& unit) {
    return unit.kind == TimeloopUnitKind::kStorage &&
           (unit.device_class.find("SRAM") != std::string::npos ||
            unit.device_class.find("smartbuffer") != std::string::npos);
  }

  bool buffer_inside(std::size_t unit) const {
    for (std::size_t i = unit + 1; i < architecture_.units.size(); ++i)
      if (is_buffer(architecture_.units[i])) return true;
    return false;
  }

  /// A fan-out with a buffer inside spreads over tiles, one without inside a tile.
  Axis axis_of(std::size_t unit, bool on_x) const {
    if (buffer_inside(unit)) return on_x ? Axis::kMeshX : Axis::kMeshY;
    return on_x ? Axis::kArrayX : Axis::kArrayY;
  }

  std::string level_of(std::size_t unit) const {
    const auto& hardware = architecture_.units[unit];
    if (hardware.device_class.find("DRAM") != std::string::npos) return "dram";
    if (!is_buffer(hardware)) return "registers";
    return buffer_inside(unit) ? "shared" : "buffer";
  }

  const TimeloopArchitecture& architecture_;
  const workloads::Network& network_;
  const workloads::Layer& layer_;
  const std::vector<UnitDirectives>& directives_;
  std::vector<std::int64_t> tile_;
  std::vector<Node> chain_;
};

Schedule read_mapping(const YamlValue& file, const std::string& origin,
                      const TimeloopArchitecture& architecture, const workloads::Network& network) {
  const auto directives = read_directives(file.at("mapping"), architecture, network);
  Schedule schedule;
  schedule.name = std::filesystem::path(origin).stem().string();
  schedule.origin = origin;
  schedule.root = TreeBuilder(architecture, network, directives).build();
  return schedule;
}

}  // namespace

Schedule load_timeloop_mapping(const std::string& path, const TimeloopArchitecture& architecture,
                               const workloads::Network& network) {
  return read_mapping(YamlValue::load(path), path, architecture, network);
}

Schedule parse_timeloop_mapping(const std::string& text, const std::string& origin,
                                const TimeloopArchitecture& architecture,
                                const workloads::Network& network) {
  return read_mapping(YamlValue::parse(text, origin), origin, architecture, network);
}

}  // namespace tessera::mapping::importers
