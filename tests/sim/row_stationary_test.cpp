// The schedule `row_stationary` on the machine: bit by bit as the reference computes it, the same
// cycles with a module per PE, and the Eyeriss chip's processing times.
#include "mapping/row_stationary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "hw_models/description/load.h"
#include "mapping/lowering.h"
#include "sim/machine/machine_rates.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"
#include "workloads/text_network.h"

namespace tessera::test {
namespace {

mapping::Program program_for(const workloads::Network& network, const hw::Accelerator& machine) {
  const auto schedule =
      mapping::schedule_row_stationary(network, machine, sim::machine_rates(machine));
  auto program = mapping::lower(schedule, network, machine);
  mapping::check(program, limits_of(machine));
  return program;
}

struct Case {
  const char* name;
  const char* input;  ///< shape
  const char* layer;  ///< one convolution
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

constexpr Case kCases[] = {
    {"padded", "2, 4, 9, 9", "convolution { k: 8 r: 3 pad: 1 }"},
    {"strided", "2, 3, 23, 23", "convolution { k: 8 r: 7 stride: 3 }"},
    {"uneven", "1, 3, 13, 11", "convolution { k: 6 r: 5 s: 3 stride: [3, 2] pad: [2, 0, 1, 1] }"},
    {"grouped", "2, 8, 8, 8", "convolution { k: 12 r: 3 pad: 1 groups: 2 }"},
    {"depthwise", "2, 10, 9, 9", "convolution { depthwise: true r: 3 stride: 2 pad: 1 }"},
    {"dilated", "1, 4, 12, 12", "convolution { k: 4 r: 3 dilation: 2 pad: 2 }"},
    {"pointwise", "2, 12, 7, 7", "convolution { k: 20 r: 1 }"},
    {"pointwise_strided", "1, 6, 9, 9", "convolution { k: 4 r: 1 stride: 2 }"},
    {"wide", "1, 2, 6, 40", "convolution { k: 4 r: 5 pad: 2 }"},
    {"tall", "1, 2, 40, 6", "convolution { k: 4 r: 5 pad: 2 }"},
    {"connected", "3, 5, 4, 4", "fully_connected { k: 14 }"},
};

workloads::Network network_of(const Case& c) {
  std::ostringstream text;
  text << "name: \"one\" input { name: \"x\" shape: [" << c.input
       << "] } layer { name: \"a\" input: \"x\" " << c.layer << " activation: RELU }";
  return workloads::parse_text_network(text.str(), c.name, 0);
}

class RowStationary : public testing::TestWithParam<Case> {};

TEST_P(RowStationary, EqualsTheReferenceOnTheChipAndOnAGridOfTiles) {
  const auto network = network_of(GetParam());
  for (const std::string name : {"eyeriss", "tangram-4x4"}) {
    const auto machine = hw::load_accelerator(name);
    const auto run = simulate(machine, program_for(network, machine));
    EXPECT_TRUE(run.ok()) << name << ": " << run.text;
  }
}

TEST_P(RowStationary, TakesTheSameTimeWithAModulePerPe) {
  const auto network = network_of(GetParam());
  const auto machine = hw::load_accelerator("eyeriss");
  const auto program = program_for(network, machine);
  const auto closed = simulate(machine, program, 1, false);
  const auto detailed = simulate(machine, program, 1, true);
  ASSERT_TRUE(detailed.ok()) << detailed.text;
  EXPECT_EQ(closed.text, detailed.text);
}

INSTANTIATE_TEST_SUITE_P(Layers, RowStationary, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

/// The five convolutions of AlexNet, each on a map that is already there.
constexpr const char* kAlexNet = R"(
    name: "alexnet_convolutions"
    input { name: "x1" shape: [4, 3, 227, 227] }
    input { name: "x2" shape: [4, 96, 27, 27] }
    input { name: "x3" shape: [4, 256, 13, 13] }
    input { name: "x4" shape: [4, 384, 13, 13] }
    input { name: "x5" shape: [4, 384, 13, 13] }
    layer { name: "conv1" input: "x1" convolution { k: 96 r: 11 stride: 4 } }
    layer { name: "conv2" input: "x2" convolution { k: 256 r: 5 pad: 2 groups: 2 } }
    layer { name: "conv3" input: "x3" convolution { k: 384 r: 3 pad: 1 } }
    layer { name: "conv4" input: "x4" convolution { k: 384 r: 3 pad: 1 groups: 2 } }
    layer { name: "conv5" input: "x5" convolution { k: 256 r: 3 pad: 1 groups: 2 } })";

/// Milliseconds at 200 MHz in which the array was at work, per layer.
std::vector<double> processing_ms(const workloads::Network& network) {
  const auto machine = hw::load_accelerator("eyeriss");
  const auto program = program_for(network, machine);
  std::istringstream in(after_run(machine, program, [](const sim::Machine& simulated, Cycle) {
    std::ostringstream out;
    for (const auto& counts : simulated.tiles().front()->counts())
      out << counts.stack.of(hw::Cause::kCompute) + counts.stack.of(hw::Cause::kFillDrain) +
                 counts.stack.of(hw::Cause::kDelivery)
          << ' ';
    return out.str();
  }));
  std::vector<double> times;
  for (double cycles = 0; in >> cycles;) times.push_back(cycles / 200e3);
  return times;
}

TEST(EyerissChip, ProcessesAlexNetInTheMeasuredTime) {
  // JSSC 2017, batch 4, 200 MHz core, 60 MHz link.
  const double published[] = {16.5, 39.2, 21.8, 16.0, 10.0};
  const auto network = workloads::parse_text_network(kAlexNet, "alexnet", 0);
  const auto simulated = processing_ms(network);
  ASSERT_EQ(simulated.size(), 5u);
  double sum = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const double error = simulated[i] / published[i] - 1;
    EXPECT_LE(std::abs(error), 0.08) << "CONV" << i + 1 << " takes " << simulated[i] << " ms";
    sum += std::abs(error);
  }
  EXPECT_LE(sum / 5, 0.04);
}

}  // namespace
}  // namespace tessera::test
