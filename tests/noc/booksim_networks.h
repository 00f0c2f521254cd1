// The networks and router variants of the BookSim2 reference data by name.
#pragma once

#include <memory>
#include <string>

#include "tests/noc/fixture.h"

namespace tessera::noc {

/// mesh4, torus8, torus8_l1, cmesh64, flatfly64_l1, amp8_k4_l3, mesh8_any, line8 and the like.
Topology booksim_topology(const std::string& name);

/// The routing of the reference: dimension order, or tables for the amp networks and mesh8_any.
std::unique_ptr<Routing> booksim_routing(const std::string& name, const Topology& topology,
                                         const std::string& variant);

/// base or empty, lookahead, la_spec or lookahead_spec, cd0, hold, wtc, sepif, vc1, vc2, buf4, ...
NetworkConfig booksim_config(const std::string& variant);

inline TestNetwork booksim_network(const std::string& name, const std::string& variant,
                                   const NetworkConfig& config) {
  Topology topology = booksim_topology(name);
  auto routing = booksim_routing(name, topology, variant);
  return TestNetwork(std::move(topology), std::move(routing), config);
}

}  // namespace tessera::noc
