#include "mapping/partition_cost.h"

#include <algorithm>
#include <cmath>

#include "mapping/dram_order.h"
#include "mapping/expected_events.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Operand;

namespace {

constexpr double kUsableLinkShare = 0.4;  ///< of all links, what uneven traffic leaves usable
constexpr double kRequestLatency =
    120;  ///< cycles from a request to its first data, network and DRAM
constexpr double kSumsHandshake =
    60;  ///< from an owner's grant to the sums of a partner, two under way at once
constexpr double kReadyCycles = 20;  ///< one level of the tree that collects a group's readiness
constexpr double kHopCyclesPerFlit =
    0.02;  ///< weight of network work when cycles tie: it costs energy

}  // namespace

double LayerCost::bound() const {
  return std::max({compute + in_turns, ingest, dram, shared, network}) + exposed;
}

PartitionCost::PartitionCost(const workloads::Network& network, workloads::LayerId layer,
                             const std::vector<InputSource>& sources,
                             const hw::Accelerator& accelerator, const MachineRates& rates,
                             Blocking blocking)
    : network_(network),
      layer_(network.layers[layer]),
      sources_(sources),
      accelerator_(accelerator),
      rates_(rates),
      blocking_(blocking) {}

double PartitionCost::ways_indexing(const std::vector<PartitionSplit>& splits,
                                    const Operand& operand) {
  double ways = 1;
  for (const auto& split : splits)
    if (Layer::indexes(operand, split.rank)) ways *= split.ways;
  return ways;
}

double PartitionCost::tiles_used(const std::vector<PartitionSplit>& splits) const {
  double used = 1;
  for (const auto& split : splits)
    used *=
        static_cast<double>(std::min<std::int64_t>(split.ways, layer_.ranks[split.rank].extent));
  return used;
}

double PartitionCost::hops_to(double members, bool from_memory, bool local) const {
  return local ? 1 : links_to(accelerator_, members, from_memory, rates_.multicast);
}

/// Memories or tiles that hold something of a granule: every one is asked and answers by itself.
double PartitionCost::sources_of(const Operand& operand, const InputSource& source,
                                 const Extents& extents) const {
  if (source.home == Home::kDram) return static_cast<double>(accelerator_.dram.size());
  if (source.home == Home::kShared) return static_cast<double>(accelerator_.shared_buffers.size());
  const auto& tensor = network_.tensors[operand.tensor];
  const auto region = nominal_region(operand, extents);
  std::vector<std::int64_t> ways(region.size(), 1);
  for (const auto& dealt : source.signature)
    ways[static_cast<std::size_t>(dealt.dimension)] *= dealt.ways;
  double owners = 1;
  for (std::size_t d = 0; d < region.size(); ++d)
    owners *= static_cast<double>(ceil_div(region[d], ceil_div(tensor.extents[d], ways[d])));
  return owners;
}

/// Every piece has a head, and a head for each further packet's worth of payload.
double PartitionCost::flits_of(double bytes, double pieces) const {
  const double payload = static_cast<double>(accelerator_.tile.interface.max_payload_bytes);
  return std::ceil(bytes / rates_.link_bytes_per_cycle) + pieces + bytes / payload;
}

