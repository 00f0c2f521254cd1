#include <algorithm>
#include <map>

#include "mapping/code_cursor.h"
#include "mapping/fusion/fusion_plan.h"
#include "mapping/region_difference.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;

namespace {

constexpr unsigned bit(SlotReader reader) { return static_cast<unsigned>(reader); }

/// Where a window stands for nothing: the region of a strided read without window never meets the
/// one before.
bool can_retain(const Operand& operand) {
  return std::ranges::all_of(operand.dimensions, [](const auto& access) {
    return access.terms.size() != 1 || access.terms.front().coefficient == 1;
  });
}

class MemberBuilder {
 public:
  MemberBuilder(const Fusion& fusion, int index, int number, const Network& network,
                const hw::Accelerator& accelerator)
      : fusion_(fusion),
        member_(fusion.members[index]),
        layer_(network.layers[member_.layer]),
        network_(network),
        accelerator_(accelerator) {
    stage_.name = layer_.name;
    stage_.layer = member_.layer;
    stage_.array = member_.array;
    stage_.fusion = number;
    stage_.recomputed = executed_points(member_) - workloads::volume(layer_.whole());
    // A window is written in tiles of the fusion; other outputs leave as often as their store is
    // entered.
    output_depth_ =
        in_window() ? std::max(fusion.depth(), member_.output.depth) : member_.output.depth;
  }

  Stage build() {
    refuse_spilled_sums();
    add_slots();
    add_shares();
    Code code;
    code.load = nest(0, [&](int depth, bool before) { return load_at(depth, before); });
    code.compute = nest(0, [&](int depth, bool before) { return compute_at(depth, before); });
    code.store = nest(0, [&](int depth, bool before) { return store_at(depth, before); });
    stage_.codes.push_back(std::move(code));
    return std::move(stage_);
  }

 private:
  bool in_window() const { return member_.output_home == Home::kWindow; }
  /// Takes turns with other stages on the same tiles.
  bool takes_turns() const { return !fusion_.pipelined && fusion_.members.size() > 1; }
  int loops() const { return static_cast<int>(member_.loops.size()); }

  /// Member whose window holds an input; -1: received.
  bool is_local(std::size_t input) const {
    const int producer = fusion_.producer_of(network_, layer_.inputs[input].tensor);
    return producer >= 0 && fusion_.members[producer].output_home == Home::kWindow;
  }

  void refuse_spilled_sums() const {
    for (int i = 0; i < output_depth_; ++i) {
      const auto rank = member_.loops[i].rank;
      if (rank >= 0 && member_.loops[i].count > 1 && layer_.ranks[rank].reduced)
        throw UserError(
            "layer ", layer_.name, ": loop over the reduced rank ", layer_.ranks[rank].name,
            " stands outside a loop over its outputs, so partial sums would leave the tile buffer");
    }
  }

  Slot slot(const std::string& name, const Operand& operand, const std::vector<FusionLoop>& loops,
            int depth) const {
    Slot slot;
    slot.name = name;
    slot.extents = most_indices(member_, operand, loops, depth);
    Bytes bytes = static_cast<Bytes>(accelerator_.word_bytes());
    for (const auto extent : slot.extents) bytes *= static_cast<Bytes>(extent);
    slot.granule_bytes = round_up(bytes, accelerator_.tile.buffer.line_bytes);
    return slot;
  }

  /// The next granule arrives while one is in use. A window then needs room for both, moduli
  /// included: where several loops move it, that is every dimension's whole way back to its begin.
  void hold_twice(Slot& input, std::size_t i) const {
    input.granules = static_cast<int>(std::min<std::int64_t>(2, trips(member_.inputs[i].depth)));
    if (!input.retains || input.granules == 1) return;
    std::vector<std::int64_t> both(input.extents);
    for (const auto& share : member_.shares) {
      workloads::Region before;
      for_each_fetch(share, i, [&](const workloads::Region& region) {
        for (std::size_t d = 0; d < both.size() && !before.dimensions.empty(); ++d)
          both[d] = std::max(
              both[d], std::max(region.dimensions[d].last(), before.dimensions[d].last()) -
                           std::min(region.dimensions[d].begin, before.dimensions[d].begin) + 1);
        before = region;
      });
    }
    input.extents = both;
    fit_window(input);
  }

