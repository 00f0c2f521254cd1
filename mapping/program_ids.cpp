#include <bit>
#include <concepts>
#include <optional>
#include <set>
#include <string_view>

#include "mapping/instruction_text.h"
#include "mapping/program_io.h"
#include "sim/base/error.h"

namespace tessera::mapping {

namespace {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;

// Far more than any layer has ranks; the walks over code recurse, and so does the reader of the
// file.
constexpr int kDeepestLoopNest = 40;

/// Where a message points: a chain from the file to the thing in hand. It becomes text only when
/// there is something to say, so that checking a large program builds no strings. Refers to its
/// parent and to names.
class Place {
 public:
  explicit Place(std::string_view name) : name_(name) {}
  Place(const Place& parent, std::string_view kind, std::string_view name)
      : parent_(&parent), kind_(kind), name_(name) {}
  Place(const Place& parent, std::string_view kind, std::int64_t number)
      : parent_(&parent), kind_(kind), number_(number) {}

  Place at(std::string_view kind, std::string_view name = "") const { return {*this, kind, name}; }
  template <std::integral Number>
  Place at(std::string_view kind, Number number) const {
    return {*this, kind, static_cast<std::int64_t>(number)};
  }

  template <typename... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw UserError(text(), ": ", parts...);
  }

  /// low <= value <= high.
  void within(const char* what, std::int64_t value, std::int64_t low, std::int64_t high) const {
    if (value < low || value > high) refuse(what, " is ", value, "; allowed: ", low, " to ", high);
  }
  void at_least(const char* what, std::int64_t value, std::int64_t low) const {
    if (value < low) refuse(what, " is ", value, "; allowed: ", low, " or more");
  }
  template <typename List>
  void index(const char* what, std::int64_t value, const List& list,
             std::int64_t lowest = 0) const {
    within(what, value, lowest, static_cast<std::int64_t>(list.size()) - 1);
  }
  template <typename List>
  void size(const char* what, const List& list, std::size_t expected) const {
    if (list.size() != expected)
      refuse("number of ", what, " is ", list.size(), "; allowed: ", expected);
  }

 private:
  std::string text() const {
    std::string own = detail::concatenate(kind_, name_);
    if (number_) own += std::to_string(*number_);
    return parent_ == nullptr ? own : parent_->text() + ": " + own;
  }

  const Place* parent_ = nullptr;
  std::string_view kind_;
  std::string_view name_;
  std::optional<std::int64_t> number_;
};

void check_access(const workloads::DimensionAccess& access, const Layer& layer, std::int64_t extent,
                  const Place& place) {
  for (const auto& term : access.terms) {
    place.index("rank", term.rank, layer.ranks);
    place.at_least("coefficient", term.coefficient, 1);
  }
  place.within("first valid index", access.valid_begin, 0, extent);
  place.within("end of the valid indices", access.valid_end, access.valid_begin, extent);
}

void check_operand(const Operand& operand, const Layer& layer, const Network& network,
                   const Place& place) {
  place.index("tensor", operand.tensor, network.tensors);
  const auto& tensor = network.tensors[operand.tensor];
  place.size("dimensions", operand.dimensions, tensor.extents.size());
  for (std::size_t d = 0; d < operand.dimensions.size(); ++d)
    check_access(operand.dimensions[d], layer, tensor.extents[d], place.at("dimension ", d));
}

void check_network(const Network& network, const Place& file) {
  for (std::size_t t = 0; t < network.tensors.size(); ++t)
    for (const auto extent : network.tensors[t].extents)
      file.at("tensor ", t).at_least("extent", extent, 1);
  for (const auto& layer : network.layers) {
    const Place place = file.at("layer ", layer.name);
    for (const auto& rank : layer.ranks)
      place.at("rank ", rank.name).at_least("extent", rank.extent, 1);
    place.at_least("passes", layer.passes, 1);
    for (const auto rank : layer.whole_ranks) place.index("whole rank", rank, layer.ranks);
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      check_operand(layer.inputs[i], layer, network, place.at("input ", i));
    check_operand(layer.output, layer, network, place.at("output"));
  }
}

void check_part(const Part& part, const Program& program, const Place& place) {
  place.index("tensor", part.tensor, program.network.tensors);
  place.index("producer stage", part.producer_stage, program.stages, -1);
  place.index("stage until which it is kept", part.kept_until, program.stages, -1);
  const auto& extents = program.network.tensors[part.tensor].extents;
  place.size("dimensions", part.region.dimensions, extents.size());
  for (std::size_t d = 0; d < extents.size(); ++d) {
    const auto& range = part.region.dimensions[d];
    place.at_least("step", range.step, 1);
    place.within("count", range.count, 0, extents[d]);
    place.within("first index", range.begin, 0, extents[d]);
    if (range.count > 0) place.within("last index", range.last(), 0, extents[d] - 1);
  }
}

void check_layout(const DramLayout& layout, std::size_t dimensions, const Place& place) {
  place.size("dimensions in order", layout.order, dimensions);
  place.size("block extents", layout.block, dimensions);
  for (const auto extent : layout.block) place.at_least("block extent", extent, 1);
  std::set<int> seen;
  for (const int dimension : layout.order) {
    place.index("dimension in order", dimension, layout.order);
    if (!seen.insert(dimension).second) place.refuse("dimension ", dimension, " is ordered twice");
  }
}

void check_channels(const DramLayout& layout, const Program& program, const Place& place) {
  place.at_least("bytes of a stripe", static_cast<std::int64_t>(layout.stripe_bytes),
                 program.word_bytes);
  if (layout.stripe_bytes % static_cast<Bytes>(program.word_bytes) != 0)
    place.refuse("bytes of a stripe is ", layout.stripe_bytes, "; allowed: a multiple of ",
                 program.word_bytes);
  place.within("first channel", layout.first_channel, 0, std::max(program.dram_channels - 1, 0));
  place.within("number of channels", layout.channels, 0, program.dram_channels);
  const int ways = layout.channels > 0 ? layout.channels : std::max(program.dram_channels, 1);
  if (layout.hashed && !std::has_single_bit(static_cast<unsigned>(ways)))
    place.refuse("stripes are hashed over ", ways, " channels; allowed: a power of two");
}

/// Checks what a stage's ids point at.
class StageIds {
 public:
  StageIds(const Program& program, const Stage& stage, Place place)
      : program_(program),
        stage_(stage),
        place_(std::move(place)),
        layer_(program.network.layers[stage.layer]) {}

