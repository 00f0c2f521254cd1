// Tables of what every link saw.
#pragma once

#include <string>

#include "noc/network.h"
#include "noc/study/latency_record.h"

namespace tessera::noc {

/// from, to, flits, utilisation, ... one line per link, injection and ejection connection.
std::string links_csv(const NetworkStats& stats);
/// The same per virtual channel.
std::string channels_csv(const NetworkStats& stats);
/// latency_cycles, packets: one line per latency that occurred.
std::string histogram_csv(const Histogram& histogram);
/// One line per source and destination.
std::string flows_csv(const std::map<std::pair<NodeId, NodeId>, LatencyRecord>& flows);

}  // namespace tessera::noc
