// Latencies of a set of packets, with their parts.
#pragma once

#include <map>

#include "noc/delivery.h"
#include "sim/base/statistics.h"

namespace tessera::noc {

/// Sums and histograms in cycles.
struct LatencyRecord {
  Histogram packet{1 << 16};     ///< creation to arrival of the tail
  Histogram network{1 << 16};    ///< head leaves the source to arrival of the tail
  std::uint64_t queueing = 0;    ///< in source queues, summed
  std::uint64_t zero_load = 0;   ///< in an empty network, summed
  std::uint64_t contention = 0;  ///< the rest, summed
  std::uint64_t routers = 0;     ///< routers visited, summed

  void add(const Delivery& delivery) {
    packet.add(delivery.latency());
    network.add(delivery.arrived - delivery.head_left_source + 1);
    queueing += delivery.source_queueing();
    zero_load += delivery.zero_load_cycles;
    contention += delivery.contention();
    routers += delivery.routers_visited;
  }
  void merge(const LatencyRecord& other) {
    packet.merge(other.packet);
    network.merge(other.network);
    queueing += other.queueing;
    zero_load += other.zero_load;
    contention += other.contention;
    routers += other.routers;
  }
  double mean_of(std::uint64_t sum) const {
    return packet.count() == 0 ? 0.0
                               : static_cast<double>(sum) / static_cast<double>(packet.count());
  }
};

}  // namespace tessera::noc
