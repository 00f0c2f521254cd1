// Pipelines of fused layers executed: values equal to the reference executor, element by element.
#include "tests/sim/fused_pipelines.h"
#include "tests/support/refusal.h"

namespace tessera::test {
namespace {

TEST(Pipelines, ElementsAreHandedOverOneByOne) {
  PlainNetwork network("pointwise");
  auto tensor = network.input({1, 2, 5, 6});
  for (const int filters : {3, 4, 2}) tensor = network.convolution(tensor, filters, {});
  const auto whole = network.finish();
  expect_exact(whole, pipeline_of(whole, {"elements", {{"P", 1}}, -1, {{"Q", 1}}}), 1, 3);
}

TEST(Pipelines, HalosAcrossTwoLoopsStayInLines) {
  // Output by output. The window of 3 x 3 has 3 rows; what it leaves to the right the next row
  // needs again, so that all 13 columns stay.
  const auto network = chain(2, {{3, 3}});
  const auto tree = pipeline_of(network, {"elements", {{"P", 1}}, -1, {{"Q", 1}}});
  const auto program = mapping::lower(fused_schedule(network, tree), network, grid_machine(1, 2));
  const auto& lines = program.stages[1].slots[0];
  EXPECT_EQ(lines.extents, (std::vector<std::int64_t>{1, 3, 3, 13}));
  EXPECT_GE(lines.granule_bytes, 3u * 3u * 13u * 2u);
  expect_exact(network, tree, 1, 2);
}

TEST(Pipelines, LinesThatALoopComesBackToAreRefused) {
  // For the second filter all rows would have to come again.
  const auto network = chain(2, {{3, 3}});
  const auto tree = pipeline_of(network, {"filters", {{"K", 1}, {"P", 1}}, 2});
  EXPECT_EQ(refusal_of([&] {
              mapping::lower(fused_schedule(network, tree), network, grid_machine(1, 2));
            }),
            "layer convolution1: convolution0.O is handed over once, but held so far inside its "
            "loops that parts "
            "of it would have to come again; hold it further out");
}

class PipelineKinds : public testing::TestWithParam<PipelineKind> {};

TEST_P(PipelineKinds, TwoLayersOnTwoTilesEqualTheReference) {
  const auto network = chain(2, {{3, 3}});
  expect_exact(network, pipeline_of(network, GetParam()), 1, 2);
}

TEST_P(PipelineKinds, ThreeLayersWithStrideEqualTheReference) {
  const auto network = chain(3, {{3, 3}, {2, 2}});
  expect_exact(network, pipeline_of(network, GetParam()), 1, 3);
}

TEST_P(PipelineKinds, LayersOnSeveralTilesEqualTheReference) {
  const auto network = chain(2, {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}});
  auto tree = pipeline_of(network, GetParam());
  tree.organisation = mapping::Organisation::kCheckerboard;
  tree.dealt_rank = "K";
  tree.ways = 2;
  expect_exact(network, tree, 2, 2);
}

class ResidualPipelines : public testing::TestWithParam<PipelineKind> {};

/// Those without loops of the layers themselves, whose ranks differ.
std::vector<PipelineKind> residual_pipelines() {
  std::vector<PipelineKind> kinds;
  for (auto kind : kPipelines) {
    if (!kind.own_loops.empty()) continue;
    for (auto& loop : kind.loops) loop.rank = loop.rank == "P" ? "d2" : "d3";
    kinds.push_back(kind);
  }
  return kinds;
}

TEST_P(ResidualPipelines, SkipConnectionsAreCarriedAlong) {
  const auto network = residual();
  expect_exact(network, pipeline_of(network, GetParam()), 2, 2);
}

INSTANTIATE_TEST_SUITE_P(All, ResidualPipelines, testing::ValuesIn(residual_pipelines()),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(All, PipelineKinds, testing::ValuesIn(kPipelines),
                         [](const auto& info) { return info.param.name; });

TEST(Attention, PipelinedOverQueriesEqualsTheReference) {
  const auto network = attention();
  auto tree = attention_tree(network);
  tree.pipelined = true;
  expect_exact(network, tree, 1, 3);
}

TEST(Organisations, DealEveryTileOnce) {
  using mapping::Organisation;
  const auto network = chain(4, {{3, 3}});
  for (const auto organisation : {Organisation::kBlocked1d, Organisation::kBlocked2d,
                                  Organisation::kStriped1d, Organisation::kCheckerboard}) {
    auto tree = pipeline_of(network, kPipelines[0]);
    tree.organisation = organisation;
    tree.dealt_rank = "K";
    tree.ways = 2;
    expect_exact(network, tree, 4, 4);
  }
}

}  // namespace
}  // namespace tessera::test
