// From the description people write to checked topology and routing: the only place that reads the
// protobuf.
#pragma once

#include <memory>

#include "noc/topology/noc.pb.h"
#include "noc/topology/routing.h"
#include "noc/topology/topology.h"

namespace tessera::noc {

/// Builds the family named in the description, with its extra nodes appended. Relative file names
/// are looked up as they are. UserError names the field, its value and what is allowed.
Topology build_topology(const proto::NetworkDescription& description);

/// The routing function of the description on that topology.
std::unique_ptr<Routing> build_routing(const proto::NetworkDescription& description,
                                       const Topology& topology);

/// Span of the added links: the one given, or round(sqrt(rows / 2)) but at least 2.
std::uint32_t long_link_span(const proto::NetworkDescription& description);

}  // namespace tessera::noc
