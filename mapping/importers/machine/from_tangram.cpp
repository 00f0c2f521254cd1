#include "mapping/importers/machine/from_tangram.h"

#include "mapping/importers/tangram/import.h"

namespace tessera::mapping::importers {

namespace {

constexpr double kClockMegahertz = 500;
constexpr std::int64_t kBanks = 8;
constexpr std::int64_t kLineBytes = 32;
constexpr std::int64_t kFlitBytes = 16;
constexpr std::int64_t kBusWords = 16;
constexpr const char* kDevice = "lpddr4_3200";
constexpr double kDeviceBytes = 2;  ///< per transfer

using hw::proto::AcceleratorDescription;
using tangram::HardwareFacts;

void add_tile(const HardwareFacts& hardware, AcceleratorDescription& out) {
  const std::int64_t word_bytes = hardware.word_bits / 8;
  auto& array = *out.mutable_tile()->mutable_array();
  array.set_rows(hardware.array_rows);
  array.set_columns(hardware.array_columns);
  array.set_input_delivery(hw::proto::PeArrayDescription::MULTICAST);
  array.set_weight_delivery(hw::proto::PeArrayDescription::MULTICAST);
  array.set_reduction(hw::proto::PeArrayDescription::CHAIN);
  array.set_register_bytes(hardware.regf_words * word_bytes);
  auto& bus = *array.mutable_bus_words_per_cycle();
  bus.set_input(kBusWords);
  bus.set_weight(kBusWords);
  bus.set_output(kBusWords);
  auto& buffer = *out.mutable_tile()->mutable_buffer();
  const std::int64_t unit = kBanks * kLineBytes;
  const std::int64_t bytes = hardware.gbuf_words * word_bytes;
  buffer.set_bytes((bytes + unit - 1) / unit * unit + unit);
  buffer.set_banks(kBanks);
  buffer.set_line_bytes(kLineBytes);
  out.mutable_tile()->mutable_interface()->set_staging_bytes(tangram::kStagingBytes);
  out.mutable_tile()->mutable_vector_unit()->set_lanes(hardware.array_rows *
                                                       hardware.array_columns);
}

void add_dram(const HardwareFacts& hardware, AcceleratorDescription& out) {
  const double bytes_per_cycle =
      hardware.dram_words_per_cycle * static_cast<double>(hardware.word_bits) / 8;
  const double megatransfers = bytes_per_cycle * kClockMegahertz / kDeviceBytes /
                               static_cast<double>(hardware.dram_nodes.size());
  for (const auto node : hardware.dram_nodes) {
    auto& channel = *out.add_dram();
    channel.set_device(kDevice);
    channel.set_data_rate_mt_s(megatransfers);
    channel.mutable_at()->set_row(node.row);
    channel.mutable_at()->set_column(node.column);
  }
}

void add_energy(const tangram::Document& document, const std::string& origin,
                AcceleratorDescription& out) {
  const auto& costs = document.costs;
  auto& energy = *out.mutable_energy();
  energy.set_source("costs of " + origin + ", one picojoule for one of its units");
  energy.set_mac(costs.mac);
  energy.set_register_access_word(costs.regf_word);
  energy.set_array_transfer_word(costs.itcn_word);
  energy.set_buffer_access_word(costs.gbuf_word);
  energy.set_vector_operation(costs.mac);
  energy.set_noc_hop_word(costs.noc_word_hop);
  energy.set_dram_access_word(costs.dram_word);
  energy.set_static_per_tile_cycle(
      costs.static_cycle / static_cast<double>(document.hardware.rows * document.hardware.columns));
}

}  // namespace

AcceleratorDescription machine_of(const tangram::Document& document, const std::string& name,
                                  const std::string& origin) {
  AcceleratorDescription out;
  out.set_name(name);
  out.set_summary("hardware of " + origin);
  out.set_clock_mhz(kClockMegahertz);
  out.set_word_bits(document.hardware.word_bits);
  out.set_rows(document.hardware.rows);
  out.set_columns(document.hardware.columns);
  add_tile(document.hardware, out);
  add_dram(document.hardware, out);
  out.mutable_noc()->set_flit_bytes(kFlitBytes);
  add_energy(document, origin, out);
  return out;
}

}  // namespace tessera::mapping::importers
