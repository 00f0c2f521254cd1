// Helpers of the network tests.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "noc/network.h"
#include "noc/topology/builders.h"
#include "noc/topology/description.h"
#include "sim/base/error.h"
#include "tests/support/grid.h"

namespace tessera::noc {

/// Remembers every call in order.
class RecordingSink : public PacketSink {
 public:
  struct Record {
    std::uint64_t tag;
    NodeId node;
    Cycle cycle;
    bool operator==(const Record&) const = default;
    auto operator<=>(const Record&) const = default;
  };
  void packet_injected(std::uint64_t tag, NodeId source, Cycle cycle) override {
    injected.push_back({tag, source, cycle});
  }
  void packet_arrived(std::uint64_t tag, NodeId destination, Cycle cycle) override {
    arrived.push_back({tag, destination, cycle});
  }
  std::vector<Record> injected;
  std::vector<Record> arrived;
};

/// A network with the things it refers to.
struct TestNetwork {
  TestNetwork(Topology t, std::unique_ptr<Routing> (*make)(const Topology&),
              const NetworkConfig& config = {})
      : topology(std::move(t)), routing(make(topology)), network(config, topology, *routing) {}
  TestNetwork(Topology t, std::unique_ptr<Routing> r, const NetworkConfig& config)
      : topology(std::move(t)), routing(std::move(r)), network(config, topology, *routing) {}

  void send(Cycle now, NodeId source, NodeId destination, std::uint32_t flits, std::uint64_t tag,
            std::uint8_t virtual_network = 0) {
    network.inject(now, {source, {&destination, 1}, flits, virtual_network, tag});
  }
  void drain() {
    for (Cycle next = network.next_event(); next != kNever; next = network.next_event())
      network.advance(next, sink);
  }

  Topology topology;
  std::unique_ptr<Routing> routing;
  Network network;
  RecordingSink sink;
};

inline NetworkConfig with_vcs(std::uint32_t vcs, std::uint32_t buffer = 8) {
  NetworkConfig config;
  config.virtual_networks = {{"data", 0, vcs}};
  config.vc_buffer_flits = buffer;
  return config;
}

}  // namespace tessera::noc
