#include "tests/support/stage_tree.h"

#include "mapping/array_choice.h"
#include "mapping/stage_path.h"

namespace tessera::test {

using namespace mapping;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;

StagePlan plain_plan(const Network& network, workloads::LayerId layer) {
  StagePlan plan;
  plan.layer = layer;
  plan.tiles = {0};
  plan.inputs.resize(network.layers[layer].inputs.size());
  return plan;
}

void choose_array(StagePlan& plan, const Network& network, const hw::Accelerator& accelerator) {
  const Layer& layer = network.layers[plan.layer];
  if (layer.kind != LayerKind::kMatrix) return;
  const auto shares = deal_shares(plan, layer, {accelerator.rows, accelerator.columns});
  const auto extents =
      extents_inside(plan.loops, static_cast<int>(plan.loops.size()), shares.nominal);
  plan.array =
      choose_array_mapping(layer, extents, accelerator.tile.array, accelerator.word_bytes())
          .mapping;
}

Schedule schedule_of(const Network& network, const std::vector<StagePlan>& plans) {
  Schedule schedule{"by_hand", "schedule by hand", {}};
  for (const auto& plan : plans)
    schedule.root.children.push_back(stage_path(network.layers[plan.layer], plan));
  return schedule;
}

void join(Schedule& schedule, int first, int last) {
  auto& tops = schedule.root.children;
  mapping::Node segment;
  segment.kind = mapping::NodeKind::kPipeline;
  segment.children.assign(tops.begin() + first, tops.begin() + last + 1);
  tops.erase(tops.begin() + first + 1, tops.begin() + last + 1);
  tops[static_cast<std::size_t>(first)] = std::move(segment);
}

}  // namespace tessera::test