  void check() const {
    place_.at_least("recomputed points", stage_.recomputed, 0);
    place_.index("output slot", stage_.output_slot, stage_.slots);
    place_.index("sums slot", stage_.sums_slot, stage_.slots, -1);
    place_.index("partial slot", stage_.partial_slot, stage_.slots, -1);
    for (const auto& slot : stage_.slots) {
      check_slot(slot, place_.at("slot ", slot.name));
      check_kept(slot, static_cast<SlotId>(&slot - stage_.slots.data()));
    }
    for (std::size_t i = 0; i < stage_.codes.size(); ++i)
      for (const Queue queue : kQueues)
        check_block(block_of(stage_.codes[i], queue), queue, 0,
                    place_.at("code ", i).at(name_of(queue), " queue"));
    for (std::size_t i = 0; i < stage_.groups.size(); ++i)
      check_group(stage_.groups[i], place_.at("group ", i));
    check_shares();
    check_array(place_.at("array mapping"));
  }

 private:
  void check_kept(const Slot& slot, SlotId id) const {
    const Place place = place_.at("slot ", slot.name);
    place.index("stage that it goes on with", slot.continues, program_.stages, -1);
    if (slot.continues >= 0)
      place.index("slot of that stage", id, program_.stages[slot.continues].slots);
  }

  void check_slot(const Slot& slot, const Place& place) const {
    place.at_least("granules", slot.granules, 1);
    place.at_least("granule bytes", static_cast<std::int64_t>(slot.granule_bytes), 1);
    place.within("readers", slot.readers, 1, 7);
    for (const auto extent : slot.extents) place.at_least("extent", extent, 1);
    if (slot.rotating) check_rotating(slot, place);
    if (slot.retains && (slot.granules > 2 || slot.extents.empty()))
      place.refuse("a window has extents and at most two granules");
  }

  static void check_rotating(const Slot& slot, const Place& place) {
    place.at_least("turns", slot.turns, 1);
    place.at_least("granules of a round", slot.round, slot.turns);
    place.at_least("granules of a filling", slot.fill, slot.round);
    if (slot.round % slot.turns != 0 || slot.fill % slot.round != 0)
      place.refuse("a filling has ", slot.fill, " granules in rounds of ", slot.round, " in ",
                   slot.turns, " turns; allowed: whole rounds of equal turns");
  }

  void check_block(const CodeBlock& block, Queue queue, int depth, const Place& place) const {
    place.within("depth of the loop nest", depth, 0, kDeepestLoopNest);
    for (const auto& node : block) {
      if (!node.is_loop) {
        check_instruction(node.instruction, queue, place.at(to_text(node.instruction, stage_)));
        continue;
      }
      place.index("rank of a loop", node.rank, layer_.ranks, -1);
      place.at_least("step of a loop", node.step, 1);
      place.at_least("count of a loop", node.count, 0);
      place.at_least("first step of a loop", node.first, 0);
      check_block(node.body, queue, depth + 1, place);
    }
  }

