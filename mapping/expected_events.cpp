#include "mapping/expected_events.h"

#include <algorithm>
#include <cmath>

#include "mapping/array_choice.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::LayerKind;
using workloads::Operand;

namespace {

double product_of_first(const std::vector<std::int64_t>& factors, std::size_t count) {
  double result = 1;
  for (std::size_t i = 0; i < count; ++i) result *= static_cast<double>(factors[i]);
  return result;
}

double product_of_all(const std::vector<std::int64_t>& factors) {
  return product_of_first(factors, factors.size());
}

std::int64_t rounded(double events) { return std::llround(events); }

/// What one input brings to one tile in one pass.
struct Arrival {
  double words = 0;        ///< of all its granules
  double rounds = 0;       ///< shared inputs: how often all of it goes round
  double share_words = 0;  ///< of one round
};

Arrival arrival_of(const PlannedLayer& planned, std::size_t input) {
  const Operand& operand = planned.layer.inputs[input];
  const Holding& held = planned.plan.inputs[input];
  const auto counts = trip_counts(planned.plan.loops, planned.nominal);
  const auto granule = static_cast<double>(
      nominal_elements(operand, extents_inside(planned.plan.loops, held.depth, planned.nominal)));
  const auto changes =
      static_cast<std::size_t>(change_depth(planned.plan, operand, held.depth, planned.nominal));
  Arrival arrival{product_of_first(counts, changes) * granule, 0, 0};
  if (held.shared_by == 1) return arrival;
  arrival.rounds = product_of_first(counts, static_cast<std::size_t>(held.turn)) /
                   product_of_first(counts, changes);
  arrival.share_words = arrival.words / held.shared_by;
  arrival.words = arrival.share_words;  // the rest comes from neighbours
  return arrival;
}

/// Words that a tile takes over from its neighbour in one pass.
double passed_on(const Arrival& arrival, const Holding& held) {
  return held.shared_by == 1 ? 0 : arrival.share_words * (arrival.rounds * held.shared_by - 1);
}

/// Tiles that want the same share of an operand.
double members_of(const PlannedLayer& planned, const Operand& operand) {
  double groups = 1;
  for (const auto& split : planned.plan.partition)
    if (Layer::indexes(operand, split.rank))
      groups *= static_cast<double>(
          std::min<std::int64_t>(split.ways, planned.layer.ranks[split.rank].extent));
  const auto tiles = static_cast<double>(tiles_with_work(planned.layer, planned.plan.partition));
  return std::max(1.0, tiles / groups);
}

void add_operations(const PlannedLayer& planned, double tiles, hw::EventCounts& events) {
  const Layer& layer = planned.layer;
  const auto& loops = planned.plan.loops;
  const auto inner = extents_inside(loops, static_cast<int>(loops.size()), planned.nominal);
  const double trips = product_of_all(trip_counts(loops, planned.nominal)) *
                       static_cast<double>(planned.passes) * tiles;
  double points = 1;
  for (const auto& rank : layer.ranks) points *= static_cast<double>(rank.extent);
  const double real_trips = std::min(trips, points / product_of_all(inner));
  if (layer.kind != LayerKind::kMatrix) {
    events.vector_operations = layer.vector_operations();
    double words = static_cast<double>(nominal_elements(layer.output, inner));
    for (const auto& input : layer.inputs)
      words += static_cast<double>(nominal_elements(input, inner));
    events.buffer_words += rounded(real_trips * words);
    return;
  }
  events.macs = layer.macs();
  constexpr std::int64_t kAccessesPerMac = 4;  // two operands, sum in and out
  events.register_accesses = kAccessesPerMac * events.macs;
  const auto traffic = array_traffic(layer, planned.plan.array, inner);
  events.buffer_words += rounded(real_trips * static_cast<double>(traffic.words));
  events.array_transfer_words = rounded(real_trips * static_cast<double>(traffic.hops));
  events.register_fills = rounded(real_trips * static_cast<double>(traffic.fills));
}

}  // namespace

std::vector<std::int64_t> dealt(std::vector<std::int64_t> whole,
                                const std::vector<PartitionSplit>& splits) {
  for (const auto& split : splits)
    whole[split.rank] = ceil_div<std::int64_t>(whole[split.rank], split.ways);
  return whole;
}

std::int64_t tiles_with_work(const Layer& layer, const std::vector<PartitionSplit>& splits) {
  std::int64_t tiles = 1;
  for (const auto& split : splits)
    tiles *= std::min<std::int64_t>(split.ways, layer.ranks[split.rank].extent);
  return tiles;
}

double links_to(const hw::Accelerator& accelerator, double members, bool from_memory,
                bool multicast) {
  const double span = accelerator.rows + accelerator.columns;
  const double way = from_memory ? span / 2 : span / 3;
  return multicast ? way + members : way * members;
}

void add_transport(Estimate& estimate, double link_bytes, double dram_bytes, double shared_bytes,
                   const hw::Accelerator& accelerator) {
  const double word = accelerator.word_bytes();
  estimate.events.noc_hop_words += rounded(link_bytes / word);
  estimate.events.dram_words += rounded(dram_bytes / word);
  estimate.events.shared_buffer_words += rounded(shared_bytes / word);
  estimate.events.tile_cycles += rounded(estimate.cycles * accelerator.tiles());
}

hw::EventCounts events_on_tiles(const PlannedLayer& planned) {
  const auto tiles = static_cast<double>(tiles_with_work(planned.layer, planned.plan.partition));
  hw::EventCounts events;
  add_operations(planned, tiles, events);
  double words = 0;
  for (std::size_t i = 0; i < planned.layer.inputs.size(); ++i) {
    const Arrival arrival = arrival_of(planned, i);
    const double turned = passed_on(arrival, planned.plan.inputs[i]);
    words += tiles * (arrival.words + 2 * turned);  // in, and out again
    if (planned.from_tiles[i])
      words += tiles / members_of(planned, planned.layer.inputs[i]) * arrival.words;
  }
  if (planned.output_leaves)
    words += tiles * static_cast<double>(nominal_elements(planned.layer.output, planned.nominal));
  events.buffer_words += rounded(words * static_cast<double>(planned.passes));
  return events;
}

double input_hop_words(const PlannedLayer& planned, const hw::Accelerator& accelerator,
                       bool multicast) {
  const auto tiles = static_cast<double>(tiles_with_work(planned.layer, planned.plan.partition));
  double words = 0;
  for (std::size_t i = 0; i < planned.layer.inputs.size(); ++i) {
    const Holding& held = planned.plan.inputs[i];
    const double members =
        std::max(1.0, members_of(planned, planned.layer.inputs[i]) / held.shared_by);
    const Arrival arrival = arrival_of(planned, i);
    words += tiles / members * arrival.words *
                 links_to(accelerator, members, !planned.from_tiles[i], multicast) +
             tiles * passed_on(arrival, held);
  }
  const double payload = static_cast<double>(accelerator.tile.interface.max_payload_bytes);
  const double heads = 1 + accelerator.network.flit_bytes() / payload;
  return words * heads * static_cast<double>(planned.passes);
}

}  // namespace tessera::mapping
