// Fused layers executed: values equal to the reference executor, element by element.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "mapping/fusion/fused_scheduler.h"
#include "mapping/fusion/fusion_plan.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/base/error.h"
#include "sim/machine/child_run.h"
#include "sim/machine/machine_rates.h"
#include "tests/support/fused_tree.h"
#include "tests/support/plain_network.h"
#include "tests/support/refusal.h"
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
  expect_right_values(machine, program);
}

/// What a tile's array or vector unit did when, in order of its end.
struct Span {
  int tile = 0;
  Cycle begin = 0, end = 0;
};

class SpanLog final : public hw::TileObserver {
 public:
  /// From the cycle after its issue, which takes one in these machines.
  void instruction_ended(const hw::InstructionEvent& event) override {
    if (event.queue != hw::QueueKind::kCompute || event.end == event.begin) return;
    text_ << event.tile << " " << event.begin + 1 << " " << event.end << " ";
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

std::vector<Span> computed_spans(const hw::Accelerator& machine, const mapping::Program& program) {
  const auto run = in_child([&] {
    sim::Machine whole(machine, program, {});
    SpanLog log;
    for (const auto& tile : whole.tiles()) tile->set_observer(&log);
    whole.run();
    return log.text();
  });
  EXPECT_TRUE(run.ok()) << run.text;
  std::vector<Span> spans;
  std::istringstream text(run.text);
  for (Span span; text >> span.tile >> span.begin >> span.end;) spans.push_back(span);
  std::ranges::stable_sort(spans, {}, &Span::end);
  return spans;
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

struct PipelineKind {
  std::string name;
  std::vector<FusedTree::Loop> loops;
  int held;
  std::vector<FusedTree::Loop> own_loops = {};
  bool twice = false;
};

void PrintTo(const PipelineKind& kind, std::ostream* out) { *out << kind.name; }

const PipelineKind kPipelines[] = {
    {"tiles_of_rows", {{"P", 2}}, 1},
    {"double_buffered", {{"P", 2}}, 1, {}, true},
    {"rows", {{"P", 1}}, 1},
    {"rows_inside_tiles", {{"P", 4}}, -1, {{"P", 1}}},

    {"columns", {{"Q", 3}}, 1},
    {"fmap", {}, 0},
    {"two_dimensional", {{"P", 2}, {"Q", 3}}, 2},
    {"two_dimensional_twice", {{"P", 2}, {"Q", 3}}, 2, {}, true},
    {"rows_of_a_whole_map", {}, -1, {{"P", 1}}},
};

FusedTree pipeline_of(const Network& network, const PipelineKind& kind) {
  FusedTree tree{kind.loops};
  tree.pipelined = true;
  tree.own_loops = kind.own_loops;
  for (const auto& tensor : network.tensors) {
    if (tensor.kind == workloads::TensorKind::kWeight) tree.held[tensor.name] = 0;
    if (tensor.kind != workloads::TensorKind::kIntermediate) continue;
    if (kind.held >= 0) tree.held[tensor.name] = kind.held;
    if (kind.twice) tree.double_buffered.push_back(tensor.name);
  }
  return tree;
}

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

/// 13 queries against 11 keys of 6 features: scores, softmax over the keys, weighted values. No
/// operand is a weight.
Network attention() {
  PlainNetwork network("attention");
  const auto queries = network.input({1, 13, 6});
  const auto keys = network.input({1, 6, 11});
  const auto values = network.input({1, 11, 6});
  network.matrix_product(network.softmax(network.matrix_product(queries, keys)), values);
  return network.finish();
}

/// Keys and values, the inputs that no loop over queries moves, stay; scores come row by row.
FusedTree attention_tree(const Network& network) {
  FusedTree tree{{{"M", 2}}};
  for (const std::size_t layer : {0, 2})
    tree.held[network.tensors[network.layers[layer].inputs[1].tensor].name] = 0;
  return tree;
}

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

/// One row of 16 inputs through 16 and 4 filters, on tiles 0 and 1.
Network dense_pair() {
  PlainNetwork network("dense_pair");
  network.fully_connected(network.fully_connected(network.input({1, 16}), 16), 4);
  return network.finish();
}

/// A pipeline of the layers, one tile each, that hands everything over at once.
std::vector<Span> piped_spans(const Network& network, const hw::Accelerator& machine) {
  FusedTree tree{};
  tree.pipelined = true;
  for (const auto& tensor : network.tensors) tree.held[tensor.name] = 0;
  const auto program = mapping::lower(fused_schedule(network, tree), network, machine);
  mapping::check(program, limits_of(machine));
  return computed_spans(machine, program);
}

/// When an array starts on a line that a neighbour commits in cycle `end`: the rules are derived in
/// the test below.
Cycle begin_after(Cycle end) {
  const Cycle leaves = end + 1 - end % 2 + 1;
  const Cycle tail = leaves + 7 + 5 + 2;
  const Cycle written = (tail + 1) + (tail + 1) % 2;
  return written + 1 + 1;
}

TEST(HandOver, TakesWhatServerNetworkAndPortTake) {
  // Chip and channel at one clock, as in timing_test.cpp, whose rules are used here. The producer's
  // array ends in cycle E and its outputs are committed in E; the consumer has long asked. 16 words
  // of 2 bytes are one line, which the network reads in the next odd cycle, and a packet of 1 + 2
  // flits, whose first flit leaves in the cycle T after. Over one link the tail is read in T + 7 +
  // 5 + 2, the line is written in the next even cycle after that, can be used one later, and the
  // array starts after one cycle of issue.
  const auto network = dense_pair();
  const auto machine = machine_of("clock_mhz: 1600 rows: 1 columns: 2");
  const auto spans = piped_spans(network, machine);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].tile, 1);
  EXPECT_EQ(spans[1].begin, begin_after(spans[0].end));
}

/// 16 inputs through 16 filters twice, and the first result added to the second: tiles 0, 1, 2.
Network dense_residual() {
  PlainNetwork network("dense_residual");
  const auto first = network.fully_connected(network.input({1, 16}), 16);
  network.add(first, network.fully_connected(first, 16));
  return network.finish();
}

TEST(HandOver, WhatSkipsAStageIsThereWhenTheLastOperandComes) {
  // The rules of the test above. Tile 0 answers both readers when its outputs are there: over two
  // links they are on tile 2 long before tile 1 is done. So the sum starts when the line of tile 1
  // has come, over one link, and waits for nothing else: the skip connection costs no cycle.
  const auto network = dense_residual();
  const auto machine = machine_of("clock_mhz: 1600 rows: 1 columns: 3");
  const auto spans = piped_spans(network, machine);
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[1].tile, 1);
  EXPECT_EQ(spans[2].tile, 2);
  EXPECT_EQ(spans[2].begin, begin_after(spans[1].end));
}

