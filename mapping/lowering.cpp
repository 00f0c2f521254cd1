#include "mapping/lowering.h"

#include <algorithm>
#include <map>

#include "mapping/stage_plan.h"
#include "mapping/tile_memory.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::RankTile;

namespace {

constexpr unsigned bit(SlotReader reader) { return static_cast<unsigned>(reader); }

/// Ranges of the ranks that index an operand, in rank order: equal keys mean equal regions at every step.
std::vector<std::int64_t> operand_key(const Layer& layer, const Operand& operand, const RankTile& ranks) {
  std::vector<std::int64_t> key;
  for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank) {
    if (!Layer::indexes(operand, static_cast<int>(rank))) continue;
    key.push_back(ranks[rank].begin);
    key.push_back(ranks[rank].end);
  }
  return key;
}

/// Lowers one stage: everything except where its slots lie in memory.
class StageBuilder {
 public:
  StageBuilder(const StagePlan& plan, const Network& network, const hw::Accelerator& accelerator)
      : plan_(plan),
        layer_(network.layers[plan.layer]),
        accelerator_(accelerator),
        shares_(deal_shares(plan, layer_, {accelerator.rows, accelerator.columns})),
        counts_(trip_counts(plan.loops, shares_.nominal)),
        output_depth_(change_depth(plan, layer_.output, plan.output.depth, shares_.nominal)) {
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
      input_depth_.push_back(
          change_depth(plan, layer_.inputs[i], plan.inputs[i].depth, shares_.nominal));
  }

  Stage build() {
    refuse_spilled_sums();
    stage_.name = layer_.name;
    stage_.layer = plan_.layer;
    stage_.array = plan_.array;
    add_slots();
    add_shares();
    stage_.codes.push_back(code(/*partners=*/sums_members_ - 1, /*owner=*/true));
    if (sums_members_ > 1) stage_.codes.push_back(code(0, /*owner=*/false));
    return std::move(stage_);
  }

 private:
  void refuse_spilled_sums() const {
    for (int i = 0; i < output_depth_; ++i)
      if (counts_[i] > 1 && layer_.ranks[plan_.loops[i].rank].reduced)
        throw UserError("layer ", layer_.name, ": loop over the reduced rank ",
                        layer_.ranks[plan_.loops[i].rank].name,
                        " stands outside a loop over its outputs, so partial sums would leave the tile buffer;"
                        " move it inwards or hold the outputs further out");
  }

  Bytes granule_bytes(const Operand& operand, int depth) const {
    const auto extents = extents_inside(plan_.loops, depth, shares_.nominal);
    const Bytes bytes = static_cast<Bytes>(nominal_elements(operand, extents)) *
                        static_cast<Bytes>(accelerator_.word_bytes());
    const Bytes line = accelerator_.tile.buffer.line_bytes;
    return round_up(std::max<Bytes>(bytes, line), line);
  }

  std::int64_t trips(int depth) const {
    std::int64_t product = 1;
    for (int i = 0; i < depth; ++i) product *= counts_[i];
    return product;
  }

