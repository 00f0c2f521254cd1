// Fused layers executed: values equal to the reference executor, element by element.
#include <gtest/gtest.h>

#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/base/error.h"
#include "tests/support/fused_tree.h"
#include "tests/support/plain_network.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

using workloads::Network;

struct Kind {
  std::string name;
  std::vector<FusedTree::Loop> loops;
  int held;  ///< loops around the stores of intermediate tensors
  bool reuse = true;
};

const Kind kKinds[] = {
    {"rows", {{"P", 2}}, 1},
    {"keepall", {{"P", 2}, {"Q", 3}}, 0},
    {"keeprow", {{"P", 2}, {"Q", 3}}, 1},
    {"recompute", {{"P", 2}, {"Q", 3}}, 2},
    {"noreuse", {{"P", 2}, {"Q", 3}}, 2, false},
    {"filters_inside", {{"P", 3}, {"K", 1}}, 1},
    {"filters_outside", {{"K", 1}, {"P", 3}}, 0},
    {"uneven", {{"Q", 4}, {"P", 4}}, 1},
};

Network chain(int layers, const Window& last) {
  PlainNetwork network("chain");
  auto tensor = network.input({1, 2, 11, 13});
  for (int i = 1; i < layers; ++i)
    tensor = network.convolution(tensor, i + 2, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
  network.convolution(tensor, 2, last);
  return network.finish();
}

/// x -> 3x3 -> 3x3, plus x through 1x1, added.
Network residual() {
  PlainNetwork network("residual");
  const Window padded{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  const auto first = network.convolution(network.input({1, 2, 9, 9}), 3, {});
  const auto branch = network.convolution(network.convolution(first, 4, padded), 3, padded);
  network.add(first, branch);
  return network.finish();
}

FusedTree tree_of(const Network& network, const Kind& kind) {
  FusedTree tree{kind.loops};
  for (const auto& tensor : network.tensors) {
    if (tensor.kind == workloads::TensorKind::kWeight) tree.held[tensor.name] = 0;
    if (tensor.kind != workloads::TensorKind::kIntermediate) continue;
    tree.held[tensor.name] = kind.held;
    if (!kind.reuse) tree.no_reuse.push_back(tensor.name);
  }
  return tree;
}

void expect_exact(const Network& network, const FusedTree& tree, int rows = 1, int columns = 1) {
  const auto machine = machine_of(
      detail::concatenate("rows: ", rows, " columns: ", columns,
                          " tile { array { rows: 4 columns: 4 } buffer { bytes: 32768 } }"));
  const auto program = mapping::lower(fused_schedule(network, tree), network, machine);
  mapping::check(program, limits_of(machine));
  const auto run = simulate(machine, program);
  EXPECT_TRUE(run.ok()) << run.text;
}

class FusedKinds : public testing::TestWithParam<Kind> {};

TEST_P(FusedKinds, TwoLayersEqualTheReference) {
  const auto network = chain(2, {{3, 3}});
  expect_exact(network, tree_of(network, GetParam()));
}

TEST_P(FusedKinds, ThreeLayersEqualTheReference) {
  const auto network = chain(3, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
  expect_exact(network, tree_of(network, GetParam()));
}

TEST_P(FusedKinds, StrideTwoEqualsTheReference) {
  const auto network = chain(3, {{3, 3}, {2, 2}});
  expect_exact(network, tree_of(network, GetParam()));
}

TEST_P(FusedKinds, ResidualBlockEqualsTheReference) {
  auto kind = GetParam();
  for (auto& loop : kind.loops) {
    if (loop.rank == "P") loop.rank = "d2";
    if (loop.rank == "Q") loop.rank = "d3";
    if (loop.rank == "K") loop.rank = "d1";
  }
  const auto network = residual();
  if (GetParam().name.starts_with("filters"))
    GTEST_SKIP() << "the sum reads its operands filter by filter";
  expect_exact(network, tree_of(network, kind));
}

TEST_P(FusedKinds, SharesOnFourTilesEqualTheReference) {
  const auto network = chain(3, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
  auto tree = tree_of(network, GetParam());
  tree.splits = {{"P", 2, mapping::Axis::kMeshY}, {"Q", 2, mapping::Axis::kMeshX}};
  expect_exact(network, tree, 2, 2);
}

INSTANTIATE_TEST_SUITE_P(All, FusedKinds, testing::ValuesIn(kKinds),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tessera::test
