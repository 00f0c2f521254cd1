#include "tests/noc/booksim_networks.h"

#include <cctype>
#include <stdexcept>

namespace tessera::noc {

namespace {

// The number that follows a letter, as in amp8_k4_l3.
std::uint32_t number_after(const std::string& name, const std::string& mark,
                           std::uint32_t missing) {
  const auto at = name.find(mark);
  if (at == std::string::npos) return missing;
  return static_cast<std::uint32_t>(std::stoul(name.substr(at + mark.size())));
}

}  // namespace

Topology booksim_topology(const std::string& name) {
  GridShape shape = grid(8, 8);
  if (name == "line8") return build_mesh(grid(8, 1));
  if (name.starts_with("mesh")) {
    const auto side = static_cast<std::uint32_t>(std::stoul(name.substr(4)));
    return build_mesh(grid(side, side));
  }
  if (name.starts_with("torus8")) {
    shape.link_latency = number_after(name, "_l", 2);
    return build_torus(shape);
  }
  shape.concentration = 2;
  if (name.starts_with("cmesh64")) {
    shape.link_latency = number_after(name, "_l", 2);
    return build_concentrated_mesh(shape);
  }
  if (name.starts_with("flatfly64")) {
    shape.link_latency = number_after(name, "_l", 0);
    return build_flattened_butterfly(shape);
  }
  if (!name.starts_with("amp8")) throw std::invalid_argument(name);
  shape.concentration = 1;
  LongLinks added;
  added.span = number_after(name, "_k", 0);
  added.latency = number_after(name, "_l", 0);
  return build_long_link_mesh(shape, added, name);
}

std::unique_ptr<Routing> booksim_routing(const std::string& name, const Topology& topology,
                                         const std::string& variant) {
  if (variant == "xyyx") return make_xy_yx(topology);
  // BookSim2 keeps the choices of a packet in a set ordered by priority alone, so of two directions
  // with equal priority only the first (x) stays: its minimal adaptive routing adapts nothing.
  if (variant == "minadapt") return make_xy_escape(topology);
  if (name.starts_with("torus")) return make_torus_dimension_order(topology, false, true);
  if (name.starts_with("amp") || name == "mesh8_any") return make_shortest_path(topology);
  return make_xy(topology);
}

NetworkConfig booksim_config(const std::string& variant) {
  NetworkConfig config = with_vcs(number_after(variant, "vc", 4), number_after(variant, "buf", 8));
  if (variant == "lookahead" || variant == "lookahead_spec" || variant == "la_spec")
    config.routing_delay = 0;
  config.speculative = variant == "lookahead_spec" || variant == "la_spec";
  if (variant == "cd0") config.credit_delay = 0;
  config.hold_switch_for_packet = variant == "hold";
  config.wait_for_tail_credit = variant == "wtc";
  if (variant == "sepif") config.allocator = AllocatorKind::kSeparableInputFirst;
  return config;
}

}  // namespace tessera::noc
