#include "hw_models/description/convert.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <set>

#include "hw_models/description/field_reader.h"
#include "hw_models/description/network.h"

namespace tessera::hw {

namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 40;
constexpr std::int64_t kMostCycles = 1'000'000;
constexpr double kMostPicojoules = 1e9;
constexpr double kMostMegahertz = 100'000;
/// PEs per row and per column: the widest single line that the tools describe has 1,024.
constexpr std::int64_t kMostPes = 4096;

#define TESSERA_GIVEN(message, field) \
  ((message).has_##field() ? std::optional((message).field()) : std::nullopt)

bool is_power_of_two(std::int64_t value) {
  return value > 0 && std::has_single_bit(static_cast<std::uint64_t>(value));
}

Delivery to_delivery(proto::PeArrayDescription::Delivery given, const FieldReader& reader,
                     const std::string& field) {
  switch (given) {
    case proto::PeArrayDescription::DELIVERY_DEFAULT:
    case proto::PeArrayDescription::MULTICAST:
      return Delivery::kMulticast;
    case proto::PeArrayDescription::SYSTOLIC:
      return Delivery::kSystolic;
    default:
      reader.refuse(field, static_cast<int>(given), "must be MULTICAST or SYSTOLIC");
  }
}

SpatialReduction to_reduction(proto::PeArrayDescription::SpatialReduction given,
                              const FieldReader& reader) {
  switch (given) {
    case proto::PeArrayDescription::REDUCTION_DEFAULT:
    case proto::PeArrayDescription::CHAIN:
      return SpatialReduction::kChain;
    case proto::PeArrayDescription::NONE:
      return SpatialReduction::kNone;
    case proto::PeArrayDescription::TREE:
      return SpatialReduction::kTree;
    default:
      reader.refuse("reduction", static_cast<int>(given), "must be NONE, CHAIN or TREE");
  }
}

void read_registers(const proto::PeArrayDescription& text, const FieldReader& reader,
                    PeArrayDescription& array) {
  if (!text.has_operand_registers()) {
    array.register_bytes =
        reader.integer("register_bytes", TESSERA_GIVEN(text, register_bytes),
                       static_cast<std::int64_t>(array.register_bytes), 1, 1 << 20);
    return;
  }
  if (text.has_register_bytes())
    reader.refuse("register_bytes", text.register_bytes(),
                  "leave it out when operand_registers is given");
  const FieldReader inner = reader.inside("operand_registers");
  const auto& files = text.operand_registers();
  array.register_bytes = 0;
  array.operand_register_bytes[kInputOperand] =
      inner.integer("input", files.input(), 0, 1, 1 << 20);
  array.operand_register_bytes[kWeightOperand] =
      inner.integer("weight", files.weight(), 0, 1, 1 << 20);
  array.operand_register_bytes[kOutputOperand] =
      inner.integer("output", files.output(), 0, 1, 1 << 20);
}

void read_buses(const proto::PeArrayDescription& text, const FieldReader& reader,
                PeArrayDescription& array) {
  if (!text.has_bus_words_per_cycle()) {
    for (int& words : array.bus_words_per_cycle) words = array.columns;
    return;
  }
  const FieldReader inner = reader.inside("bus_words_per_cycle");
  const auto& buses = text.bus_words_per_cycle();
  const auto width = [&](const char* field, std::int64_t given) {
    return static_cast<int>(inner.integer(field, given, 0, 1, 1 << 16));
  };
  array.bus_words_per_cycle[kInputOperand] = width("input", buses.input());
  array.bus_words_per_cycle[kWeightOperand] = width("weight", buses.weight());
  array.bus_words_per_cycle[kOutputOperand] = width("output", buses.output());
}

PeArrayDescription to_array(const proto::PeArrayDescription& text, const FieldReader& reader) {
  PeArrayDescription array;
  array.rows = reader.integer("rows", TESSERA_GIVEN(text, rows), array.rows, 1, kMostPes);
  array.columns =
      reader.integer("columns", TESSERA_GIVEN(text, columns), array.columns, 1, kMostPes);
  array.macs_per_pe =
      reader.integer("macs_per_pe", TESSERA_GIVEN(text, macs_per_pe), array.macs_per_pe, 1, 4096);
  array.delivery[kInputOperand] = to_delivery(text.input_delivery(), reader, "input_delivery");
  array.delivery[kWeightOperand] = to_delivery(text.weight_delivery(), reader, "weight_delivery");
  array.reduction = to_reduction(text.reduction(), reader);
  read_registers(text, reader, array);
  read_buses(text, reader, array);
  array.pipeline_cycles = reader.integer("pipeline_cycles", TESSERA_GIVEN(text, pipeline_cycles),
                                         array.pipeline_cycles, 1, 1024);
  array.register_rings = text.register_rings();
  array.weights_first = text.weights_first();
  return array;
}

BufferDescription to_buffer(const proto::BufferDescription& text, int word_bytes,
                            const FieldReader& reader) {
  BufferDescription buffer;
  buffer.ports = reader.integer("ports", TESSERA_GIVEN(text, ports), buffer.ports, 1, 2);
  buffer.banks =
      reader.integer("banks", TESSERA_GIVEN(text, banks), buffer.banks, kFewestBanks, 64);
  buffer.line_bytes = reader.integer("line_bytes", TESSERA_GIVEN(text, line_bytes),
                                     static_cast<std::int64_t>(buffer.line_bytes), 1, 4096);
  if (!is_power_of_two(buffer.line_bytes) || buffer.line_bytes < static_cast<Bytes>(word_bytes))
    reader.refuse(
        "line_bytes", buffer.line_bytes,
        detail::concatenate("must be a power of two and hold a word of ", word_bytes, " bytes"));
  buffer.bytes = reader.integer("bytes", TESSERA_GIVEN(text, bytes),
                                static_cast<std::int64_t>(buffer.bytes), 1, kMostBytes);
  const Bytes row = buffer.line_bytes * buffer.banks;
  if (buffer.bytes % row != 0)
    reader.refuse("bytes", buffer.bytes,
                  detail::concatenate("must be a multiple of banks x line_bytes = ", row));
  buffer.weight_bytes =
      static_cast<Bytes>(reader.integer("weight_bytes", TESSERA_GIVEN(text, weight_bytes), 0, 0,
                                        static_cast<std::int64_t>(buffer.bytes) - 1));
  return buffer;
}

VectorUnitDescription to_vector_unit(const proto::VectorUnitDescription& text,
                                     const FieldReader& reader) {
  VectorUnitDescription unit;
  unit.lanes = reader.integer("lanes", TESSERA_GIVEN(text, lanes), unit.lanes, 1, 65536);
  unit.pipeline_cycles = reader.integer("pipeline_cycles", TESSERA_GIVEN(text, pipeline_cycles),
                                        unit.pipeline_cycles, 1, kMostCycles);
  unit.special_function_cycles =
      reader.integer("special_function_cycles", TESSERA_GIVEN(text, special_function_cycles),
                     unit.special_function_cycles, 1, kMostCycles);
  return unit;
}

NetworkInterfaceDescription to_interface(const proto::NetworkInterfaceDescription& text,
                                         int word_bytes, const FieldReader& reader) {
  NetworkInterfaceDescription interface;
  interface.max_payload_bytes =
      reader.integer("max_payload_bytes", TESSERA_GIVEN(text, max_payload_bytes),
                     static_cast<std::int64_t>(interface.max_payload_bytes), word_bytes, 1 << 20);
  interface.outstanding_receives =
      reader.integer("outstanding_receives", TESSERA_GIVEN(text, outstanding_receives),
                     interface.outstanding_receives, 1, 65536);
  const auto payload = static_cast<std::int64_t>(interface.max_payload_bytes);
  interface.staging_bytes =
      reader.integer("staging_bytes", TESSERA_GIVEN(text, staging_bytes),
                     std::max(payload, static_cast<std::int64_t>(interface.staging_bytes)), payload,
                     std::int64_t{1} << 30);
  return interface;
}

TileDescription to_tile(const proto::TileDescription& text, int word_bytes,
                        const FieldReader& reader) {
  TileDescription tile;
  tile.array = to_array(text.array(), reader.inside("array"));
  tile.buffer = to_buffer(text.buffer(), word_bytes, reader.inside("buffer"));
  tile.vector_unit = to_vector_unit(text.vector_unit(), reader.inside("vector_unit"));
  tile.interface = to_interface(text.interface(), word_bytes, reader.inside("interface"));
  tile.issue_cycles = reader.integer("issue_cycles", TESSERA_GIVEN(text, issue_cycles),
                                     tile.issue_cycles, 0, kMostCycles);
  return tile;
}

Coordinate to_coordinate(const proto::Coordinate& text, const Accelerator& machine,
                         const FieldReader& reader) {
  Coordinate at;
  at.row = reader.integer("row", text.row(), 0, 0, machine.rows - 1);
  at.column = reader.integer("column", text.column(), 0, 0, machine.columns - 1);
  return at;
}

DramControllerDescription to_controller(const proto::DramControllerDescription& text,
                                        const FieldReader& reader) {
  constexpr std::int64_t kDeepest = 1024;
  DramControllerDescription controller;
  if (!text.policy().empty()) controller.policy = text.policy();
  if (!text.page().empty()) controller.page = text.page();
  if (!text.refresh().empty()) controller.refresh = text.refresh();
  controller.postponed_refreshes =
      reader.integer("postponed_refreshes", TESSERA_GIVEN(text, postponed_refreshes), 0, 0, 8);
  if (text.has_read_depth())
    controller.read_depth = reader.integer("read_depth", text.read_depth(), 0, 1, kDeepest);
  if (text.has_write_depth())
    controller.write_depth = reader.integer("write_depth", text.write_depth(), 0, 1, kDeepest);
  if (text.has_age_cap())
    controller.age_cap = reader.integer("age_cap", text.age_cap(), 0, 1, kMostCycles);
  return controller;
}

DramInterfaceDescription to_dram(const proto::DramInterfaceDescription& text,
                                 const Accelerator& machine, const FieldReader& reader) {
  DramInterfaceDescription dram;
  dram.device = text.device();
  if (dram.device.empty())
    reader.refuse("device", "\"\"", "must name a device table (tessera list devices)");
  if (text.has_data_rate_mt_s())
    dram.data_rate_mt_s =
        reader.positive("data_rate_mt_s", text.data_rate_mt_s(), 0, kMostMegahertz);
  if (text.has_ranks()) dram.ranks = reader.integer("ranks", text.ranks(), 0, 1, 4);
  if (!text.mapping().empty()) dram.mapping = text.mapping();
  dram.controller = to_controller(text.controller(), reader.inside("controller"));
  dram.at = to_coordinate(text.at(), machine, reader.inside("at"));
  dram.write_buffer_bytes = static_cast<Bytes>(
      reader.integer("write_buffer_bytes", TESSERA_GIVEN(text, write_buffer_bytes),
                     static_cast<std::int64_t>(dram.write_buffer_bytes), 1, 1 << 30));
  if (text.has_link_width_bits() != text.has_link_clock_mhz())
    throw UserError(reader.place(),
                    ": link_width_bits and link_clock_mhz belong together; give both or neither");
  if (text.has_link_width_bits()) {
    dram.link_width_bits = reader.positive("link_width_bits", text.link_width_bits(), 0, 65536);
    dram.link_clock_mhz =
        reader.positive("link_clock_mhz", text.link_clock_mhz(), 0, kMostMegahertz);
  }
  return dram;
}

SharedBufferDescription to_shared_buffer(const proto::SharedBufferDescription& text,
                                         const Accelerator& machine, const FieldReader& reader) {
  SharedBufferDescription buffer;
  buffer.name = text.name();
  if (buffer.name.empty()) reader.refuse("name", "\"\"", "must not be empty");
  buffer.at = to_coordinate(text.at(), machine, reader.inside("at"));
  buffer.bytes = reader.integer("bytes", TESSERA_GIVEN(text, bytes), 0, 1, kMostBytes);
  buffer.bytes_per_cycle =
      reader.integer("bytes_per_cycle", TESSERA_GIVEN(text, bytes_per_cycle),
                     static_cast<std::int64_t>(buffer.bytes_per_cycle), 1, 65536);
  buffer.latency_cycles = reader.integer("latency_cycles", TESSERA_GIVEN(text, latency_cycles),
                                         buffer.latency_cycles, 0, kMostCycles);
  buffer.write_buffer_bytes =
      reader.integer("write_buffer_bytes", TESSERA_GIVEN(text, write_buffer_bytes),
                     static_cast<std::int64_t>(buffer.write_buffer_bytes), 1, kMostBytes);
  return buffer;
}

EnergyTable to_energy(const proto::EnergyTable& text, const FieldReader& reader) {
  EnergyTable energy;
  energy.source = text.source();
  if (energy.source.empty()) reader.refuse("source", "\"\"", "must say where the costs come from");
  const auto cost = [&](const char* field, double value) {
    return reader.not_negative(field, value, kMostPicojoules);
  };
  energy.mac = cost("mac", text.mac());
  energy.register_access_word = cost("register_access_word", text.register_access_word());
  energy.array_transfer_word = cost("array_transfer_word", text.array_transfer_word());
  energy.buffer_access_word = cost("buffer_access_word", text.buffer_access_word());
  energy.shared_buffer_access_word =
      cost("shared_buffer_access_word", text.shared_buffer_access_word());
  energy.vector_operation = cost("vector_operation", text.vector_operation());
  energy.noc_hop_word = cost("noc_hop_word", text.noc_hop_word());
  energy.dram_access_word = cost("dram_access_word", text.dram_access_word());
  energy.static_per_tile_cycle = cost("static_per_tile_cycle", text.static_per_tile_cycle());
  return energy;
}

/// `count` copies of the first channel along the west and the east column.
void spread_channels(Accelerator& machine, std::int64_t count) {
  std::vector<DramInterfaceDescription> channels(count, machine.dram.front());
  for (std::int64_t i = 0; i < count; ++i) {
    const bool east = i % 2 == 1;
    const std::int64_t on_side = east ? count / 2 : (count + 1) / 2;
    const std::int64_t row = on_side > 1 ? i / 2 * (machine.rows - 1) / (on_side - 1) : 0;
    channels[i].at = {static_cast<int>(row), east ? machine.columns - 1 : 0};
  }
  machine.dram = std::move(channels);
}

void read_memories(const proto::AcceleratorDescription& text, const FieldReader& reader,
                   Accelerator& machine) {
  if (text.dram().empty())
    reader.refuse("dram", "(none)", "a machine needs at least one DRAM interface");
  for (int i = 0; i < text.dram_size(); ++i)
    machine.dram.push_back(to_dram(text.dram(i), machine, reader.inside("dram", i)));
  if (text.has_dram_channels())
    spread_channels(machine, reader.integer("dram_channels", text.dram_channels(), 0, 1, 64));
  std::set<std::string> names;
  for (int i = 0; i < text.shared_buffers_size(); ++i) {
    const FieldReader inner = reader.inside("shared_buffers", i);
    machine.shared_buffers.push_back(to_shared_buffer(text.shared_buffers(i), machine, inner));
    if (!names.insert(machine.shared_buffers.back().name).second)
      inner.refuse("name", machine.shared_buffers.back().name,
                   "another shared buffer has this name");
  }
}

template <typename Given>
Bytes read_stripe(const FieldReader& reader, const char* field, Given given, Bytes otherwise) {
  const auto bytes = reader.integer(field, given, static_cast<std::int64_t>(otherwise), 1, 1 << 30);
  if (!is_power_of_two(static_cast<Bytes>(bytes)))
    reader.refuse(field, bytes, "must be a power of two");
  return static_cast<Bytes>(bytes);
}

int read_word_bits(const proto::AcceleratorDescription& text, const FieldReader& reader) {
  const std::int64_t bits = text.has_word_bits() ? text.word_bits() : 16;
  if (bits != 8 && bits != 16 && bits != 32)
    reader.refuse("word_bits", bits, "must be 8, 16 or 32");
  return static_cast<int>(bits);
}

}  // namespace

Bytes Accelerator::shared_bytes() const {
  if (shared_buffers.empty()) return 0;
  Bytes smallest = shared_buffers.front().bytes;
  for (const auto& buffer : shared_buffers) smallest = std::min(smallest, buffer.bytes);
  return smallest / shared_interleave_bytes * shared_interleave_bytes;
}

Accelerator to_accelerator(const proto::AcceleratorDescription& text, const std::string& origin) {
  const FieldReader reader(origin);
  Accelerator machine;
  machine.name = text.name();
  machine.summary = text.summary();
  machine.clock_mhz = reader.positive("clock_mhz", TESSERA_GIVEN(text, clock_mhz),
                                      machine.clock_mhz, kMostMegahertz);
  machine.word_bits = read_word_bits(text, reader);
  machine.rows = reader.integer("rows", TESSERA_GIVEN(text, rows), machine.rows, 1, 256);
  machine.columns =
      reader.integer("columns", TESSERA_GIVEN(text, columns), machine.columns, 1, 256);
  machine.tile = to_tile(text.tile(), machine.word_bytes(), reader.inside("tile"));
  machine.dram_interleave_bytes =
      read_stripe(reader, "dram_interleave_bytes", TESSERA_GIVEN(text, dram_interleave_bytes),
                  machine.dram_interleave_bytes);
  machine.shared_interleave_bytes =
      read_stripe(reader, "shared_interleave_bytes", TESSERA_GIVEN(text, shared_interleave_bytes),
                  machine.shared_interleave_bytes);
  read_memories(text, reader, machine);
  machine.network = complete_network(text.noc(), machine, reader.inside("noc"));
  machine.energy = to_energy(text.energy(), reader.inside("energy"));
  if (text.has_default_schedule()) machine.default_schedule = text.default_schedule();
  return machine;
}

}  // namespace tessera::hw
