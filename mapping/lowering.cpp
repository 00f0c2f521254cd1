#include "mapping/lowering.h"

#include <algorithm>
#include <optional>
#include <set>

#include "mapping/digit_ranks.h"
#include "mapping/dram_order.h"
#include "mapping/dram_placement.h"
#include "mapping/fitted_layout.h"
#include "mapping/fusion/fusion_plan.h"
#include "mapping/kept_data.h"
#include "mapping/reuse_holding.h"
#include "mapping/shared_placer.h"
#include "mapping/slot_placer.h"
#include "mapping/stage_builder.h"
#include "mapping/stage_reader.h"
#include "mapping/staging_fit.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::RankTile;

namespace {

/// What lowering has to know of a stage beside its code.
struct Origin {
  workloads::LayerId layer = 0;
  Home home = Home::kDram;
  int plan = -1;     ///< among the plans of stages built one by one
  int fusion = -1;   ///< among the fusions
  int turns = -1;    ///< among the sequences of stages that take turns
  int segment = -1;  ///< among the pipelines of whole stages
};

/// Lowers stage by stage, then places slots in tile memory and tensors in DRAM.
class ProgramBuilder {
 public:
  ProgramBuilder(const Schedule& schedule, const Network& network,
                 const hw::Accelerator& accelerator)
      : network_(network),
        accelerator_(accelerator),
        placement_(schedule.dram_placement),
        hold_reused_(schedule.hold_reused),
        grid_{accelerator.rows, accelerator.columns} {
    read(schedule);
    program_.accelerator = accelerator.name;
    program_.schedule = schedule.name;
    program_.tiles = accelerator.tiles();
    program_.word_bytes = accelerator.word_bytes();
    program_.network = network;
  }

  Program build() {
    if (accelerator_.tile.free_copies) {
      for (auto& plan : plans_) copy_everything(plan);
      for (auto& fusion : fusions_) mapping::copy_everything(fusion);
    }
    ReusedOperands reused(hold_reused_, plans_, network_, accelerator_);
    for (auto& plan : plans_) fit_staging(plan, network_, accelerator_);
    KeptData kept(plans_of_stages(), network_, accelerator_);
    for (std::size_t s = 0; s < origins_.size(); ++s) add_stages(origins_[s]);
    while (const auto crowded = place_slots(kept)) {
      auto changed = reused.give_way(origins_[*crowded].plan)
                         ? std::vector{*crowded}
                         : kept.give_way(*crowded, program_.stages);
      if (changed.empty()) changed = send_to_dram(*crowded);
      if (changed.empty()) refuse_memory(*crowded, last_of(*crowded));
      for (const int s : changed) program_.stages[s] = build(s);
    }
    join_fillings(kept);
    add_parts(kept);
    add_layouts();
    add_shared_layouts();
    return std::move(program_);
  }

 private:
  void read(const Schedule& schedule) {
    for (const Node* top : tops_of(schedule)) {
      if (gives_turns(*top)) {
        for (const auto& member : top->children) add_plan(member, schedule, turns_);
        ++turns_;
        continue;
      }
      if (has_whole_stages(*top)) {
        for (const auto& member : top->children) add_plan(member, schedule, -1, segments_);
        ++segments_;
        continue;
      }
      if (!is_fused(*top)) {
        add_plan(*top, schedule);
        continue;
      }
      for (auto& fusion : read_fusions(*top, schedule.origin, network_, grid_)) {
        infer_members(fusion, schedule.origin, network_, grid_);
        for (const auto& member : fusion.members)
          origins_.push_back(
              {member.layer, member.output_home, -1, static_cast<int>(fusions_.size())});
        fusions_.push_back(std::move(fusion));
      }
    }
    std::vector<workloads::LayerId> layers;
    for (const auto& origin : origins_) layers.push_back(origin.layer);
    check_scheduled(layers, schedule.origin, network_);
  }

