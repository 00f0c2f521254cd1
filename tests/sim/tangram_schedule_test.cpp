// Segments of the schedule `tangram` executed: values equal to the reference executor for every
// way to hand maps over, and never slower than layer by layer.
#include <gtest/gtest.h>

#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/stage_reader.h"
#include "mapping/tangram/additions.h"
#include "mapping/tangram/pipeline.h"
#include "mapping/tangram/scheduler.h"
#include "mapping/tangram/segment_rules.h"
#include "mapping/tangram/sharing.h"
#include "sim/base/error.h"
#include "sim/machine/child_run.h"
#include "sim/machine/machine_rates.h"
#include "tests/sim/tile_timing.h"
#include "tests/support/plain_network.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

using mapping::Pipelining;
using mapping::TangramSwitches;
using workloads::Network;

constexpr Window kPadded{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};

Network chain() {
  PlainNetwork network("chain", 2);
  auto tensor = network.input({2, 4, 8, 8});
  tensor = network.convolution(tensor, 8, kPadded);
  tensor = network.pool(tensor, workloads::Function::kMaxPool, {{2, 2}, {2, 2}});
  tensor = network.convolution(tensor, 8, kPadded);
  network.fully_connected(tensor, 6);
  return network.finish();
}

Network residual() {
  PlainNetwork network("residual");
  const auto first = network.convolution(network.input({1, 4, 8, 8}), 8, kPadded);
  const auto branch = network.convolution(network.convolution(first, 8, kPadded), 8, kPadded);
  network.convolution(network.add(first, branch), 4, {});
  return network.finish();
}

/// Residual sum, concatenation, depthwise and grouped layers.
Network concatenated() { return workloads::load_network("small_cnn", 0); }

