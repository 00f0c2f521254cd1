#include "mapping/fitted_layout.h"

#include <algorithm>

#include "mapping/dram_order.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Operand;

namespace {

/// Elements of the contiguous runs of a piece that begins where a block begins.
std::int64_t run_of(const Blocking& blocking, const std::vector<std::int64_t>& extents,
                    const std::vector<std::int64_t>& piece) {
  std::int64_t run = 1;
  for (std::size_t p = blocking.order.size(); p-- > 0;) {
    const auto d = static_cast<std::size_t>(blocking.order[p]);
    const auto inside = std::min(piece[d], blocking.block[d]);
    run *= inside;
    if (inside < blocking.block[d]) return run;
  }
  for (std::size_t p = blocking.order.size(); p-- > 0;) {
    const auto d = static_cast<std::size_t>(blocking.order[p]);
    run *= std::max<std::int64_t>(piece[d] / blocking.block[d], 1);
    if (piece[d] < extents[d] && blocking.block[d] < extents[d]) return run;
  }
  return run;
}

/// Extents that a block may have in a dimension, longest first.
std::vector<std::int64_t> choices(std::size_t dimension, const std::vector<std::int64_t>& extents,
                                  const std::vector<DramAccess>& accesses) {
  std::vector<std::int64_t> found = {extents[dimension]};
  for (const auto& access : accesses) found.push_back(access.piece[dimension]);
  std::ranges::sort(found, std::greater<>());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

/// Tiles that ask for pieces of an operand themselves.
int askers(const StagePlan& plan, const Operand& operand, int input) {
  int ways = 1;
  for (const auto& split : plan.partition) {
    const bool apart = std::ranges::count(split.apart, input) > 0;
    if (apart || Layer::indexes(operand, split.rank)) ways *= split.ways;
  }
  return ways;
}

DramAccess access_of(const StagePlan& plan, const Layer& layer, const Operand& operand, int input,
                     const Holding& holding, TileGrid grid) {
  const auto nominal = deal_shares(plan, layer, grid).nominal;
  const auto trips = trip_counts(plan.loops, nominal);
  double times = askers(plan, operand, input);
  const int depth = change_depth(plan, operand, holding.depth, nominal);
  for (int i = 0; i < depth; ++i) times *= static_cast<double>(trips[static_cast<std::size_t>(i)]);
  return {nominal_region(operand, extents_inside(plan.loops, holding.depth, nominal)), times};
}

}  // namespace

double burst_bytes(const Blocking& blocking, const std::vector<std::int64_t>& extents,
                   const std::vector<DramAccess>& accesses, int word_bytes, Bytes burst) {
  double bytes = 0;
  for (const auto& access : accesses) {
    std::int64_t elements = 1;
    for (const auto extent : access.piece) elements *= extent;
    const auto run = run_of(blocking, extents, access.piece);
    bytes += access.times * static_cast<double>(elements) / static_cast<double>(run) *
             burst_bytes_of_run(static_cast<double>(run * word_bytes), static_cast<double>(burst));
  }
  return bytes;
}

Blocking fit_blocking(const Blocking& usual, const std::vector<std::int64_t>& extents,
                      const std::vector<DramAccess>& accesses, int word_bytes, Bytes burst) {
  Blocking best = usual;
  double least = burst_bytes(usual, extents, accesses, word_bytes, burst);
  std::vector<std::vector<int>> orders = {usual.order};
  std::vector<int> stored;
  for (int d = 0; d < static_cast<int>(extents.size()); ++d) stored.push_back(d);
  if (stored != usual.order) orders.push_back(stored);

  Blocking tried = usual;
  const auto choose = [&](const auto& self, std::size_t dimension) -> void {
    if (dimension < extents.size()) {
      for (const auto extent : choices(dimension, extents, accesses)) {
        tried.block[dimension] = extent;
        self(self, dimension + 1);
      }
      return;
    }
    for (const auto& order : orders) {
      tried.order = order;
      const double bytes = burst_bytes(tried, extents, accesses, word_bytes, burst);
      if (bytes >= least) continue;
      least = bytes;
      best = tried;
    }
  };
  choose(choose, 0);
  return best;
}

std::vector<DramAccess> accesses_to(workloads::TensorId tensor, const std::vector<StagePlan>& plans,
                                    const workloads::Network& network, TileGrid grid) {
  std::vector<DramAccess> accesses;
  const auto add = [&](const StagePlan& plan, const Operand& operand, int input,
                       const Holding& holding) {
    if (operand.tensor != tensor) return;
    auto access = access_of(plan, network.layers[static_cast<std::size_t>(plan.layer)], operand,
                            input, holding, grid);
    const auto& extents = network.tensors[static_cast<std::size_t>(tensor)].extents;
    for (std::size_t d = 0; d < extents.size(); ++d)
      access.piece[d] = std::clamp<std::int64_t>(access.piece[d], 1, extents[d]);
    accesses.push_back(std::move(access));
  };
  for (const auto& plan : plans) {
    const auto& layer = network.layers[static_cast<std::size_t>(plan.layer)];
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      add(plan, layer.inputs[i], static_cast<int>(i), plan.inputs[i]);
    add(plan, layer.output, -1, plan.output);
  }
  return accesses;
}

}  // namespace tessera::mapping
