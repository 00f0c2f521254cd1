#include "noc/fabric.h"

#include <bit>

#include "sim/base/error.h"

namespace tessera::noc {

namespace {

/// Histories of grants are 64 cycles deep.
void check_lag(const Link& link, std::uint32_t lag) {
  if (lag > 60)
    throw UserError("noc: link from router ", link.from, " to ", link.to, " with latency ",
                    link.latency_cycles, ", width ", link.width_bytes,
                    " bytes and this credit delay takes ", lag, " cycles; allowed are up to 60");
}

}  // namespace

Fabric::Fabric(const NetworkConfig& config, const Topology& topology)
    : vcs(config.vcs()),
      vc_bits(static_cast<std::uint32_t>(std::bit_width(config.vcs() - 1))),
      vc_mask((1u << vc_bits) - 1),
      ring_capacity(std::bit_ceil(config.vc_buffer_flits + 1)),
      routers(topology.routers()),
      link_wires(topology.links().size()),
      injection_wires(topology.nodes().size()) {
  for (RouterId router = 0; router < topology.routers(); ++router) add_inputs(topology, router);
  const auto inputs = static_cast<WireId>(wires.size());
  for (NodeId node = 0; node < topology.nodes().size(); ++node)
    ejection_wires.push_back(inputs + node);
  wires.resize(wires.size() + topology.nodes().size());
  for (RouterId router = 0; router < topology.routers(); ++router)
    add_outputs(config, topology, router);
  for (LinkId id = 0; id < topology.links().size(); ++id)
    set_link_lags(config, topology.links()[id], link_wires[id]);
  for (NodeId node = 0; node < topology.nodes().size(); ++node) {
    const Node& at = topology.nodes()[node];
    Wire& in = wires[injection_wires[node]];
    in.flit_lag = static_cast<std::uint8_t>(at.injection_latency_cycles);
    in.credit_lag = static_cast<std::uint8_t>(at.injection_latency_cycles + 2);
    Wire& out = wires[ejection_wires[node]];
    out.flit_lag = static_cast<std::uint8_t>(at.ejection_latency_cycles + 2);
    out.credit_lag =
        static_cast<std::uint8_t>(2 * at.ejection_latency_cycles + 3 + config.credit_delay);
  }
  channels.resize(wires.size() << vc_bits);
  rings.resize(channels.size() * ring_capacity);
  for (ChannelId id = 0; id < channels.size(); ++id) {
    const Wire& wire = wires[wire_of(id)];
    channels[id].input_index = static_cast<std::uint16_t>(wire.input_port * vcs + vc_of(id));
    channels[id].output_index = static_cast<std::uint16_t>(wire.output_port * vcs + vc_of(id));
  }
}

void Fabric::add_inputs(const Topology& topology, RouterId router) {
  RouterPorts& ports = routers[router];
  ports.first_input = static_cast<std::uint32_t>(wires.size());
  const auto add = [&]() -> Wire& {
    Wire& wire = wires.emplace_back();
    wire.sink = router;
    wire.input_port = static_cast<std::uint8_t>(ports.inputs++);
    return wire;
  };
  for (const LinkId link : topology.incoming(router)) {
    link_wires[link] = static_cast<WireId>(wires.size());
    add().link = link;
  }
  for (const NodeId node : topology.attached(router)) {
    injection_wires[node] = static_cast<WireId>(wires.size());
    Wire& wire = add();
    wire.driver = node;
    wire.from_node = true;
  }
}

void Fabric::add_outputs(const NetworkConfig& config, const Topology& topology, RouterId router) {
  RouterPorts& ports = routers[router];
  ports.first_output = static_cast<std::uint32_t>(output_wires.size());
  const auto add = [&](WireId id) -> Wire& {
    Wire& wire = wires[id];
    wire.driver = router;
    wire.output_port = static_cast<std::uint8_t>(ports.outputs++);
    output_wires.push_back(id);
    return wire;
  };
  for (const LinkId id : topology.outgoing(router)) {
    Wire& wire = add(link_wires[id]);
    const std::uint32_t width = topology.links()[id].width_bytes;
    if (width != 0) wire.interval = static_cast<std::uint16_t>(ceil_div(config.flit_bytes, width));
  }
  for (const NodeId node : topology.attached(router)) {
    Wire& wire = add(ejection_wires[node]);
    wire.sink = node;
    wire.to_node = true;
  }
}

void Fabric::set_link_lags(const NetworkConfig& config, const Link& link, WireId id) {
  Wire& wire = wires[id];
  const std::uint32_t flit = link.latency_cycles + 2 + wire.interval - 1;
  const std::uint32_t credit = link.latency_cycles + 1 + config.credit_delay;
  check_lag(link, flit);
  check_lag(link, credit);
  wire.flit_lag = static_cast<std::uint8_t>(flit);
  wire.credit_lag = static_cast<std::uint8_t>(credit);
}

void Fabric::push(ChannelId channel, QueuedPacket packet) {
  Channel& c = channels[channel];
  if (c.packets++ == 0) {
    c.front = packet;
    return;
  }
  const std::uint32_t slot = (c.ring_front + c.packets - 2) & (ring_capacity - 1);
  rings[std::size_t{channel} * ring_capacity + slot] = packet;
}

void Fabric::pop(ChannelId channel) {
  Channel& c = channels[channel];
  if (--c.packets == 0) return;
  c.front = rings[std::size_t{channel} * ring_capacity + c.ring_front];
  c.ring_front = (c.ring_front + 1) & (ring_capacity - 1);
}

QueuedPacket Fabric::queued(ChannelId channel, std::uint32_t index) const {
  const Channel& c = channels[channel];
  if (index == 0) return c.front;
  const std::uint32_t slot = (c.ring_front + index - 1) & (ring_capacity - 1);
  return rings[std::size_t{channel} * ring_capacity + slot];
}

}  // namespace tessera::noc
