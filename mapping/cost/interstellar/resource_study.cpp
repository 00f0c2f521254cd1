#include "mapping/cost/interstellar/resource_study.h"

#include <algorithm>
#include <cmath>

#include "sim/base/error.h"

namespace tessera::mapping::interstellar {

namespace {

constexpr std::int64_t kWordBytes = 2;
constexpr double kDramPicojoules = 200;
constexpr double kHopPicojoules = 0.035;

double register_picojoules(std::int64_t bytes) { return 0.03 * static_cast<double>(bytes) / 16; }

double sram_picojoules(std::int64_t bytes) {
  return 6 * std::pow(1.5, std::log2(static_cast<double>(bytes) / (32 * 1024)));
}

MemoryLevel memory(std::int64_t bytes, double picojoules) {
  MemoryLevel level;
  for (int t = 0; t < kTensors; ++t) {
    level.capacity_elements[t] = bytes / kWordBytes;
    level.access_picojoules[t] = picojoules;
  }
  return level;
}

StudyEnergy energy_of(const workloads::Layer& layer, const Blocking& blocking,
                      const Architecture& architecture) {
  const auto result = predict(layer, blocking.levels, architecture, Faults::kFixed);
  StudyEnergy energy;
  energy.mac = static_cast<double>(result.macs) * kMacPicojoules;
  const std::size_t levels = result.memories.size();
  for (std::size_t i = 0; i + 2 < levels; ++i) energy.registers += result.memories[i].picojoules;
  for (const auto& array : result.arrays) energy.array += array.picojoules;
  energy.buffer = result.memories[levels - 2].picojoules;
  energy.dram = result.memories[levels - 1].picojoules;
  return energy;
}

}  // namespace

Architecture architecture_of(const Resources& resources) {
  Architecture architecture;
  if (resources.inner_register_bytes > 0)
    architecture.levels.push_back(memory(resources.inner_register_bytes,
                                         register_picojoules(resources.inner_register_bytes)));
  architecture.levels.push_back(
      memory(resources.register_bytes, register_picojoules(resources.register_bytes)));
  auto& units = architecture.levels.back();
  units.parallel_count = resources.side * resources.side;
  units.parallel_mode = ParallelMode::kNeighbour;
  units.hop_picojoules = kHopPicojoules;
  architecture.levels.push_back(
      memory(resources.buffer_bytes, sram_picojoules(resources.buffer_bytes)));
  architecture.levels.push_back(memory(std::int64_t{1} << 40, kDramPicojoules));
  return architecture;
}

void StudyEnergy::add(const StudyEnergy& other, double times) {
  mac += times * other.mac;
  registers += times * other.registers;
  array += times * other.array;
  buffer += times * other.buffer;
  dram += times * other.dram;
}

const LayerResult& ResourceStudy::layer(const LayerShape& shape, const Dataflow& dataflow,
                                        const Resources& resources) {
  LayerShape single = shape;
  single.copies = 1;
  const auto [entry, added] = known_.try_emplace(Key{single, dataflow.name, resources});
  if (!added) return entry->second;
  const auto network = network_of(single, "layer", "resource study");
  const auto& layer = network.layers.front();
  const auto architecture = architecture_of(resources);
  const auto axes = unroll(layer, dataflow, resources.side);
  auto& result = entry->second;
  result.blocking = search_blocking(layer, architecture, axes);
  result.energy = energy_of(layer, result.blocking, architecture);
  result.utilisation = utilisation(layer, axes, resources.side * resources.side);
  return result;
}

NetworkResult ResourceStudy::network(const std::vector<ShapeCount>& shapes,
                                     const std::vector<Dataflow>& dataflows,
                                     const Resources& resources) {
  NetworkResult result;
  for (const auto& [shape, count] : shapes) {
    const LayerResult* best = nullptr;
    for (const auto& dataflow : dataflows) {
      const auto& one = layer(shape, dataflow, resources);
      if (best == nullptr || one.energy.total() < best->energy.total()) best = &one;
    }
    const auto times = static_cast<double>(count * shape.copies);
    result.energy.add(best->energy, times);
    const double macs = best->energy.mac / kMacPicojoules;
    const auto units = static_cast<double>(resources.side * resources.side);
    result.macs += times * macs;
    result.ideal_cycles += times * macs / (best->utilisation * units);
  }
  return result;
}

std::vector<ShapeCount> shapes_of(const workloads::Network& network, bool convolutions) {
  std::vector<ShapeCount> shapes;
  for (const auto& layer : network.layers) {
    const bool weighted = layer.kind == workloads::LayerKind::kMatrix && layer.inputs.size() == 2 &&
                          std::ranges::any_of(layer.inputs, [](const auto& operand) {
                            return operand.role == workloads::OperandRole::kWeight;
                          });
    if (!weighted) continue;
    const auto shape = shape_of(layer);
    if (convolutions && shape.rows * shape.columns == 1) continue;
    const auto found = std::ranges::find(shapes, shape, &ShapeCount::first);
    if (found == shapes.end())
      shapes.emplace_back(shape, 1);
    else
      ++found->second;
  }
  return shapes;
}

}  // namespace tessera::mapping::interstellar
