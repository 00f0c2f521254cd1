#include "sim/results/collect.h"

#include <algorithm>
#include <array>

#include "hw_models/dram/channel_report.h"
#include "sim/base/error.h"
#include "sim/machine/machine_rates.h"
#include "sim/results/energy.h"

namespace tessera::sim {

using hw::Cause;

namespace {

const char* kind_name(workloads::LayerKind kind) {
  switch (kind) {
    case workloads::LayerKind::kMatrix:
      return "matrix";
    case workloads::LayerKind::kPool:
      return "pool";
    case workloads::LayerKind::kMap:
      return "map";
    case workloads::LayerKind::kSoftmax:
      return "softmax";
    case workloads::LayerKind::kNormalise:
      return "normalise";
    case workloads::LayerKind::kMove:
      return "move";
  }
  return "";
}

proto::CycleStack stack_message(const hw::CycleStack& stack) {
  proto::CycleStack message;
  message.set_compute(stack.of(Cause::kCompute));
  message.set_array_fill_drain(stack.of(Cause::kFillDrain));
  message.set_buffer_and_delivery(stack.of(Cause::kDelivery));
  message.set_vector(stack.of(Cause::kVector));
  message.set_control(stack.of(Cause::kControl));
  message.set_wait_dram(stack.of(Cause::kWaitDram));
  message.set_wait_shared_buffer(stack.of(Cause::kWaitShared));
  message.set_wait_network(stack.of(Cause::kWaitNetwork));
  message.set_wait_peer(stack.of(Cause::kWaitPeer));
  message.set_idle(stack.of(Cause::kIdle));
  return message;
}

/// Sums of all tiles for one stage.
struct StageTotals {
  hw::TileCounts counts;
  int tiles = 0;
};

class Collector {
 public:
  Collector(const Machine& machine, Cycle cycles)
      : machine_(machine),
        program_(machine.program()),
        cycles_(cycles),
        stages_(program_.stages.size()) {}

  proto::Result run() {
    add_up_stages();
    check_books();
    result_.set_network(program_.network.name);
    result_.set_accelerator(machine_.accelerator().name);
    add_machine();
    result_.set_cycles(cycles_);
    result_.set_milliseconds(static_cast<double>(cycles_) / machine_.accelerator().clock_mhz / 1e3);
    result_.set_macs(program_.network.macs());
    result_.set_tiles(machine_.accelerator().tiles());
    result_.set_utilisation(utilisation(program_.network.macs(), cycles_));
    add_network();
    add_channels();
    add_shared_buffers();
    add_layers();
    add_tiles();
    result_.set_energy_source(machine_.accelerator().energy.source);
    return std::move(result_);
  }

 private:
  void add_up_stages() {
    for (const auto& tile : machine_.tiles()) {
      std::size_t turn = 0;
      for (const auto& counts : tile->counts()) {
        auto& stage =
            stages_[static_cast<std::size_t>(machine_.index().turns(tile->id())[turn++].stage)];
        ++stage.tiles;
        stage.counts.add(counts);
      }
    }
  }

  void check_books() const {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
      const auto& layer = program_.network.layers[program_.stages[s].layer];
      const auto again =
          layer.kind == workloads::LayerKind::kMatrix ? program_.stages[s].recomputed : 0;
      expect_equal("layer " + layer.name, "MACs executed", stages_[s].counts.macs,
                   "MACs of the layer and those declared as recomputation", layer.macs() + again);
    }
    const auto& packets = machine_.packets();
    expect_equal("network", "payload bytes delivered", packets.payload_delivered(), "sent",
                 packets.payload_sent());
    if (machine_.accelerator().ideal.has(hw::Ideal::kLatency) ||
        machine_.accelerator().ideal.has(hw::Ideal::kBandwidth))
      return check_stacks();  // no flits were moved
    const auto& flits = machine_.network().stats();
    const auto terms = machine_.reducer() != nullptr ? machine_.reducer()->stats().sent_flits : 0;
    expect_equal("network", "flits injected", flits.injected_flits(), "sent",
                 packets.flits_sent() + terms);
    expect_equal("network", "flits ejected or absorbed",
                 flits.ejected_flits() + flits.absorbed_flits(), "sent, times destinations",
                 packets.flits_sent_to_all() + terms);
    if (!machine_.accelerator().ideal.has(hw::Ideal::kDram))
      for (const auto& interface : machine_.dram()) check_channel(*interface);
    check_stacks();
  }

