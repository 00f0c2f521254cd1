#include "mapping/importers/machine/from_timeloop.h"

#include <algorithm>

#include "mapping/importers/machine/array_axes.h"
#include "sim/base/error.h"

namespace tessera::mapping::importers {

namespace {

bool is_dram(const TimeloopUnit& unit) {
  return unit.device_class.find("DRAM") != std::string::npos;
}

bool is_buffer(const TimeloopUnit& unit) {
  return unit.device_class.find("SRAM") != std::string::npos ||
         unit.device_class.find("smartbuffer") != std::string::npos;
}

class Conversion {
 public:
  Conversion(const TimeloopArchitecture& architecture, Schedule& schedule,
             const workloads::Network& network)
      : architecture_(architecture), schedule_(schedule), network_(network) {}

  ToolMachine convert() {
    machine_.name = architecture_.name.empty() ? "timeloop" : architecture_.name;
    machine_.origin = machine_.name + " of Timeloop";
    for (const auto& unit : architecture_.units) {
      if (unit.kind == TimeloopUnitKind::kStorage) add_storage(unit);
      if (unit.kind == TimeloopUnitKind::kFanout) add_fanout(unit);
      if (unit.kind == TimeloopUnitKind::kCompute) machine_.mac_pj = unit.compute_energy_pj;
    }
    if (!seen_dram_ || !seen_buffer_) refuse("needs a DRAM and a buffer (class SRAM) inside it");
    settle_registers();
    make_room_for_sums();
    settle_sums();
    return machine_;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw UserError("architecture ", machine_.name, ": ", why);
  }

  void add_storage(const TimeloopUnit& unit) {
    if (is_dram(unit)) return add_dram(unit);
    if (!seen_dram_) refuse("storage " + unit.name + " outside the DRAM");
    if (is_buffer(unit)) return add_buffer(unit);
    add_registers(unit);
  }

  void add_dram(const TimeloopUnit& unit) {
    if (seen_dram_) refuse("a second DRAM, " + unit.name);
    seen_dram_ = true;
    machine_.word_bits = unit.word_bits;
    machine_.dram_words_per_cycle =
        std::min(std::max(unit.read_bandwidth, unit.write_bandwidth), unit.shared_bandwidth);
    machine_.dram_pj = unit.read_energy_pj / static_cast<double>(unit.block_words);
  }

  void add_buffer(const TimeloopUnit& unit) {
    if (seen_buffer_) refuse("a buffer shared by tiles, with " + unit.name + " inside it");
    if (unit.word_bits != machine_.word_bits)
      refuse(unit.name + " has words of " + std::to_string(unit.word_bits) + " bits, the DRAM of " +
             std::to_string(machine_.word_bits));
    if (!unit.capacity_words) refuse(unit.name + " has no capacity");
    seen_buffer_ = true;
    machine_.buffer_words =
        static_cast<double>(*unit.capacity_words) * (unit.multiple_buffering ? 2 : 1);
    machine_.buffer_read_words_per_cycle = std::min(unit.read_bandwidth, unit.shared_bandwidth);
    machine_.buffer_write_words_per_cycle = std::min(unit.write_bandwidth, unit.shared_bandwidth);
    machine_.buffer_pj = unit.read_energy_pj / static_cast<double>(unit.block_words);
  }

  void add_fanout(const TimeloopUnit& unit) {
    auto& rows = seen_buffer_ ? machine_.array_rows : machine_.tile_rows;
    auto& columns = seen_buffer_ ? machine_.array_columns : machine_.tile_columns;
    rows *= unit.mesh_y;
    columns *= unit.mesh_x;
  }

  /// A folded array keeps its number of PEs where its columns divide it.
  void settle_sums() {
    switch (sums_to_rows(schedule_, network_)) {
      case SumAxes::kAsWritten:
        return;
      case SumAxes::kTurned:
        std::swap(machine_.array_rows, machine_.array_columns);
        return;
      case SumAxes::kFolded: {
        const auto pes = machine_.array_rows * machine_.array_columns;
        machine_.array_columns = array_ways(schedule_, Axis::kArrayX);
        machine_.array_rows = pes / machine_.array_columns;
      }
    }
  }

  /// Words for the tensors that the mapping keeps there.
  void add_registers(const TimeloopUnit& unit) {
    if (!seen_buffer_) refuse("registers " + unit.name + " outside the buffer");
    machine_.register_pj = unit.read_energy_pj / static_cast<double>(unit.block_words);
    const std::int64_t words = unit.capacity_words.value_or(1 << 16);
    const auto& layer = network_.layers.front();
    for (const Node* node = &schedule_.root;; node = &node->children.front()) {
      if (node->kind == NodeKind::kStore && node->store.memory == unit.name)
        for (const auto& tensor : node->store.tensors)
          machine_.register_words[operand_of(tensor.tensor, layer)] = words;
      if (node->children.empty()) break;
    }
    ++register_levels_;
  }

  int operand_of(const std::string& tensor, const workloads::Layer& layer) const {
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      if (network_.tensors[layer.inputs[i].tensor].name == tensor) {
        if (i > 1) refuse("a layer with more than two inputs");
        return static_cast<int>(i);
      }
    return 2;
  }

  /// One level of registers that keeps several tensors is one file; a latch word for each of the
  /// others.
  void settle_registers() {
    const auto kept =
        std::ranges::count_if(machine_.register_words, [](auto words) { return words > 0; });
    if (register_levels_ != 1 || kept < 2) return;
    machine_.shared_registers = true;
    machine_.register_words[0] = *std::ranges::max_element(machine_.register_words) + (3 - kept);
  }

  /// The tool adds sums of several tiles in the network; ours takes them into the buffer of one of
  /// them.
  void make_room_for_sums() {
    const auto& layer = network_.layers.front();
    for (const Node* node = &schedule_.root; !node->children.empty();
         node = &node->children.front()) {
      if (node->kind != NodeKind::kSplit || node->split.ways == 1) continue;
      if (node->split.axis != Axis::kMeshX && node->split.axis != Axis::kMeshY) continue;
      const int rank = layer.rank_index(node->split.ranks[0].rank);
      if (rank < 0 || !layer.ranks[rank].reduced) continue;
      machine_.buffer_words *= 2;
      return;
    }
  }

  const TimeloopArchitecture& architecture_;
  Schedule& schedule_;
  const workloads::Network& network_;
  ToolMachine machine_;
  bool seen_dram_ = false;
  bool seen_buffer_ = false;
  int register_levels_ = 0;
};

}  // namespace

ToolMachine machine_of(const TimeloopArchitecture& architecture, Schedule& schedule,
                       const workloads::Network& network) {
  return Conversion(architecture, schedule, network).convert();
}

}  // namespace tessera::mapping::importers
