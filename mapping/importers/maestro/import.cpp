#include "mapping/importers/maestro/import.h"

#include <algorithm>

#include "mapping/importers/maestro/layer_import.h"
#include "sim/base/error.h"

namespace tessera::mapping::maestro {

namespace {

constexpr int kMostClusters = 3;
constexpr int kMostSpatialMaps = 2;

/// A map whose sizes are final. Directives keep their line for messages.
using Level = std::vector<Directive>;

Node node_of(NodeKind kind) {
  Node node;
  node.kind = kind;
  return node;
}

class DataflowImport {
 public:
  DataflowImport(const LayerText& text, const LayerShape& shape, const std::string& origin)
      : text_(text), shape_(shape), origin_(origin) {}

  Schedule schedule(std::int64_t num_pes) {
    split_levels();
    for (auto& level : levels_) {
      check_level(level);
      resolve_output_maps(level);
    }
    fill_in_missing_maps();
    for (std::size_t i = 0; i < levels_.size(); ++i)
      for (auto& map : levels_[i]) adjust_to_stride(map, /*below_top=*/i > 0);
    return tree(num_pes);
  }

 private:
  [[noreturn]] void fail(int line, const std::string& what) const {
    throw UserError(origin_, ":", line, ": layer '", text_.name, "': ", what);
  }

  static std::string described(const Directive& map) {
    return (map.kind == DirectiveKind::kSpatialMap ? "SpatialMap(" : "TemporalMap(") +
           std::to_string(map.size) + "," + std::to_string(map.offset) + ") " + map.dimension;
  }

  void split_levels() {
    levels_.resize(1);
    for (const auto& directive : text_.directives) {
      if (directive.kind != DirectiveKind::kCluster) {
        if (is_known(directive)) levels_.back().push_back(directive);
        continue;
      }
      if (cluster_sizes_.size() == kMostClusters)
        fail(directive.line, "a fourth Cluster; at most 3 are allowed");
      cluster_sizes_.push_back(directive.size);
      levels_.emplace_back();
    }
  }

  /// The tool ignores maps over dimensions that the layer type lacks, so one dataflow serves many
  /// layers.
  bool is_known(const Directive& map) const {
    return shape_.extents.contains(map.dimension.substr(0, 1));
  }

  void check_level(const Level& level) const {
    const auto spatial = std::count_if(level.begin(), level.end(), [](const Directive& map) {
      return map.kind == DirectiveKind::kSpatialMap;
    });
    const int line = level.empty() ? text_.line : level.front().line;
    if (spatial == 0) fail(line, "a cluster level has no SpatialMap; one or two are needed");
    if (spatial > kMostSpatialMaps)
      fail(line, "a cluster level has " + std::to_string(spatial) +
                     " SpatialMaps; at most two are allowed");
    for (const auto& map : level) check_map(map, level);
  }

  void check_map(const Directive& map, const Level& level) const {
    const auto same = std::count_if(level.begin(), level.end(), [&](const Directive& other) {
      return other.dimension.substr(0, 1) == map.dimension.substr(0, 1);
    });
    if (same > 1) fail(map.line, described(map) + ": this cluster level maps the dimension twice");
    const bool filter = !shape_.is_gemm && (map.dimension == "R" || map.dimension == "S");
    if (!filter || map.kind == DirectiveKind::kSpatialMap) return;
    const auto extent = shape_.extents.at(map.dimension);
    if (map.size != extent || map.offset != extent)
      fail(map.line, described(map) + ": a temporal filter map covers the whole filter, (" +
                         std::to_string(extent) + "," + std::to_string(extent) + ")");
  }

  static const Directive* find(const Level& level, const std::string& dimension) {
    for (const auto& map : level)
      if (map.dimension == dimension) return &map;
    return nullptr;
  }

  /// Y' and X' maps become maps of the input; the offset is kept.
  void resolve_output_maps(Level& level) const {
    for (auto& map : level) {
      if (!map.dimension.ends_with("'")) continue;
      const std::string input = map.dimension.substr(0, 1);
      const Directive* window = find(level, window_of(input));
      if (window == nullptr)
        fail(map.line, described(map) + ": needs a map of " + window_of(input) +
                           " at the same cluster level");
      map.size += window->size - 1;
      map.dimension = input;
    }
  }

  void fill_in_missing_maps() {
    for (const auto& [dimension, extent] : shape_.extents)
      if (find(levels_.front(), dimension) == nullptr)
        levels_.front().push_back(
            {DirectiveKind::kTemporalMap, extent, extent, dimension, text_.line});
    for (std::size_t i = 1; i < levels_.size(); ++i) inherit(levels_[i - 1], levels_[i]);
  }

  /// Each missing map goes to the front, so inherited maps stand in reverse order.
  static void inherit(const Level& above, Level& level) {
    for (auto map : above) {
      if (find(level, map.dimension) != nullptr) continue;
      map.kind = DirectiveKind::kTemporalMap;
      level.insert(level.begin(), map);
    }
  }

  /// Sizes are written as if the stride were one.
  void adjust_to_stride(Directive& map, bool below_top) const {
    const std::string window_name = shape_.is_gemm ? "" : window_of(map.dimension);
    const auto stride = shape_.stride_of(map.dimension);
    if (window_name.empty() || stride == 1) return;
    const auto window = shape_.extents.at(window_name);
    if (map.size < window) return;
    const auto outputs = (map.size + stride - window) / stride;
    map.size = outputs * std::min(stride, window) + std::max<std::int64_t>(window - stride, 0);
    map.offset = outputs * (below_top && window < stride ? window : stride);
  }

