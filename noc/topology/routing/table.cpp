#include <functional>
#include <limits>
#include <queue>
#include <sstream>
#include <vector>

#include "noc/topology/routing.h"
#include "sim/base/error.h"

namespace tessera::noc {

namespace {

/// One next link per router and destination.
class TableRouting : public Routing {
 public:
  TableRouting(std::string name, std::vector<RouterId> targets, std::vector<std::uint32_t> columns,
               std::vector<LinkId> next, std::size_t row_size, bool per_node)
      : name_(std::move(name)),
        targets_(std::move(targets)),
        columns_(std::move(columns)),
        next_(std::move(next)),
        row_size_(row_size),
        per_node_(per_node) {}

  const std::string& name() const override { return name_; }
  bool depends_on_node() const override { return per_node_; }
  bool memoryless() const override { return true; }

  void route(const RouteQuery& query, RouteCandidates& candidates) const override {
    candidates.clear();
    if (targets_[query.destination] == query.router) return candidates.add(kEject);
    candidates.add(next_[query.router * row_size_ + columns_[query.destination]]);
  }

 private:
  std::string name_;
  std::vector<RouterId> targets_;       // router of each node
  std::vector<std::uint32_t> columns_;  // column of each node in the table
  std::vector<LinkId> next_;
  std::size_t row_size_;
  bool per_node_;
};

constexpr std::uint32_t kMostTableRouters = 4096;

void check_table_size(const Topology& topology) {
  if (topology.routers() > kMostTableRouters)
    throw UserError("routing by tables: ", topology.name(), " has ", topology.routers(),
                    " routers; allowed are up to ", kMostTableRouters);
}

std::vector<RouterId> routers_of_nodes(const Topology& topology) {
  std::vector<RouterId> routers;
  for (const Node& node : topology.nodes()) routers.push_back(node.router);
  return routers;
}

/// Dijkstra from one router; next[d] becomes the first link on the way to router d. Among routers
/// at the same distance the lowest number is settled first.
void shortest_from(const Topology& topology, RouterId start, LinkId* next) {
  constexpr std::uint64_t kFar = std::numeric_limits<std::uint64_t>::max();
  using Reached = std::pair<std::uint64_t, RouterId>;
  std::vector<std::uint64_t> distance(topology.routers(), kFar);
  std::priority_queue<Reached, std::vector<Reached>, std::greater<>> frontier;
  distance[start] = 0;
  frontier.emplace(0, start);
  while (!frontier.empty()) {
    const auto [near, router] = frontier.top();
    frontier.pop();
    if (near != distance[router]) continue;
    for (const LinkId id : topology.outgoing(router)) {
      const Link& link = topology.links()[id];
      const std::uint64_t reached = near + link.latency_cycles;
      if (reached >= distance[link.to]) continue;
      distance[link.to] = reached;
      next[link.to] = router == start ? id : next[router];
      frontier.emplace(reached, link.to);
    }
  }
}

struct TableLine {
  RouterId router;
  NodeId destination;
  RouterId next;
};

TableLine parse_line(const std::string& line, const std::string& place, const Topology& topology) {
  std::istringstream words(line);
  long long router = -1;
  long long destination = -1;
  long long next = -1;
  std::string rest;
  if (!(words >> router >> destination >> next) || (words >> rest))
    throw UserError(place, ": '", line, "'; write: router destination-node next-router");
  const auto check = [&](long long value, std::size_t limit, const char* what) {
    if (value < 0 || value >= static_cast<long long>(limit))
      throw UserError(place, ": ", what, " ", value, "; allowed are 0 to ", limit - 1);
  };
  check(router, topology.routers(), "router");
  check(destination, topology.nodes().size(), "destination node");
  check(next, topology.routers(), "next router");
  return {static_cast<RouterId>(router), static_cast<NodeId>(destination),
          static_cast<RouterId>(next)};
}

LinkId link_between(const Topology& topology, RouterId from, RouterId to,
                    const std::string& place) {
  for (const LinkId id : topology.outgoing(from))
    if (topology.links()[id].to == to) return id;
  throw UserError(place, ": there is no link from router ", from, " to router ", to);
}

void check_complete(const Topology& topology, const std::vector<LinkId>& next,
                    const std::vector<RouterId>& targets, const std::string& origin) {
  for (RouterId router = 0; router < topology.routers(); ++router)
    for (NodeId node = 0; node < targets.size(); ++node)
      if (targets[node] != router && next[router * targets.size() + node] == kNoLink)
        throw UserError(origin, ": no line for router ", router, " and destination node ", node);
}

}  // namespace

std::unique_ptr<Routing> make_shortest_path(const Topology& topology) {
  check_table_size(topology);
  const std::size_t routers = topology.routers();
  std::vector<LinkId> next(routers * routers, kNoLink);
  for (RouterId start = 0; start < routers; ++start) {
    shortest_from(topology, start, &next[start * routers]);
    for (const Node& node : topology.nodes())
      if (node.router != start && next[start * routers + node.router] == kNoLink)
        throw UserError("routing SHORTEST_PATH: no way from router ", start, " to router ",
                        node.router, " of ", topology.name());
  }
  auto targets = routers_of_nodes(topology);
  auto columns = targets;
  return std::make_unique<TableRouting>("SHORTEST_PATH", std::move(targets), std::move(columns),
                                        std::move(next), routers, false);
}

std::unique_ptr<Routing> make_table_from_text(const Topology& topology, const std::string& text,
                                              const std::string& origin) {
  check_table_size(topology);
  auto targets = routers_of_nodes(topology);
  std::vector<LinkId> next(std::size_t{topology.routers()} * targets.size(), kNoLink);
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line = line.substr(0, line.find('#'));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = origin + ":" + std::to_string(number);
    const TableLine entry = parse_line(line, place, topology);
    next[entry.router * targets.size() + entry.destination] =
        link_between(topology, entry.router, entry.next, place);
  }
  check_complete(topology, next, targets, origin);
  std::vector<std::uint32_t> columns(targets.size());
  for (std::uint32_t node = 0; node < columns.size(); ++node) columns[node] = node;
  const std::size_t row_size = columns.size();
  return std::make_unique<TableRouting>("TABLE", std::move(targets), std::move(columns),
                                        std::move(next), row_size, true);
}

}  // namespace tessera::noc
