#include "mapping/tangram/expectation.h"

#include "mapping/expected_events.h"
#include "mapping/tangram/segment_rules.h"

namespace tessera::mapping {

using workloads::Layer;

namespace {

/// Bytes x links of outputs on their way to DRAM.
double output_link_bytes(const workloads::Network& network, const Layer& layer,
                         const hw::Accelerator& accelerator) {
  const auto words = static_cast<double>(network.tensors[layer.output.tensor].elements());
  return words * accelerator.word_bytes() * links_to(accelerator, 1, true, true);
}

PlannedLayer stage_of(const Pipeline& pipeline, const StageChoice& stage,
                      const workloads::Network& network) {
  const Layer& layer = network.layers[stage.plan.layer];
  auto whole = layer.extents();
  if (const auto images = single_rank(layer, layer.output, 0))
    whole[*images] = ceil_div(whole[*images], pipeline.batch_groups);
  std::vector<bool> from_tiles;
  for (const auto& input : layer.inputs)
    from_tiles.push_back(producing_stage(network, pipeline.span, input.tensor) >= 0);
  const bool leaves = stage.plan.layer == pipeline.span.last && !pipeline.keeps_output;
  return {layer,      stage.plan, dealt(whole, stage.plan.partition),
          from_tiles, leaves,     pipeline.batch_groups};
}

}  // namespace

Estimate expected_of(const Pipeline& pipeline, const PlannedFor& target) {
  const auto& [network, accelerator, rates] = target;
  const int word_bytes = accelerator.word_bytes();
  Estimate estimate{pipeline.cycles, {}};
  double link_bytes = 0;
  for (const auto& stage : pipeline.stages) {
    const auto planned = stage_of(pipeline, stage, network);
    estimate.events += events_on_tiles(planned);
    link_bytes += word_bytes * input_hop_words(planned, accelerator, rates.multicast);
  }
  if (!pipeline.keeps_output)
    link_bytes += output_link_bytes(network, network.layers[pipeline.span.last], accelerator);
  add_transport(estimate, link_bytes, pipeline_dram_bytes(pipeline, network, word_bytes), 0,
                accelerator);
  return estimate;
}

Estimate expected_of(const SharedLayer& shared, const std::vector<bool>& from_tiles,
                     const PlannedFor& target) {
  const auto& [network, accelerator, rates] = target;
  const Layer& layer = network.layers[shared.plan.layer];
  const PlannedLayer planned{layer, shared.plan, dealt(layer.extents(), shared.plan.partition),
                             from_tiles, shared.plan.output_home != Home::kTiles};
  Estimate estimate{shared.cycles, events_on_tiles(planned)};
  double link_bytes =
      accelerator.word_bytes() * input_hop_words(planned, accelerator, rates.multicast);
  if (shared.plan.output_home != Home::kTiles)
    link_bytes += output_link_bytes(network, layer, accelerator);
  add_transport(estimate, link_bytes, shared.dram_bytes, 0, accelerator);
  return estimate;
}

}  // namespace tessera::mapping
