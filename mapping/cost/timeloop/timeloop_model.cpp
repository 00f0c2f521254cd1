#include "mapping/cost/timeloop/timeloop_model.h"

#include <algorithm>
#include <cmath>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::timeloop {

namespace {

using importers::TimeloopArchitecture;
using importers::TimeloopUnit;
using importers::TimeloopUnitKind;

void check_capacity(const TimeloopUnit& unit, const StorageResult& storage,
                    const Schedule& schedule) {
  if (!unit.capacity_words) return;
  std::int64_t needed = 0;
  for (const auto& counts : storage.tensors) needed += counts.tile_words;
  if (needed > *unit.capacity_words)
    throw UserError(schedule.origin, ": tiles kept in '", unit.name, "' take ", needed,
                    " words; it holds ", *unit.capacity_words);
  const auto floor = unit.min_utilization * static_cast<double>(*unit.capacity_words);
  if (static_cast<double>(needed) < floor)
    throw UserError(schedule.origin, ": tiles kept in '", unit.name, "' take ", needed,
                    " words; min_utilization asks for ", floor);
}

/// In the tool's order of operations, so that the rounding is the same.
double slowdown_of(const TimeloopUnit& unit, const StorageResult& storage, double compute_cycles) {
  double reads = 0;
  double writes = 0;
  for (const auto& counts : storage.tensors) {
    reads += static_cast<double>(counts.reads) / compute_cycles;
    writes += static_cast<double>(counts.fills + counts.updates) / compute_cycles;
  }
  double slowdown = 1;
  if (unit.read_bandwidth < reads) slowdown = std::min(slowdown, unit.read_bandwidth / reads);
  if (unit.write_bandwidth < writes) slowdown = std::min(slowdown, unit.write_bandwidth / writes);
  if (unit.shared_bandwidth < reads + writes)
    slowdown = std::min(slowdown, unit.shared_bandwidth / (reads + writes));
  return slowdown;
}

double energy_of(const TimeloopUnit& unit, const AccessCounts& counts, std::int64_t instances) {
  const auto vectors = [&](std::int64_t words) {
    return static_cast<double>(ceil_div(words, unit.block_words));
  };
  const double one = vectors(counts.reads) * unit.read_energy_pj +
                     vectors(counts.fills) * unit.write_energy_pj +
                     vectors(counts.updates) * unit.update_energy_pj;
  return one * static_cast<double>(instances);
}

StorageResult storage_result(const NestLevel& level, const TimeloopUnit& unit,
                             const LevelMovement& movement, const LevelCounts& counts,
                             std::int64_t compute_cycles) {
  StorageResult storage;
  storage.unit = level.unit;
  storage.instances_used = movement.instances;
  storage.kept = level.kept;
  storage.tensors = counts.tensors;
  const auto cycles = static_cast<double>(compute_cycles);
  storage.slowdown = slowdown_of(unit, storage, cycles);
  storage.cycles = static_cast<std::int64_t>(std::ceil(cycles / storage.slowdown));
  for (const auto& tensor : counts.tensors)
    storage.energy_pj.push_back(energy_of(unit, tensor, movement.instances));
  return storage;
}

void sum_up(const TimeloopArchitecture& architecture, TimeloopPrediction& prediction) {
  const TimeloopUnit& compute = architecture.units.back();
  prediction.compute_energy_pj = static_cast<double>(prediction.macs) * compute.compute_energy_pj;
  prediction.energy_pj = prediction.compute_energy_pj;
  prediction.cycles = prediction.compute_cycles;
  prediction.bottleneck = compute.name;
  std::int64_t latency = 0;
  for (auto storage = prediction.storages.rbegin(); storage != prediction.storages.rend();
       ++storage) {
    const TimeloopUnit& unit = architecture.units[storage->unit];
    latency += unit.fill_latency + unit.drain_latency;
    for (const double energy : storage->energy_pj) prediction.energy_pj += energy;
    if (storage->cycles <= prediction.cycles) continue;
    prediction.cycles = storage->cycles;
    prediction.bottleneck = unit.name;
  }
  prediction.cycles += latency;
  prediction.mac_utilization =
      static_cast<double>(prediction.macs) /
      (static_cast<double>(compute.instances) * static_cast<double>(prediction.cycles));
}

}  // namespace

TimeloopPrediction predict_timeloop(const Schedule& schedule, const workloads::Network& network,
                                    const TimeloopArchitecture& architecture, Faults faults) {
  const LoopNest nest = loop_nest_of(schedule, network, architecture);
  const DataMovement movement = data_movement_of(nest, faults);
  const auto counts = access_counts_of(nest, movement);
  TimeloopPrediction prediction;
  prediction.macs = workloads::volume(network.layers.front().whole());
  prediction.compute_cycles = movement.compute_steps;
  prediction.compute_instances_used = movement.compute_instances;
  for (std::size_t i = 0; i < nest.levels.size(); ++i) {
    const NestLevel& level = nest.levels[i];
    prediction.links.push_back({level.unit, level.unit + 1, counts[i].links});
    const TimeloopUnit& unit = architecture.units[level.unit];
    if (unit.kind != TimeloopUnitKind::kStorage) continue;
    prediction.storages.push_back(
        storage_result(level, unit, movement.levels[i], counts[i], prediction.compute_cycles));
    check_capacity(unit, prediction.storages.back(), schedule);
  }
  sum_up(architecture, prediction);
  return prediction;
}

}  // namespace tessera::mapping::timeloop