LayerCost PartitionCost::of(const StagePlan& plan, const Extents& extents, double compute) const {
  LayerCost cost;
  cost.compute = compute;
  const double word = accelerator_.word_bytes();
  const double used = tiles_used(plan.partition);
  double hops = 0, serial = 0;
  const auto counts = trip_counts(plan.loops, extents);
  const int depth = static_cast<int>(plan.loops.size());
  const Extents inner = extents_inside(plan.loops, depth, extents);
  for (std::size_t i = 0; i < layer_.inputs.size(); ++i) {
    const auto& input = layer_.inputs[i];
    double fetches = 1;
    for (int l = 0; l < change_depth(plan, input, depth, extents); ++l)
      fetches *= static_cast<double>(counts[l]);
    const double granule = static_cast<double>(nominal_elements(input, inner)) * word;
    const double groups = std::min(ways_indexing(plan.partition, input), used);
    const double members = std::max(1.0, used / groups);
    const Home home = sources_[i].home;
    const bool from_memory = home != Home::kTiles;
    const bool local = !from_memory && signature_of(plan.partition, input) == sources_[i].signature;
    const double sent = groups * fetches * granule * (rates_.multicast ? 1 : members);
    const double pieces = sources_of(input, sources_[i], inner);
    const double flits = flits_of(granule, pieces);
    cost.ingest += fetches * flits;
    double memory = 0;
    const double from_there = sent * sources_[i].share;
    if (home == Home::kDram) {
      cost.dram_bytes += from_there;
      cost.dram += memory = from_there * burst_overhead(input, inner) / rates_.dram_bytes_per_cycle;
    }
    if (home == Home::kShared) cost.shared += memory = from_there / rates_.shared_bytes_per_cycle;
    hops +=
        groups * fetches *
        (flits * hops_to(members, from_memory, local) + pieces * hops_to(1, from_memory, local));
    const double ready = kReadyCycles * std::log2(members + 1);
    cost.first_fetch += flits + ready;
    if (plan.inputs[i].double_buffered || fetches == 1) continue;
    const double waits = ready + kRequestLatency;
    if (blocking_ == Blocking::kOverlap)  // the first one is first_fetch
      cost.in_turns += (fetches - 1) * (std::max(flits, memory / fetches) + waits);
    else
      serial += fetches * (flits + waits);
  }
  add_output(plan, extents, cost, hops);
  const double links = 4.0 * accelerator_.tiles();
  cost.flit_links = hops;
  cost.network = hops / (links * kUsableLinkShare);
  cost.exposed += serial + kRequestLatency + hops * kHopCyclesPerFlit / accelerator_.tiles();
  return cost;
}

void PartitionCost::add_output(const StagePlan& plan, const Extents& extents, LayerCost& cost,
                               double& hops) const {
  const double word = accelerator_.word_bytes();
  const double share = static_cast<double>(nominal_elements(layer_.output, extents)) * word;
  const double used = tiles_used(plan.partition);
  const double owners = std::min(ways_indexing(plan.partition, layer_.output), used);
  const double partners = std::max(1.0, used / owners) - 1;
  const double flits = share / rates_.link_bytes_per_cycle;
  // An owner takes in and adds up its partners' sums one after the other, granule by granule.
  // Sums that the network adds cost the same here: priced at what they save they draw the choice
  // to splits with more partners, which take longer when simulated (docs/noc.md).
  double granules = 1;
  const int depth = static_cast<int>(plan.loops.size());
  const auto counts = trip_counts(plan.loops, extents);
  for (int l = 0; l < change_depth(plan, layer_.output, depth, extents); ++l)
    granules *= static_cast<double>(counts[l]);
  const double elements = share / word;
  cost.ingest += partners * flits;
  cost.compute += partners * elements / accelerator_.tile.vector_unit.lanes;
  cost.exposed += partners * (granules * kSumsHandshake + flits / granules);
  hops += owners * partners * flits * hops_to(1, false, false);
  if (plan.output_home == Home::kTiles) return;
  const Extents inner = extents_inside(plan.loops, depth, extents);
  if (plan.output_home == Home::kShared) {
    cost.shared += owners * share / rates_.shared_bytes_per_cycle;
  } else {
    cost.dram_bytes += owners * share;
    cost.dram +=
        owners * share * burst_overhead(layer_.output, inner) / rates_.dram_bytes_per_cycle;
  }
  hops += owners * flits * hops_to(1, true, false);
  cost.exposed += flits;
}

/// Bytes on the DRAM bus per byte wanted: short runs waste the rest of their bursts. Weights are
/// laid out in the order in which they are fetched.
double PartitionCost::burst_overhead(const Operand& operand, const Extents& extents) const {
  if (operand.role == workloads::OperandRole::kWeight) return 1;
  const auto run = static_cast<double>(run_elements(network_.tensors[operand.tensor],
                                                    nominal_region(operand, extents))) *
                   accelerator_.word_bytes();
  return burst_bytes_of_run(run, rates_.dram_burst_bytes) / run;
}

}  // namespace tessera::mapping