TEST(HandOver, RingsHoldWhatReadersAreApart) {
  // Tiles of 2 x 3 of a residual block with two padded 3 x 3 convolutions on 9 x 9 maps: 5 x 3
  // tiles. The convolutions ask for 2 rows and columns beyond a tile of the sum, so that trip i of
  // the producer brings rows 2 i + 2 and 2 i + 3 and the sum finds its rows 2 i and 2 i + 1 in trip
  // i - 1; of its columns 3 i to 3 i + 2 the first two come in trip i - 1. A trip of the outer loop
  // is 3 tiles: 3 + 1 behind, and one being written. The convolutions have one reader each.
  const auto network = residual();
  const auto tree = pipeline_of(network, {"two", {{"d2", 2}, {"d3", 3}}, 2});
  const auto program = mapping::lower(fused_schedule(network, tree), network, grid_machine(2, 2));
  const auto& first = program.stages[0];
  EXPECT_EQ(first.slots[first.output_slot].granules, 1 + 3 + 1);
  const auto& second = program.stages[1];
  EXPECT_EQ(second.slots[second.output_slot].granules, 1);
}

TEST(HandOver, PiecesOverlapWhereTheWholeMapWaits) {
  // Rows of the last layer one by one: the consumer starts while the producer computes; the whole
  // map at once: it starts after the producer's end, and the run is longer by what no longer
  // overlaps.
  const auto network = chain(2, {{3, 3}});
  const auto machine = machine_of(
      "rows: 1 columns: 2 tile { array { rows: 4 columns: 4 } buffer { bytes: 32768 } }");
  const auto spans_of = [&](const PipelineKind& kind) {
    const auto program =
        mapping::lower(fused_schedule(network, pipeline_of(network, kind)), network, machine);
    return computed_spans(machine, program);
  };
  const auto end_of_first = [](const std::vector<Span>& spans) {
    Cycle end = 0;
    for (const auto& span : spans)
      if (span.tile == 0) end = std::max(end, span.end);
    return end;
  };
  const auto begin_of_second = [](const std::vector<Span>& spans) {
    Cycle begin = kNever;
    for (const auto& span : spans)
      if (span.tile == 1) begin = std::min(begin, span.begin);
    return begin;
  };
  const auto pieces = spans_of(kPipelines[2]);
  const auto whole = spans_of(kPipelines[5]);
  EXPECT_LT(begin_of_second(pieces), end_of_first(pieces));
  EXPECT_GT(begin_of_second(whole), end_of_first(whole));
  EXPECT_LT(pieces.back().end, whole.back().end);
}