  /// Per stage; null for those of fusions and those that take turns.
  std::vector<StagePlan*> plans_of_stages() {
    std::vector<StagePlan*> plans;
    for (const auto& origin : origins_)
      plans.push_back(origin.plan < 0 || origin.turns >= 0 ? nullptr : &plans_[origin.plan]);
    return plans;
  }

  Stage build(int stage) const {
    Stage built = build_stage(plans_[origins_[stage].plan], network_, accelerator_);
    if (origins_[stage].turns >= 0)
      built.fusion = static_cast<int>(fusions_.size()) + origins_[stage].turns;
    return built;
  }

  void add_plan(const Node& top, const Schedule& schedule, int turns = -1, int segment = -1) {
    plans_.push_back(read_stage(top, schedule, network_, grid_));
    const auto& plan = plans_.back();
    if (plan.turn_depth > 0 && turns < 0)
      throw UserError(schedule.origin, ": layer ", network_.layers[plan.layer].name,
                      ": a loop gives its turn away, but the layer stands alone; put those that "
                      "take turns below a sequence of their own");
    if (accelerator_.tile.free_copies) {
      // Whole maps have room, one layer after the other.
      plans_.back().turn_depth = plans_.back().turns_later = 0;
      turns = -1;
    }
    const bool keeps = plan.output_kept || std::ranges::any_of(plan.inputs, [](const auto& input) {
                         return input.kept_from >= 0;
                       });
    if (keeps && turns >= 0)
      throw UserError(schedule.origin, ": layer ", network_.layers[plan.layer].name,
                      ": keeps data from one layer to another; layers that take turns do not");
    if (plan.output_may_leave && turns >= 0)
      throw UserError(schedule.origin, ": layer ", network_.layers[plan.layer].name,
                      ": its output may leave for DRAM (or_dram); those of layers that take turns "
                      "stay in the tiles");
    origins_.push_back(
        {plan.layer, plan.output_home, static_cast<int>(plans_.size()) - 1, -1, turns, segment});
  }

  /// All stages of a fusion come with its first member.
  void add_stages(const Origin& origin) {
    if (origin.plan >= 0) {
      program_.stages.push_back(build(static_cast<int>(program_.stages.size())));
    } else if (origin.layer == fusions_[origin.fusion].members.front().layer) {
      for (auto& stage :
           build_fusion(fusions_[origin.fusion], origin.fusion, network_, accelerator_))
        program_.stages.push_back(std::move(stage));
    }
  }

  const Layer& layer(int stage) const { return network_.layers[origins_[stage].layer]; }

  /// Second copies that cost nothing are always taken.
  static void copy_everything(StagePlan& plan) {
    for (auto& input : plan.inputs) input.double_buffered = true;
    plan.output.double_buffered = plan.output_twice = true;
    for (auto& copied : plan.array.double_buffered) copied = true;
  }

  void add_parts(const KeptData& kept) {
    for (std::size_t t = 0; t < network_.tensors.size(); ++t) {
      const auto& tensor = network_.tensors[t];
      if (!network_.producers(static_cast<int>(t)).empty()) continue;
      workloads::Region whole;
      for (const auto extent : tensor.extents) whole.dimensions.push_back({0, extent, 1});
      program_.parts.push_back({static_cast<int>(t), -1, whole, Home::kDram});
    }
    for (std::size_t s = 0; s < origins_.size(); ++s) {
      const auto& output = layer(static_cast<int>(s)).output;
      program_.parts.push_back({output.tensor, static_cast<int>(s),
                                region_of(output, layer(static_cast<int>(s)).whole()),
                                origins_[s].home, kept.kept_until(static_cast<int>(s))});
    }
  }

