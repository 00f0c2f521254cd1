#include "sim/machine/machine.h"

#include <algorithm>
#include <cmath>

#include "noc/topology/description.h"
#include "sim/base/error.h"

namespace tessera::sim {

namespace {

std::uint64_t period_of(double clock_mhz) {
  return static_cast<std::uint64_t>(std::llround(1e6 / clock_mhz));
}

/// Tells tiles and memory interfaces what the network brought, and wakes their shells.
class Dispatcher final : public PacketSwitch::Listener {
 public:
  Dispatcher(std::vector<std::unique_ptr<hw::Tile>>& tiles, std::vector<std::unique_ptr<hw::DramInterface>>& dram,
             std::vector<std::unique_ptr<ClockedModule>>& tile_modules,
             std::vector<std::unique_ptr<ClockedModule>>& dram_modules, std::unique_ptr<ClockedModule>& network)
      : tiles_(tiles), dram_(dram), tile_modules_(tile_modules), dram_modules_(dram_modules), network_(network) {}

  void arrived(hw::NodeId node, const hw::Message& message, Cycle cycle) override {
    if (node < tiles_.size()) {
      tiles_[node]->deliver(message, cycle);
      tile_modules_[node]->wake(cycle + 1);
    } else {
      auto& interface = *dram_[node - tiles_.size()];
      interface.deliver(message, cycle);
      dram_modules_[node - tiles_.size()]->wake(interface.clocks().dram_cycle(cycle + 1));
    }
  }

  void left(hw::NodeId node, std::uint64_t ticket, Cycle cycle) override {
    if (node < tiles_.size()) {
      tiles_[node]->packet_left(ticket, cycle);
      tile_modules_[node]->wake(cycle + 1);
    } else {
      dram_[node - tiles_.size()]->packet_left(ticket);
    }
  }

  void injected(Cycle cycle) override { network_->wake(cycle + 1); }