  /// Granules are as large as the window needs them, which may be larger than what comes at once.
  void fit_window(Slot& input) const {
    Bytes bytes = static_cast<Bytes>(accelerator_.word_bytes());
    for (const auto extent : input.extents) bytes *= static_cast<Bytes>(extent);
    const auto granules = static_cast<Bytes>(input.granules);
    input.granule_bytes =
        std::max(input.granule_bytes,
                 round_up((bytes + granules - 1) / granules, accelerator_.tile.buffer.line_bytes));
  }

  /// Visits what a share receives of an input, trip by trip; trips that compute nothing receive
  /// nothing.
  template <typename Visit>
  void for_each_fetch(const TileShare& share, std::size_t i, Visit visit) const {
    CodeBlock block(1);
    for (int l = member_.inputs[i].depth; l-- > 0;) {
      CodeBlock around = {loop(member_.loops[l], std::move(block))};
      block = std::move(around);
    }
    for (CodeCursor at(block, share); !at.done(); at.next())
      if (workloads::volume(at.ranks()) > 0) visit(region_of(layer_.inputs[i], at.ranks()));
  }

  /// Comes granule by granule from another stage of the pipeline.
  bool is_streamed(std::size_t i) const {
    return fusion_.pipelined && fusion_.producer_of(network_, layer_.inputs[i].tensor) >= 0;
  }

  /// The producer gives an element away once: does some share need one that the granule before did
  /// not leave?
  bool needs_again(std::size_t i, bool retains) const {
    for (const auto& share : member_.shares) {
      std::int64_t received = 0;
      workloads::Region before;
      for_each_fetch(share, i, [&](const workloads::Region& region) {
        if (!retains || before.dimensions.empty())
          received += region.elements();
        else
          for (const auto& box : difference(region, before)) received += box.elements();
        before = region;
      });
      if (received != region_of(layer_.inputs[i], share.ranks).elements()) return true;
    }
    return false;
  }

  bool moves(const FusionLoop& loop, std::size_t i) const {
    return loop.rank >= 0 && Layer::indexes(layer_.inputs[i], loop.rank);
  }

  /// Everything that came stays until the outermost loop that moves the input has passed it: whole
  /// lines along the loops inside. A loop that comes back to lines that have been overwritten is
  /// refused.
  void hold_lines(Slot& input, std::size_t i) const {
    int outer = -1;
    bool returns = !input.retains;
    for (int l = 0, still = 0; l < member_.inputs[i].depth; ++l) {
      if (member_.loops[l].count == 1) continue;
      const bool moving = moves(member_.loops[l], i);
      returns |= moving && still > 0;
      still += !moving;
      if (moving && outer < 0) outer = l;
    }
    if (returns || outer < 0)
      throw UserError("layer ", layer_.name, ": ", network_.tensors[layer_.inputs[i].tensor].name,
                      " is handed over once, but held so far inside its loops that parts of it "
                      "would have to come again;"
                      " hold it further out");
    const auto whole = most_indices(member_, layer_.inputs[i], {}, 0);
    for (std::size_t d = 0; d < whole.size(); ++d)
      if (std::ranges::none_of(layer_.inputs[i].dimensions[d].terms, [&](const auto& term) {
            return term.rank == member_.loops[outer].rank;
          }))
        input.extents[d] = std::max(input.extents[d], whole[d]);
    fit_window(input);
  }

  std::int64_t trips(int depth) const {
    std::int64_t product = 1;
    for (int i = 0; i < depth; ++i) product *= member_.loops[i].count;
    return product;
  }

  void add_slots() {
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      slot_of_.push_back(-1);
      if (is_local(i)) continue;
      const auto& held = member_.inputs[i];
      Slot input = slot(operand_name(layer_, static_cast<int>(i)), layer_.inputs[i], member_.loops,
                        held.depth);
      input.readers = bit(SlotReader::kCompute);
      input.retains = held.reuse && can_retain(layer_.inputs[i]);
      if (held.double_buffered) hold_twice(input, i);
      if (is_streamed(i) && needs_again(i, input.retains)) hold_lines(input, i);
      slot_of_.back() = static_cast<SlotId>(stage_.slots.size());
      stage_.slots.push_back(std::move(input));
    }
    stage_.output_slot = static_cast<SlotId>(stage_.slots.size());
    stage_.slots.push_back(output_slot());
  }

