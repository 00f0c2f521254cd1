// A program written by hand that uses every mechanism at once: halos, groups, partial sums, served
// feature maps, and a pool that acquires a window of two granules and releases both.
#include <gtest/gtest.h>

#include "mapping/array_choice.h"
#include "sim/base/error.h"
#include "tests/support/program_builder.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

/// 2 x 2 tiles with the buffer that the program is made for.
hw::Accelerator machine() {
  return machine_of(detail::concatenate(
      "rows: 2 columns: 2 tile { array { rows: 4 columns: 4 } buffer { bytes: ", kBufferBytes,
      " banks: 4 line_bytes: ", kLineBytes, " } } noc { flit_bytes: 8 }"));
}

/// The three-stage program with array mappings for the tiles of its matrix stages.
mapping::Program program_for(const hw::Accelerator& accelerator) {
  auto program = three_stage_program();
  // Stage 0 computes one filter of 3 rows at a time, stage 1 one filter of 2 channels.
  const std::vector<std::int64_t> tiles[] = {{1, 1, 2, 3, 6, 3, 3}, {1, 1, 2, 3, 6, 1, 1}};
  for (int stage = 0; stage < 2; ++stage)
    program.stages[stage].array =
        mapping::choose_array_mapping(program.network.layers[stage], tiles[stage],
                                      accelerator.tile.array, 2)
            .mapping;
  return program;
}

TEST(Window, OfTwoGranulesFeedsAPool) {
  const auto accelerator = machine();
  const auto program = program_for(accelerator);
  expect_right_values(accelerator, program);
}

TEST(Window, OfOneGranuleWouldMissARow) {
  // The other side: with windows of one row the second row of the pool is not acquired. The checker
  // says so, and the machine, asked all the same, notices that it computes with an element that has
  // not arrived.
  const auto accelerator = machine();
  auto program = program_for(accelerator);
  for (auto& node : program.stages[2].codes[0].compute[0].body)
    if (node.instruction.op == mapping::Op::kAcquire ||
        node.instruction.op == mapping::Op::kRelease)
      node.instruction.amount = 1;
  EXPECT_THROW(mapping::check(program, limits_of(accelerator)), UserError);
  const auto run = simulate(accelerator, program);
  EXPECT_EQ(run.end, ChildResult::End::kInvariantViolation) << run.text;
  EXPECT_NE(run.text.find("has not arrived"), std::string::npos) << run.text;
}

TEST(Operands, MayArriveInAnySlot) {
  // Inputs and weights of stage 0 change places: slot 0 holds weights, slot 1 the feature map.
  const auto accelerator = machine();
  auto program = program_for(accelerator);
  auto& stage = program.stages[0];
  std::swap(stage.slots[0], stage.slots[1]);
  const auto exchange = [](auto&& self, mapping::CodeBlock& block) -> void {
    for (auto& node : block) {
      if (node.is_loop) self(self, node.body);
      if (node.instruction.slot == 0 || node.instruction.slot == 1)
        node.instruction.slot = 1 - node.instruction.slot;
    }
  };
  exchange(exchange, stage.codes[0].load);
  exchange(exchange, stage.codes[0].compute);
  expect_right_values(accelerator, program);
}

}  // namespace
}  // namespace tessera::test
