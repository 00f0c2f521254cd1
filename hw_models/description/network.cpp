#include "hw_models/description/network.h"

#include <algorithm>
#include <vector>

#include "noc/topology/description.h"
#include "noc/topology/topology.h"

namespace tessera::hw {

namespace {

constexpr std::int64_t kDefaultFlitBytes = 16;
constexpr std::int64_t kShallowestChannel = 8;

struct ChannelClass {
  const char* name;
  std::uint32_t vcs;
};
/// Data packets are long and wait for multicast branches; requests and grants are single flits. Two
/// channels is the least that every topology can route on (a torus needs one for each side of its
/// dateline).
constexpr ChannelClass kChannelClasses[] = {{"request", 2}, {"data", 4}, {"grant", 2}};

void take_grid(const Accelerator& machine, const FieldReader& reader,
               noc::proto::NetworkDescription& network) {
  if (network.topology() == noc::proto::LINKS) return;
  const auto side = [&](const char* field, std::uint32_t given, int tiles) {
    if (given != 0 && given != static_cast<std::uint32_t>(tiles))
      reader.refuse(field, given,
                    detail::concatenate("must be that of the tile grid, ", tiles, ", or left out"));
  };
  side("columns", network.columns(), machine.columns);
  side("rows", network.rows(), machine.rows);
  network.set_columns(static_cast<std::uint32_t>(machine.columns));
  network.set_rows(static_cast<std::uint32_t>(machine.rows));
}

/// A link that is wider than its share of the buffer port would overrun it.
void check_flit(const Accelerator& machine, const FieldReader& reader,
                noc::proto::NetworkDescription& network) {
  const BufferDescription& buffer = machine.tile.buffer;
  const std::int64_t flits_per_line = buffer.ports == 2 ? 2 : 4;
  const auto widest = static_cast<std::int64_t>(buffer.line_bytes) / flits_per_line;
  const std::int64_t flit = network.has_flit_bytes() ? network.flit_bytes() : kDefaultFlitBytes;
  if (flit < 1 || flit > widest)
    reader.refuse("flit_bytes", flit,
                  detail::concatenate("must be 1 to ", widest, ", tile.buffer.line_bytes / ",
                                      flits_per_line, " with ", buffer.ports, " buffer port(s)"));
  network.set_flit_bytes(static_cast<std::uint32_t>(flit));
}

void size_channels(const Accelerator& machine, const FieldReader& reader,
                   noc::proto::NetworkDescription& network) {
  if (network.virtual_networks().empty())
    for (const auto& [name, vcs] : kChannelClasses) {
      auto& added = *network.add_virtual_networks();
      added.set_name(name);
      added.set_vcs(vcs);
    }
  if (network.virtual_networks_size() != std::ssize(kChannelClasses))
    reader.refuse("virtual_networks", network.virtual_networks_size(),
                  "must be three: request, data, grant");
  const auto payload = static_cast<std::int64_t>(machine.tile.interface.max_payload_bytes);
  const std::int64_t packet = 1 + ceil_div<std::int64_t>(payload, network.flit_bytes());
  if (!network.has_vc_buffer())
    network.set_vc_buffer(static_cast<std::uint32_t>(std::max(packet, kShallowestChannel)));
  if (network.vc_buffer() < packet)
    reader.refuse("vc_buffer", network.vc_buffer(),
                  detail::concatenate("must hold the largest data packet, ", packet, " flits"));
}

/// The routers of all tiles must reach each other over the links.
void check_connected(const noc::Topology& topology, const FieldReader& reader) {
  for (const bool forward : {true, false}) {
    std::vector<bool> reached(topology.routers(), false);
    std::vector<noc::RouterId> open = {topology.nodes()[0].router};
    reached[open[0]] = true;
    while (!open.empty()) {
      const noc::RouterId router = open.back();
      open.pop_back();
      for (const noc::LinkId id : forward ? topology.outgoing(router) : topology.incoming(router)) {
        const noc::Link& link = topology.links()[id];
        const noc::RouterId next = forward ? link.to : link.from;
        if (reached[next]) continue;
        reached[next] = true;
        open.push_back(next);
      }
    }
    for (std::size_t node = 0; node < topology.nodes().size(); ++node)
      if (!reached[topology.nodes()[node].router])
        reader.refuse("links", detail::concatenate("(", topology.links().size(), " links)"),
                      detail::concatenate("there is no path ", forward ? "from" : "to", " tile 0 ",
                                          forward ? "to" : "from", " tile ", node));
  }
}

void attach_memories(const Accelerator& machine, const noc::Topology& topology,
                     noc::proto::NetworkDescription& network) {
  const auto attach = [&](Coordinate at) {
    const auto tile = static_cast<std::size_t>(machine.tile_id(at));
    network.add_extra_nodes()->set_router(topology.nodes()[tile].router);
  };
  for (const auto& dram : machine.dram) attach(dram.at);
  for (const auto& buffer : machine.shared_buffers) attach(buffer.at);
}

}  // namespace

noc::proto::NetworkDescription complete_network(const noc::proto::NetworkDescription& given,
                                                const Accelerator& machine,
                                                const FieldReader& reader) {
  noc::proto::NetworkDescription network = given;
  if (network.extra_nodes_size() > 0)
    reader.refuse("extra_nodes", network.extra_nodes_size(),
                  "leave them out; DRAM interfaces and shared buffers are added where they stand");
  take_grid(machine, reader, network);
  check_flit(machine, reader, network);
  size_channels(machine, reader, network);
  const noc::Topology topology = noc::build_topology(network);
  if (topology.terminals() != static_cast<std::size_t>(machine.tiles()))
    reader.refuse("links.nodes", topology.terminals(),
                  detail::concatenate("must be one per tile, ", machine.tiles()));
  check_connected(topology, reader);
  attach_memories(machine, topology, network);
  return network;
}

}  // namespace tessera::hw