INSTANTIATE_TEST_SUITE_P(All, FusedKinds, testing::ValuesIn(kKinds),
                         [](const auto& info) { return info.param.name; });

/// Maps of 48 x 48 x 8 words of 2 bytes, 36 KiB each: more than four tiles of 8 KiB hold.
Network large_maps() {
  PlainNetwork network("large_maps");
  const Window padded{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  auto tensor = network.input({1, 4, 48, 48});
  for (const int filters : {8, 8, 8, 4}) tensor = network.convolution(tensor, filters, padded);
  return network.finish();
}

int fused_tops(const mapping::Schedule& schedule) {
  return static_cast<int>(std::ranges::count_if(schedule.root.children, mapping::is_fused));
}

std::int64_t dram_bytes(const hw::Accelerator& machine, const mapping::Program& program) {
  return std::stoll("0" + after_run(machine, program, [](const sim::Machine& whole, Cycle) {
                      Bytes bytes = 0;
                      for (const auto& interface : whole.dram())
                        bytes += interface->counts().read_bytes + interface->counts().written_bytes;
                      return std::to_string(bytes);
                    }));
}

TEST(Schedulers, FusedSavesDramTrafficAndKeepsTheValues) {
  const auto network = large_maps();
  const auto machine = grid_machine(2, 2);
  const auto rates = sim::machine_rates(machine);
  const auto schedule = mapping::schedule_fused(network, machine, rates);
  EXPECT_GT(fused_tops(schedule), 0);
  const auto program = mapping::lower(schedule, network, machine);
  expect_right_values(machine, program);
  const auto apart =
      mapping::lower(mapping::schedule_layerwise(network, machine, rates), network, machine);
  EXPECT_LT(dram_bytes(machine, program), dram_bytes(machine, apart));
}

TEST(Schedulers, RefinedAreNeverSlowerThanLayerwiseAndKeepTheValues) {
  const auto network = large_maps();
  const auto machine = grid_machine(2, 2);
  const auto rates = sim::machine_rates(machine);
  const auto simulated = [&](const mapping::Program& program, Cycle limit) {
    return sim::cycles_up_to(machine, program, limit);
  };
  const auto cycles = [&](const mapping::Schedule& schedule) {
    return simulated(mapping::lower(schedule, network, machine), 0).value();
  };
  const auto apart = cycles(mapping::schedule_layerwise(network, machine, rates));
  mapping::RefineOptions options;
  options.finalists = 2;
  const mapping::Refined all[] = {
      mapping::refine_fused(network, machine, rates, simulated, options),
      mapping::refine_pipeorgan(network, machine, rates, simulated, options),
      mapping::refine_layerwise(network, machine, rates, simulated, options)};
  for (const auto& refined : all) {
    const auto program = mapping::lower(refined.schedule, network, machine);
    EXPECT_LE(cycles(refined.schedule), apart);
    EXPECT_GT(refined.candidates, 0);
    expect_right_values(machine, program);
  }
}

TEST(Schedulers, SimulationsEndAtTheirLimit) {
  const auto network = large_maps();
  const auto machine = grid_machine(2, 2);
  const auto program = mapping::lower(
      mapping::schedule_layerwise(network, machine, sim::machine_rates(machine)), network, machine);
  const auto cycles = sim::cycles_up_to(machine, program, 0).value();
  EXPECT_EQ(sim::cycles_up_to(machine, program, cycles), cycles);
  EXPECT_EQ(sim::cycles_up_to(machine, program, cycles - 1), std::nullopt);
  EXPECT_EQ(sim::cycles_up_to(machine, program, 1), std::nullopt);
}

TEST(Schedulers, PipeOrganKeepsTheValues) {
  const auto network = large_maps();
  const auto machine = grid_machine(4, 4);
  const auto schedule = mapping::schedule_pipeorgan(network, machine, sim::machine_rates(machine));
  EXPECT_GT(fused_tops(schedule), 0);
  const auto program = mapping::lower(schedule, network, machine);
  expect_right_values(machine, program);
}

}  // namespace
}  // namespace tessera::test
