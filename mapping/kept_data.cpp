#include "mapping/kept_data.h"

#include <algorithm>

#include "mapping/stage_builder.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;

KeptData::KeptData(std::vector<StagePlan*> plans, const workloads::Network& network,
                   const hw::Accelerator& accelerator)
    : plans_(std::move(plans)), network_(network), accelerator_(accelerator) {
  find_inputs();
  find_outputs();
}

const Layer& KeptData::layer(int stage) const { return network_.layers[plans_[stage]->layer]; }

std::vector<std::int64_t> KeptData::nominal_of(int stage) const {
  return deal_shares(*plans_[stage], layer(stage), {accelerator_.rows, accelerator_.columns})
      .nominal;
}

int KeptData::stage_of(workloads::LayerId layer) const {
  const auto found = std::ranges::find_if(
      plans_, [&](const StagePlan* plan) { return plan != nullptr && plan->layer == layer; });
  return found == plans_.end() ? -1 : static_cast<int>(found - plans_.begin());
}

void KeptData::find_inputs() {
  for (int s = 0; s < static_cast<int>(plans_.size()); ++s) {
    if (plans_[s] == nullptr) continue;
    auto& inputs = plans_[s]->inputs;
    for (int i = 0; i < static_cast<int>(inputs.size()); ++i)
      if (inputs[i].kept_from >= 0) keep_input(s, i);
  }
}

void KeptData::keep_input(int stage, int input) {
  auto& holding = plans_[stage]->inputs[input];
  const int earlier = stage_of(holding.kept_from);
  require_same_data(stage, earlier, input);
  if (!same_granules(stage, earlier, input)) {
    holding.kept_from = -1;
    holding.refetched = true;
    return;
  }
  plans_[earlier]->inputs[input].handed_on = true;
  const auto chain = std::ranges::find_if(kept_, [&](const Kept& kept) {
    return kept.kind == Kind::kInput && kept.input == input && kept.stages.back() == earlier;
  });
  if (chain == kept_.end())
    kept_.push_back({Kind::kInput, input, {earlier, stage}});
  else
    chain->stages.push_back(stage);
}

void KeptData::require_same_data(int stage, int earlier, int input) const {
  const auto refuse = [&](const auto&... parts) {
    throw UserError("layer ", layer(stage).name, ": its input ", operand_name(layer(stage), input),
                    " is kept from layer ",
                    network_.layers[plans_[stage]->inputs[input].kept_from].name, ", which ",
                    parts...);
  };
  if (earlier < 0) refuse("is fused with others");
  if (earlier >= stage) refuse("does not run before it");
  const auto& mine = layer(stage).inputs[input];
  if (input >= static_cast<int>(layer(earlier).inputs.size()) ||
      layer(earlier).inputs[input].tensor != mine.tensor)
    refuse("reads another tensor there");
  const auto& theirs = layer(earlier).inputs[input];
  const TileGrid grid{accelerator_.rows, accelerator_.columns};
  const auto here = deal_shares(*plans_[stage], layer(stage), grid);
  const auto there = deal_shares(*plans_[earlier], layer(earlier), grid);
  if (here.tiles != there.tiles) refuse("has other tiles");
  if (plans_[earlier]->inputs[input].handed_on) refuse("keeps it for another layer already");
  for (std::size_t t = 0; t < here.tiles.size(); ++t)
    if (region_of(mine, here.ranks[t]) != region_of(theirs, there.ranks[t]))
      refuse("needs another part of it on tile ", here.tiles[t]);
}

/// All of a share in one granule, or a share that goes round in the same pieces.
bool KeptData::same_granules(int stage, int earlier, int input) const {
  const auto words_of = [&](int s) -> std::int64_t {
    const auto& plan = *plans_[s];
    const auto& held = plan.inputs[input];
    const auto nominal = nominal_of(s);
    const int fillings = held.shared_by > 1
                             ? change_depth(plan, layer(s).inputs[input], held.turn, nominal)
                             : fetch_depth(plan, layer(s), accelerator_, nominal, input);
    if (fillings > 0) return -1;
    return nominal_elements(layer(s).inputs[input],
                            extents_inside(plan.loops, held.depth, nominal));
  };
  const auto &here = plans_[stage]->inputs[input], &there = plans_[earlier]->inputs[input];
  return words_of(stage) > 0 && words_of(stage) == words_of(earlier) &&
         here.shared_by == there.shared_by && here.staging == there.staging;
}

bool KeptData::reads(int reader, int producer) const {
  const auto& output = layer(producer).output;
  const auto& plan = *plans_[reader];
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    const auto& input = layer(reader).inputs[i];
    if (plan.inputs[i].from_tiles && input.tensor == output.tensor &&
        overlap(region_of(input, layer(reader).whole()),
                region_of(output, layer(producer).whole())))
      return true;
  }
  return false;
}