struct Case {
  std::string name;
  Network (*network)();
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

const Case kCases[] = {{"chain", chain}, {"residual", residual}, {"concatenated", concatenated}};

hw::Accelerator machine() {
  return machine_of(
      "rows: 4 columns: 4 tile { array { rows: 4 columns: 4 } buffer { bytes: 16384 } }");
}

class TangramCases : public testing::TestWithParam<Case> {};

std::vector<TangramSwitches> all_switches() {
  std::vector<TangramSwitches> all;
  for (const auto pipelining : {Pipelining::kNone, Pipelining::kChains, Pipelining::kDag})
    for (const bool sharing : {true, false})
      for (const bool allo : {true, false}) all.push_back({true, sharing, pipelining, allo});
  return all;
}

void expect_exact(const hw::Accelerator& accelerator, const mapping::Program& program) {
  mapping::check(program, limits_of(accelerator));
  const auto run = simulate(accelerator, program);
  EXPECT_TRUE(run.ok()) << run.text;
}

TEST_P(TangramCases, EverySettingEqualsTheReference) {
  const auto network = GetParam().network();
  const auto accelerator = machine();
  const auto rates = sim::machine_rates(accelerator);
  for (const auto& switches : all_switches())
    expect_exact(accelerator,
                 mapping::lower(mapping::schedule_tangram(network, accelerator, rates, switches),
                                network, accelerator));
}

/// What analysis would not choose is executed too: the best of every hand-over of every segment.
TEST_P(TangramCases, EveryHandoverEqualsTheReference) {
  const auto network = GetParam().network();
  const auto accelerator = machine();
  const auto rates = sim::machine_rates(accelerator);
  mapping::StageChooser chooser(network, accelerator, rates);
  const auto layerwise =
      mapping::arrangement_of(mapping::schedule_layerwise(network, accelerator, rates), network);
  int executed = 0, in_pieces = 0;
  const auto layers = static_cast<int>(network.layers.size());
  for (int first = 0; first < layers; ++first)
    for (int last = first + 1; last < std::min(layers, first + 4); ++last) {
      if (!mapping::is_segment(network, {first, last}, Pipelining::kDag)) continue;
      int taken = 0;
      for (const auto& pipeline :
           mapping::pipelines_of(network, {first, last}, accelerator, rates, {}, chooser)) {
        if (++taken > 3) break;
        workloads::LayerSpan touched{first, last};
        auto pieces = mapping::exchanged(
            layerwise, {{first, last}, mapping::pipeline_tree(pipeline, network)});
        pieces = mapping::with_room(std::move(*pieces), touched, network, accelerator, touched);
        if (!pieces) continue;
        const auto program =
            mapping::lower(mapping::schedule_of(*pieces, "segment"), network, accelerator);
        expect_exact(accelerator, program);
        ++executed;
        for (const auto& stage : pipeline.stages)
          in_pieces += stage.handover.loop == mapping::StageLoop::kTakes;
      }
    }
  EXPECT_GT(executed, 2);
  EXPECT_GT(in_pieces, 0);
}

TEST(TangramAdditions, OnTheirProducersTilesEqualTheReference) {
  const auto network = residual();
  const auto accelerator = machine();
  const auto rates = sim::machine_rates(accelerator);
  mapping::StageChooser chooser(network, accelerator, rates);
  int executed = 0;
  for (const auto& pipeline :
       mapping::pipelines_of(network, {0, 4}, accelerator, rates, {}, chooser,
                             {mapping::hosts_of(network, {0, 4})})) {
    ASSERT_EQ(pipeline.stages[3].plan.tiles, pipeline.stages[2].plan.tiles);
    const auto tree = mapping::pipeline_tree(pipeline, network);
    expect_exact(accelerator, mapping::lower(mapping::schedule_of({{{0, 4}, tree}}, "segment"),
                                             network, accelerator));
    if (++executed == 4) break;
  }
  EXPECT_EQ(executed, 4);
}

TEST_P(TangramCases, RefinedIsNeverSlowerThanLayerwise) {
  const auto network = GetParam().network();
  const auto accelerator = machine();
  const auto rates = sim::machine_rates(accelerator);
  const auto simulated = [&](const mapping::Program& program, Cycle limit) {
    return sim::cycles_up_to(accelerator, program, limit);
  };
  const auto cycles = [&](const mapping::Program& program) {
    return simulated(program, 0).value();
  };
  const auto apart = cycles(mapping::lower(mapping::schedule_layerwise(network, accelerator, rates),
                                           network, accelerator));
  const auto refined =
      mapping::refine_tangram(network, accelerator, rates, {}, simulated, {.finalists = 1});
  EXPECT_GT(refined.candidates, 0);
  const auto program = mapping::lower(refined.schedule, network, accelerator);
  EXPECT_LE(cycles(program), apart);
  expect_exact(accelerator, program);
}

/// 16 inputs through 64 filters and one, a stage per layer on a tile each. The first hands over
/// whole maps or pieces of 16 channels: 32 bytes, one line. Rules of timing as in tile_timing.h.
class AlloPair : public testing::Test {
 protected:
  static Network network() {
    PlainNetwork plain("pair");
    plain.fully_connected(plain.fully_connected(plain.input({1, 16}), 64), 1);
    return plain.finish();
  }

  Program program(std::int64_t pieces) const {
    const auto rates = sim::machine_rates(machine_);
    mapping::StageChooser chooser(network_, machine_, rates);
    const auto found = mapping::pipelines_of(network_, {0, 1}, machine_, rates, {}, chooser);
    const auto wanted = std::ranges::find_if(found, [&](const mapping::Pipeline& pipeline) {
      const auto& first = pipeline.stages[0].handover;
      return first.pieces == pieces && (first.loop == mapping::StageLoop::kGives) == (pieces > 1);
    });
    const auto tree =
        mapping::pipeline_tree(wanted == found.end() ? found.at(0) : *wanted, network_);
    return mapping::lower(mapping::schedule_of({{{0, 1}, tree}}, "pair"), network_, machine_);
  }

  /// Of the slot that takes the first layer's map.
  static Bytes bytes_taken(const Program& program) {
    Bytes bytes = 0;
    for (const auto& slot : program.stages[1].slots)
      if (slot.name == "I0") bytes = slot.bytes();
    return bytes;
  }

