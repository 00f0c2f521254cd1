// Cycles of what goes through a shared buffer, each derived by hand from the rules in
// tile_timing.h.
#include "tests/sim/tile_timing.h"

namespace tessera::test {
namespace {

/// 16 values from tile 0 to tile 1 through a shared buffer at tile 0's router that moves 8 bytes a
/// cycle and answers 3 cycles after the port.
Lines through_shared_buffer() {
  const auto machine = machine_with(
      1, 2, "shared_buffers { name: 's' bytes: 4096 bytes_per_cycle: 8 latency_cycles: 3 }");
  PlainNetwork builder("through_shared_buffer");
  builder.fully_connected(builder.fully_connected(builder.input({1, 16}), 16), 1);
  const auto network = builder.finish();
  StagePlan producer = dense_plan(network, 0, {0});
  producer.output_home = Home::kShared;
  return observe(machine, lower_plans(network, machine, {producer, dense_plan(network, 1, {1})}));
}

TEST(SharedBuffer, WritesThenReadsThroughItsOnePort) {
  // Tile 0 asks for room when its output
  // is committed: seen 8 later, granted at once, the grant seen 8 later. The line leaves in an odd
  // cycle, its packet (3 flits) a cycle later: seen 7 + 2 + 1 after. 32 bytes hold the port for 4
  // cycles; then tile 1's read, which has been waiting, for 4 more, and 3 cycles later its packet
  // of 3 flits leaves, read over one link 12 + 2 later.
  const auto lines = through_shared_buffer();
  const Cycle committed = cycle_in(about(lines, "tile0").at(0), 2);
  const Cycle at_port = next_odd(committed + 16) + 1 + 10;
  const Cycle sent = at_port + 4 + 4 + 3;
  const Cycle usable = next_even(sent + 14 + 1) + 1;
  EXPECT_EQ(cycle_in(about(lines, "tile1").at(0), 1), usable + 1);
}

TEST(SharedBuffer, HoldsWhatIsWrittenUntilItsLastReaderIsDone) {
  // As above. The 32 bytes are held from the cycle in which the port is through with them: 4 after
  // they came to it. Tile 1 needs nothing more of the tensor in the cycle in which the last line of
  // its granule enters the buffer, one before the granule can be used, and says so then: one flit
  // over one link, read 7 + 5 later, seen in the next cycle.
  const auto lines = through_shared_buffer();
  const Cycle committed = cycle_in(about(lines, "tile0").at(0), 2);
  const Cycle at_port = next_odd(committed + 16) + 1 + 10;
  const Cycle last_line = cycle_in(about(lines, "tile1").at(0), 1) - 2;
  EXPECT_EQ(about(lines, "shared0"),
            (Lines{detail::concatenate("shared0 ", at_port + 4, " 32"),
                   detail::concatenate("shared0 ", last_line + 7 + 5 + 1, " 0")}));
}

// Three layers on one tile; the first two outputs go to a shared buffer that holds one of them. 16
// values are 32 bytes, one line of 64 in the shared buffer's layout.
class SharedAddresses : public testing::Test {
 protected:
  SharedAddresses() {
    PlainNetwork builder("three");
    const auto first = builder.fully_connected(builder.input({1, 16}), 16);
    builder.fully_connected(builder.fully_connected(first, 16), 1);
    network_ = builder.finish();
  }

  Program lowered(const hw::Accelerator& machine) const {
    std::vector<StagePlan> plans;
    for (int layer = 0; layer < 3; ++layer)
      plans.push_back(dense_plan(network_, layer, {layer % 2}));
    plans[0].output_home = plans[1].output_home = Home::kShared;
    return lower_plans(network_, machine, plans);
  }

  static hw::Accelerator machine_of_bytes(int bytes) {
    return machine_with(
        1, 2,
        detail::concatenate("shared_interleave_bytes: 64 shared_buffers { name: 's' bytes: ", bytes,
                            " }"));
  }

  Network network_;
};

TEST_F(SharedAddresses, AreRefusedWhileBothTensorsLive) {
  // The second layer reads the first tensor while it writes the second.
  EXPECT_THROW(lowered(machine_of_bytes(64)), UserError);
}

TEST_F(SharedAddresses, MayNotOverlapInAProgram) {
  const auto roomy = machine_of_bytes(128);
  auto program = lowered(roomy);
  EXPECT_NO_THROW(mapping::check(program, limits_of(roomy)));
  const auto second = std::ranges::find(program.parts, 1, &mapping::Part::producer_stage);
  ASSERT_EQ(program.shared_layouts[second->tensor].base_address, 64u);
  program.shared_layouts[second->tensor].base_address = 0;
  EXPECT_THROW(mapping::check(program, limits_of(roomy)), UserError);
}

TEST(SharedBuffer, AddressesAreWrittenAgainWhenReadersHaveClosed) {
  // What stage 0 writes for stage 1 has the place of what stage 2 writes for stage 3. Stage 2 does
  // not depend on stage 1, but must not write before stage 1 has read.
  const auto machine = machine_with(
      1, 3, "shared_interleave_bytes: 64 shared_buffers { name: 's' bytes: 64 latency_cycles: 0 }");
  PlainNetwork builder("reuse");
  const auto input = builder.input({1, 16});
  const auto first = builder.fully_connected(input, 16);
  const auto slow = builder.fully_connected(first, 512);
  const auto other = builder.fully_connected(input, 16);
  builder.fully_connected(other, 1);
  builder.fully_connected(slow, 1);
  const auto network = builder.finish();
  std::vector<StagePlan> plans;
  for (const auto& [layer, tile] : {std::pair{0, 0}, {1, 1}, {2, 2}, {3, 2}, {4, 0}})
    plans.push_back(dense_plan(network, layer, {tile}));
  plans[0].output_home = plans[2].output_home = Home::kShared;
  // Weights in 8 granules, one at a time: stage 1 takes long.
  plans[1].loops = {{network.layers[1].rank_index("K"), 64}};
  plans[1].inputs[1].depth = plans[1].output.depth = 1;
  const auto program = lower_plans(network, machine, plans);
  ASSERT_EQ(program.shared_layouts[network.layers[0].output.tensor].base_address,
            program.shared_layouts[network.layers[2].output.tensor].base_address);
  const auto lines = observe(machine, program);
  // Stage 2's output is there long before stage 1 asks for the last of its weights, when the array
  // has done with those before, in `asks`. A cycle later its load queue has ended and the first
  // tensor is closed: one link, seen 13 later, but in the same virtual channel as the request for
  // weights a cycle before, whose head takes 4 cycles through the router: 3 more.
  const Cycle ready = cycle_in(about(lines, "tile2").at(0), 2);
  const Cycle asks = cycle_in(about(lines, "tile1").at(6), 2);
  ASSERT_LT(ready + 100, asks);
  const Cycle closed = asks + 1 + 13 + 3;
  // The grant crosses two links, seen 18 later. The output leaves in an odd cycle, its packet of 3
  // flits a cycle later, seen 20 later; 1 cycle at the port and 1 for the read that waits, 19 back.
  const Cycle written = next_odd(closed + 18) + 1 + 20 + 1;
  EXPECT_EQ(cycle_in(about(lines, "tile2").at(1), 1), next_even(written + 1 + 19 + 1) + 1 + 1);
}

}  // namespace
}  // namespace tessera::test
