#include <algorithm>
#include <set>

#include "mapping/schedule_io.h"
#include "sim/base/error.h"
#include "sim/base/names.h"

namespace tessera::mapping {

namespace {

const std::vector<std::string> kLevels = {"dram",   "tiles", "shared",   "staging",
                                          "buffer", "group", "registers"};

const char* kind_name(NodeKind kind) {
  switch (kind) {
    case NodeKind::kSequence:
      return "sequence";
    case NodeKind::kPipeline:
      return "pipeline";
    case NodeKind::kLoop:
      return "loop";
    case NodeKind::kSplit:
      return "split";
    case NodeKind::kStore:
      return "store";
    case NodeKind::kPlace:
      return "place";
    case NodeKind::kLayer:
      return "layer";
  }
  return "";
}

/// Layers at the leaves below a node, each once.
void collect_layers(const Node& node, std::set<std::string>& layers) {
  if (node.kind == NodeKind::kLayer) layers.insert(node.layer.layer);
  for (const auto& child : node.children) collect_layers(child, layers);
}

/// Checks one node after the other; `where_` is the path of the node in hand.
class StructureCheck {
 public:
  explicit StructureCheck(const Schedule& schedule) : origin_(schedule.origin) {
    visit(schedule.root, "root");
  }

 private:
  void visit(const Node& node, const std::string& where) {
    where_ = where;
    kind_ = node.kind;
    check_children(node);
    switch (node.kind) {
      case NodeKind::kLoop:
        check_loop(node);
        break;
      case NodeKind::kSplit:
        check_split(node);
        break;
      case NodeKind::kStore:
        check_store(node.store);
        break;
      case NodeKind::kPlace:
        check_place(node.place);
        break;
      case NodeKind::kLayer:
        if (node.layer.layer.empty()) refuse("layer has no name");
        break;
      default:
        break;
    }
    for (std::size_t i = 0; i < node.children.size(); ++i)
      visit(node.children[i], detail::concatenate(where, ".child[", i, "]"));
  }

  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw UserError(origin_, ": ", where_, ": ", kind_name(kind_), ": ", parts...);
  }

  void require(bool holds, const char* field, std::int64_t value, const char* allowed) const {
    if (!holds) refuse(field, " is ", value, "; allowed: ", allowed);
  }

  void check_children(const Node& node) const {
    const auto children = static_cast<std::int64_t>(node.children.size());
    switch (node.kind) {
      case NodeKind::kSequence:
      case NodeKind::kPipeline:
        return require(children >= 1, "number of children", children, "1 or more");
      case NodeKind::kLayer:
        return require(children == 0, "number of children", children, "0");
      default:
        return require(children == 1, "number of children", children, "exactly 1");
    }
  }

  void check_ranks(const Node& node, const std::vector<RankReference>& ranks) const {
    if (ranks.empty()) refuse("rank is missing; allowed: one or more");
    std::set<std::string> layers;
    collect_layers(node, layers);
    for (const auto& rank : ranks) {
      if (rank.rank.empty()) refuse("rank has no name");
      if (rank.layer.empty() && layers.size() > 1)
        refuse("rank ", rank.rank, " names no layer; below are ",
               join({layers.begin(), layers.end()}));
      if (!rank.layer.empty() && !layers.contains(rank.layer))
        refuse("rank ", rank.layer, ".", rank.rank, ": no layer '", rank.layer, "' below; ",
               suggest(rank.layer, {layers.begin(), layers.end()}));
    }
  }

  void check_loop(const Node& node) const {
    check_ranks(node, node.loop.ranks);
    require(node.loop.tile > 0, "tile", node.loop.tile, "1 or more");
    require(node.loop.step >= 0, "step", node.loop.step, "1 or more, or 0 for the tile size");
    require(node.loop.count >= 0, "count", node.loop.count,
            "1 or more, or 0 for as many as needed");
  }

  void check_split(const Node& node) const {
    const SplitNode& split = node.split;
    check_ranks(node, split.ranks);
    require(split.size >= 0, "size", split.size, "1 or more, or 0 for balanced shares");
    require(split.step >= 0, "step", split.step, "1 or more, or 0 for the size");
    require(split.step == 0 || split.size > 0, "step", split.step, "0 when size is 0");
    require(split.ways > 0, "ways", split.ways, "1 or more");
  }

  void check_store(const StoreNode& store) const {
    if (std::ranges::find(kLevels, store.level) == kLevels.end())
      refuse("no level '", store.level, "'; ", suggest(store.level, kLevels));
    std::set<std::string> seen;
    for (const auto& tensor : store.tensors) {
      if (tensor.tensor.empty()) refuse("tensor has no name");
      if (!seen.insert(tensor.tensor).second) refuse("tensor ", tensor.tensor, " is named twice");
      require(tensor.shared_by >= 1, "shared_by", tensor.shared_by, "0 or more");
      const bool ring = store.level == "tiles";
      require(tensor.places == 0 || (ring && tensor.places > 0), "places", tensor.places,
              ring ? "1 or more, or 0 for the whole map" : "0 outside of level tiles");
      if (tensor.or_dram && (store.level != "tiles" || tensor.places > 0))
        refuse("tensor ", tensor.tensor,
               " has or_dram; allowed: for whole maps at level tiles, which may leave for DRAM");
    }
  }

  void check_place(const PlaceNode& place) const {
    std::set<int> seen;
    for (const int tile : place.tiles) {
      require(tile >= 0, "tile", tile, "0 or more");
      if (!seen.insert(tile).second) refuse("tile ", tile, " is named twice");
    }
    require(place.depth >= 1, "depth", place.depth, "1 or more");
    require(place.index >= 0 && place.index < place.depth, "index", place.index,
            "0 or more and less than depth");
  }

  const std::string& origin_;
  std::string where_;
  NodeKind kind_ = NodeKind::kSequence;
};

}  // namespace

void check_structure(const Schedule& schedule) { StructureCheck check(schedule); }

}  // namespace tessera::mapping
