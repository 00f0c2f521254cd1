#include "mapping/schedule_io.h"

#include <filesystem>

#include "mapping/schedule.pb.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::mapping {

namespace {

// The two orders of axes differ: in the file the most frequent one is the default.
struct AxisName {
  proto::Axis in_file;
  Axis axis;
};
constexpr AxisName kAxes[] = {{proto::TILES, Axis::kTiles},    {proto::MESH_X, Axis::kMeshX},
                              {proto::MESH_Y, Axis::kMeshY},   {proto::ARRAY_X, Axis::kArrayX},
                              {proto::ARRAY_Y, Axis::kArrayY}, {proto::LANES, Axis::kLanes}};
static_assert(proto::Axis_ARRAYSIZE == std::size(kAxes));
static_assert(static_cast<int>(Distribution::kMulticast) == proto::MULTICAST &&
              static_cast<int>(Distribution::kNeighbour) == proto::NEIGHBOUR);
static_assert(static_cast<int>(PartialSums::kToOwner) == proto::TO_OWNER &&
              static_cast<int>(PartialSums::kInNetwork) == proto::IN_NETWORK &&
              static_cast<int>(PartialSums::kToOwnerInPieces) == proto::TO_OWNER_IN_PIECES);
static_assert(static_cast<int>(Organisation::kBlocked1d) == proto::BLOCKED_1D &&
              static_cast<int>(Organisation::kBlocked2d) == proto::BLOCKED_2D &&
              static_cast<int>(Organisation::kStriped1d) == proto::STRIPED_1D &&
              static_cast<int>(Organisation::kCheckerboard) == proto::CHECKERBOARD);

/// From the message to the tree; remembers the node's path for messages.
class Reader {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}

  Node read(const proto::Node& message, const std::string& where) {
    where_ = where;
    Node node;
    node.kind = read_kind(message);
    switch (node.kind) {
      case NodeKind::kLoop:
        node.loop = read_loop(message.loop());
        break;
      case NodeKind::kSplit:
        node.split = read_split(message.split());
        break;
      case NodeKind::kStore:
        node.store = read_store(message.store());
        break;
      case NodeKind::kPlace:
        node.place = read_place(message.place());
        break;
      case NodeKind::kLayer:
        node.layer = {message.layer().layer()};
        break;
      default:
        break;
    }
    for (int i = 0; i < message.child_size(); ++i)
      node.children.push_back(
          read(message.child(i), detail::concatenate(where, ".child[", i, "]")));
    return node;
  }

 private:
  NodeKind read_kind(const proto::Node& message) const {
    switch (message.node_case()) {
      case proto::Node::kSequence:
        return NodeKind::kSequence;
      case proto::Node::kPipeline:
        return NodeKind::kPipeline;
      case proto::Node::kLoop:
        return NodeKind::kLoop;
      case proto::Node::kSplit:
        return NodeKind::kSplit;
      case proto::Node::kStore:
        return NodeKind::kStore;
      case proto::Node::kPlace:
        return NodeKind::kPlace;
      case proto::Node::kLayer:
        return NodeKind::kLayer;
      case proto::Node::NODE_NOT_SET:
        break;
    }
    throw UserError(
        origin_, ": ", where_,
        ": node of no kind; allowed: sequence, pipeline, loop, split, store, place, layer");
  }

  /// Open enumerations of proto3 let any number through.
  template <typename Enum>
  Enum known(int value, int names, const char* field) const {
    if (value < 0 || value >= names)
      throw UserError(origin_, ": ", where_, ": ", field, " is ", value, "; allowed: 0 to ",
                      names - 1, " or their names");
    return static_cast<Enum>(value);
  }

  static std::vector<RankReference> read_ranks(
      const google::protobuf::RepeatedPtrField<proto::RankReference>& messages) {
    std::vector<RankReference> ranks;
    for (const auto& message : messages)
      ranks.push_back({message.layer(), message.rank(), message.of_tensor()});
    return ranks;
  }

  LoopNode read_loop(const proto::Loop& message) const {
    return {read_ranks(message.rank()), message.tile(),  message.step(),
            message.rotates(),          message.count(), message.gives_turn(),
            message.turns_later()};
  }

