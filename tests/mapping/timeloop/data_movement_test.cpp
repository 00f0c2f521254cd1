// The fast walk against the slow one on random nests.
#include "mapping/cost/timeloop/data_movement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "mapping/importers/timeloop/problem.h"
#include "nest_oracle.h"
#include "sim/base/random.h"

namespace tessera::mapping::timeloop {
namespace {

workloads::Network layer_with_stride(std::int64_t stride) {
  return importers::parse_timeloop_problem(R"(problem:
  shape:
    name: conv
    dimensions: [C, M, P, R, Q]
    coefficients: [{name: stride, default: )" + std::to_string(stride) +
                                               R"(}]
    data_spaces:
    - {name: Weights, projection: [[[C]], [[M]], [[R]]]}
    - {name: Inputs, projection: [[[C]], [[P, stride], [R]], [[Q]]]}
    - {name: Outputs, projection: [[[M]], [[P]], [[Q]]], read_write: True}
  instance: {C: 1, M: 1, P: 1, R: 1, Q: 1}
)",
                                           "problem.yaml");
}

/// Random loops over three levels, the middle one fanning out, sometimes the last one as well.
LoopNest random_nest(const workloads::Network& network, Random& random) {
  LoopNest nest;
  nest.network = &network;
  const auto ranks = static_cast<int>(network.layers.front().ranks.size());
  std::vector<std::int64_t> stride(static_cast<std::size_t>(ranks), 1);
  const auto loops = [&](std::size_t most, bool spatial) {
    std::vector<NestLoop> made;
    std::vector<int> order(static_cast<std::size_t>(ranks));
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    const std::size_t count = random.below(most + 1);
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t end = random.between(2, 3);
      made.push_back({order[i], end, end, stride[order[i]], spatial && random.bernoulli(0.5)});
      stride[order[i]] *= end;
    }
    std::ranges::reverse(made);  // made from the inside out
    return made;
  };
  const bool compute_fans_out = random.bernoulli(0.4);
  for (int i = 0; i < 4; ++i) {
    NestLevel level;
    if (i == 0 && compute_fans_out) level.spatial = loops(2, true);
    if (i == 2) level.spatial = loops(2, true);
    level.temporal = loops(i == 3 ? 3 : 2, false);
    level.mesh_x = random.between(1, 4);
    level.mesh_y = random.between(1, 4);
    level.kept.assign(network.tensors.size(), true);
    level.no_reuse.assign(network.tensors.size(), false);
    level.no_multicast = level.no_neighbour = level.no_reuse;
    for (std::size_t t = 0; t < network.tensors.size(); ++t) {
      level.no_reuse[t] = random.bernoulli(0.1);
      level.no_multicast[t] = random.bernoulli(0.1);
      level.no_neighbour[t] = random.bernoulli(0.2);
    }
    nest.levels.insert(nest.levels.begin(), level);
  }
  return nest;
}

using Key = std::tuple<std::size_t, std::size_t, std::int64_t, std::int64_t>;

std::map<Key, double> delivered(const DataMovement& movement) {
  std::map<Key, double> words;
  for (std::size_t level = 0; level < movement.levels.size(); ++level)
    for (std::size_t tensor = 0; tensor < movement.levels[level].tensors.size(); ++tensor)
      for (const auto& entry : movement.levels[level].tensors[tensor].delivered)
        if (entry.words > 0) words[{level, tensor, entry.multicast, entry.scatter}] += entry.words;
  return words;
}

std::vector<std::int64_t> passed_on(const DataMovement& movement) {
  std::vector<std::int64_t> words;
  for (const auto& level : movement.levels)
    for (const auto& tensor : level.tensors) words.push_back(tensor.passed_on);
  return words;
}

struct Seen {
  std::int64_t passed_on = 0;
  std::int64_t multicast = 0;
};

Seen expect_equal_walks(const LoopNest& nest, std::uint64_t seed, Faults faults) {
  const DataMovement fast = data_movement_of(nest, faults);
  const DataMovement slow = walk_every_child(nest, faults);
  EXPECT_EQ(fast.compute_steps, slow.compute_steps) << "seed " << seed;
  EXPECT_EQ(delivered(fast), delivered(slow)) << "seed " << seed;
  EXPECT_EQ(passed_on(fast), passed_on(slow)) << "seed " << seed;
  Seen seen;
  for (const std::int64_t words : passed_on(fast)) seen.passed_on += words > 0;
  for (const auto& entry : delivered(fast)) seen.multicast += std::get<2>(entry.first) > 1;
  return seen;
}

/// The comparison says something only when there was something to share.
void expect_equal_walks(std::uint64_t seeds, Faults faults) {
  Seen all;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Random random(seed);
    const auto network = layer_with_stride(random.between(1, 3));
    const Seen seen = expect_equal_walks(random_nest(network, random), seed, faults);
    all.passed_on += seen.passed_on;
    all.multicast += seen.multicast;
  }
  EXPECT_GT(all.passed_on, 20);
  EXPECT_GT(all.multicast, 100);
}

TEST(DataMovement, EqualsTheSlowWalkAsShipped) { expect_equal_walks(300, Faults::kAsShipped); }

TEST(DataMovement, EqualsTheSlowWalkOfEveryIterationWhenFixed) {
  expect_equal_walks(150, Faults::kFixed);
}

TEST(DataMovement, EqualsTheSlowWalkWithResidualFactors) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const auto network = layer_with_stride(random.between(1, 3));
    LoopNest nest = random_nest(network, random);
    nest.imperfect = true;
    for (auto& level : nest.levels) {
      level.spatial.clear();
      for (auto& loop : level.temporal) loop.residual = random.between(1, loop.end);
    }
    // Strides assumed the loops that were taken out.
    std::vector<std::int64_t> stride(network.layers.front().ranks.size(), 1);
    for (auto level = nest.levels.rbegin(); level != nest.levels.rend(); ++level)
      for (auto loop = level->temporal.rbegin(); loop != level->temporal.rend(); ++loop) {
        loop->stride = stride[loop->rank];
        stride[loop->rank] *= loop->end;
      }
    expect_equal_walks(nest, seed, Faults::kFixed);
  }
}

}  // namespace
}  // namespace tessera::mapping::timeloop