  void check_stacks() const {
    for (const auto& tile : machine_.tiles())
      expect_equal("tile " + std::to_string(tile->id()), "cycles with a cause",
                   tile->stack().total(), "cycles", cycles_);
  }

  /// Requests in = bursts out, and no cycle of the data bus without a cause.
  void check_channel(const hw::DramInterface& interface) const {
    const auto& stats = interface.channel().stats();
    const auto& counts = interface.counts();
    expect_equal("dram channel", "bursts read", stats.count(dram::CommandKind::kRead), "requested",
                 counts.read_bursts);
    expect_equal("dram channel", "bursts written", stats.count(dram::CommandKind::kWrite),
                 "requested", counts.write_bursts);
    expect_equal("dram channel", "bus cycles with a cause", stats.bus.total(),
                 "cycles to the last data beat", stats.last_data_end);
  }

  template <typename A, typename B>
  void expect_equal(const std::string& module, const char* what, A value, const char* other_what,
                    B other) const {
    if (static_cast<std::uint64_t>(value) != static_cast<std::uint64_t>(other))
      throw InvariantViolation(module, cycles_, what, " are ", value, ", ", other_what, " ", other);
  }

  double utilisation(std::int64_t macs, Cycle cycles) const {
    const auto& accelerator = machine_.accelerator();
    const auto& array = accelerator.tile.array;
    const double slots = static_cast<double>(cycles) * accelerator.tiles() * array.rows *
                         array.columns * array.macs_per_pe;
    return slots > 0 ? static_cast<double>(macs) / slots : 0;
  }

  void add_machine() {
    const auto& accelerator = machine_.accelerator();
    const auto& array = accelerator.tile.array;
    auto& message = *result_.mutable_machine();
    message.set_rows(accelerator.rows);
    message.set_columns(accelerator.columns);
    message.set_clock_mhz(accelerator.clock_mhz);
    message.set_macs_per_cycle(std::int64_t{array.rows} * array.columns * array.macs_per_pe *
                               accelerator.tiles());
    message.set_dram_bytes_per_cycle(machine_rates(accelerator).dram_bytes_per_cycle);
    message.set_buffer_bytes(accelerator.tile.buffer.bytes);
    message.set_topology(machine_.topology().name());
  }

  Bytes dram_bytes(std::size_t stage) const {
    Bytes bytes = 0;
    for (const auto& interface : machine_.dram()) bytes += interface->stage_bytes()[stage];
    return bytes;
  }

  void add_network() {
    const auto& stats = machine_.network().stats();
    auto& message = *result_.mutable_network_on_chip();
    message.set_packets(machine_.packets().packets());
    message.set_flits_injected(stats.injected_flits());
    message.set_flits_ejected(stats.ejected_flits());
    std::uint64_t flit_hops = 0, busy = 0, most = 0;
    const auto links = machine_.topology().links().size();
    for (std::size_t i = 0; i < links; ++i) {
      flit_hops += stats.wires[i].flits();
      busy += stats.wires[i].busy_cycles();
      most = std::max(most, stats.wires[i].busy_cycles());
    }
    message.set_flit_hops(flit_hops);
    if (machine_.network().config().traffic_classes > 1)
      add_traffic(stats, *message.mutable_flit_hops_by_class());
    if (machine_.reducer() != nullptr) add_sums(stats, *message.mutable_sums());
    if (links == 0 || cycles_ == 0) return;
    message.set_mean_link_utilisation(static_cast<double>(busy) / static_cast<double>(links) /
                                      static_cast<double>(cycles_));
    message.set_max_link_utilisation(static_cast<double>(most) / static_cast<double>(cycles_));
  }