  /// Stages from here to the last one of the pipeline that reads the outputs; 0: none. What skips
  /// stages waits as long as these need.
  int farthest_reader() const {
    int self = 0;
    int last = 0;
    for (std::size_t m = 0; m < fusion_.members.size(); ++m) {
      if (&fusion_.members[m] == &member_) self = last = static_cast<int>(m);
      for (const auto& input : network_.layers[fusion_.members[m].layer].inputs)
        if (input.tensor == layer_.output.tensor) last = static_cast<int>(m);
    }
    return last - self;
  }

  Slot output_slot() const {
    if (in_window()) {
      Slot window = slot("O", layer_.output, member_.window_loops,
                         std::min(fusion_.depth(), member_.output.depth));
      window.readers = bit(SlotReader::kCompute);
      window.retains = true;
      return window;
    }
    Slot output = slot("O", layer_.output, member_.loops, output_depth_);
    const bool stays = member_.output_home == Home::kTiles;
    output.readers = bit(stays ? SlotReader::kServer : SlotReader::kStore);
    const std::int64_t wanted = member_.output.double_buffered ? 2 : 1;
    output.granules =
        static_cast<int>(stays ? trips(output_depth_) : std::min(wanted, trips(output_depth_)));
    if (const int distance = farthest_reader(); fusion_.pipelined && distance > 0) {
      output.streams = true;
      const std::int64_t lag = reader_lag(fusion_, member_, output_depth_, network_);
      output.granules = static_cast<int>(
          std::min(wanted + std::max<std::int64_t>(distance - 1, lag), trips(output_depth_)));
    }
    if (stays && member_.ring_places > 0 && !accelerator_.tile.free_copies) {
      output.granules =
          static_cast<int>(std::min<std::int64_t>(member_.ring_places, trips(output_depth_)));
      output.streams = output.streams || output.granules < trips(output_depth_);
    }
    return output;
  }

  /// Tiles with equal keys receive the same granules: what indexes the operand is equal, and so is
  /// where the other ranks come to their end.
  std::vector<std::int64_t> group_key(std::size_t input, const TileShare& share) const {
    std::vector<std::int64_t> key = {static_cast<std::int64_t>(input)};
    for (std::size_t r = 0; r < layer_.ranks.size(); ++r) {
      const bool indexes = Layer::indexes(layer_.inputs[input], static_cast<int>(r));
      if (indexes)
        key.insert(key.end(), {share.ranks[r].begin, share.ranks[r].end, share.origins[r]});
      for (const auto& loop : member_.loops) {
        if (indexes || loop.rank != static_cast<int>(r)) continue;
        CodeNode node;
        node.step = loop.step;
        node.first = loop.first;
        node.overlap = loop.overlap;
        for (std::int64_t trip = 0; trip < loop.count; ++trip)
          key.push_back(trip_range(node, share.ranks[r], share.origins[r], trip).size() == 0);
      }
    }
    return key;
  }

  void add_shares() {
    std::map<std::vector<std::int64_t>, GroupId> groups;
    const auto join = [&](std::vector<std::int64_t> key, TileId tile) {
      const auto [entry, added] =
          groups.try_emplace(std::move(key), static_cast<GroupId>(stage_.groups.size()));
      if (added) stage_.groups.emplace_back();
      stage_.groups[entry->second].members.push_back(tile);
      return entry->second;
    };
    for (const auto& given : member_.shares) {
      TileShare share = given;
      for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
        share.input_groups.push_back(is_local(i) ? join({-2, given.tile}, given.tile)
                                                 : join(group_key(i, given), given.tile));
      share.sums_group = join({-1, given.tile}, given.tile);
      stage_.shares.push_back(std::move(share));
    }
    for (auto& group : stage_.groups) {
      const auto repeated = std::ranges::unique(group.members);
      group.members.erase(repeated.begin(), repeated.end());
    }
  }

