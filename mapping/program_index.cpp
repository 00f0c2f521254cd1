#include "mapping/program_index.h"

#include <algorithm>
#include <set>

#include "mapping/rotation.h"

namespace tessera::mapping {

namespace {

/// Slot in which a load queue puts an operand; -1: none.
SlotId slot_of(const CodeBlock& load, int operand) {
  for (const auto& node : load) {
    const auto& instruction = node.instruction;
    if (!node.is_loop && instruction.op == Op::kReceive && instruction.operand == operand)
      return instruction.slot;
    if (const SlotId inside = node.is_loop ? slot_of(node.body, operand) : -1; inside >= 0)
      return inside;
  }
  return -1;
}

}  // namespace

ProgramIndex::ProgramIndex(const Program& program)
    : program_(program),
      turns_(static_cast<std::size_t>(program.tiles)),
      parts_of_(program.network.tensors.size()),
      part_of_stage_(program.stages.size(), -1),
      owners_(program.parts.size()),
      closings_(program.parts.size()),
      shared_closings_(program.parts.size(), 0),
      readings_(program.parts.size()) {
  for (std::size_t s = 0; s < program.stages.size(); ++s)
    for (std::size_t i = 0; i < program.stages[s].shares.size(); ++i)
      turns_[program.stages[s].shares[i].tile].push_back(
          {static_cast<int>(s), static_cast<int>(i)});
  for (std::size_t p = 0; p < program.parts.size(); ++p) {
    const Part& part = program.parts[p];
    parts_of_[part.tensor].push_back(static_cast<int>(p));
    if (part.producer_stage < 0) continue;
    part_of_stage_[part.producer_stage] = static_cast<int>(p);
    if (part.home == Home::kTiles) find_owners(static_cast<int>(p));
  }
  count_closings();
}

void ProgramIndex::find_owners(int part) {
  const Stage& stage = program_.stages[program_.parts[part].producer_stage];
  const auto& layer = program_.network.layers[stage.layer];
  for (const auto& share : stage.shares) {
    if (stage.groups[share.sums_group].members.front() != share.tile) continue;
    for (const auto& ranks : completed(stage, layer, share))
      owners_[part].push_back({share.tile, region_of(layer.output, ranks)});
  }
  closings_[part].assign(owners_[part].size(), 0);
}

const TileShare& ProgramIndex::share_of(int stage, TileId tile) const {
  const auto& shares = program_.stages[stage].shares;
  return *std::ranges::lower_bound(shares, tile, {}, &TileShare::tile);
}

workloads::Region ProgramIndex::group_region(int stage, int operand, GroupId group) const {
  const Stage& owner = program_.stages[stage];
  const auto& input = program_.network.layers[owner.layer].inputs[operand];
  return region_of(input, share_of(stage, owner.groups[group].members.front()).ranks);
}

std::int64_t ProgramIndex::readings(int part, const workloads::Region& piece) const {
  std::int64_t elements = 0;
  for (const auto& read : readings_[part]) elements += read.of(piece);
  return elements;
}

bool ProgramIndex::is_streamed(int part) const {
  if (owners_[part].empty()) return false;
  const Stage& producer = program_.stages[program_.parts[part].producer_stage];
  return producer.slots[producer.output_slot].streams;
}

bool ProgramIndex::is_streamed_in_part(workloads::TensorId tensor) const {
  return std::ranges::any_of(parts_of_[tensor], [&](int part) { return is_streamed(part); });
}

Readings ProgramIndex::readings_of(int part, int stage, int operand, GroupId group) const {
  const Stage& reader = program_.stages[stage];
  const auto& share = share_of(stage, reader.groups[group].members.front());
  const auto& load = reader.codes[share.code].load;
  const SlotId slot = slot_of(load, operand);
  if (slot >= 0 && reader.slots[slot].retains)
    return Readings(intersect(program_.parts[part].region, group_region(stage, operand, group)));
  return {program_.network.layers[reader.layer], operand, load, share};
}

void ProgramIndex::count_closings() {
  for (std::size_t s = 0; s < program_.stages.size(); ++s) {
    const Stage& stage = program_.stages[s];
    const auto& inputs = program_.network.layers[stage.layer].inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::set<GroupId> groups;
      for (const auto& share : stage.shares) groups.insert(share.input_groups[i]);
      for (const GroupId group : groups) {
        const auto region = group_region(static_cast<int>(s), static_cast<int>(i), group);
        for (const int part : parts_of_[inputs[i].tensor]) {
          if (is_streamed(part) && overlap(program_.parts[part].region, region))
            readings_[part].push_back(
                readings_of(part, static_cast<int>(s), static_cast<int>(i), group));
          for (std::size_t o = 0; o < owners_[part].size(); ++o)
            closings_[part][o] += !intersect(owners_[part][o].region, region).empty();
          if (program_.parts[part].home == Home::kShared)
            shared_closings_[part] += !intersect(program_.parts[part].region, region).empty();
        }
      }
    }
  }
}

}  // namespace tessera::mapping