  SplitNode read_split(const proto::Split& message) const {
    SplitNode split;
    split.ranks = read_ranks(message.rank());
    split.size = message.size();
    split.step = message.step();
    split.ways = message.ways();
    split.axis = kAxes[known<int>(message.axis(), proto::Axis_ARRAYSIZE, "split: axis")].axis;
    split.skewed = message.skewed();
    split.joint = message.joint();
    split.unit = message.unit();
    split.no_multicast = {message.no_multicast().begin(), message.no_multicast().end()};
    split.no_neighbour = {message.no_neighbour().begin(), message.no_neighbour().end()};
    return split;
  }

  StoredTensor read_tensor(const proto::StoredTensor& message) const {
    return {message.tensor(),
            message.double_buffered(),
            !message.reuse_not_exploited(),
            message.shared_by() == 0 ? 1 : message.shared_by(),
            known<Distribution>(message.distribution(), proto::Distribution_ARRAYSIZE,
                                "store: distribution"),
            known<PartialSums>(message.partial_sums(), proto::PartialSums_ARRAYSIZE,
                               "store: partial_sums"),
            message.places(),
            message.kept_from(),
            message.or_dram()};
  }

  StoreNode read_store(const proto::Store& message) const {
    StoreNode store;
    store.level = message.level();
    for (const auto& tensor : message.tensor()) store.tensors.push_back(read_tensor(tensor));
    store.memory = message.memory();
    return store;
  }

  PlaceNode read_place(const proto::Place& message) const {
    return {{message.tile().begin(), message.tile().end()},
            known<Organisation>(message.organisation(), proto::Organisation_ARRAYSIZE,
                                "place: organisation"),
            message.depth() == 0 ? 1 : message.depth(),
            message.index()};
  }

  const std::string& origin_;
  std::string where_;
};

static_assert(static_cast<int>(DramPlacement::Channels::kPartitioned) ==
                  proto::DramPlacement::PARTITIONED &&
              static_cast<int>(Copies::kNearest) == proto::DramPlacement::NEAREST &&
              static_cast<int>(Copies::kInTurn) == proto::DramPlacement::IN_TURN);

template <typename Enum>
Enum known_choice(int value, int names, const char* field, const std::string& origin) {
  if (value < 0 || value >= names)
    throw UserError(origin, ": dram_placement.", field, " is ", value, "; allowed: 0 to ",
                    names - 1, " or their names");
  return static_cast<Enum>(value);
}

DramPlacement read_placement(const proto::DramPlacement& message, const std::string& origin) {
  DramPlacement placement;
  placement.channels = known_choice<DramPlacement::Channels>(
      message.channels(), proto::DramPlacement::Channels_ARRAYSIZE, "channels", origin);
  placement.weight_copies = known_choice<Copies>(
      message.weight_copies(), proto::DramPlacement::Copies_ARRAYSIZE, "weight_copies", origin);
  placement.interleave_bytes = message.interleave_bytes();
  placement.hashed = message.hashed();
  placement.base_alignment_bytes = message.base_alignment_bytes();
  placement.base_stagger_bytes = message.base_stagger_bytes();
  placement.fitted_to_burst_bytes = message.fitted_to_burst_bytes();
  for (const auto& tensor : message.tensor())
    placement.tensors.push_back(
        {tensor.tensor(), tensor.first_channel(), tensor.channels() == 0 ? 1 : tensor.channels()});
  check_placement(placement, origin);
  return placement;
}

void write_placement(const DramPlacement& placement, proto::DramPlacement& message) {
  message.set_channels(static_cast<proto::DramPlacement::Channels>(placement.channels));
  message.set_weight_copies(static_cast<proto::DramPlacement::Copies>(placement.weight_copies));
  message.set_interleave_bytes(placement.interleave_bytes);
  message.set_hashed(placement.hashed);
  message.set_base_alignment_bytes(placement.base_alignment_bytes);
  message.set_base_stagger_bytes(placement.base_stagger_bytes);
  message.set_fitted_to_burst_bytes(placement.fitted_to_burst_bytes);
  for (const auto& tensor : placement.tensors) {
    auto* written = message.add_tensor();
    written->set_tensor(tensor.tensor);
    written->set_first_channel(tensor.first_channel);
    written->set_channels(tensor.channels == 1 ? 0 : tensor.channels);
  }
}

template <typename Message>
void write_ranks(const std::vector<RankReference>& ranks, Message& message) {
  for (const auto& rank : ranks) {
    auto* written = message.add_rank();
    written->set_layer(rank.layer);
    written->set_rank(rank.rank);
    written->set_of_tensor(rank.of_tensor);
  }
}