  void add_slots() {
    for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
      const auto& holding = plan_.inputs[i];
      const auto granules = std::min<std::int64_t>(holding.double_buffered ? 2 : 1, trips(input_depth_[i]));
      stage_.slots.push_back({operand_name(layer_, static_cast<int>(i)), 0,
                              granule_bytes(layer_.inputs[i], holding.depth),
                              static_cast<int>(granules), bit(SlotReader::kCompute)});
    }
    stage_.output_slot = static_cast<SlotId>(stage_.slots.size());
    const bool stays = plan_.output_home == Home::kTiles;
    const std::int64_t outputs = trips(output_depth_);
    const std::int64_t granules = stays ? outputs : std::min<std::int64_t>(plan_.output.double_buffered ? 2 : 1, outputs);
    stage_.slots.push_back({"O", 0, granule_bytes(layer_.output, plan_.output.depth),
                            static_cast<int>(granules),
                            stays ? bit(SlotReader::kServer) : bit(SlotReader::kStore)});
  }

  void add_shares() {
    std::map<std::vector<std::int64_t>, GroupId> groups;
    const auto join_group = [&](int which, const Operand& operand, std::size_t index) {
      auto key = operand_key(layer_, operand, shares_.ranks[index]);
      key.push_back(which);
      const auto [entry, added] = groups.try_emplace(std::move(key), static_cast<GroupId>(stage_.groups.size()));
      if (added) stage_.groups.emplace_back();
      stage_.groups[entry->second].members.push_back(shares_.tiles[index]);
      return entry->second;
    };
    for (std::size_t t = 0; t < shares_.tiles.size(); ++t) {
      TileShare share{shares_.tiles[t], 0, shares_.ranks[t], {}, -1};
      for (std::size_t i = 0; i < layer_.inputs.size(); ++i)
        share.input_groups.push_back(join_group(static_cast<int>(i), layer_.inputs[i], t));
      share.sums_group = join_group(-1, layer_.output, t);
      stage_.shares.push_back(std::move(share));
    }
    for (auto& share : stage_.shares) {
      const auto& members = stage_.groups[share.sums_group].members;
      sums_members_ = std::max(sums_members_, members.size());
      share.code = members.front() == share.tile ? 0 : 1;
    }
    if (sums_members_ > 1) add_sums_slots();
  }

  /// Owners receive their partners' sums in "S"; partners build theirs in "P", which exists only on tiles
  /// that have no "O" and may therefore lie in the same place. Every group must have the same number of
  /// members, because all owners share their code.
  void add_sums_slots() {
    for (const auto& share : stage_.shares)
      if (const auto members = stage_.groups[share.sums_group].members.size(); members != sums_members_)
        throw UserError("layer ", layer_.name, ": its reduced ranks are split over ", sums_members_,
                        " tiles for some outputs and ", members,
                        " for others; every output needs the same number");
    const Bytes granule = stage_.slots[stage_.output_slot].granule_bytes;
    sums_slot_ = static_cast<SlotId>(stage_.slots.size());
    stage_.slots.push_back({"S", 0, granule, static_cast<int>(std::min<std::size_t>(2, sums_members_ - 1)),
                            bit(SlotReader::kCompute)});
    partial_slot_ = static_cast<SlotId>(stage_.slots.size());
    stage_.slots.push_back({"P", 0, granule,
                            static_cast<int>(std::min<std::int64_t>(2, trips(output_depth_))),
                            bit(SlotReader::kStore)});
  }

  static CodeNode instruction(Op op, SlotId slot, int operand = -1) {
    CodeNode node;
    node.instruction = {op, slot, operand, 1};
    return node;
  }

  static CodeNode repetition(std::int64_t count, CodeBlock body) {
    CodeNode node;
    node.is_loop = true;
    node.count = count;
    node.body = std::move(body);
    return node;
  }

  CodeNode loop(int index, CodeBlock body) const {
    CodeNode node = repetition(counts_[index], std::move(body));
    node.rank = plan_.loops[index].rank;
    node.step = plan_.loops[index].tile;
    return node;
  }

  /// `at(depth, before)` gives the instructions of a queue that stand at a loop depth, before or after the
  /// loops further in; loops around nothing are left out.
  template <typename At>
  CodeBlock nest(int depth, const At& at) const {
    CodeBlock block = at(depth, true);
    if (depth < static_cast<int>(plan_.loops.size())) {
      CodeBlock inner = nest(depth + 1, at);
      if (!inner.empty()) block.push_back(loop(depth, std::move(inner)));
    }
    CodeBlock after = at(depth, false);
    std::ranges::move(after, std::back_inserter(block));
    return block;
  }

  Code code(std::size_t partners, bool owner) const {
    Code code;
    code.load = nest(0, [&](int depth, bool before) { return load_at(depth, before, partners); });
    code.compute = nest(0, [&](int depth, bool before) { return compute_at(depth, before, partners, owner); });
    code.store = nest(0, [&](int depth, bool before) { return store_at(depth, before, owner); });
    return code;
  }

  CodeBlock load_at(int depth, bool before, std::size_t partners) const {
    CodeBlock block;
    // Weights first: they do not wait for the layer before, so they can be on their way early.
    for (const bool weights : {true, false})
      for (std::size_t i = 0; before && i < layer_.inputs.size(); ++i)
        if ((layer_.inputs[i].role == OperandRole::kWeight) == weights && input_depth_[i] == depth)
          block.push_back(instruction(Op::kReceive, static_cast<SlotId>(i), static_cast<int>(i)));
    if (!before && partners > 0 && depth == output_depth_)
      block.push_back(repetition(static_cast<std::int64_t>(partners),
                                 {instruction(Op::kReceiveSums, sums_slot_)}));
    return block;
  }

  CodeBlock compute_at(int depth, bool before, std::size_t partners, bool owner) const {
    const SlotId output = owner ? stage_.output_slot : partial_slot_;
    CodeBlock block;
    const bool innermost = depth == static_cast<int>(plan_.loops.size());
    if (before && depth == output_depth_) block.push_back(instruction(Op::kReserve, output));
    for (std::size_t i = 0; before && i < layer_.inputs.size(); ++i)
      if (input_depth_[i] == depth) block.push_back(instruction(Op::kAcquire, static_cast<SlotId>(i)));
    if (before && innermost)
      block.push_back(instruction(layer_.kind == workloads::LayerKind::kMatrix ? Op::kArray : Op::kVector, output));
    for (std::size_t i = 0; !before && i < layer_.inputs.size(); ++i)
      if (input_depth_[i] == depth) block.push_back(instruction(Op::kRelease, static_cast<SlotId>(i)));
    if (!before && depth == output_depth_) {
      if (partners > 0)
        block.push_back(repetition(static_cast<std::int64_t>(partners),
                                   {instruction(Op::kAcquire, sums_slot_),
                                    instruction(Op::kAddSums, sums_slot_),
                                    instruction(Op::kRelease, sums_slot_)}));
      block.push_back(instruction(Op::kCommit, output));
    }
    return block;
  }

  CodeBlock store_at(int depth, bool before, bool owner) const {
    const bool stays = owner && plan_.output_home == Home::kTiles;
    if (before || depth != output_depth_ || stays) return {};
    const SlotId slot = owner ? stage_.output_slot : partial_slot_;
    return {instruction(Op::kAcquire, slot), instruction(owner ? Op::kStore : Op::kSendSums, slot),
            instruction(Op::kRelease, slot)};
  }

  const StagePlan& plan_;
  const Layer& layer_;
  const hw::Accelerator& accelerator_;
  Shares shares_;
  std::vector<std::int64_t> counts_;
  int output_depth_;
  std::vector<int> input_depth_;
  std::size_t sums_members_ = 1;
  SlotId sums_slot_ = -1;
  SlotId partial_slot_ = -1;
  Stage stage_;
};