  /// Weights: blocks as long in each reduced dimension as one fetch, so that a granule is
  /// contiguous.
  void block_for_fetches(DramLayout& layout, workloads::TensorId tensor) const {
    for (const auto& plan : plans_) {
      const auto& reader = network_.layers[plan.layer];
      for (std::size_t i = 0; i < reader.inputs.size(); ++i) {
        if (reader.inputs[i].tensor != tensor) continue;
        const auto shares = deal_shares(plan, reader, grid_);
        const auto extents = extents_inside(plan.loops, plan.inputs[i].depth, shares.nominal);
        for (std::size_t d = 0; d < reader.inputs[i].dimensions.size(); ++d) {
          const auto& terms = reader.inputs[i].dimensions[d].terms;
          if (terms.size() == 1 && reader.ranks[terms[0].rank].reduced)
            layout.block[d] = std::min(layout.block[d], extents[terms[0].rank]);
        }
        return;
      }
    }
  }

  /// Blocks made for the pieces in which the layers move the tensor.
  void fit_to_bursts(DramLayout& layout, workloads::TensorId tensor) const {
    const auto& extents = network_.tensors[static_cast<std::size_t>(tensor)].extents;
    auto fitted = fit_blocking({layout.order, layout.block}, extents,
                               accesses_to(tensor, plans_, network_, grid_),
                               accelerator_.word_bytes(), placement_.fitted_to_burst_bytes);
    layout.order = std::move(fitted.order);
    layout.block = std::move(fitted.block);
  }

  void add_layouts() {
    for (std::size_t t = 0; t < network_.tensors.size(); ++t) {
      const auto& tensor = network_.tensors[t];
      DramLayout layout;
      layout.block = tensor.extents;
      layout.order = fetch_order(fusions_, network_, static_cast<int>(t));
      const bool fused = !layout.order.empty();
      if (!fused) layout.order = dram_order(tensor);
      if (tensor.kind == workloads::TensorKind::kWeight)
        block_for_fetches(layout, static_cast<int>(t));
      if (!fused && placement_.fitted_to_burst_bytes > 0)
        fit_to_bursts(layout, static_cast<int>(t));
      std::uint64_t elements = 1;
      for (std::size_t d = 0; d < tensor.extents.size(); ++d)
        elements *= static_cast<std::uint64_t>(round_up(tensor.extents[d], layout.block[d]));
      layout.footprint_bytes = elements * static_cast<std::uint64_t>(accelerator_.word_bytes());
      program_.layouts.push_back(std::move(layout));
    }
    place_in_dram(placement_, accelerator_.dram.size(), accelerator_.dram_interleave_bytes,
                  program_);
  }

  void add_shared_layouts() {
    if (std::ranges::none_of(plans_,
                             [](const auto& plan) { return plan.output_home == Home::kShared; }))
      return;
    SharedPlacer placer(accelerator_);
    program_.shared_layouts.resize(network_.tensors.size());
    for (int s = 0; s < static_cast<int>(plans_.size()); ++s) {
      if (plans_[s].output_home != Home::kShared) continue;
      const auto tensor = layer(s).output.tensor;
      const auto layout = placer.place(network_, tensor, s, last_reader(s));
      if (!layout)
        throw UserError(
            "layer ", layer(s).name, ": its output, tensor ", network_.tensors[tensor].name, " of ",
            network_.tensors[tensor].elements() * accelerator_.word_bytes(),
            " B, does not fit into the shared buffers beside what lives there: ",
            accelerator_.shared_buffers.size(), " of ", accelerator_.shared_bytes(), " B");
      program_.shared_layouts[tensor] = *layout;
    }
  }

  /// Layers that write into one tensor have readers of their own.
  static bool reads(const Operand& input, const Layer& reader, const Layer& producer) {
    return input.tensor == producer.output.tensor &&
           overlap(region_of(input, reader.whole()), region_of(producer.output, producer.whole()));
  }

  template <typename Visit>
  void for_each_reader(int stage, Visit visit) const {
    for (std::size_t s = 0; s < origins_.size(); ++s)
      for (const auto& input : layer(static_cast<int>(s)).inputs)
        if (reads(input, layer(static_cast<int>(s)), layer(stage))) visit(static_cast<int>(s));
  }

