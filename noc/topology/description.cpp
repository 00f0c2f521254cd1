#include "noc/topology/description.h"

#include <algorithm>
#include <cmath>

#include "noc/topology/builders.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::noc {

namespace {

GridShape shape_of(const proto::NetworkDescription& description) {
  const auto family = description.topology();
  GridShape shape;
  shape.columns = description.columns();
  shape.rows = description.rows();
  const bool folded = family == proto::TORUS || family == proto::CMESH;
  shape.link_latency = folded ? 2 : family == proto::FLATFLY ? 0 : 1;
  if (description.has_link_latency()) {
    if (description.link_latency() == 0)
      throw UserError("noc.link_latency 0: a link takes at least 1 cycle");
    shape.link_latency = description.link_latency();
  }
  if (description.has_injection_latency())
    shape.injection_latency = description.injection_latency();
  if (description.has_ejection_latency()) shape.ejection_latency = description.ejection_latency();
  if (description.has_pitch_mm()) shape.pitch_mm = description.pitch_mm();
  const bool concentrated = family == proto::CMESH || family == proto::FLATFLY;
  shape.concentration = concentrated ? 2 : 1;
  if (description.has_concentration() && concentrated)
    shape.concentration = description.concentration();
  return shape;
}

LongLinks long_links_of(const proto::NetworkDescription& description, bool everywhere) {
  LongLinks long_links;
  long_links.span = long_link_span(description);
  long_links.latency = description.has_long_link_latency() ? description.long_link_latency() : 1;
  long_links.everywhere = everywhere;
  return long_links;
}

Topology build_listed(const proto::NetworkDescription& description) {
  if (description.links_file().empty()) return build_link_list(description.links(), "noc.links");
  proto::LinkList list;
  load_textproto(description.links_file(), list);
  return build_link_list(list, description.links_file());
}

Topology build_family(const proto::NetworkDescription& description) {
  const GridShape shape = shape_of(description);
  switch (description.topology()) {
    case proto::MESH:
      return build_mesh(shape);
    case proto::TORUS:
      return build_torus(shape);
    case proto::CMESH:
      return build_concentrated_mesh(shape);
    case proto::FLATFLY:
      return build_flattened_butterfly(shape);
    case proto::EXPRESS:
      return build_long_link_mesh(shape, long_links_of(description, false), "express");
    case proto::AMP:
      return build_long_link_mesh(shape, long_links_of(description, true), "amp");
    case proto::LINKS:
      return build_listed(description);
    default:
      throw UserError("noc.topology ", static_cast<int>(description.topology()),
                      ": allowed are MESH, TORUS, CMESH, FLATFLY, EXPRESS, AMP, LINKS");
  }
}

}  // namespace

std::uint32_t long_link_span(const proto::NetworkDescription& description) {
  if (description.span() != 0) return description.span();
  const double best = std::round(std::sqrt(description.rows() / 2.0));
  return std::max<std::uint32_t>(2, static_cast<std::uint32_t>(best));
}

Topology build_topology(const proto::NetworkDescription& description) {
  Topology topology = build_family(description);
  for (const auto& node : description.extra_nodes())
    topology.attach({node.router(), node.has_injection_latency() ? node.injection_latency() : 1,
                     node.has_ejection_latency() ? node.ejection_latency() : 1});
  if (description.reduction() == proto::ROUTERS) {
    if (description.routing() == proto::TABLE)
      throw UserError(
          "noc.reduction ROUTERS with noc.routing TABLE: a table has no routes to the adders; "
          "allowed are the other routing functions");
    topology.attach_adders();
  }
  return topology;
}

std::unique_ptr<Routing> build_routing(const proto::NetworkDescription& description,
                                       const Topology& topology) {
  const bool torus = topology.grid() && topology.grid()->wraps;
  const bool coin = description.torus_tie() == proto::COIN;
  switch (description.routing()) {
    case proto::XY:
      return torus ? make_torus_dimension_order(topology, false, coin) : make_xy(topology);
    case proto::YX:
      return torus ? make_torus_dimension_order(topology, true, coin) : make_yx(topology);
    case proto::XY_YX:
      return make_xy_yx(topology);
    case proto::WEST_FIRST:
      return make_west_first(topology);
    case proto::ODD_EVEN:
      return make_odd_even(topology);
    case proto::MINIMAL_ADAPTIVE:
      return make_minimal_adaptive(topology);
    case proto::XY_ESCAPE:
      return make_xy_escape(topology);
    case proto::SHORTEST_PATH:
      return make_shortest_path(topology);
    case proto::TABLE:
      if (description.routing_table_file().empty())
        throw UserError("noc.routing TABLE needs noc.routing_table_file");
      return make_table_from_text(topology, read_file(description.routing_table_file()),
                                  description.routing_table_file());
    default:
      throw UserError("noc.routing ", static_cast<int>(description.routing()),
                      ": allowed are XY, YX, XY_YX, WEST_FIRST, ODD_EVEN, MINIMAL_ADAPTIVE, "
                      "SHORTEST_PATH, TABLE, XY_ESCAPE");
  }
}

}  // namespace tessera::noc