  const hw::Accelerator machine_ = machine_with(1, 2);
  const Network network_ = network();
};

TEST_F(AlloPair, FullBufferingWaitsForTheWholeMap) {
  // The consumer's request has waited since long before the producer's only instruction ends. Four
  // lines are read from the next odd cycle on; the packet of 9 flits leaves a cycle later and its
  // tail is read 12 + 8 after that over one link. Its lines are written in even cycles, the first
  // from the one after, three more every other cycle; usable in the next, one cycle of issue.
  const auto whole = program(1);
  EXPECT_EQ(bytes_taken(whole), 4u * 32);
  const auto lines = observe(machine_, whole);
  const auto gives = about(lines, "tile0"), takes = about(lines, "tile1");
  ASSERT_EQ(gives.size(), 1u);
  ASSERT_EQ(takes.size(), 1u);
  const Cycle tail = next_odd(cycle_in(gives[0], 2)) + 1 + 12 + 8;
  EXPECT_EQ(cycle_in(takes[0], 1), next_even(tail + 1) + 3 * 2 + 1 + 1);
}

TEST_F(AlloPair, PiecesAreTakenWhileTheNextOnesAreMade) {
  // A piece is read in the next odd cycle after its instruction; the packet of 3 flits leaves a
  // cycle later, its tail is read 12 + 2 after that, the line is written in the next even cycle
  // from the one after, usable in the next. The consumer has places for two pieces, so that it has
  // asked in time: the one before the last is done with while the producer makes the next. It
  // begins a cycle of issue after the piece, and after its instruction before.
  const auto pieces = program(4);
  EXPECT_EQ(bytes_taken(pieces), 2u * 32);
  const auto lines = observe(machine_, pieces);
  const auto gives = about(lines, "tile0"), takes = about(lines, "tile1");
  ASSERT_EQ(gives.size(), 4u);
  ASSERT_EQ(takes.size(), 4u);
  Cycle before = 0;
  for (std::size_t piece = 0; piece < 4; ++piece) {
    const Cycle usable = next_even(next_odd(cycle_in(gives[piece], 2)) + 1 + 14 + 1) + 1;
    EXPECT_EQ(cycle_in(takes[piece], 1), std::max(before, usable) + 1) << "piece " << piece;
    before = cycle_in(takes[piece], 2);
  }
  EXPECT_LT(cycle_in(takes[0], 1), cycle_in(gives[1], 2));
}

Network streams() {
  PlainNetwork network("streams");
  network.convolution(network.input({1, 64, 28, 28}), 16, kPadded);
  return network.finish();
}

hw::Accelerator one_tile() {
  return machine_of(
      "rows: 1 columns: 1 tile { array { rows: 8 columns: 8 } buffer { bytes: 32768 } }");
}

/// Inputs with a single copy that come more than once.
int taken_in_turns(const mapping::Schedule& schedule, const Network& network) {
  const auto plan = mapping::read_stages(schedule, network, {1, 1}).front();
  const auto& layer = network.layers.front();
  const auto extents = layer.extents();
  int inputs = 0;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i)
    inputs += !plan.inputs[i].double_buffered &&
              mapping::change_depth(plan, layer.inputs[i], plan.inputs[i].depth, extents) > 0;
  return inputs;
}

TEST(Blocking, SmallerTilesLetFetchesOverlapComputing) {
  // Maps of 64 x 28 x 28 words of 2 bytes, 98 KiB, on one tile of 32 KiB: the largest tiles that
  // fit leave no room for second copies.
  const auto network = streams();
  const auto accelerator = one_tile();
  const auto rates = sim::machine_rates(accelerator);
  const auto cycles = [&](const mapping::Schedule& schedule) {
    return sim::cycles_up_to(accelerator, mapping::lower(schedule, network, accelerator), 0)
        .value();
  };
  const auto largest = mapping::schedule_layerwise(network, accelerator, rates);
  const auto overlap =
      mapping::schedule_layerwise(network, accelerator, rates, mapping::Blocking::kOverlap);
  EXPECT_GT(taken_in_turns(largest, network), 0);
  EXPECT_EQ(taken_in_turns(overlap, network), 0);
  EXPECT_LT(cycles(overlap), cycles(largest));
}