void write_loop(const LoopNode& loop, proto::Loop& message) {
  write_ranks(loop.ranks, message);
  message.set_tile(loop.tile);
  message.set_step(loop.step);
  message.set_rotates(loop.rotates);
  message.set_count(loop.count);
  message.set_gives_turn(loop.gives_turn);
  message.set_turns_later(loop.turns_later);
}

void write_split(const SplitNode& split, proto::Split& message) {
  write_ranks(split.ranks, message);
  message.set_size(split.size);
  message.set_step(split.step);
  message.set_ways(split.ways);
  for (const auto& name : kAxes)
    if (name.axis == split.axis) message.set_axis(name.in_file);
  message.set_skewed(split.skewed);
  message.set_unit(split.unit);
  for (const auto& tensor : split.no_multicast) message.add_no_multicast(tensor);
  for (const auto& tensor : split.no_neighbour) message.add_no_neighbour(tensor);
  message.set_joint(split.joint);
}

void write_store(const StoreNode& store, proto::Store& message) {
  message.set_level(store.level);
  message.set_memory(store.memory);
  for (const auto& tensor : store.tensors) {
    auto* written = message.add_tensor();
    written->set_tensor(tensor.tensor);
    written->set_double_buffered(tensor.double_buffered);
    written->set_reuse_not_exploited(!tensor.exploits_reuse);
    written->set_shared_by(tensor.shared_by == 1 ? 0 : tensor.shared_by);
    written->set_distribution(static_cast<proto::Distribution>(tensor.distribution));
    written->set_partial_sums(static_cast<proto::PartialSums>(tensor.partial_sums));
    written->set_kept_from(tensor.kept_from);
    written->set_places(tensor.places);
    written->set_or_dram(tensor.or_dram);
  }
}

void write_place(const PlaceNode& place, proto::Place& message) {
  for (const int tile : place.tiles) message.add_tile(tile);
  message.set_organisation(static_cast<proto::Organisation>(place.organisation));
  message.set_depth(place.depth == 1 ? 0 : place.depth);
  message.set_index(place.index);
}

void write_node(const Node& node, proto::Node& message) {
  switch (node.kind) {
    case NodeKind::kSequence:
      message.mutable_sequence();
      break;
    case NodeKind::kPipeline:
      message.mutable_pipeline();
      break;
    case NodeKind::kLoop:
      write_loop(node.loop, *message.mutable_loop());
      break;
    case NodeKind::kSplit:
      write_split(node.split, *message.mutable_split());
      break;
    case NodeKind::kStore:
      write_store(node.store, *message.mutable_store());
      break;
    case NodeKind::kPlace:
      write_place(node.place, *message.mutable_place());
      break;
    case NodeKind::kLayer:
      message.mutable_layer()->set_layer(node.layer.layer);
      break;
  }
  for (const auto& child : node.children) write_node(child, *message.add_child());
}

Schedule read_schedule(const proto::Schedule& message, const std::string& origin) {
  Schedule schedule{message.name(), origin, {}, {}};
  schedule.root = Reader(origin).read(message.root(), "root");
  schedule.dram_placement = read_placement(message.dram_placement(), origin);
  schedule.hold_reused = message.hold_reused();
  check_structure(schedule);
  return schedule;
}

void write_schedule(const Schedule& schedule, proto::Schedule& message) {
  message.set_name(schedule.name);
  write_node(schedule.root, *message.mutable_root());
  if (schedule.hold_reused) message.set_hold_reused(true);
  proto::DramPlacement placement;
  write_placement(schedule.dram_placement, placement);
  if (placement.ByteSizeLong() > 0) *message.mutable_dram_placement() = placement;
}

}  // namespace

Schedule parse_schedule(const std::string& text, const std::string& origin) {
  proto::Schedule message;
  parse_textproto(text, origin, message);
  return read_schedule(message, origin);
}

Schedule load_schedule(const std::string& path) {
  Schedule schedule = parse_schedule(read_file(path), path);
  if (schedule.name.empty()) schedule.name = std::filesystem::path(path).stem().string();
  return schedule;
}

Schedule with_settings(const Schedule& schedule, const std::vector<std::string>& assignments) {
  if (assignments.empty()) return schedule;
  proto::ScheduleSettings settings;
  write_schedule(schedule, *settings.mutable_schedule());
  for (const auto& assignment : assignments) set_field(settings, assignment);
  return read_schedule(settings.schedule(), schedule.origin);
}

std::string to_schedule_text(const Schedule& schedule) {
  proto::Schedule message;
  write_schedule(schedule, message);
  return to_textproto(message);
}

}  // namespace tessera::mapping
