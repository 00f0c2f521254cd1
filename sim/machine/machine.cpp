#include "sim/machine/machine.h"

#include <algorithm>
#include <cmath>

#include "hw_models/memory_interface/channel_config.h"
#include "mapping/dram_channels.h"
#include "noc/topology/description.h"
#include "sim/base/error.h"

namespace tessera::sim {

namespace {

/// An array of PE modules reports its end a delta cycle after its last module; tiles look later
/// than that, so that they see it before they do anything else in the cycle, as with the closed
/// form.
constexpr int kArrayDeltas = 4;

/// Tells tiles and memory interfaces what the network brought, and wakes their shells.
class Dispatcher final : public PacketSwitch::Listener {
 public:
  Dispatcher(const MachineParts& parts, std::unique_ptr<ClockedModule>& network)
      : parts_(parts), network_(network) {}

  void arrived(hw::NodeId node, const hw::Message& message, Cycle cycle) override {
    const std::size_t memory = node - parts_.tiles.size();
    if (node < parts_.tiles.size()) {
      parts_.tiles[node]->deliver(message, cycle);
      parts_.tile_modules[node]->wake(cycle + 1);
    } else if (memory < parts_.dram.size()) {
      auto& interface = *parts_.dram[memory];
      interface.deliver(message, cycle);
      parts_.dram_modules[memory]->wake(interface.clocks().dram_cycle(cycle + 1));
    } else {
      parts_.shared_buffers[memory - parts_.dram.size()]->deliver(message, cycle);
      parts_.shared_modules[memory - parts_.dram.size()]->wake(cycle + 1);
    }
  }

  void left(hw::NodeId node, std::uint64_t ticket, Cycle cycle) override {
    const std::size_t memory = node - parts_.tiles.size();
    if (node < parts_.tiles.size()) {
      parts_.tiles[node]->packet_left(ticket, cycle);
      parts_.tile_modules[node]->wake(cycle + 1);
    } else if (memory < parts_.dram.size()) {
      parts_.dram[memory]->packet_left(ticket);
    } else {
      parts_.shared_buffers[memory - parts_.dram.size()]->packet_left(ticket);
    }
  }

  void injected(Cycle cycle) override { network_->wake(cycle + 1); }

 private:
  const MachineParts& parts_;
  std::unique_ptr<ClockedModule>& network_;
};

/// Tells the machine's observer which channel a command is of.
class ChannelListener final : public dram::CommandListener {
 public:
  ChannelListener(std::size_t channel, Observer& observer)
      : channel_(channel), observer_(observer) {}
  void issued(const dram::IssuedCommand& command) override {
    observer_.dram_command(channel_, command);
  }

