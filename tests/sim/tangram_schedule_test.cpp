// Segments of the schedule `tangram` executed: values equal to the reference executor for every
// way to hand maps over, and never slower than layer by layer.
#include <gtest/gtest.h>

#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/tangram/pipeline.h"
#include "mapping/tangram/scheduler.h"
#include "mapping/tangram/segment_rules.h"
#include "mapping/tangram/sharing.h"
#include "sim/base/error.h"
#include "sim/machine/child_run.h"
#include "sim/machine/machine_rates.h"
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

}  // namespace
}  // namespace tessera::test
