// Cycles of operands that pass the staging FIFO and of sums that go to DRAM and come back. The
// rules are those of tile_timing.h, and one more: the FIFO takes a line per cycle from the cycle
// after a packet's tail on, and gives one in the cycle in which it is asked.
#include "tests/sim/tile_timing.h"

namespace tessera::test {
namespace {

TEST(StagingFifo, TakesInputsWithoutWaitingForABufferSlot) {
  // As in OneTile.LoadComputeStore the inputs' tail comes in 98. The FIFO writes their line in 99,
  // usable in 100: a cycle earlier than the buffer, which serves the network in even cycles.
  const auto machine = machine_with(1, 1);
  const auto network = dense(1);
  StagePlan plan = dense_plan(network, 0, {0});
  plan.inputs[0].staging = true;
  const auto lines = observe(machine, lower_plans(network, machine, {plan}));
  EXPECT_EQ(about(lines, "tile0"), one("tile0 101 ", 101 + array_cycles(machine, 1, 16, 101)));
}

TEST(StagingFifo, GivesOutputsInTheCycleOfTheGrant) {
  // Compute as from the buffer; the grant is seen 16 after the end, the line is out of the FIFO at
  // once and its packet leaves a cycle later, whether that is odd or even.
  const auto machine = machine_with(1, 1);
  const auto network = dense(1);
  StagePlan plan = dense_plan(network, 0, {0});
  plan.output.staging = true;
  const auto lines = observe(machine, lower_plans(network, machine, {plan}));
  const Cycle done = 102 + array_cycles(machine, 1, 16, 102);
  EXPECT_EQ(about(lines, "tile0"), one("tile0 102 ", done));
  EXPECT_EQ(about(lines, "WR"), one("WR bank4 ", done + 16 + 1 + 8 + 1 + 29));
}

/// Two filters, one after the other, each in two halves of the channels. Inputs bypass the buffer.
Program halves(const Network& network, const hw::Accelerator& machine, int stays_from) {
  StagePlan plan = dense_plan(network, 0, {0});
  const auto& layer = network.layers[0];
  plan.loops = {{layer.rank_index("K"), 1}, {layer.rank_index("C1"), 8}};
  plan.inputs = {{.depth = 2, .staging = true, .stays_from = stays_from}, {2, false}};
  plan.output = {1, false};
  return lower_plans(network, machine, {plan});
}

TEST(StagingFifo, KeepsAnInputForTheLoopsInside) {
  // Inputs of 32 bytes, asked for once, before the first half of the first filter; their banks are
  // 0 and 2. A half's 16 bytes are 2 flits: read 7 + 1 after the end of the data, 28 + 8 from the
  // command on, written to the buffer in the first even cycle from the next on, usable in the next;
  // a cycle of issue. The buffer holds one half: the next is asked for when an instruction ends and
  // its command follows 8 later, the last one's after the first output's write: 14 + 8 + 16.
  const auto machine = machine_with(1, 1);
  const auto network = dense(2);
  const auto program = halves(network, machine, 1);
  const auto lines = observe(machine, program);
  EXPECT_EQ(about(lines, "RD bank0"), one("RD bank0 ", 37));
  const auto filters = about(lines, "RD bank2"), computed = about(lines, "tile0");
  ASSERT_EQ(filters.size(), 4u);
  ASSERT_EQ(computed.size(), 4u);
  const Cycle written = cycle_in(about(lines, "WR bank4").at(0), 2);
  Cycle command = 37 + 16;
  for (std::size_t visit = 0; visit < 4; ++visit) {
    EXPECT_EQ(cycle_in(filters[visit], 2), command) << visit;
    EXPECT_EQ(cycle_in(computed[visit], 1), next_even(command + 36 + 7 + 1 + 1) + 1 + 1) << visit;
    command = cycle_in(computed[visit], 2) + 8;
    if (visit == 2) command = written + 14 + 8 + 16;
  }
  mapping::check(program, limits_of(machine));
  const auto run = simulate(machine, program);
  EXPECT_TRUE(run.ok()) << run.text;
}

TEST(StagingFifo, FetchesAnInputForEveryVisitThatDoesNotStay) {
  // Its command follows that of the filter by 8; the line comes a flit after the filter's, and the
  // FIFO takes it in the next cycle: usable in the one after, a cycle of issue.
  const auto machine = machine_with(1, 1);
  const auto network = dense(2);
  const auto lines = observe(machine, halves(network, machine, -1));
  const auto inputs = about(lines, "RD bank0"), computed = about(lines, "tile0");
  ASSERT_EQ(inputs.size(), 4u);
  for (std::size_t visit = 1; visit < 4; ++visit)
    EXPECT_EQ(cycle_in(computed.at(visit), 1), cycle_in(inputs[visit], 2) + 36 + 7 + 1 + 1 + 1 + 1)
        << visit;
}

TEST(StagingFifo, KeepsWhatFitsToTheLastLine) {
  // 144 inputs take 9 lines of 32 bytes, a ninth of them one. Where the whole has no room the
  // ninths stream, two at a time.
  PlainNetwork builder("wide");
  builder.fully_connected(builder.input({1, 144}), 2);
  const auto network = builder.finish();
  StagePlan plan = dense_plan(network, 0, {0});
  plan.loops = {{network.layers[0].rank_index("K"), 1}, {network.layers[0].rank_index("C1"), 16}};
  plan.inputs = {{.depth = 2, .staging = true, .stays_from = 1}, {2, false}};
  plan.output = {1, false};
  for (const auto& [bytes, granule, granules] : {std::tuple{256u, 32u, 2}, {288u, 288u, 1}}) {
    const auto machine = machine_with(
        1, 1, detail::concatenate("tile { interface { staging_bytes: ", bytes, " } }"));
    const auto program = lower_plans(network, machine, {plan});
    EXPECT_EQ(program.stages[0].slots[0].granule_bytes, granule) << bytes;
    EXPECT_EQ(program.stages[0].slots[0].granules, granules) << bytes;
    mapping::check(program, limits_of(machine));
    const auto run = simulate(machine, program);
    EXPECT_TRUE(run.ok()) << run.text;
  }
}

/// Two filters in two halves of the channels, the halves outside: the first filter's sums leave for
/// DRAM before the second half begins.
StagePlan spilling_plan(const Network& network) {
  StagePlan plan = dense_plan(network, 0, {0});
  const auto& layer = network.layers[0];
  plan.loops = {{layer.rank_index("C1"), 8}, {layer.rank_index("K"), 1}};
  plan.inputs = {{2, true}, {2, true}};
  plan.output = {2, false};
  return plan;
}

TEST(SpilledSums, ComeBackAfterTheyHaveBeenWritten) {
  // Four visits: both filters with the first half, both with the second. Each ends in a write; the
  // last two begin with a read of what the write of the first two left, from the same row.
  const auto machine = machine_with(1, 1);
  const auto network = dense(2);
  const auto lines = observe(machine, lower_plans(network, machine, {spilling_plan(network)}));
  const auto computed = about(lines, "tile0");
  const auto writes = about(lines, "WR"), reads = about(lines, "RD bank4");
  ASSERT_EQ(computed.size(), 4u);
  ASSERT_EQ(writes.size(), 4u);
  ASSERT_EQ(reads.size(), 2u);
  for (int filter = 0; filter < 2; ++filter) {
    // The write has ended 14 + 8 after its command; only then does the interface let the read pass.
    const Cycle written = cycle_in(writes[static_cast<std::size_t>(filter)], 2) + 14 + 8;
    const Cycle read = cycle_in(reads[static_cast<std::size_t>(filter)], 2);
    EXPECT_GE(read, written);
    // Data 28 + 8 after the command; 2 bytes are 2 flits, read 7 + 1 after that, written to the
    // buffer in the first even cycle from the next on, usable in the next; a cycle of issue.
    const Cycle usable = next_even(read + 36 + 7 + 1 + 1) + 1;
    EXPECT_GE(cycle_in(computed[static_cast<std::size_t>(2 + filter)], 1), usable + 1);
  }
  // The buffer holds one granule of outputs, so the load queue stood at the third visit's sums and
  // asked for the inputs behind them: the last of these columns follows that of the sums by 8, with
  // as many bytes.
  Cycle last = 0;
  for (const auto& read : about(lines, "RD"))
    if (cycle_in(read, 2) < cycle_in(computed[2], 1)) last = std::max(last, cycle_in(read, 2));
  EXPECT_EQ(last, cycle_in(reads[0], 2) + 8);
  EXPECT_EQ(cycle_in(computed[2], 1), next_even(last + 36 + 7 + 1 + 1) + 1 + 1);
}

TEST(SpilledSums, AreCorrectWithPartnersOnOtherTiles) {
  // The reduction is split over two tiles and over two visits: the owner restores its own sums, the
  // partner sends fresh ones in both.
  const auto machine = machine_with(1, 2);
  const auto network = dense(2);
  StagePlan plan = spilling_plan(network);
  plan.tiles = {0, 1};
  plan.partition = {{network.layers[0].rank_index("C1"), 0, 2, Axis::kTiles}};
  plan.loops[0].tile = 4;
  const auto program = lower_plans(network, machine, {plan});
  expect_right_values(machine, program);
}

}  // namespace
}  // namespace tessera::test