TEST(Blocking, SimulationDecidesWhichIsTheBase) {
  // With nothing else to try, the better of the two ways is the result for a single layer.
  const auto network = streams();
  const auto accelerator = one_tile();
  const auto rates = sim::machine_rates(accelerator);
  const auto simulated = [&](const mapping::Program& program, Cycle limit) {
    return sim::cycles_up_to(accelerator, program, limit);
  };
  const auto refined = [&](bool blocking) {
    const TangramSwitches switches{
        .sharing = false, .pipelining = Pipelining::kNone, .blocking = blocking};
    const auto result =
        mapping::refine_tangram(network, accelerator, rates, switches, simulated, {.finalists = 1});
    return taken_in_turns(result.schedule, network);
  };
  EXPECT_EQ(refined(true), 0);
  EXPECT_GT(refined(false), 0);
}

struct SharedCase {
  int rows;
  int filters;
};
void PrintTo(const SharedCase& one, std::ostream* out) {
  *out << one.rows << " rows, " << one.filters << " filters";
}

/// One layer with an input shared, in every way that fits a small buffer. Five rows on two rows of
/// tiles are shares of three and two, seven filters four and three: where one tile of a chain would
/// have fewer trips than the others, all would stand still.
class TangramSharing : public testing::TestWithParam<SharedCase> {};

TEST_P(TangramSharing, PiecesThatGoRoundEqualTheReference) {
  PlainNetwork plain("shared");
  plain.convolution(plain.input({1, 8, GetParam().rows, 4}), GetParam().filters, kPadded);
  const auto network = plain.finish();
  const auto accelerator = machine_of(
      "rows: 2 columns: 2 tile { array { rows: 4 columns: 4 } buffer { bytes: 8192 } interface { "
      "staging_bytes: 1024 } }");
  const auto rates = sim::machine_rates(accelerator);
  const auto choices = mapping::shared_layers(network, 0, std::vector<mapping::InputSource>(2),
                                              accelerator, rates, mapping::Home::kDram);
  ASSERT_FALSE(choices.empty());
  bool weights = false;
  for (std::size_t i = 0; i < std::min<std::size_t>(choices.size(), 24); ++i) {
    mapping::Schedule schedule{"shared", "shared", {}};
    schedule.root.children.push_back(mapping::shared_tree(choices[i], network));
    const auto program = mapping::lower(schedule, network, accelerator);
    EXPECT_TRUE(std::ranges::any_of(program.stages.front().slots,
                                    [](const auto& slot) { return slot.rotating; }));
    weights |= network.layers[0].inputs[choices[i].input].role == workloads::OperandRole::kWeight;
    expect_exact(accelerator, program);
  }
  EXPECT_TRUE(weights);
}

INSTANTIATE_TEST_SUITE_P(Shapes, TangramSharing,
                         testing::Values(SharedCase{8, 16}, SharedCase{5, 16}, SharedCase{8, 14},
                                         SharedCase{8, 7}));