  std::int64_t clusters_at_top(std::int64_t num_pes) const {
    std::int64_t per_cluster = 1;
    for (const auto size : cluster_sizes_) per_cluster *= size;
    if (per_cluster > num_pes)
      fail(text_.line, "clusters of " + std::to_string(per_cluster) + " PEs on hardware with " +
                           std::to_string(num_pes));
    return num_pes / per_cluster;
  }

  /// Output tiles where size and offset of an input map fit whole ones.
  struct Extents {
    RankReference rank;
    std::int64_t size;
    std::int64_t step;
  };
  Extents extents_of(const Directive& map) const {
    const Extents as_written{rank_of(map.dimension, shape_), map.size, map.offset};
    if (as_written.rank.of_tensor.empty()) return as_written;
    const auto stride = shape_.stride_of(map.dimension);
    const auto window = shape_.extents.at(window_of(map.dimension));
    const auto outputs = map.offset / stride;
    if (map.offset % stride != 0 || map.size != (outputs - 1) * stride + window) return as_written;
    return {{"", as_written.rank.rank, ""}, outputs, outputs};
  }

  Node loop_of(const Directive& map) const {
    Node node = node_of(NodeKind::kLoop);
    const auto extents = extents_of(map);
    node.loop.ranks = {extents.rank};
    node.loop.tile = extents.size;
    node.loop.step = extents.step == extents.size ? 0 : extents.step;
    return node;
  }

  Node split_of(const Directive& map, std::int64_t ways, Axis axis) const {
    Node node = node_of(NodeKind::kSplit);
    const auto extents = extents_of(map);
    node.split.ranks = {extents.rank};
    node.split.size = extents.size;
    node.split.step = extents.step == extents.size ? 0 : extents.step;
    node.split.ways = static_cast<int>(ways);
    node.split.axis = axis;
    return node;
  }

  static bool same_parts(const Node& a, const Node& b) {
    return a.kind == NodeKind::kSplit && a.split.size == b.split.size &&
           a.split.step == b.split.step;
  }

  void append_level(const Level& level, std::int64_t ways, Axis axis,
                    std::vector<Node>& chain) const {
    bool has_split = false;
    for (const auto& map : level) {
      if (map.kind != DirectiveKind::kSpatialMap) {
        chain.push_back(loop_of(map));
        continue;
      }
      Node split = split_of(map, ways, axis);
      if (has_split && same_parts(chain.back(), split)) {
        chain.back().split.ranks.push_back(split.split.ranks.front());
      } else {
        split.split.joint = has_split;
        chain.push_back(std::move(split));
      }
      has_split = true;
    }
  }

  static Node store(const std::string& level, bool double_buffered) {
    Node node = node_of(NodeKind::kStore);
    node.store.level = level;
    for (const char* tensor : {"W", "I0", "O"}) {
      StoredTensor stored;
      stored.tensor = tensor;
      stored.double_buffered = double_buffered;
      stored.distribution = double_buffered && stored.tensor != "O" ? Distribution::kMulticast
                                                                    : Distribution::kUnicast;
      node.store.tensors.push_back(stored);
    }
    return node;
  }

  Schedule tree(std::int64_t num_pes) const {
    std::vector<Node> chain = {store("dram", false), store("buffer", true)};
    for (std::size_t i = 0; i < levels_.size(); ++i) {
      const bool last = i + 1 == levels_.size();
      append_level(levels_[i], i == 0 ? clusters_at_top(num_pes) : cluster_sizes_[i - 1],
                   last ? Axis::kArrayX : Axis::kArrayY, chain);
      chain.push_back(store(last ? "registers" : "group", true));
    }
    Node leaf = node_of(NodeKind::kLayer);
    leaf.layer.layer = text_.name;
    chain.push_back(leaf);
    for (std::size_t i = chain.size() - 1; i > 0; --i)
      chain[i - 1].children.push_back(std::move(chain[i]));
    return {text_.name, origin_, std::move(chain.front())};
  }

  const LayerText& text_;
  const LayerShape& shape_;
  const std::string& origin_;
  std::vector<Level> levels_;
  std::vector<std::int64_t> cluster_sizes_;
};

bool file_has_batch(const MappingText& text) {
  for (const auto& layer : text.layers)
    if (layer.type != "GEMM") return layer.dimensions.contains("N");
  return false;
}

}  // namespace

Import import_mapping(const MappingText& text, const std::string& origin, std::int64_t num_pes) {
  if (text.layers.empty()) throw UserError(origin, ": no Layer in the file");
  Import import;
  import.network.name = text.network;
  const bool with_batch = file_has_batch(text);
  for (const auto& layer : text.layers) {
    if (!layer.has_dataflow)
      throw UserError(origin, ":", layer.line, ": layer '", layer.name, "' has no Dataflow");
    const LayerShape shape = shape_of(layer, origin, with_batch);
    add_layer(layer, shape, import.network);
    import.schedules.push_back(DataflowImport(layer, shape, origin).schedule(num_pes));
  }
  return import;
}

}  // namespace tessera::mapping::maestro