  int last_reading(int stage) const {
    int last = stage;
    for_each_reader(stage, [&](int reader) { last = std::max(last, last_of(reader)); });
    return last;
  }

  /// Until when a stage's output is read.
  int last_reader(int stage) const {
    int last = stage;
    for_each_reader(stage, [&](int reader) {
      last = std::max({last, last_of(reader), tied_until(reader)});
    });
    return last;
  }

  [[noreturn]] void refuse_memory(int first, int last) const {
    std::string names;
    std::string sizes;
    for (int s = first; s <= last; ++s) {
      names += (names.empty() ? "" : ", ") + layer(s).name;
      for (const auto& slot : program_.stages[s].slots)
        sizes +=
            detail::concatenate(sizes.empty() ? "" : ", ", first < last ? layer(s).name + "." : "",
                                slot.name, " ", slot.granules, " x ", slot.granule_bytes, " B");
    }
    throw UserError(first < last ? "layers " : "layer ", names, ": ", first < last ? "do" : "does",
                    " not fit into the tile buffer of ", accelerator_.tile.buffer.bytes,
                    " B beside the feature maps that stay on chip: ", sizes);
  }

  /// A stage for which there is no room beside what stays; none when all have their places.
  std::optional<int> place_slots(const KeptData& kept) {
    SlotPlacer placer(accelerator_.tile.buffer.bytes, accelerator_.tile.interface.staging_bytes);
    bool after_segments = false;
    for (int s = 0; s < static_cast<int>(origins_.size()); ++s) {
      placer.use_tiles(tiles_of(s));
      const int first = begin_of_segment(s);
      const int before = first > 0 ? begin_of_segment(first - 1) : -1;
      const bool near = origins_[s].segment >= 0 || (before >= 0 && origins_[before].segment >= 0);
      after_segments |= near;
      placer.in_segment(after_segments ? before : -1, tied_until(s));
      for (int member = s; member <= last_of(s); ++member)
        program_.stages[member].fetches_last = near && before >= 0;
      if (!(origins_[s].turns >= 0 ? place_turns(placer, s, last_of(s)) : place(placer, s, kept)))
        return s;
      s = last_of(s);
    }
    return std::nullopt;
  }

  /// Of the maps that may leave the tiles and are there while the stage runs, the largest does.
  /// Stages to be built again: the one that makes it; none when there is no such map.
  std::vector<int> send_to_dram(int stage) {
    int largest = -1;
    for (int s = 0; s <= last_of(stage); ++s)
      if (may_leave(s) && last_reader(s) >= stage && share_tiles(s, stage) &&
          (largest < 0 || output_bytes(s) > output_bytes(largest)))
        largest = s;
    if (largest < 0) return {};
    auto& plan = plans_[origins_[largest].plan];
    plan.output_home = origins_[largest].home = Home::kDram;
    plan.output.refetched = true;
    return {largest};
  }

  bool may_leave(int stage) const {
    return origins_[stage].plan >= 0 && origins_[stage].home == Home::kTiles &&
           plans_[origins_[stage].plan].output_may_leave;
  }

  bool share_tiles(int a, int b) const {
    const auto mine = tiles_of(a), theirs = tiles_of(b);
    return mine.empty() || theirs.empty() || std::ranges::any_of(mine, [&](TileId tile) {
             return std::ranges::count(theirs, tile) > 0;
           });
  }

  Bytes output_bytes(int stage) const {
    return program_.stages[stage].slots[program_.stages[stage].output_slot].bytes();
  }

  /// First stage of a stage's segment; itself when it is in none.
  int begin_of_segment(int stage) const {
    const int own = origins_[stage].segment;
    while (own >= 0 && stage > 0 && origins_[stage - 1].segment == own) --stage;
    return stage;
  }