/// Lowers stage by stage, then places slots in tile memory and tensors in DRAM.
class ProgramBuilder {
 public:
  ProgramBuilder(const Schedule& schedule, const Network& network, const hw::Accelerator& accelerator)
      : network_(network),
        accelerator_(accelerator),
        plans_(read_stages(schedule, network, {accelerator.rows, accelerator.columns})),
        memory_(accelerator.tile.buffer.bytes) {
    program_.accelerator = accelerator.name;
    program_.tiles = accelerator.tiles();
    program_.word_bytes = accelerator.word_bytes();
    program_.network = network;
  }

  Program build() {
    for (const auto& plan : plans_)
      program_.stages.push_back(StageBuilder(plan, network_, accelerator_).build());
    add_parts();
    add_layouts();
    for (std::size_t s = 0; s < plans_.size(); ++s) place_output(static_cast<int>(s));
    for (std::size_t s = 0; s < plans_.size(); ++s) place_working_slots(static_cast<int>(s));
    return std::move(program_);
  }

 private:
  const Layer& layer(int stage) const { return network_.layers[plans_[stage].layer]; }

  void add_parts() {
    for (std::size_t t = 0; t < network_.tensors.size(); ++t) {
      const auto& tensor = network_.tensors[t];
      if (!network_.producers(static_cast<int>(t)).empty()) continue;
      workloads::Region whole;
      for (const auto extent : tensor.extents) whole.dimensions.push_back({0, extent, 1});
      program_.parts.push_back({static_cast<int>(t), -1, whole, Home::kDram});
    }
    for (std::size_t s = 0; s < plans_.size(); ++s) {
      const auto& output = layer(static_cast<int>(s)).output;
      program_.parts.push_back({output.tensor, static_cast<int>(s),
                                region_of(output, layer(static_cast<int>(s)).whole()),
                                plans_[s].output_home});
    }
  }

