#include "sim/app/looptree_inputs.h"

#include <algorithm>
#include <filesystem>

#include "mapping/importers/looptree/mapping_file.h"
#include "mapping/importers/looptree/workload.h"
#include "mapping/importers/timeloop/architecture.h"
#include "mapping/importers/yaml/yaml_value.h"
#include "sim/base/error.h"

namespace tessera::app {

namespace {

using mapping::importers::TimeloopUnit;
using mapping::importers::TimeloopUnitKind;
using mapping::importers::YamlValue;

// The channel brings 2 bytes per transfer; at this clock 8 bytes per cycle are its own 3200 MT/s.
constexpr double kClockMhz = 800;
constexpr double kChannelBytes = 2;

bool is_yaml(const std::string& path) {
  return (path.ends_with(".yaml") || path.ends_with(".yml")) &&
         std::filesystem::is_regular_file(path);
}

/// The files' words per cycle, all ports together.
double words_per_cycle(const TimeloopUnit& unit) {
  return static_cast<double>((unit.read_ports + unit.write_ports + unit.shared_ports) *
                             unit.block_words);
}

void describe_tile(const TimeloopUnit& buffer, std::int64_t rows, std::int64_t columns,
                   hw::proto::TileDescription& tile) {
  const std::int64_t word = buffer.word_bits / 8;
  const std::int64_t line = buffer.block_words * word;
  constexpr std::int64_t banks = 4;  // the fewest that serve the array's four streams
  auto& array = *tile.mutable_array();
  array.set_rows(rows);
  array.set_columns(columns);
  array.set_register_bytes(16 * word);
  array.set_reduction(hw::proto::PeArrayDescription::TREE);
  // A multiplier gets its operands from the buffer in every step; nothing is kept in registers.
  auto& buses = *array.mutable_bus_words_per_cycle();
  buses.set_input(std::max(rows, columns));
  buses.set_weight(rows * columns);
  buses.set_output(std::max(rows, columns));
  auto& description = *tile.mutable_buffer();
  description.set_bytes(*buffer.capacity_words * word / (banks * line) * (banks * line));
  description.set_banks(banks);
  description.set_line_bytes(line);
  tile.mutable_interface()->set_max_payload_bytes(256);
  tile.mutable_interface()->set_staging_bytes(512);
}

}  // namespace

bool is_looptree_mapping(const std::string& path) {
  if (!is_yaml(path)) return false;
  const auto mapping = YamlValue::load(path).find("mapping");
  return mapping && mapping->is_map() && mapping->find("type") &&
         mapping->at("type").text() == "fused";
}

bool is_looptree_workload(const std::string& path) {
  if (!is_yaml(path)) return false;
  const auto problem = YamlValue::load(path).find("problem");
  return problem && problem->is_list();
}

bool is_looptree_architecture(const std::string& path) {
  return is_yaml(path) && YamlValue::load(path).find("architecture").has_value();
}

workloads::Network load_looptree_network(const std::string& path) {
  return mapping::importers::load_looptree_workload(path);
}

mapping::Schedule load_looptree_schedule(const std::string& path, const std::string& architecture,
                                         const workloads::Network& network) {
  return mapping::importers::load_looptree_mapping(
      path, mapping::importers::load_timeloop_architecture({architecture}), network);
}

hw::proto::AcceleratorDescription looptree_machine(const std::string& path, int tiles) {
  const auto architecture = mapping::importers::load_timeloop_architecture({path});
  std::vector<const TimeloopUnit*> storages;
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  for (const auto& unit : architecture.units) {
    if (unit.kind == TimeloopUnitKind::kStorage) storages.push_back(&unit);
    if (unit.kind == TimeloopUnitKind::kFanout) {
      rows *= unit.mesh_y;
      columns *= unit.mesh_x;
    }
  }
  if (storages.size() != 2 || !storages[1]->capacity_words)
    throw UserError(
        path, ": has ", storages.size(),
        " storages; a machine is made of two: an off-chip memory and one buffer of known size");
  hw::proto::AcceleratorDescription machine;
  machine.set_name(std::filesystem::path(path).stem().string());
  machine.set_summary("made from " + std::filesystem::path(path).filename().string());
  machine.set_clock_mhz(kClockMhz);
  machine.set_word_bits(storages[1]->word_bits);
  machine.set_rows(1);
  machine.set_columns(tiles);
  describe_tile(*storages[1], rows, columns, *machine.mutable_tile());
  auto& dram = *machine.add_dram();
  dram.set_device("lpddr4_3200");
  dram.set_data_rate_mt_s(words_per_cycle(*storages[0]) *
                          static_cast<double>(storages[0]->word_bits) / 8 * kClockMhz /
                          kChannelBytes);
  auto& noc = *machine.mutable_noc();
  noc.set_flit_bytes(64);
  machine.mutable_energy()->set_source("none: the architecture file states no energies");
  return machine;
}

int tiles_of_mapping(const mapping::Schedule& schedule) {
  const mapping::Node* node = &schedule.root;
  while (node->children.size() == 1) node = &node->children.front();
  return node->kind == mapping::NodeKind::kPipeline ? static_cast<int>(node->children.size()) : 1;
}

mapping::importers::ToolCase load_looptree_case(const std::string& workload,
                                                const std::string& mapping,
                                                const std::string& architecture) {
  const auto file = architecture.substr(0, architecture.find(','));
  if (workload.empty())
    throw UserError("a schedule of LoopTree needs --network, a list of einsums");
  if (file.empty()) throw UserError("a schedule of LoopTree needs --accelerator");
  mapping::importers::ToolCase loaded{"looptree", load_looptree_network(workload), {}, {}};
  loaded.schedule = load_looptree_schedule(mapping, file, loaded.network);
  loaded.machine = looptree_machine(file, tiles_of_mapping(loaded.schedule));
  return loaded;
}

}  // namespace tessera::app