/// A loop over a reduced rank around the outputs: only their last visit completes them.
bool KeptData::leaves_and_returns(int stage) const {
  const auto& plan = *plans_[stage];
  const auto nominal = nominal_of(stage);
  const auto counts = trip_counts(plan.loops, nominal);
  const int depth = change_depth(plan, layer(stage).output, plan.output.depth, nominal);
  for (int i = 0; i < depth; ++i) {
    const auto index = i;
    if (counts[index] > 1 && layer(stage).ranks[plan.loops[index].rank].reduced) return true;
  }
  return false;
}

void KeptData::find_outputs() {
  for (int s = 0; s < static_cast<int>(plans_.size()); ++s) {
    const auto* plan = plans_[s];
    if (plan == nullptr) continue;
    if (plan->output_home == Home::kTiles && plan->output_twice)
      if (const int next = next_on_tiles(s); next >= 0)
        kept_.push_back({Kind::kSecondCopy, -1, {s, next}});
    if (!plan->output_kept) continue;
    Kept kept{Kind::kBesideDram, -1, {s}};
    for (int reader = s + 1; reader < static_cast<int>(plans_.size()); ++reader)
      if (plans_[reader] != nullptr && reads(reader, s)) kept.stages.push_back(reader);
    if (kept.stages.size() == 1 || leaves_and_returns(s))
      drop(kept);
    else
      kept_.push_back(std::move(kept));
  }
}

int KeptData::next_on_tiles(int stage) const {
  for (int s = stage + 1; s < static_cast<int>(plans_.size()); ++s)
    if (share_tiles(stage, s)) return plans_[s] == nullptr ? -1 : s;
  return -1;
}

/// Fused stages have any.
bool KeptData::share_tiles(int a, int b) const {
  if (plans_[a] == nullptr || plans_[b] == nullptr) return true;
  return std::ranges::any_of(plans_[a]->tiles, [&](TileId tile) {
    return std::ranges::count(plans_[b]->tiles, tile) > 0;
  });
}

int KeptData::output_until(int stage) const {
  int until = -1;
  for (const auto& kept : kept_)
    if (kept.input < 0 && kept.stages.front() == stage) until = std::max(until, kept.stages.back());
  return until;
}

int KeptData::kept_until(int stage) const {
  for (const auto& kept : kept_)
    if (kept.kind == Kind::kBesideDram && kept.stages.front() == stage) return kept.stages.back();
  return -1;
}

std::map<SlotId, int> KeptData::handed_on(int stage) const {
  std::map<SlotId, int> last;
  for (const auto& kept : kept_)
    if (kept.kind == Kind::kInput && kept.stages.front() == stage)
      last[kept.input] = kept.stages.back();
  return last;
}

int KeptData::continues(int stage, int input) const {
  for (const auto& kept : kept_) {
    const auto found = std::ranges::find(kept.stages, stage);
    if (kept.input == input && found != kept.stages.end() && found != kept.stages.begin())
      return *(found - 1);
  }
  return -1;
}

int KeptData::uses(int stage, int input) const {
  for (const auto& kept : kept_)
    if (kept.input == input && std::ranges::count(kept.stages, stage) > 0)
      return static_cast<int>(kept.stages.size());
  return 1;
}

void KeptData::drop(const Kept& kept) {
  auto& first = *plans_[kept.stages.front()];
  if (kept.kind == Kind::kSecondCopy) first.output_twice = false;
  if (kept.kind == Kind::kBesideDram) {
    first.output_kept = false;
    first.output.refetched = kept.stages.size() > 1;
  }
  if (kept.kind != Kind::kInput) return;
  for (const int stage : kept.stages) {
    auto& holding = plans_[stage]->inputs[kept.input];
    holding.refetched = stage != kept.stages.front();
    holding.handed_on = false;
    holding.kept_from = -1;
  }
}

std::vector<int> KeptData::give_way(int stage, const std::vector<Stage>& built) {
  auto largest = kept_.end();
  Bytes most = 0;
  for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
    if (stage < kept->stages.front() || stage > kept->stages.back() ||
        !share_tiles(stage, kept->stages.front()))
      continue;
    const auto& first = built[kept->stages.front()];
    const Bytes bytes = first.slots[kept->input < 0 ? first.output_slot : kept->input].bytes();
    if (bytes <= most) continue;
    most = bytes;
    largest = kept;
  }
  if (largest == kept_.end()) return {};
  const Kept dropped = std::move(*largest);
  kept_.erase(largest);
  drop(dropped);
  return dropped.kind == Kind::kInput ? dropped.stages : std::vector<int>{dropped.stages.front()};
}

}  // namespace tessera::mapping
