// Fused layers executed: values equal to the reference executor, element by element.
#include "tests/sim/fused_layers.h"

namespace tessera::test {
namespace {

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

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

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

TEST_P(FusedKinds, InputsHeldTwiceEqualTheReference) {
  const auto network = chain(2, {{3, 3}});
  auto tree = tree_of(network, GetParam());
  for (const auto& tensor : network.tensors)
    if (tensor.kind == workloads::TensorKind::kInput) tree.double_buffered.push_back(tensor.name);
  expect_exact(network, tree);
}

/// The sum of a residual block names the rows and columns of its outputs otherwise. It reads its
/// operands filter by filter, so that loops over filters are none of its kinds.
class ResidualKinds : public testing::TestWithParam<Kind> {};

std::vector<Kind> residual_kinds() {
  std::vector<Kind> kinds;
  for (auto kind : kKinds) {
    if (kind.name.starts_with("filters")) continue;
    for (auto& loop : kind.loops) loop.rank = loop.rank == "P" ? "d2" : "d3";
    kinds.push_back(kind);
  }
  return kinds;
}

TEST_P(ResidualKinds, BlockEqualsTheReference) {
  const auto network = residual();
  expect_exact(network, tree_of(network, GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All, ResidualKinds, testing::ValuesIn(residual_kinds()),
                         [](const auto& info) { return info.param.name; });

TEST_P(FusedKinds, SharesOnFourTilesEqualTheReference) {
  const auto network = chain(3, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
  auto tree = tree_of(network, GetParam());
  tree.splits = {{"P", 2, mapping::Axis::kMeshY}, {"Q", 2, mapping::Axis::kMeshX}};
  expect_exact(network, tree, 2, 2);
}

INSTANTIATE_TEST_SUITE_P(All, FusedKinds, testing::ValuesIn(kKinds),
                         [](const auto& info) { return info.param.name; });

TEST(Attention, FusedOverQueriesEqualsTheReference) {
  const auto network = attention();
  expect_exact(network, attention_tree(network));
}

TEST(Attention, FusedOnSeveralTilesEqualsTheReference) {
  const auto network = attention();
  auto tree = attention_tree(network);
  tree.splits = {{"M", 2, mapping::Axis::kMeshY}};
  expect_exact(network, tree, 2, 1);
}

}  // namespace
}  // namespace tessera::test
