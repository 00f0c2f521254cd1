#include "mapping/importers/interstellar/architecture.h"

namespace tessera::mapping::interstellar {

namespace {

/// The tool's default of memory_partitions has three entries.
constexpr std::size_t kDefaultPartitions = 3;

/// A number for all tensors, or one per memory.
double of_memory(const JsonValue& value, std::int64_t memory) {
  if (!value.is_array()) return value.number();
  const auto memories = value.items();
  if (memory >= static_cast<std::int64_t>(memories.size()))
    value.fail("memory " + std::to_string(memory) + " of memory_partitions is not in the list");
  return memories[memory].number();
}

void read_memories(const JsonValue& file, std::size_t index, MemoryLevel& level) {
  const auto capacity = file.at("capacity").items()[index];
  const auto cost = file.at("access_cost").items()[index];
  const auto bytes_per_element = file.at("precision").integer(8) / 8;
  const bool listed = file.has("memory_partitions");
  level.cost_forgotten = !listed && index >= kDefaultPartitions;
  for (int tensor = 0; tensor < kTensors; ++tensor) {
    std::int64_t memory = 0;
    if (listed) {
      const auto entry = file.at("memory_partitions").items()[index].items(kTensors)[tensor];
      level.holds[tensor] = !entry.is_null();
      if (entry.is_null()) continue;
      memory = entry.integer(0);
    }
    level.capacity_elements[tensor] =
        static_cast<std::int64_t>(of_memory(capacity, memory)) / bytes_per_element;
    level.access_picojoules[tensor] = of_memory(cost, memory);
  }
}

ParallelMode mode_of(const JsonValue& value) {
  const auto mode = value.integer(0);
  if (mode > 2) value.fail(std::to_string(mode) + " is no parallel mode; allowed are 0, 1, 2");
  return static_cast<ParallelMode>(mode);
}

/// `parallel_cost` has one entry per parallel level.
void read_units(const JsonValue& file, std::size_t index, std::size_t& parallel_levels,
                MemoryLevel& level) {
  level.parallel_count = file.at("parallel_count").items()[index].integer(1);
  level.parallel_mode = mode_of(file.at("parallel_mode").items()[index]);
  if (file.has("array_dim"))
    level.array_dimensions = static_cast<int>(file.at("array_dim").items()[index].integer(1));
  if (level.parallel_count == 1) return;
  const auto costs = file.at("parallel_cost").items();
  if (parallel_levels >= costs.size())
    file.at("parallel_cost").fail("needs an entry per level with several units");
  level.hop_picojoules = costs[parallel_levels++].number();
}

}  // namespace

std::int64_t Architecture::units() const {
  std::int64_t units = 1;
  for (const auto& level : levels) units *= level.parallel_count;
  return units;
}

Architecture read_architecture(const JsonValue& file) {
  Architecture architecture;
  const auto levels = static_cast<std::size_t>(file.at("mem_levels").integer(2));
  for (const char* key : {"capacity", "access_cost", "parallel_count", "parallel_mode"})
    file.at(key).items(levels);
  for (const char* key : {"array_dim", "memory_partitions"})
    if (file.has(key)) file.at(key).items(levels);
  architecture.has_mac_registers =
      file.has("mac_capacity") && file.at("mac_capacity").integer(0) > 0;
  std::size_t parallel_levels = 0;
  for (std::size_t i = 0; i < levels; ++i) {
    MemoryLevel level;
    read_memories(file, i, level);
    read_units(file, i, parallel_levels, level);
    architecture.levels.push_back(level);
  }
  return architecture;
}

}  // namespace tessera::mapping::interstellar