  void check_instruction(const Instruction& instruction, Queue queue, const Place& place) const {
    if (!belongs_to(instruction.op, queue))
      place.refuse("the ", name_of(queue), " queue does not execute it");
    const bool computes = instruction.op == Op::kArray || instruction.op == Op::kVector;
    if (instruction.op == Op::kYield) {
      if (stage_.fusion < 0) place.refuse("the stage is not fused with others");
      return;
    }
    place.index("slot", instruction.slot, stage_.slots, computes ? -1 : 0);
    if (instruction.op == Op::kReceive) place.index("operand", instruction.operand, layer_.inputs);
    if (instruction.op == Op::kAcquire || instruction.op == Op::kRelease)
      place.at_least("amount", instruction.amount, 1);
  }

  void check_group(const Group& group, const Place& place) const {
    place.at_least("number of members", static_cast<std::int64_t>(group.members.size()), 1);
    std::set<TileId> seen;
    for (const TileId tile : group.members) {
      place.within("tile", tile, 0, program_.tiles - 1);
      if (!seen.insert(tile).second) place.refuse("tile ", tile, " is a member twice");
    }
  }

  void check_shares() const {
    TileId before = -1;
    for (const auto& share : stage_.shares) {
      const Place place = place_.at("tile ", share.tile);
      place.within("tile of a share", share.tile, 0, program_.tiles - 1);
      if (share.tile <= before)
        place.refuse("comes after tile ", before, "; allowed: ascending tiles");
      before = share.tile;
      check_share(share, place);
    }
  }

  void check_share(const TileShare& share, const Place& place) const {
    place.index("code", share.code, stage_.codes);
    place.size("ranks", share.ranks, layer_.ranks.size());
    for (std::size_t r = 0; r < share.ranks.size(); ++r) {
      const Place rank = place.at("rank ", layer_.ranks[r].name);
      rank.within("end", share.ranks[r].end, 0, layer_.ranks[r].extent);
      rank.within("begin", share.ranks[r].begin, 0, share.ranks[r].end);
    }
    if (!share.origins.empty()) place.size("origins", share.origins, layer_.ranks.size());
    check_rotation(share.rotation, place);
    place.size("input groups", share.input_groups, layer_.inputs.size());
    for (const GroupId group : share.input_groups) place.index("input group", group, stage_.groups);
    place.index("sums group", share.sums_group, stage_.groups);
  }

  void check_rotation(const TileShare::Rotation& rotation, const Place& place) const {
    place.at_least("places of a rotation", rotation.places, 1);
    for (const auto& slot : stage_.slots)
      if (slot.rotating && rotation.places > slot.turns)
        place.refuse("slot ", slot.name, " has ", slot.turns, " turns for ", rotation.places,
                     " places; allowed: a turn for each at least");
    if (rotation.places == 1) return;
    place.within("place in a rotation", rotation.place, 0, rotation.places - 1);
    place.within("next tile of a rotation", rotation.next, 0, program_.tiles - 1);
  }

  void check_array(const Place& place) const {
    const ArrayMapping& array = stage_.array;
    for (const auto* splits : {&array.rows, &array.columns, &array.lanes})
      for (const auto& split : *splits) {
        place.index("rank", split.rank, layer_.ranks);
        place.at_least("ways", split.ways, 1);
      }
    for (const auto& loop : array.loops) {
      place.index("rank", loop.rank, layer_.ranks);
      place.at_least("tile", loop.tile, 1);
    }
    for (const int depth : array.store_depth)
      place.within("store depth", depth, 0, static_cast<std::int64_t>(array.loops.size()));
  }

  const Program& program_;
  const Stage& stage_;
  Place place_;
  const Layer& layer_;
};

void check_layouts(const Program& program, const Place& file) {
  const auto& tensors = program.network.tensors;
  file.size("layouts", program.layouts, tensors.size());
  for (const auto& part : program.parts) {
    if (part.home == Home::kTiles) continue;
    if (part.home == Home::kShared)
      file.size("layouts in the shared buffers", program.shared_layouts, tensors.size());
    const Place place = file.at("layout of tensor ", tensors[part.tensor].name);
    check_layout(program.layout_of(part), tensors[part.tensor].extents.size(), place);
    if (part.home == Home::kDram) check_channels(program.layout_of(part), program, place);
  }
}

}  // namespace

void check_ids(const Program& program, const std::string& origin) {
  const Place file(origin);
  file.at_least("number of tiles", program.tiles, 1);
  file.at_least("bytes of a word", program.word_bytes, 1);
  file.at_least("number of DRAM channels", program.dram_channels, 0);
  check_network(program.network, file);
  for (std::size_t i = 0; i < program.parts.size(); ++i)
    check_part(program.parts[i], program, file.at("part ", i));
  check_layouts(program, file);
  for (const auto& stage : program.stages) {
    const Place place = file.at("stage ", stage.name);
    place.index("layer", stage.layer, program.network.layers);
    StageIds(program, stage, place).check();
  }
}

}  // namespace tessera::mapping