INSTANTIATE_TEST_SUITE_P(All, TangramCases, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

/// Two convolutions of 16 filters, side by side on four tiles each, one of them or both with an
/// input that goes round.
class SharedStages : public testing::Test {
 protected:
  static Network network() {
    PlainNetwork plain("pair");
    const auto middle = plain.convolution(plain.input({1, 8, 8, 8}), 16, kPadded);
    plain.convolution(middle, 16, kPadded);
    return plain.finish();
  }

  static hw::Accelerator machine_of_bytes(int bytes) {
    return machine_of(detail::concatenate(
        "rows: 2 columns: 4 tile { array { rows: 4 columns: 4 } buffer { bytes: ", bytes,
        " } interface { staging_bytes: 1024 } }"));
  }

  /// The handed over map whole or in four pieces, shared where wanted; none when it does not fit.
  std::optional<mapping::Pipeline> pair(const hw::Accelerator& accelerator, std::int64_t pieces,
                                        bool first_shares, bool second_shares) const {
    const auto rates = sim::machine_rates(accelerator);
    mapping::StageChooser chooser(network_, accelerator, rates);
    mapping::Pipeline pipeline{{0, 1}, 1, false, {}, 0};
    const auto handovers = mapping::alternate(network_, {0, 1}, pieces, true, pieces > 1);
    for (int s = 0; s < 2; ++s) {
      mapping::StageTask task{s, 4, 1, handovers[static_cast<std::size_t>(s)]};
      task.shares = s == 0 ? first_shares : second_shares;
      const auto& choice = chooser.choose(task);
      if (!choice) return std::nullopt;
      pipeline.stages.push_back(*choice);
      pipeline.stages.back().plan.tiles = {4 * s, 4 * s + 1, 4 * s + 2, 4 * s + 3};
    }
    return pipeline;
  }

  mapping::Program lowered(const mapping::Pipeline& pipeline,
                           const hw::Accelerator& accelerator) const {
    const auto tree = mapping::pipeline_tree(pipeline, network_);
    return mapping::lower(mapping::schedule_of({{{0, 1}, tree}}, "pair"), network_, accelerator);
  }

  const Network network_ = network();
};

TEST_F(SharedStages, EqualTheReferenceHoweverTheyHandOver) {
  const auto accelerator = machine_of_bytes(8192);
  for (const std::int64_t pieces : {1, 4})
    for (const auto& [first, second] : {std::pair(true, false), {false, true}, {true, true}}) {
      const auto pipeline = pair(accelerator, pieces, first, second);
      ASSERT_TRUE(pipeline) << pieces;
      const auto program = lowered(*pipeline, accelerator);
      for (int s = 0; s < 2; ++s)
        EXPECT_EQ(std::ranges::any_of(program.stages[static_cast<std::size_t>(s)].slots,
                                      &mapping::Slot::rotating),
                  s == 0 ? first : second);
      expect_exact(accelerator, program);
    }
}

TEST_F(SharedStages, HoldPartsOfWhatOthersHoldWhole) {
  // Weights of the second layer are 16 x 16 x 9 words of 2 B, 4,608 B. Its input comes in four
  // pieces of channels, to each of which 1,152 B belong; tiles that have a part of the filters want
  // as much less. What goes round is a tile's share of that, dealt to the places of its chain.
  const auto accelerator = machine_of_bytes(8192);
  const auto pipeline = pair(accelerator, 4, false, true);
  ASSERT_TRUE(pipeline);
  Bytes share = 1152;
  for (const auto& split : pipeline->stages[1].plan.partition)
    if (split.rank == network_.layers[1].rank_index("K")) share /= static_cast<Bytes>(split.ways);
  const auto stage = lowered(*pipeline, accelerator).stages[1];
  const auto shared = std::ranges::find_if(stage.slots, &mapping::Slot::rotating);
  ASSERT_NE(shared, stage.slots.end());
  EXPECT_EQ(shared->name, "W");
  EXPECT_EQ(shared->bytes() * static_cast<Bytes>(stage.shares[0].rotation.places), share);
}

TEST_F(SharedStages, AreChosenWhereNothingElseFits) {
  // With 2 KiB a tile does not hold what it needs of the first layer's inputs, weights and outputs
  // whole.
  int only_shared = 0;
  for (const int bytes : {1024, 1536, 2048, 3072})
    for (const std::int64_t pieces : {1, 4}) {
      const auto accelerator = machine_of_bytes(bytes);
      const bool apart = pair(accelerator, pieces, false, false).has_value();
      const bool shared = pair(accelerator, pieces, true, false).has_value() ||
                          pair(accelerator, pieces, false, true).has_value() ||
                          pair(accelerator, pieces, true, true).has_value();
      only_shared += shared && !apart;
    }
  EXPECT_GT(only_shared, 0);
}

}  // namespace
}  // namespace tessera::test