 private:
  std::vector<std::unique_ptr<hw::Tile>>& tiles_;
  std::vector<std::unique_ptr<hw::DramInterface>>& dram_;
  std::vector<std::unique_ptr<ClockedModule>>& tile_modules_;
  std::vector<std::unique_ptr<ClockedModule>>& dram_modules_;
  std::unique_ptr<ClockedModule>& network_;
};

}  // namespace

Machine::Machine(const hw::Accelerator& accelerator, const mapping::Program& program, MachineOptions options)
    : accelerator_(accelerator),
      program_(program),
      options_(std::move(options)),
      index_(program),
      compute_(accelerator, program),
      context_{accelerator, program, index_, compute_,
               hw::ChannelStripes(accelerator.dram.size(), accelerator.dram_interleave_bytes), options_.functional, options_.whole_blocks},
      period_ps_(period_of(accelerator.clock_mhz)),
      topology_(noc::build_topology(accelerator.network)) {
  sc_core::sc_set_time_resolution(1, sc_core::SC_PS);
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  if (options_.functional)
    memory_ = std::make_unique<hw::MemoryImage>(program, context_.stripes,
                                                workloads::seeded_values(program.network, options_.seed));
  listener_ = std::make_unique<Dispatcher>(tiles_, dram_, tile_modules_, dram_modules_, network_module_);
  for (const auto& layer : program.network.layers)
    all_work_ += static_cast<double>(layer.macs() + layer.vector_operations());
  build_network();
  build_dram();
  build_tiles();
}

Machine::~Machine() = default;

void Machine::build_network() {
  const auto config = noc::network_config(accelerator_.network);
  routing_ = noc::build_routing(accelerator_.network, topology_);
  network_ = std::make_unique<noc::Network>(config, topology_, *routing_);
  switch_ = std::make_unique<PacketSwitch>(*network_, config.flit_bytes, config.multicast,
                                           program_.stages.size(), *listener_);
  const bool no_latency = accelerator_.ideal.has(hw::Ideal::kLatency);
  const bool no_contention = accelerator_.ideal.has(hw::Ideal::kBandwidth);
  if (no_latency && no_contention) {
    switch_->set_instant();
  } else if (no_latency || no_contention) {
    using Kind = IdealTransport::Kind;
    ideal_transport_ = std::make_unique<IdealTransport>(no_latency ? Kind::kNoLatency : Kind::kNoContention,
                                                        network_->config(), topology_, *routing_);
    switch_->set_ideal(ideal_transport_.get());
  }
  network_module_ = std::make_unique<ClockedModule>("network", period_ps_, [this](Cycle now) {
    if (ideal_transport_ != nullptr) {
      ideal_transport_->advance(now, *switch_);
      report_progress(now);
      return ideal_transport_->next_event();
    }
    network_->advance(now, *switch_);
    report_progress(now);
    return network_->next_event();
  });
}

void Machine::build_dram() {
  for (std::size_t channel = 0; channel < accelerator_.dram.size(); ++channel) {
    const auto& description = accelerator_.dram[channel];
    dram::ChannelConfig config;
    config.device = hw::device_of(description);
    const hw::ClockPair clocks{period_ps_, config.device.timing.clock_ps};
    dram_.push_back(std::make_unique<hw::DramInterface>(channel, context_, config, clocks, *switch_, memory_.get()));
    dram_modules_.push_back(std::make_unique<ClockedModule>(
        ("dram" + std::to_string(channel)).c_str(), clocks.dram_ps,
        [interface = dram_.back().get()](std::uint64_t now) { return interface->run(now); }));
  }
}

void Machine::build_tiles() {
  for (int tile = 0; tile < accelerator_.tiles(); ++tile) {
    tiles_.push_back(std::make_unique<hw::Tile>(tile, context_, *switch_));
    tile_modules_.push_back(std::make_unique<ClockedModule>(
        ("tile" + std::to_string(tile)).c_str(), period_ps_,
        [interface = tiles_.back().get()](Cycle now) { return interface->run(now); }));
    if (options_.detailed_arrays) build_detailed_array(tile);
  }
}

void Machine::build_detailed_array(int tile) {
  detailed_arrays_.push_back(std::make_unique<DetailedArray>(
      ("array" + std::to_string(tile)).c_str(), accelerator_, period_ps_, [this, tile](const hw::ArrayTiming& timing) {
        tiles_[tile]->array_done(timing, sc_core::sc_time_stamp().value() / period_ps_);
        tile_modules_[tile]->wake_now();
      }));
  tiles_[tile]->set_array_executor(detailed_arrays_.back().get());
}

void Machine::report_progress(Cycle now) {
  if (options_.progress_every == 0 || now < next_progress_) return;
  next_progress_ = now + options_.progress_every;
  Progress progress{now, 0, {}};
  int latest = -1;
  double done = 0;
  for (const auto& tile : tiles_) {
    for (const auto& counts : tile->counts()) done += static_cast<double>(counts.macs + counts.vector_operations);
    latest = std::max(latest, tile->current_stage());
  }
  if (latest >= 0) progress.layer = program_.stages[static_cast<std::size_t>(latest)].name;
  progress.work_done = all_work_ > 0 ? std::min(1.0, done / all_work_) : 0;
  options_.progress(progress);
}

Cycle Machine::run() {
  for (auto& module : tile_modules_) module->wake(0);
  sc_core::sc_start();
  rethrow_failure();
  check_finished();
  Cycle end = switch_->last_arrival() + 1;
  for (const auto& tile : tiles_) end = std::max(end, tile->busy_until());
  for (const auto& interface : dram_) end = std::max(end, interface->busy_until());
  for (auto& tile : tiles_) tile->finish(end);
  for (auto& interface : dram_) interface->channel().finish(interface->clocks().dram_cycle(end));
  return end;
}

void Machine::rethrow_failure() const {
  const auto check = [](const std::unique_ptr<ClockedModule>& module) {
    if (module->failure() != nullptr) std::rethrow_exception(module->failure());
  };
  check(network_module_);
  for (const auto& module : tile_modules_) check(module);
  for (const auto& module : dram_modules_) check(module);
}

/// Events have run out: either everything is done, or somebody waits for something that will not come.
void Machine::check_finished() const {
  constexpr int kMostNamed = 8;
  std::string waits;
  int unfinished = 0;
  const auto note = [&](bool done, const std::string& text) {
    if (done) return;
    if (unfinished++ < kMostNamed) waits += "\n  " + text;
  };
  for (const auto& tile : tiles_) note(tile->finished(), tile->describe_wait());
  for (const auto& interface : dram_) note(interface->idle(), interface->describe_wait());
  if (!switch_->empty()) note(false, "packets are left in the network");
  if (unfinished == 0) return;
  if (unfinished > kMostNamed) waits += detail::concatenate("\n  and ", unfinished - kMostNamed, " more");
  throw NoProgress("the machine cannot move after cycle ", sc_core::sc_time_stamp().value() / period_ps_, ":", waits);
}

}  // namespace tessera::sim