  static CodeNode instruction(Op op, SlotId slot, int operand = -1) {
    CodeNode node;
    node.instruction = {op, slot, operand, 1};
    return node;
  }

  template <typename At>
  CodeBlock nest(int depth, const At& at) const {
    CodeBlock block = at(depth, true);
    if (depth < loops()) {
      CodeBlock inner = nest(depth + 1, at);
      if (!inner.empty()) block.push_back(loop(member_.loops[depth], std::move(inner)));
    }
    CodeBlock after = at(depth, false);
    std::ranges::move(after, std::back_inserter(block));
    if (takes_turns() && depth == fusion_.depth()) block.push_back(instruction(Op::kYield, -1));
    return block;
  }

  /// Trips follow each other without a gap from the share's begin.
  bool is_plain(const FusionLoop& loop) const {
    if (loop.rank < 0 || loop.first == 0) return true;
    return loop.first == loop.step && loop.overlap == 0 &&
           std::ranges::all_of(member_.shares, [&](const auto& share) {
             return share.origins[loop.rank] == share.ranks[loop.rank].begin;
           });
  }

  CodeNode loop(const FusionLoop& loop, CodeBlock body) const {
    CodeNode node;
    node.is_loop = true;
    node.rank = loop.rank;
    node.step = loop.step;
    node.count = loop.count;
    node.first = is_plain(loop) ? 0 : loop.first;
    node.overlap = is_plain(loop) ? 0 : loop.overlap;
    node.body = std::move(body);
    return node;
  }

  CodeBlock load_at(int depth, bool before) const {
    CodeBlock block;
    for (const bool weights : {true, false})
      for (std::size_t i = 0; before && i < layer_.inputs.size(); ++i)
        if (slot_of_[i] >= 0 && (layer_.inputs[i].role == OperandRole::kWeight) == weights &&
            member_.inputs[i].depth == depth)
          block.push_back(instruction(Op::kReceive, slot_of_[i], static_cast<int>(i)));
    return block;
  }

  CodeBlock compute_at(int depth, bool before) const {
    CodeBlock block;
    if (before && depth == output_depth_)
      block.push_back(instruction(Op::kReserve, stage_.output_slot));
    for (std::size_t i = 0; before && i < layer_.inputs.size(); ++i)
      if (slot_of_[i] >= 0 && member_.inputs[i].depth == depth)
        block.push_back(instruction(Op::kAcquire, slot_of_[i]));
    if (before && depth == loops())
      block.push_back(
          instruction(layer_.kind == workloads::LayerKind::kMatrix ? Op::kArray : Op::kVector,
                      stage_.output_slot));
    for (std::size_t i = 0; !before && i < layer_.inputs.size(); ++i)
      if (slot_of_[i] >= 0 && member_.inputs[i].depth == depth)
        block.push_back(instruction(Op::kRelease, slot_of_[i]));
    if (!before && depth == output_depth_)
      block.push_back(instruction(Op::kCommit, stage_.output_slot));
    return block;
  }

  CodeBlock store_at(int depth, bool before) const {
    if (before || depth != output_depth_ || member_.output_home != Home::kDram) return {};
    return {instruction(Op::kAcquire, stage_.output_slot),
            instruction(Op::kStore, stage_.output_slot),
            instruction(Op::kRelease, stage_.output_slot)};
  }

  const Fusion& fusion_;
  const FusionMember& member_;
  const Layer& layer_;
  const Network& network_;
  const hw::Accelerator& accelerator_;
  int output_depth_ = 0;
  std::vector<SlotId> slot_of_;  ///< per input; -1: in another member's window
  Stage stage_;
};

}  // namespace

std::vector<Stage> build_fusion(const Fusion& fusion, int number, const Network& network,
                                const hw::Accelerator& accelerator) {
  std::vector<Stage> stages;
  for (std::size_t m = 0; m < fusion.members.size(); ++m)
    stages.push_back(
        MemberBuilder(fusion, static_cast<int>(m), number, network, accelerator).build());
  return stages;
}

}  // namespace tessera::mapping
