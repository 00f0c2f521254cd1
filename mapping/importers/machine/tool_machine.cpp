#include "mapping/importers/machine/tool_machine.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "sim/base/error.h"

namespace tessera::mapping::importers {

namespace {

constexpr double kClockMegahertz = 1000;
constexpr std::int64_t kBanks = 8;
constexpr std::int64_t kMostLineBytes = 1024;
constexpr std::int64_t kLeastFlitBytes = 4;
/// The tools let tensors pass a buffer without any store; a piece as large as the registers has to
/// fit.
constexpr std::int64_t kStagingBytes = 16 * 1024;
/// Kinds of channels from slow to fast; the first of which not too many are needed is taken.
struct ChannelKind {
  const char* device;
  double bytes;          ///< per transfer
  double megatransfers;  ///< at most
};
constexpr ChannelKind kChannelKinds[] = {{"lpddr4_3200", 2, 3200}, {"hbm2_pc", 8, 2000}};
constexpr std::int64_t kMostChannels = 32;
/// Off-chip bandwidth of tools that state none.
constexpr double kDefaultDramBytesPerCycle = 25.6;

std::int64_t power_of_two_above(double value) {
  return static_cast<std::int64_t>(
      std::bit_ceil(static_cast<std::uint64_t>(std::max(1.0, std::ceil(value)))));
}

class Description {
 public:
  explicit Description(const ToolMachine& machine) : machine_(machine) {
    word_bytes_ = static_cast<double>(machine.word_bits) / 8;
    pes_ = static_cast<double>(machine.array_rows * machine.array_columns);
    dram_bytes_ = std::isinf(machine.dram_words_per_cycle)
                      ? kDefaultDramBytesPerCycle
                      : machine.dram_words_per_cycle * word_bytes_;
  }

  hw::proto::AcceleratorDescription make() {
    out_.set_name(machine_.name);
    out_.set_summary("from " + machine_.origin);
    out_.set_clock_mhz(kClockMegahertz);
    out_.set_word_bits(machine_.word_bits);
    out_.set_rows(machine_.tile_rows);
    out_.set_columns(machine_.tile_columns);
    choose_widths();
    add_array();
    add_buffer();
    set_dram(out_, dram_bytes_);
    add_energy();
    return std::move(out_);
  }

 private:
  double read_words() const { return std::min(machine_.buffer_read_words_per_cycle, pes_); }
  double write_words() const { return std::min(machine_.buffer_write_words_per_cycle, pes_); }

  void choose_widths() {
    flit_bytes_ = machine_.link_words_per_cycle > 0
                      ? static_cast<std::int64_t>(
                            static_cast<double>(machine_.link_words_per_cycle) * word_bytes_)
                      : power_of_two_above(dram_bytes_);
    flit_bytes_ = std::clamp<std::int64_t>(flit_bytes_, kLeastFlitBytes, kMostLineBytes / 2);
    line_bytes_ = std::clamp<std::int64_t>(
        power_of_two_above(std::max(read_words(), write_words()) * word_bytes_),
        power_of_two_above(static_cast<double>(2 * flit_bytes_)), kMostLineBytes);
    out_.mutable_noc()->set_flit_bytes(static_cast<std::uint32_t>(flit_bytes_));
  }

  void add_array() {
    auto& array = *out_.mutable_tile()->mutable_array();
    array.set_rows(machine_.array_rows);
    array.set_columns(machine_.array_columns);
    array.set_reduction(hw::proto::PeArrayDescription::TREE);
    if (machine_.shared_registers) {
      array.set_register_bytes(register_bytes(0));
    } else {
      auto& files = *array.mutable_operand_registers();
      files.set_input(register_bytes(0));
      files.set_weight(register_bytes(1));
      files.set_output(register_bytes(2));
    }
    auto& bus = *array.mutable_bus_words_per_cycle();
    bus.set_input(words(read_words()));
    bus.set_weight(words(read_words()));
    bus.set_output(words(write_words()));
  }

  static std::int64_t words(double value) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(value));
  }

  std::int64_t register_bytes(int operand) const {
    constexpr std::int64_t most = 1 << 20;
    const auto kept = std::max<std::int64_t>(1, machine_.register_words[operand]);
    return std::min(most, kept * machine_.word_bits / 8);
  }

  void add_buffer() {
    auto& buffer = *out_.mutable_tile()->mutable_buffer();
    const std::int64_t unit = kBanks * line_bytes_;
    const auto bytes = static_cast<std::int64_t>(std::ceil(machine_.buffer_words * word_bytes_));
    // A line in every bank more than the tool has, for pieces of tensors that do not fill their
    // last line.
    buffer.set_bytes((bytes + unit - 1) / unit * unit + unit);
    buffer.set_banks(kBanks);
    buffer.set_line_bytes(line_bytes_);
    auto& interface = *out_.mutable_tile()->mutable_interface();
    interface.set_staging_bytes(kStagingBytes);
  }

  void add_energy() {
    auto& energy = *out_.mutable_energy();
    energy.set_source("costs of " + machine_.origin);
    energy.set_mac(machine_.mac_pj);
    energy.set_register_access_word(machine_.register_pj);
    energy.set_buffer_access_word(machine_.buffer_pj);
    energy.set_dram_access_word(machine_.dram_pj);
  }

  const ToolMachine& machine_;
  double word_bytes_ = 1;
  double pes_ = 1;
  double dram_bytes_ = 1;
  std::int64_t flit_bytes_ = 1;
  std::int64_t line_bytes_ = 1;
  hw::proto::AcceleratorDescription out_;
};

std::int64_t channels_of(const ChannelKind& kind, double bytes_per_cycle) {
  return power_of_two_above(bytes_per_cycle * kClockMegahertz / kind.bytes / kind.megatransfers);
}

}  // namespace

void set_dram(hw::proto::AcceleratorDescription& machine, double bytes_per_cycle) {
  const ChannelKind* kind = &kChannelKinds[0];
  if (channels_of(*kind, bytes_per_cycle) > kMostChannels) kind = &kChannelKinds[1];
  const std::int64_t channels = std::min(kMostChannels, channels_of(*kind, bytes_per_cycle));
  const double megatransfers =
      std::min(kind->megatransfers,
               bytes_per_cycle * kClockMegahertz / kind->bytes / static_cast<double>(channels));
  machine.clear_dram();
  for (std::int64_t i = 0; i < channels; ++i) {
    auto& channel = *machine.add_dram();
    channel.set_device(kind->device);
    channel.set_data_rate_mt_s(megatransfers);
    channel.mutable_at()->set_row((i / 2) % machine.rows());
    channel.mutable_at()->set_column(i % 2 == 0 ? 0 : machine.columns() - 1);
  }
}

hw::proto::AcceleratorDescription describe(const ToolMachine& machine) {
  return Description(machine).make();
}

}  // namespace tessera::mapping::importers
