// Every kind of layer through the scheduler and the machine, in functional mode: networks whose
// tensors are views of each other, rows that must stay whole, windows over channels; on small grids
// and on the presets.
#include <gtest/gtest.h>

#include <algorithm>

#include "hw_models/description/load.h"
#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"
#include "workloads/text_network.h"

namespace tessera::test {
namespace {

struct Text {
  const char* name;
  const char* text;
};

constexpr Text kNetworks[] = {{"attention", R"(
      name: "attention"
      input { name: "x" shape: [1, 6, 16] }
      layer { name: "q" input: "x" matrix_product { k: 16 } }
      layer { name: "k" input: "x" matrix_product { k: 16 } }
      layer { name: "v" input: "x" matrix_product { k: 16 } }
      layer { name: "scores" input: "q" input: "k" matrix_product { transpose_b: true heads: 4 } }
      layer { name: "weights" input: "scores" softmax { axis: -1 } }
      layer { name: "mixed" input: "weights" input: "v" matrix_product { heads: 4 merge_heads: true } }
      layer { name: "out" input: "mixed" matrix_product { k: 16 } }
      layer { name: "sum" input: "out" input: "x" add {} }
      layer { name: "norm" input: "sum" layer_norm {} }
      layer { name: "gelu" input: "norm" function: GELU })"},
                              {"views", R"(
      name: "views"
      input { name: "x" shape: [2, 8, 6, 6] }
      layer { name: "a" input: "x" convolution { k: 8 r: 3 pad: 1 } activation: TANH }
      layer { name: "shuffled" input: "a" channel_shuffle { groups: 2 } }
      layer { name: "grouped" input: "shuffled" convolution { k: 8 r: 3 pad: 1 groups: 2 } }
      layer { name: "lrn" input: "grouped" local_response_norm { size: 5 } }
      layer { name: "part" input: "lrn" slice { axis: 1 begin: 2 count: 4 } }
      layer { name: "down" input: "part" max_pool { r: 2 stride: 2 ceil_mode: true } }
      layer { name: "up" input: "down" upsample { factor: 2 } }
      layer { name: "joined" input: "up" input: "a" concat { axis: 1 } }
      layer { name: "normed" input: "joined" batch_norm {} }
      layer { name: "turned" input: "normed" transpose { order: [0, 2, 3, 1] } }
      layer { name: "scaled" input: "turned" multiply {} input: "turned" }
      layer { name: "mean" input: "joined" global_average_pool {} }
      layer { name: "gate" input: "mean" function: SIGMOID }
      layer { name: "gated" input: "joined" input: "gate" multiply {} })"},
                              {"recurrent", R"(
      name: "recurrent"
      input { name: "x" shape: [2, 12] }
      input { name: "cell" shape: [2, 10] }
      layer { name: "gates" input: "x" fully_connected { k: 40 } }
      layer { name: "lstm" input: "gates" input: "cell" lstm_cell {} }
      layer { name: "out" input: "lstm" fully_connected { k: 7 } })"},
                              {"strided", R"(
      name: "strided"
      input { name: "x" shape: [1, 4, 13, 11] }
      layer { name: "a" input: "x" convolution { k: 6 r: 5 s: 3 stride: [3, 2] pad: [2, 0, 1, 1] } activation: RELU }
      layer { name: "b" input: "a" convolution { depthwise: true r: 3 dilation: 2 pad: 2 } activation: SWISH }
      layer { name: "c" input: "b" average_pool { r: 3 stride: 2 pad: 1 count_include_pad: true } }
      layer { name: "d" input: "c" flatten { axis: 1 } }
      layer { name: "e" input: "d" fully_connected { k: 9 } })"}};

struct Case {
  std::string machine;  ///< "2x3" or a preset
  Text network;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.network.name << " on " << c.machine; }

class LayerKinds : public testing::TestWithParam<Case> {};

hw::Accelerator machine_named(const std::string& name) {
  if (name.size() == 3 && name[1] == 'x') return grid_machine(name[0] - '0', name[2] - '0');
  return hw::load_accelerator(name);
}

TEST_P(LayerKinds, EqualReferenceBitByBit) {
  const auto machine = machine_named(GetParam().machine);
  const auto network =
      workloads::parse_text_network(GetParam().network.text, GetParam().network.name, 0);
  const auto schedule = mapping::schedule_layerwise(network, machine, {});
  const auto program = mapping::lower(schedule, network, machine);
  mapping::check(program, limits_of(machine));
  const auto run = simulate(machine, program);
  EXPECT_TRUE(run.ok()) << run.text << "\n" << mapping::to_text(schedule);
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const auto& network : kNetworks)
    for (const std::string machine :
         {"1x1", "2x3", "4x4", "tangram-4x4", "tangram-16x16", "eyeriss", "simba-4x4", "pes-32x32"})
      cases.push_back({machine, network});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Networks, LayerKinds, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = detail::concatenate(info.param.network.name, "_", info.param.machine);
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace tessera::test
