#include "mapping/lowering.h"

#include <algorithm>

#include "mapping/dram_order.h"
#include "mapping/dram_order.h"
#include "mapping/dram_placement.h"
#include "mapping/shared_placer.h"
#include "mapping/slot_placer.h"
#include "mapping/stage_builder.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Network;
using workloads::Operand;
using workloads::OperandRole;
using workloads::RankTile;

namespace {

/// Lowers stage by stage, then places slots in tile memory and tensors in DRAM.
class ProgramBuilder {
 public:
  ProgramBuilder(const Schedule& schedule, const Network& network, const hw::Accelerator& accelerator)
      : network_(network),
        accelerator_(accelerator),
        placement_(schedule.dram_placement),
        plans_(read_stages(schedule, network, {accelerator.rows, accelerator.columns})) {
    program_.accelerator = accelerator.name;
    program_.schedule = schedule.name;
    program_.tiles = accelerator.tiles();
    program_.word_bytes = accelerator.word_bytes();
    program_.network = network;
  }

  Program build() {
    for (const auto& plan : plans_) program_.stages.push_back(build_stage(plan, network_, accelerator_));
    add_parts();
    add_layouts();
    add_shared_layouts();
    place_slots();
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

  void add_layouts() {
    for (std::size_t t = 0; t < network_.tensors.size(); ++t) {
      const auto& tensor = network_.tensors[t];
      DramLayout layout;
      layout.block = tensor.extents;
      layout.order = dram_order(tensor);
      if (tensor.kind == workloads::TensorKind::kWeight) block_for_fetches(layout, static_cast<int>(t));
      std::uint64_t elements = 1;
      for (std::size_t d = 0; d < tensor.extents.size(); ++d)
        elements *= static_cast<std::uint64_t>(round_up(tensor.extents[d], layout.block[d]));
      layout.footprint_bytes = elements * static_cast<std::uint64_t>(accelerator_.word_bytes());
      program_.layouts.push_back(std::move(layout));
    }
    place_in_dram(placement_, accelerator_.dram.size(), accelerator_.dram_interleave_bytes, program_);
  }

  void add_shared_layouts() {
    if (std::ranges::none_of(plans_, [](const auto& plan) { return plan.output_home == Home::kShared; })) return;
    SharedPlacer placer(accelerator_);
    program_.shared_layouts.resize(network_.tensors.size());
    for (int s = 0; s < static_cast<int>(plans_.size()); ++s) {
      if (plans_[s].output_home != Home::kShared) continue;
      const auto tensor = layer(s).output.tensor;
      const auto layout = placer.place(network_, tensor, s, last_reader(s));
      if (!layout)
        throw UserError("layer ", layer(s).name, ": its output, tensor ", network_.tensors[tensor].name, " of ",
                        network_.tensors[tensor].elements() * accelerator_.word_bytes(),
                        " B, does not fit into the shared buffers beside what lives there: ",
                        accelerator_.shared_buffers.size(), " of ", accelerator_.shared_bytes(), " B");
      program_.shared_layouts[tensor] = *layout;
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
                    accelerator_.tile.buffer.bytes, " B beside the feature maps that stay on chip: ", sizes);
  }

  void place_slots() {
    SlotPlacer placer(accelerator_.tile.buffer.bytes);
    for (int s = 0; s < static_cast<int>(plans_.size()); ++s) {
      const bool stays = plans_[s].output_home == Home::kTiles;
      if (!placer.place(program_.stages[s], s, stays, stays ? last_reader(s) : s)) refuse_memory(s);
    }
  }

  const Network& network_;
  const hw::Accelerator& accelerator_;
  const DramPlacement& placement_;
  std::vector<StagePlan> plans_;
  Program program_;
};

}  // namespace

Program lower(const Schedule& schedule, const Network& network, const hw::Accelerator& accelerator) {
  return ProgramBuilder(schedule, network, accelerator).build();
}

}  // namespace tessera::mapping