 private:
  std::size_t channel_;
  Observer& observer_;
};

}  // namespace

std::uint64_t clock_period_ps(double clock_mhz) {
  return static_cast<std::uint64_t>(std::llround(1e6 / clock_mhz));
}

Machine::Machine(const hw::Accelerator& accelerator, const mapping::Program& program,
                 MachineOptions options)
    : accelerator_(accelerator),
      program_(program),
      options_(std::move(options)),
      index_(program),
      compute_(accelerator, program),
      context_{accelerator, program, index_, compute_, options_.functional, options_.whole_blocks},
      period_ps_(clock_period_ps(accelerator.clock_mhz)),
      topology_(noc::build_topology(accelerator.network)) {
  sc_core::sc_set_time_resolution(1, sc_core::SC_PS);
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  if (options_.functional)
    memory_ = std::make_unique<hw::MemoryImage>(
        context_, workloads::seeded_values(program.network, options_.seed));
  listener_ = std::make_unique<Dispatcher>(parts_, network_module_);
  for (const auto& layer : program.network.layers)
    all_work_ += static_cast<double>(layer.macs() + layer.vector_operations());
  build_tool_machine();
  build_network();
  build_dram();
  build_shared_buffers();
  build_tiles();
  attach_observers();
}

Machine::~Machine() = default;

void Machine::build_network() {
  auto config = noc::network_config(accelerator_.network);
  if (options_.traffic_classes) config.traffic_classes = hw::kTrafficClasses;
  routing_ = noc::build_routing(accelerator_.network, topology_);
  network_ = std::make_unique<noc::Network>(config, topology_, *routing_);
  network_->set_observer(options_.packet_observer);
  switch_ = std::make_unique<PacketSwitch>(*network_, config.flit_bytes, config.multicast,
                                           program_.stages.size(), *listener_);
  if (std::ranges::any_of(program_.stages, &mapping::Stage::sums_in_network)) {
    reducer_ = std::make_unique<noc::Reducer>(*network_, *switch_);
    switch_->set_reducer(reducer_.get());
  }
  const bool no_latency = accelerator_.ideal.has(hw::Ideal::kLatency);
  const bool no_contention = accelerator_.ideal.has(hw::Ideal::kBandwidth);
  if (no_latency && no_contention) {
    switch_->set_instant();
  } else if (no_latency || no_contention) {
    using Kind = IdealTransport::Kind;
    ideal_transport_ =
        std::make_unique<IdealTransport>(no_latency ? Kind::kNoLatency : Kind::kNoContention,
                                         network_->config(), topology_, *routing_);
    switch_->set_ideal(ideal_transport_.get());
  }
  network_module_ = std::make_unique<ClockedModule>(
      "network", period_ps_, [this](Cycle now) { return step_network(now); });
}

/// The channels' peak rates add up.
void Machine::build_tool_machine() {
  if (options_.tool_layers.empty()) return;
  double bytes_per_ps = 0;
  for (std::size_t channel = 0; channel < accelerator_.dram.size(); ++channel) {
    const auto device = hw::channel_config_of(accelerator_, channel).device;
    const auto& timing = device.timing;
    bytes_per_ps += static_cast<double>(device.geometry.burst_bytes) /
                    static_cast<double>(timing.burst * timing.clock_ps);
  }
  tool_ = std::make_unique<hw::ToolMachine>(program_, options_.tool_layers, 1 / bytes_per_ps,
                                            period_ps_);
  tool_->set_wake([this](int tile, Cycle at) {
    parts_.tile_modules[static_cast<std::size_t>(tile)]->wake(at);
  });
  context_.tool = tool_.get();
}

Cycle Machine::step_network(Cycle now) {
  if (next_sample_ <= now) take_samples(now);
  report_progress(now);
  if (ideal_transport_ != nullptr) {
    ideal_transport_->advance(now, *switch_);
    return ideal_transport_->next_event();
  }
  advance_network(now);
  return reducer_ != nullptr ? reducer_->next_event() : network_->next_event();
}

void Machine::advance_network(Cycle now) {
  if (reducer_ != nullptr)
    reducer_->advance(now);
  else
    network_->advance(now, *switch_);
}

/// Nothing has happened in the network since it was last called; only its counters may lag behind.
void Machine::take_samples(Cycle now) {
  for (; next_sample_ <= now; next_sample_ = observer_->next_sample()) {
    if (network_->stats().cycle + 1 < next_sample_) advance_network(next_sample_ - 1);
    observer_->sampled({next_sample_, false, network_->stats(), parts_.dram});
  }
}

void Machine::build_dram() {
  for (std::size_t channel = 0; channel < accelerator_.dram.size(); ++channel) {
    const auto config = hw::channel_config_of(accelerator_, channel);
    check_capacity(channel, config.device);
    const hw::ClockPair clocks{period_ps_, config.device.timing.clock_ps};
    parts_.dram.push_back(std::make_unique<hw::DramInterface>(channel, context_, config, clocks,
                                                              *switch_, memory_.get()));
    parts_.dram_modules.push_back(std::make_unique<ClockedModule>(
        ("dram" + std::to_string(channel)).c_str(), clocks.dram_ps,
        [interface = parts_.dram.back().get()](std::uint64_t now) { return interface->run(now); }));
  }
}

void Machine::build_shared_buffers() {
  for (std::size_t number = 0; number < accelerator_.shared_buffers.size(); ++number) {
    parts_.shared_buffers.push_back(
        std::make_unique<hw::SharedBuffer>(number, context_, *switch_, memory_.get()));
    parts_.shared_modules.push_back(std::make_unique<ClockedModule>(
        ("shared" + std::to_string(number)).c_str(), period_ps_,
        [buffer = parts_.shared_buffers.back().get()](Cycle now) { return buffer->run(now); }));
  }
}

void Machine::check_capacity(std::size_t channel, const dram::Device& device) const {
  std::uint64_t end = 0;
  for (const auto& part : program_.parts) {
    const auto& layout = program_.layouts[part.tensor];
    if (part.home == mapping::Home::kDram &&
        mapping::holds_part(layout, channel, accelerator_.dram.size()))
      end = std::max(
          end, layout.base_address + mapping::bytes_per_channel(layout, accelerator_.dram.size()));
  }
  if (end > device.geometry.capacity_bytes())
    throw UserError("accelerator ", accelerator_.name, ": dram[", channel,
                    "]: the tensors end at byte ", end, "; ", device.name, " holds ",
                    device.geometry.capacity_bytes());
}

void Machine::build_tiles() {
  for (int tile = 0; tile < accelerator_.tiles(); ++tile) {
    parts_.tiles.push_back(std::make_unique<hw::Tile>(tile, context_, *switch_));
    parts_.tile_modules.push_back(std::make_unique<ClockedModule>(
        ("tile" + std::to_string(tile)).c_str(), period_ps_,
        [interface = parts_.tiles.back().get()](Cycle now) { return interface->run(now); },
        options_.detailed_arrays ? kArrayDeltas : 0));
    if (options_.detailed_arrays) build_detailed_array(tile);
  }
}

void Machine::build_detailed_array(int tile) {
  detailed_arrays_.push_back(std::make_unique<DetailedArray>(
      ("array" + std::to_string(tile)).c_str(), accelerator_, period_ps_,
      [this, tile](const hw::ArrayTiming& timing) {
        parts_.tiles[tile]->array_done(timing, sc_core::sc_time_stamp().value() / period_ps_);
        parts_.tile_modules[tile]->wake_now();
      }));
  parts_.tiles[tile]->set_array_executor(detailed_arrays_.back().get());
}

void Machine::attach_observers() {
  if (options_.observers.empty()) return;
  if (options_.observers.size() > 1)
    observers_ = std::make_unique<ObserverList>(options_.observers);
  observer_ = observers_ != nullptr ? observers_.get() : options_.observers.front();
  next_sample_ = observer_->next_sample();
  switch_->set_observer(observer_);
  for (const auto& tile : parts_.tiles) tile->set_observer(observer_);
  for (const auto& buffer : parts_.shared_buffers) buffer->set_observer(observer_);
  for (std::size_t channel = 0; channel < parts_.dram.size(); ++channel) {
    parts_.dram[channel]->set_observer(observer_);
    if (!observer_->wants_dram_commands()) continue;
    command_listeners_.push_back(std::make_unique<ChannelListener>(channel, *observer_));
    parts_.dram[channel]->channel().set_listener(command_listeners_.back().get());
  }
}

void Machine::report_progress(Cycle now) {
  if (options_.progress_every == 0 || now < next_progress_) return;
  next_progress_ = now + options_.progress_every;
  Progress progress{now, 0, {}};
  int latest = -1;
  double done = 0;
  for (const auto& tile : parts_.tiles) {
    for (const auto& counts : tile->counts())
      done += static_cast<double>(counts.macs + counts.vector_operations);
    latest = std::max(latest, tile->current_stage());
  }
  if (latest >= 0) progress.layer = program_.stages[static_cast<std::size_t>(latest)].name;
  progress.work_done = all_work_ > 0 ? std::min(1.0, done / all_work_) : 0;
  options_.progress(progress);
}

Cycle Machine::run() {
  for (auto& module : parts_.tile_modules) module->wake(0);
  sc_core::sc_start();
  rethrow_failure();
  check_finished();
  Cycle end = switch_->last_arrival() + 1;
  for (const auto& tile : parts_.tiles) end = std::max(end, tile->busy_until());
  for (const auto& interface : parts_.dram) end = std::max(end, interface->busy_until());
  for (const auto& buffer : parts_.shared_buffers) end = std::max(end, buffer->busy_until());
  if (tool_ != nullptr && accelerator_.ideal.has(hw::Ideal::kOverlap))
    end = std::max(end, tool_->end());
  for (auto& tile : parts_.tiles) tile->finish(end);
  for (auto& interface : parts_.dram)
    interface->channel().finish(interface->clocks().dram_cycle(end));
  network_->stats().check_classes();
  if (observer_ != nullptr) {
    observer_->sampled({end, true, network_->stats(), parts_.dram});
    observer_->finished(end);
  }
  return end;
}

void Machine::rethrow_failure() const {
  const auto check = [](const std::unique_ptr<ClockedModule>& module) {
    if (module->failure() != nullptr) std::rethrow_exception(module->failure());
  };
  check(network_module_);
  for (const auto& module : parts_.tile_modules) check(module);
  for (const auto& module : parts_.dram_modules) check(module);
  for (const auto& module : parts_.shared_modules) check(module);
}

/// Events have run out: either everything is done, or somebody waits for something that will not
/// come.
void Machine::check_finished() const {
  constexpr int kMostNamed = 8;
  std::string waits;
  int unfinished = 0;
  const auto note = [&](bool done, const std::string& text) {
    if (done) return;
    if (unfinished++ < kMostNamed) waits += "\n  " + text;
  };
  for (const auto& tile : parts_.tiles) note(tile->finished(), tile->describe_wait());
  for (const auto& interface : parts_.dram) note(interface->idle(), interface->describe_wait());
  for (const auto& buffer : parts_.shared_buffers) note(buffer->idle(), buffer->describe_wait());
  if (!switch_->empty()) note(false, "packets are left in the network");
  if (unfinished == 0) return;
  if (unfinished > kMostNamed)
    waits += detail::concatenate("\n  and ", unfinished - kMostNamed, " more");
  throw NoProgress("the machine cannot move after cycle ",
                   sc_core::sc_time_stamp().value() / period_ps_, ":", waits);
}

}  // namespace tessera::sim