  void add_traffic(const noc::NetworkStats& network, proto::Traffic& message) const {
    std::array<std::uint64_t, hw::kTrafficClasses> flits{};
    for (std::size_t i = 0; i < machine_.topology().links().size(); ++i)
      for (std::size_t one = 0; one < flits.size(); ++one)
        flits[one] += network.wires[i].class_flits[one];
    const auto of = [&](hw::TrafficClass one) { return flits[static_cast<std::size_t>(one)]; };
    message.set_fill(of(hw::TrafficClass::kFill));
    message.set_forward(of(hw::TrafficClass::kForward));
    message.set_rotation(of(hw::TrafficClass::kRotation));
    message.set_sums(of(hw::TrafficClass::kSums));
    message.set_store(of(hw::TrafficClass::kStore));
    message.set_control(of(hw::TrafficClass::kControl));
  }

  void add_sums(const noc::NetworkStats& network, proto::Sums& message) {
    const auto& stats = machine_.reducer()->stats();
    message.set_sums(stats.sums);
    message.set_terms(stats.terms);
    message.set_added_flits(network.added_flits());
    message.set_absorbed_flits(network.absorbed_flits());
    message.set_skipped_adders(stats.skipped);
    message.set_most_entries(stats.most_entries);
  }

  void add_channels() {
    for (const auto& interface : machine_.dram()) {
      auto report = dram::report_of(interface->channel(), interface->clocks().dram_cycle(cycles_));
      auto& message = *result_.add_dram_channels();
      message.set_read_bytes(interface->counts().read_bytes);
      message.set_written_bytes(interface->counts().written_bytes);
      const auto& stats = interface->channel().stats();
      for (int kind = 0; kind < dram::kCommandKinds; ++kind)
        (*message.mutable_counts())[std::string(
            dram::command_name(static_cast<dram::CommandKind>(kind)))] = stats.commands[kind];
      take_over(report, message);
    }
  }

  void add_shared_buffers() {
    const auto& descriptions = machine_.accelerator().shared_buffers;
    for (std::size_t i = 0; i < descriptions.size(); ++i) {
      const auto& counts = machine_.shared_buffers()[i]->counts();
      auto& message = *result_.add_shared_buffers();
      message.set_name(descriptions[i].name);
      message.set_read_bytes(counts.read_bytes);
      message.set_written_bytes(counts.written_bytes);
      message.set_bytes(descriptions[i].bytes);
      message.set_peak_held_bytes(counts.peak_held_bytes);
      message.set_utilisation(
          cycles_ > 0 ? static_cast<double>(counts.busy_cycles) / static_cast<double>(cycles_) : 0);
    }
  }

  static void take_over(dram::proto::DramResult& report, proto::Channel& message) {
    message.set_device(report.device());
    message.set_mapping(report.mapping());
    message.set_policy(report.policy());
    message.set_clock_ps(report.clock_ps());
    message.set_cycles(report.cycles());
    message.set_requests(report.requests());
    message.set_row_hit_rate(report.row_hit_rate());
    message.set_bandwidth_fraction(report.bandwidth_fraction());
    message.set_energy_source(report.energy_source());
    message.mutable_bus_cycles()->Swap(report.mutable_bus_cycles());
    message.mutable_read_latency_cycles()->Swap(report.mutable_read_latency_cycles());
    message.mutable_write_latency_cycles()->Swap(report.mutable_write_latency_cycles());
    message.mutable_read_latency_split_mean_cycles()->Swap(
        report.mutable_read_latency_split_mean_cycles());
    message.mutable_write_latency_split_mean_cycles()->Swap(
        report.mutable_write_latency_split_mean_cycles());
    message.mutable_energy_pj()->Swap(report.mutable_energy_pj());
    message.mutable_banks()->Swap(report.mutable_banks());
    message.mutable_bandwidth_series()->Swap(report.mutable_bandwidth_series());
  }

