// Message traces: what was sent when, and what it waited for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "noc/delivery.h"
#include "noc/topology/noc.pb.h"

namespace tessera::noc {

/// One message. It enters its source queue in `cycle`, but not before all messages of `after` have
/// arrived plus `delay_cycles`: at its source where that is one of their destinations, everywhere
/// otherwise.
struct TraceMessage {
  std::uint64_t id = 0;
  Cycle cycle = 0;
  NodeId source = 0;
  std::vector<NodeId> destinations;
  std::uint32_t flits = 1;
  std::uint8_t virtual_network = 0;
  std::vector<std::uint64_t> after;
  Cycle delay_cycles = 0;
  /// Messages with the same number are partial sums for one destination and are added on their way
  /// (reduction.h); they arrive together. 0: an ordinary message.
  std::uint64_t sum = 0;
};

/// CSV with the columns id,cycle,source,destinations,flits and optionally virtual_network, after,
/// delay and sum; lists are separated by blanks. UserError names file, line and value; identifiers
/// are unique and `after` names earlier lines only.
std::vector<TraceMessage> parse_trace(const std::string& text, const std::string& origin);
std::vector<TraceMessage> load_trace(const std::string& path);
std::string trace_csv(const std::vector<TraceMessage>& messages);

/// The network that a trace was recorded on is kept in a comment line of its file, `# network `
/// and protobuf text, so that it can be replayed without saying more.
std::string network_comment(const proto::NetworkDescription& network);
/// The network of that line; nothing when there is none.
std::optional<proto::NetworkDescription> network_of_trace(const std::string& text,
                                                          const std::string& origin);

}  // namespace tessera::noc
