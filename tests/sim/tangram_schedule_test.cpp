// Segments of the schedule `tangram` executed: values equal to the reference executor for every
// way to hand maps over, and never slower than layer by layer.
#include <gtest/gtest.h>

#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/tangram/pipeline.h"
#include "mapping/tangram/scheduler.h"
#include "mapping/tangram/segment_rules.h"
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
    for (const bool allo : {true, false}) all.push_back({true, pipelining, allo});
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

INSTANTIATE_TEST_SUITE_P(All, TangramCases, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tessera::test