  void add_layers() {
    EnergyBooks books(machine_, cycles_);
    Cycle end_before = 0;
    for (std::size_t s = 0; s < stages_.size(); ++s) {
      const auto& layer = program_.network.layers[program_.stages[s].layer];
      const auto& counts = stages_[s].counts;
      const bool last = s + 1 == stages_.size();
      const Cycle end = last ? cycles_ : std::max(counts.last, end_before);
      auto& message = *result_.add_layers();
      message.set_name(layer.name);
      message.set_kind(kind_name(layer.kind));
      message.set_macs(layer.macs());
      message.set_recomputed_macs(counts.macs - layer.macs());
      message.set_vector_operations(counts.vector_operations);
      message.set_cycles(end - end_before);
      message.set_start_cycle(counts.first == kNever ? end_before : counts.first);
      message.set_end_cycle(end);
      message.set_tiles(stages_[s].tiles);
      message.set_dram_bytes(dram_bytes(s));
      message.set_utilisation(utilisation(layer.macs(), end - end_before));
      *message.mutable_energy_pj() = books.layer(static_cast<int>(s), counts, end - end_before);
      *message.mutable_cycle_stack() = stack_message(counts.stack);
      if (layer.kind == workloads::LayerKind::kMatrix)
        add_words(static_cast<int>(s), counts, message);
      if (machine_.accelerator().ideal.has(hw::Ideal::kToolwords) && machine_.tool() != nullptr)
        add_counted(static_cast<int>(s), message);
      end_before = end;
    }
    *result_.mutable_energy_pj() = books.total();
  }

  void add_words(int stage, const hw::TileCounts& counts, proto::Layer& message) const {
    const auto& lowered = program_.stages[static_cast<std::size_t>(stage)];
    const auto& layer = program_.network.layers[lowered.layer];
    for (int x = 0; x < hw::kOperands; ++x) {
      const bool output = x == hw::kOutputOperand;
      if (!output && static_cast<std::size_t>(x) >= layer.inputs.size()) continue;
      const auto& operand = output ? layer.output : layer.inputs[static_cast<std::size_t>(x)];
      const auto slot = output ? lowered.output_slot : x;
      auto& words = *message.add_words();
      words.set_operand(program_.network.tensors[operand.tensor].name);
      for (std::size_t p = 0; p < program_.parts.size(); ++p) {
        if (program_.parts[p].tensor != operand.tensor) continue;
        for (const auto& interface : machine_.dram()) {
          words.set_dram_read(words.dram_read() + words_of(interface->counts().part_read[p]));
          words.set_dram_written(words.dram_written() +
                                 words_of(interface->counts().part_written[p]));
        }
      }
      words.set_buffer_received(counts.words[x].received);
      words.set_array_delivered(counts.words[x].delivered);
      words.set_array_collected(counts.words[x].collected);
      words.set_registers_filled(counts.words[x].kept);
      words.set_bypasses_buffer(lowered.slots[static_cast<std::size_t>(slot)].staging);
    }
  }

  void add_counted(int stage, proto::Layer& message) const {
    const auto& layer =
        program_.network.layers[program_.stages[static_cast<std::size_t>(stage)].layer];
    const auto inputs = static_cast<int>(layer.inputs.size());
    for (int x = 0; x <= inputs; ++x) {
      const auto& operand = x == inputs ? layer.output : layer.inputs[static_cast<std::size_t>(x)];
      auto& counted = *message.add_counted_as_tool();
      counted.set_operand(program_.network.tensors[operand.tensor].name);
      counted.set_dram(machine_.tool()->words(stage, x));
      counted.set_buffer(machine_.tool()->buffer_words(stage, x));
      counted.set_word_hops(machine_.tool()->word_hops(stage, x));
    }
  }

  std::int64_t words_of(Bytes bytes) const {
    return static_cast<std::int64_t>(bytes) / program_.word_bytes;
  }

  void add_tiles() {
    hw::CycleStack stack;
    Bytes peak = 0;
    std::int64_t reserved = 0;
    std::int64_t of_all = 0;
    for (const auto& tile : machine_.tiles()) {
      stack.add(tile->stack());
      peak = std::max(peak, tile->peak_buffer_bytes());
      reserved = std::max(reserved, tile->peak_reserved_words());
      of_all += tile->peak_reserved_words();
    }
    *result_.mutable_cycle_stack() = stack_message(stack);
    result_.set_peak_buffer_bytes(peak);
    result_.set_peak_reserved_words(reserved);
    result_.set_all_tiles_reserved_words(of_all);
  }

  const Machine& machine_;
  const mapping::Program& program_;
  Cycle cycles_;
  std::vector<StageTotals> stages_;
  proto::Result result_;
};

}  // namespace

proto::Result collect(const Machine& machine, Cycle cycles) {
  return Collector(machine, cycles).run();
}

}  // namespace tessera::sim