  /// Weights: blocks as long in each reduced dimension as one fetch, so that a granule is contiguous.
  void block_for_fetches(DramLayout& layout, workloads::TensorId tensor) const {
    for (std::size_t s = 0; s < plans_.size(); ++s) {
      const auto& inputs = layer(static_cast<int>(s)).inputs;
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].tensor != tensor) continue;
        const auto shares = deal_shares(plans_[s], layer(static_cast<int>(s)), {accelerator_.rows, accelerator_.columns});
        const auto extents = extents_inside(plans_[s].loops, plans_[s].inputs[i].depth, shares.nominal);
        for (std::size_t d = 0; d < inputs[i].dimensions.size(); ++d) {
          const auto& terms = inputs[i].dimensions[d].terms;
          if (terms.size() == 1 && layer(static_cast<int>(s)).ranks[terms[0].rank].reduced)
            layout.block[d] = std::min(layout.block[d], extents[terms[0].rank]);
        }
        return;
      }
    }
  }

  /// Weights as stored; feature maps of four dimensions with the channels fastest, so that a row of a
  /// window is one contiguous run.
  void add_layouts() {
    constexpr std::uint64_t alignment = 4096;
    std::uint64_t next = 0;
    for (std::size_t t = 0; t < network_.tensors.size(); ++t) {
      const auto& tensor = network_.tensors[t];
      DramLayout layout;
      layout.block = tensor.extents;
      for (int d = 0; d < static_cast<int>(tensor.extents.size()); ++d) layout.order.push_back(d);
      if (tensor.kind == workloads::TensorKind::kWeight)
        block_for_fetches(layout, static_cast<int>(t));
      else if (tensor.extents.size() == 4)
        layout.order = {0, 2, 3, 1};
      std::uint64_t elements = 1;
      for (std::size_t d = 0; d < tensor.extents.size(); ++d)
        elements *= static_cast<std::uint64_t>(round_up(tensor.extents[d], layout.block[d]));
      layout.footprint_bytes = elements * static_cast<std::uint64_t>(accelerator_.word_bytes());
      layout.base_address = next;
      next += round_up<std::uint64_t>(layout.footprint_bytes, alignment);
      program_.layouts.push_back(std::move(layout));
    }
  }

  int last_reader(int stage) const {
    int last = stage;
    for (std::size_t s = 0; s < plans_.size(); ++s)
      for (const auto& input : layer(static_cast<int>(s)).inputs)
        if (input.tensor == layer(stage).output.tensor) last = std::max(last, static_cast<int>(s));
    return last;
  }

  [[noreturn]] void refuse_memory(int stage) const {
    std::string sizes;
    for (const auto& slot : program_.stages[stage].slots)
      sizes += detail::concatenate(sizes.empty() ? "" : ", ", slot.name, " ", slot.granules, " x ",
                                   slot.granule_bytes, " B");
    throw UserError("layer ", layer(stage).name, ": does not fit into the tile buffer of ",
                    memory_.capacity(), " B beside the feature maps that stay on chip: ", sizes);
  }

  static Bytes size_of(const Slot& slot) { return slot.granule_bytes * static_cast<Bytes>(slot.granules); }

  /// Feature maps that stay live long: from the top of the buffer downwards.
  void place_output(int stage) {
    auto& slot = program_.stages[stage].slots[program_.stages[stage].output_slot];
    if (plans_[stage].output_home != Home::kTiles) return;
    const auto address = memory_.place_high(size_of(slot), stage, last_reader(stage));
    if (!address) refuse_memory(stage);
    slot.base_address = *address;
  }

  /// Working slots: after those of the stage before where there is room, so that its successor's weights
  /// can already arrive; else from the bottom again.
  void place_working_slots(int stage) {
    auto& lowered = program_.stages[stage];
    const SlotId output = lowered.output_slot;
    for (SlotId id = 0; id < static_cast<SlotId>(lowered.slots.size()); ++id) {
      Slot& slot = lowered.slots[id];
      if (id == output && plans_[stage].output_home == Home::kTiles) continue;
      if (slot.name == "P") {
        slot.base_address = lowered.slots[output].base_address;
        continue;
      }
      auto address = memory_.place_low(size_of(slot), stage, stage, next_low_);
      if (!address) address = memory_.place_low(size_of(slot), stage, stage);
      if (!address) refuse_memory(stage);
      slot.base_address = *address;
      next_low_ = *address + size_of(slot);
    }
  }

  const Network& network_;
  const hw::Accelerator& accelerator_;
  std::vector<StagePlan> plans_;
  TileMemory memory_;
  Bytes next_low_ = 0;
  Program program_;
};

}  // namespace

Program lower(const Schedule& schedule, const Network& network, const hw::Accelerator& accelerator) {
  return ProgramBuilder(schedule, network, accelerator).build();
}

}  // namespace tessera::mapping
