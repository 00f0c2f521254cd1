#include "noc/network.h"

#include "noc/engine.h"
#include "noc/topology/dependency_graph.h"
#include "sim/base/error.h"

namespace tessera::noc {

namespace {

NetworkStats frame(const Engine& engine) {
  const Topology& topology = engine.topology();
  NetworkStats stats;
  for (LinkId id = 0; id < topology.links().size(); ++id) {
    WireStats& wire = stats.wires.emplace_back();
    wire.link = id;
    wire.from = topology.links()[id].from;
    wire.to = topology.links()[id].to;
  }
  for (const WireKind kind : {WireKind::kInjection, WireKind::kEjection})
    for (NodeId node = 0; node < topology.nodes().size(); ++node) {
      WireStats& wire = stats.wires.emplace_back();
      wire.kind = kind;
      wire.node = node;
      wire.adder = topology.nodes()[node].adder;
      wire.from = wire.to = topology.nodes()[node].router;
    }
  return stats;
}

WireId wire_id(const Fabric& fabric, const WireStats& wire) {
  switch (wire.kind) {
    case WireKind::kInjection:
      return fabric.injection_wires[wire.node];
    case WireKind::kEjection:
      return fabric.ejection_wires[wire.node];
    case WireKind::kLink:
      break;
  }
  return fabric.link_wires[wire.link];
}

// Each flit that arrived occupies a slot from its arrival to its grant, the last cycle not
// included.
std::uint64_t occupancy(const Channel& channel, const Wire& wire, Cycle now) {
  const Cycle end = now + 1;
  const std::uint64_t under_way =
      channel.sent.count() - channel.sent.count_before(now, wire.flit_lag);
  const std::uint64_t arrived = channel.sent.count() - under_way;
  const std::uint64_t latched =
      channel.sent.cycle_sum_before(now, wire.flit_lag) + arrived * wire.flit_lag;
  return channel.freed.cycle_sum() + (arrived - channel.freed.count()) * end - latched;
}

/// Where frame() put a wire.
std::size_t place_of(const Engine& engine, const Wire& wire) {
  const std::size_t links = engine.topology().links().size();
  if (wire.from_node) return links + wire.driver;
  if (wire.to_node) return links + engine.topology().nodes().size() + wire.sink;
  return wire.link;
}

/// What waits now has waited up to and including the present cycle.
void add_waits_under_way(const Engine& engine, NetworkStats& stats) {
  const Fabric& fabric = engine.fabric();
  for (const Channel& channel : fabric.channels) {
    if (channel.stalled_since > engine.now()) continue;
    const Cycle waited = engine.now() + 1 - channel.stalled_since;
    WireStats& wire = stats.wires[place_of(engine, fabric.wires[channel.out_wire])];
    if (channel.fork == kNone && channel.state == ChannelState::kActive)
      wire.channels[fabric.vc_of(channel.out)].credit_stall_cycles += waited;
    else
      wire.vc_wait_cycles += waited;
  }
}

}  // namespace

Network::Network(const NetworkConfig& config, const Topology& topology, const Routing& routing) {
  check_config(config, routing);
  require_deadlock_free(topology, routing);
  engine_ = std::make_unique<Engine>(config, topology, routing);
  stats_ = std::make_unique<NetworkStats>(frame(*engine_));
  if (config.bin_cycles != 0) series_.emplace(config.bin_cycles);
}

Network::~Network() = default;
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;

void Network::inject(Cycle now, const PacketRequest& request) { engine_->inject(now, request); }
SumId Network::open_sum(const SumRequest& request) { return engine_->open_sum(request); }
Cycle Network::next_event() const { return engine_->next_event(); }
void Network::advance(Cycle now, PacketSink& sink) {
  while (series_ && series_->bin_end() < now) {
    engine_->advance(series_->bin_end(), sink);
    series_->sample(stats());
  }
  engine_->advance(now, sink);
}
std::uint64_t Network::packets_under_way() const { return engine_->packets_under_way(); }
void Network::set_observer(DeliveryObserver* observer) { engine_->set_observer(observer); }
DeliveryObserver* Network::observer() const { return engine_->observer(); }
const Topology& Network::topology() const { return engine_->topology(); }
const NetworkConfig& Network::config() const { return engine_->config(); }
const Routing& Network::routing() const { return engine_->routing(); }
std::string Network::describe_waiting(std::size_t limit) const {
  return engine_->describe_waiting(limit);
}
void Network::check_conservation() const { engine_->check_conservation(); }

void Network::lose_flit(LinkId link, std::uint32_t vc) {
  engine_->lose_flit(engine_->fabric().channel_of(engine_->fabric().link_wires[link], vc));
}
void Network::lose_flit_to(NodeId node, std::uint32_t vc) { engine_->lose_flit_to(node, vc); }
void Network::lose_credit(LinkId link, std::uint32_t vc) {
  engine_->lose_credit(engine_->fabric().channel_of(engine_->fabric().link_wires[link], vc));
}

TimeSeries Network::time_series() const {
  if (!series_) throw UserError("noc.bin_cycles 0: set it to the length of a bin");
  TimeSeries series = *series_;
  series.sample(stats());
  return series;
}

const NetworkStats& Network::stats() const {
  engine_->settle_all();
  const Fabric& fabric = engine_->fabric();
  stats_->cycle = engine_->now();
  for (WireStats& stats : stats_->wires) {
    const WireId id = wire_id(fabric, stats);
    const Wire& wire = fabric.wires[id];
    const WireCounters& counters = engine_->wire_counters()[id];
    stats.interval_cycles = wire.interval;
    stats.packets = wire.vc_grants;
    stats.vc_losses = counters.vc_losses;
    stats.vc_wait_cycles = counters.vc_wait_cycles;
    const auto& classes = engine_->class_flits();
    if (!classes.empty()) {
      const auto count = engine_->config().traffic_classes;
      stats.class_flits.assign(classes.begin() + id * count, classes.begin() + (id + 1) * count);
    }
    stats.channels.resize(fabric.vcs);
    for (std::uint32_t vc = 0; vc < fabric.vcs; ++vc) {
      const Channel& channel = fabric.channels[fabric.channel_of(id, vc)];
      const ChannelCounters& counted = engine_->channel_counters()[fabric.channel_of(id, vc)];
      const bool buffered = !wire.to_node && channel.sent.count() != 0;
      stats.channels[vc] = {channel.sent.count(), counted.credit_stall_cycles,
                            counted.switch_losses,
                            buffered ? occupancy(channel, wire, engine_->now()) : 0,
                            buffered ? channel.freed.count() : 0};
    }
  }
  add_waits_under_way(*engine_, *stats_);
  return *stats_;
}

}  // namespace tessera::noc
