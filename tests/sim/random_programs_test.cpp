// Random layers and small networks x random legal schedules x small machines: the checker accepts
// every program, the machine runs it to the end, and what it leaves in DRAM equals the plain
// reference executor. The same program read back from its file form gives the same result to the
// byte.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/base/random.h"
#include "tests/support/random_layer.h"
#include "tests/support/random_plan.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

constexpr int kSeedsPerBatch = 64;
constexpr int kBatches = 15;

class RandomPrograms : public testing::TestWithParam<int> {};

/// Every fourth is a network of several layers, so that feature maps stay on chip, are served and
/// closed.
workloads::Network draw_network(std::uint64_t seed, Random& random) {
  if (seed % 4 == 3) return random_network(static_cast<int>(random.between(2, 5)), random.next());
  return random_layer(random.next());
}

/// How many of the programs use what: a test that draws nothing interesting proves nothing.
struct Uses {
  int programs = 0, split = 0, blocked = 0, sums = 0, served = 0, grouped = 0;
  int spilled = 0, streamed_in = 0, streamed_out = 0, spilled_sums = 0, added = 0;

  static bool restores(const mapping::CodeBlock& load) {
    return std::ranges::any_of(load, [](const mapping::CodeNode& node) {
      return node.is_loop ? restores(node.body) : node.instruction.op == mapping::Op::kRestore;
    });
  }

  /// Operands that bypass the buffer and sums that leave it.
  void count_ways(const mapping::Stage& stage) {
    const bool spills = restores(stage.codes[0].load);
    const bool staged_output = stage.slots[stage.output_slot].staging;
    spilled += spills;
    spilled_sums += spills && stage.sums_slot >= 0;
    streamed_out += staged_output;
    added += stage.sums_in_network;
    streamed_in += std::ranges::any_of(stage.slots, &mapping::Slot::staging) && !staged_output;
  }

  void count(const mapping::Program& program) {
    ++programs;
    for (const auto& stage : program.stages) count_ways(stage);
    bool any_split = false, any_blocked = false, any_sums = false, any_group = false,
         any_served = false;
    for (const auto& stage : program.stages) {
      any_split |= stage.shares.size() > 1;
      any_sums |= stage.sums_slot >= 0;
      for (const auto& node : stage.codes[0].compute) any_blocked |= node.is_loop && node.count > 1;
      for (const auto& share : stage.shares)
        for (const auto group : share.input_groups)
          any_group |= stage.groups[group].members.size() > 1;
    }
    for (const auto& part : program.parts) any_served |= part.home == mapping::Home::kTiles;
    split += any_split;
    blocked += any_blocked;
    sums += any_sums;
    served += any_served;
    grouped += any_group;
  }
};

/// A third of the machines each: no adders, in the interfaces, in the routers (with few entries).
void add_adders(hw::Accelerator& machine, std::uint64_t seed) {
  constexpr noc::proto::Reduction kKinds[] = {noc::proto::NONE, noc::proto::INTERFACES,
                                              noc::proto::ROUTERS};
  machine.network.set_reduction(kKinds[seed % 3]);
  machine.network.set_reduction_entries(1 + static_cast<std::uint32_t>(seed / 3 % 5));
}

/// Nothing is counted when no schedule was found that fits the machine.
void try_seed(std::uint64_t seed, Uses& uses) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  auto machine = random_machine(random);
  add_adders(machine, seed);
  const auto network = draw_network(seed, random);
  const auto drawn = random_program(network, machine, random);
  if (!drawn) return;
  uses.count(drawn->program);
  SCOPED_TRACE(mapping::to_text(drawn->schedule));
  expect_same_in_every_form(machine, drawn->program, seed, seed % 8 == 0);
}

TEST_P(RandomPrograms, EqualReferenceAndThemselvesReloaded) {
  Uses uses;
  for (int i = 0; i < kSeedsPerBatch; ++i)
    try_seed(static_cast<std::uint64_t>(GetParam() * kSeedsPerBatch + i), uses);
  EXPECT_GE(uses.programs, 56) << "too few schedules fit their machines";
  EXPECT_GE(uses.split, 30);
  EXPECT_GE(uses.blocked, 30);
  EXPECT_GE(uses.grouped, 10);
  EXPECT_GE(uses.sums, 10);
  EXPECT_GE(uses.added, 3);
  EXPECT_GE(uses.served, 8);
  EXPECT_GE(uses.spilled, 2);
  EXPECT_GE(uses.streamed_in, 4);
  EXPECT_GE(uses.streamed_out, 1);
}

// In these a tile saw a packet leave a cycle early when it was called after the network within that
// cycle, which the detailed arrays changed.
TEST(RandomProgramsOnce, DependedOnTheOrderOfCallsWithinACycle) {
  Uses uses;
  for (const std::uint64_t seed : {1280, 2696}) try_seed(seed, uses);
  EXPECT_EQ(uses.programs, 2);
}

// In this an input's registers were counted with the rows that a stride leaves out when it was
// checked, and without when it was mapped.
TEST(RandomProgramsOnce, CountedRegisterWordsInTwoWays) {
  Uses uses;
  try_seed(6290, uses);
  EXPECT_EQ(uses.programs, 1);
}

INSTANTIATE_TEST_SUITE_P(Batch, RandomPrograms, testing::Range(0, kBatches));

}  // namespace
}  // namespace tessera::test