  /// Last stage of its segment that has to be at work for a stage to get through: rings tie it to
  /// those who read from it, and these to others.
  int tied_until(int stage) const {
    int last = stage;
    for (int s = stage; s <= last && origins_[s].segment >= 0; ++s) {
      const auto& built = program_.stages[s];
      if (built.slots[built.output_slot].streams) last = std::max(last, last_reading(s));
    }
    return last;
  }

  /// Those of stages that take turns come together.
  bool place_turns(SlotPlacer& placer, int first, int last) {
    std::vector<int> readers;
    for (int s = first; s <= last; ++s)
      readers.push_back(origins_[s].home == Home::kTiles ? std::max(last_reader(s), last) : last);
    return placer.place_in_turns(&program_.stages[first], first, readers);
  }

  /// Ascending, with those of the stages that take turns with it; empty when it is the whole grid,
  /// and for fusions.
  std::vector<TileId> tiles_of(int stage) const {
    if (origins_[stage].plan < 0) return {};
    std::set<TileId> tiles;
    for (int s = stage; s <= last_of(stage); ++s)
      tiles.insert(plans_[origins_[s].plan].tiles.begin(), plans_[origins_[s].plan].tiles.end());
    if (static_cast<int>(tiles.size()) == accelerator_.tiles()) return {};
    return {tiles.begin(), tiles.end()};
  }

  bool place(SlotPlacer& placer, int first, const KeptData& kept) {
    const int last = last_of(first);
    const int count = last - first + 1;
    const bool in_tiles = origins_[last].home == Home::kTiles;
    const int reader = std::max(in_tiles ? last_reader(last) : last, kept.output_until(last));
    const bool stays = in_tiles || kept.kept_until(last) >= 0;
    Stage* stages = &program_.stages[first];
    if (origins_[first].fusion < 0) {
      go_on(first, kept);
      return placer.place(*stages, first, stays, reader, kept.handed_on(first));
    }
    return fusions_[origins_[first].fusion].pipelined
               ? placer.place_apart(stages, first, count, stays, reader)
               : placer.place_together(stages, first, count, stays, reader);
  }

  /// Slots of inputs that stay have the place of the stage before.
  void go_on(int stage, const KeptData& kept) {
    auto& slots = program_.stages[stage].slots;
    for (std::size_t i = 0; i < layer(stage).inputs.size(); ++i) {
      slots[i].continues = kept.continues(stage, static_cast<int>(i));
      if (slots[i].continues >= 0)
        slots[i].base_address = program_.stages[slots[i].continues].slots[i].base_address;
    }
  }

  /// What goes on turning from stage to stage was filled once.
  void join_fillings(const KeptData& kept) {
    for (int s = 0; s < static_cast<int>(origins_.size()); ++s)
      for (std::size_t i = 0; i < layer(s).inputs.size(); ++i)
        program_.stages[s].slots[i].fill *= kept.uses(s, static_cast<int>(i));
  }

  /// Last stage that runs at the same time as this one.
  int last_of(int stage) const {
    const auto [layer, home, plan, fusion, turns, segment] = origins_[stage];
    while ((fusion >= 0 || turns >= 0) && stage + 1 < static_cast<int>(origins_.size()) &&
           origins_[stage + 1].fusion == fusion && origins_[stage + 1].turns == turns)
      ++stage;
    return stage;
  }

  const Network& network_;
  const hw::Accelerator& accelerator_;
  const DramPlacement& placement_;
  bool hold_reused_;
  TileGrid grid_;
  std::vector<Origin> origins_;  ///< per stage
  std::vector<StagePlan> plans_;
  std::vector<Fusion> fusions_;
  int turns_ = 0;     ///< sequences of stages that take turns
  int segments_ = 0;  ///< pipelines of whole stages
  Program program_;
};

}  // namespace

Program lower(const Schedule& schedule, const Network& network,
              const hw::Accelerator& accelerator) {
  const DigitForm form = in_digits(schedule, network);
  return ProgramBuilder(form.schedule, form.network, accelerator).build();
}

}  // namespace tessera::mapping
