// Cycles of tiles, their messages and sums, each derived by hand from the rules in tile_timing.h.
#include "tests/sim/tile_timing.h"

namespace tessera::test {
namespace {

TEST(OneTile, LoadComputeStore) {
  const auto machine = machine_with(1, 1);
  const auto network = dense(1);
  const auto lines = observe(machine, lower_plans(network, machine, {dense_plan(network, 0, {0})}));

  // Weights are requested in cycle 0, inputs in cycle 1; the requests (1 flit, same router) are
  // read in 7 and 8, seen in 8 and 9. Weights (tensor 1, bank 2): ACT 8, RD 37. Inputs (bank 0):
  // ACT 16 later in 24, RD 53. Data ends in 73 and 89; 32 bytes are 3 flits: read in 89 + 7 + 2 =
  // 98, written from 99 on, in the even cycle 100, usable in 101. One cycle of issue, then the
  // array.
  const Cycle start = 102;
  const Cycle done = start + array_cycles(machine, 1, 16, start);
  EXPECT_EQ(about(lines, "tile0"), one("tile0 ", start, " ", done));
  EXPECT_EQ(about(lines, "RD"), (Lines{"RD bank2 37", "RD bank0 53"}));

  // The store queue asks for room when the output is committed: seen 8 later, granted at once, the
  // grant seen 8 later again. The output's line leaves the buffer in the first odd cycle, its
  // packet (2 flits) a cycle later: read 7 + 1 after that, seen in the next. Output: tensor 2,
  // bank 4.
  const Cycle granted = done + 8 + 8;
  const Cycle leaves = next_odd(granted) + 1;
  const Cycle at_dram = leaves + 8 + 1;
  EXPECT_EQ(about(lines, "ACT"),
            (Lines{"ACT bank2 8", "ACT bank0 24", detail::concatenate("ACT bank4 ", at_dram)}));
  EXPECT_EQ(about(lines, "WR"), one("WR bank4 ", at_dram + 29));
  const Cycle end = at_dram + 29 + 14 + 8;
  EXPECT_EQ(about(lines, "end"), one("end ", end));

  // Until 1 the inputs had not been asked for (in a group that is a peer's doing), until 89 DRAM
  // had not delivered them, until 101 they were on their way; after the last instruction the tile
  // is idle.
  EXPECT_EQ(about(lines, "wait_peer"), one("wait_peer 1"));
  EXPECT_EQ(about(lines, "wait_dram"), one("wait_dram 88"));
  EXPECT_EQ(about(lines, "wait_network"), one("wait_network 12"));
  EXPECT_EQ(about(lines, "control"), one("control 1"));
  EXPECT_EQ(about(lines, "idle"), one("idle ", end - done));
}

TEST(OneTile, SinglePortedBufferServesTheNetworkEveryFourthCycle) {
  // The same until the inputs' tail in 98. Cycles are dealt array, in, array, out: the line enters
  // in the first cycle from 99 on that is 1 modulo 4, 101, and is usable in 102. 8-byte flits (two
  // per line and slot pair): 32 bytes are 5 flits, two more than above: tail in 100, line from 101
  // on: 101, usable in 102.
  const auto machine = machine_with(1, 1, "tile { buffer { ports: 1 } } noc { flit_bytes: 8 }");
  const auto network = dense(1);
  const auto lines = observe(machine, lower_plans(network, machine, {dense_plan(network, 0, {0})}));
  const Cycle done = 103 + array_cycles(machine, 1, 16, 103);
  EXPECT_EQ(about(lines, "tile0"), one("tile0 103 ", done));
  // Out in cycles 3 modulo 4.
  const Cycle granted = done + 8 + 8;
  const Cycle leaves = granted + (3 + 4 - granted % 4) % 4 + 1;
  EXPECT_EQ(about(lines, "WR"), one("WR bank4 ", leaves + 8 + 1 + 29));
}

/// Two filters, one after the other; weights in one or two granules.
StagePlan filter_by_filter(const Network& network, bool double_buffered) {
  StagePlan plan = dense_plan(network, 0, {0});
  plan.loops = {{network.layers[0].rank_index("K"), 1}};
  plan.inputs = {{0, false}, {1, double_buffered}};
  plan.output = {1, true};
  return plan;
}

TEST(OneTile, SecondInstructionFollowsWhenItsWeightsAreThere) {
  // Inputs, W0 and W1 are requested in 0, 1, 2 and seen in 8, 9, 10. Inputs: ACT 8, RD 37. Weights:
  // ACT 24, RD 53 and, beside it in the same row, 61. W0: data until 89, usable in 101 as above; W1
  // is there 8 later. The second instruction begins in the cycle in which the first ends.
  const auto machine = machine_with(1, 1);
  const auto network = dense(2);
  const auto lines =
      observe(machine, lower_plans(network, machine, {filter_by_filter(network, true)}));
  EXPECT_EQ(about(lines, "RD"), (Lines{"RD bank0 37", "RD bank2 53", "RD bank2 61"}));
  const Cycle first = 102 + array_cycles(machine, 1, 16, 102);
  const Cycle second = first + 1 + array_cycles(machine, 1, 16, first + 1);
  EXPECT_EQ(about(lines, "tile0"), (Lines{detail::concatenate("tile0 102 ", first),
                                          detail::concatenate("tile0 ", first + 1, " ", second)}));
}

TEST(OneTile, SingleBufferedWeightsAreRequestedAfterTheRelease) {
  // With room for one filter the second is requested when the first instruction ends. The first
  // output's request for room is handed over before it in the same cycle, so it leaves one later
  // and is seen 9 later. Its row is open: RD at once, data 36 later, 3 flits read 9 later, written
  // from the next cycle on.
  const auto machine = machine_with(1, 1);
  const auto network = dense(2);
  const auto lines =
      observe(machine, lower_plans(network, machine, {filter_by_filter(network, false)}));
  const Cycle first = 102 + array_cycles(machine, 1, 16, 102);
  const Cycle read = first + 8;
  EXPECT_EQ(about(lines, "RD"),
            (Lines{"RD bank0 37", "RD bank2 53", detail::concatenate("RD bank2 ", read)}));
  const Cycle begin = next_even(read + 36 + 9 + 1) + 1 + 1;
  EXPECT_EQ(about(lines, "tile0").at(1),
            detail::concatenate("tile0 ", begin, " ", begin + array_cycles(machine, 1, 16, begin)));
}

// Four tiles in a square, a filter each; DRAM hangs on tile 0. Weights are requested in cycle 0
// (from tiles 1 and 2, a link away, they meet at DRAM's port, one goes first), the inputs in cycle
// 1 on behalf of all: the readiness of tile 3 comes last, d = 2: read in 1 + 17 = 18, so tile 0
// asks in 19 and DRAM sees it in 27. ACT 27; RD of the weights in 37, 45, 53, 61 (one row, in the
// order of the requests); the inputs' row is open in 56, but the bus is free for them in 69: data
// until 105.
class FourTiles : public testing::Test {
 protected:
  Lines run(const std::string& noc) {
    const auto machine = machine_with(2, 2, noc);
    const auto network = dense(4);
    const auto lines = observe(
        machine, lower_plans(network, machine, {dense_plan(network, 0, {0, 1, 2, 3}, "K", 4)}));
    EXPECT_EQ(about(lines, "RD"),
              (Lines{"RD bank2 37", "RD bank2 45", "RD bank2 53", "RD bank2 61", "RD bank0 69"}));
    EXPECT_EQ(about(lines, "ACT")[1], "ACT bank0 27");
    return lines;
  }

  /// The packet's tail is read in this cycle: when the tile begins to compute.
  void expect_begin(const Lines& lines, int tile, Cycle tail) {
    const auto found = about(lines, detail::concatenate("tile", tile));
    ASSERT_EQ(found.size(), 1u);
    const auto begin = detail::concatenate("tile", tile, " ", next_even(tail + 1) + 1 + 1, " ");
    EXPECT_TRUE(found[0].starts_with(begin)) << found[0] << " does not start with " << begin;
  }
};

TEST_F(FourTiles, MulticastReachesEachAsIfAlone) {
  // 3 flits from 105 on, forked on the way.
  const auto lines = run("");
  expect_begin(lines, 0, 105 + 7 + 2);
  expect_begin(lines, 1, 105 + 12 + 2);
  expect_begin(lines, 2, 105 + 12 + 2);
  expect_begin(lines, 3, 105 + 17 + 2);
}

TEST_F(FourTiles, CopiesFollowOneAnother) {
  // Without forks the interface injects four packets of 3 flits, each behind the one before.
  const auto lines = run("noc { multicast: false }");
  expect_begin(lines, 0, 105 + 7 + 2);
  expect_begin(lines, 1, 105 + 3 + 12 + 2);
  expect_begin(lines, 2, 105 + 6 + 12 + 2);
  expect_begin(lines, 3, 105 + 9 + 17 + 2);
}

/// A row of tiles with a filter each, DRAM at tile 0: the cycle in which DRAM opens the row of the
/// inputs that they share.
std::string inputs_row_opens(int tiles) {
  const auto machine = machine_with(1, tiles);
  const auto network = dense(tiles);
  std::vector<int> all;
  for (int tile = 0; tile < tiles; ++tile) all.push_back(tile);
  const auto lines =
      observe(machine, lower_plans(network, machine, {dense_plan(network, 0, all, "K", tiles)}));
  return about(lines, "ACT").at(1);
}

TEST(ReadinessTree, EightMembersTellTheRootThemselves) {
  // Tile 8 is the last of the root's children: ready in cycle 1, d = 8, read in 1 + 47 = 48. The
  // root asks in 49; 7 to DRAM, seen in 57.
  EXPECT_EQ(inputs_row_opens(9), "ACT bank0 57");
}

TEST(ReadinessTree, TheNinthTellsTheFirst) {
  // Tile 9 belongs to member 1: d = 8, read in 48, seen in 49; member 1 tells the root, d = 1: read
  // in 61, the root asks in 62; seen by DRAM in 70.
  EXPECT_EQ(inputs_row_opens(10), "ACT bank0 70");
}

// One filter of 16 channels, 8 on each of two tiles; tile 0 owns the output. 16 bytes of weights
// and inputs each: weights are requested in 0, inputs in 1, and in 2 the owner grants room for its
// partner's sum.
TEST(PartialSums, PartnerSendsOwnerAddsAndStores) {
  const auto machine = machine_with(1, 2);
  const auto network = dense(1);
  const auto lines =
      observe(machine, lower_plans(network, machine, {dense_plan(network, 0, {0, 1}, "C1", 2)}));

  // Requests from tile 0 are seen in 8 and 9, from tile 1 (d = 1) in 13 and 14. Both tiles' weights
  // lie in one burst, two reads of it: bank 2 opens in 8, RD 37 and 45; inputs in bank 0: ACT 24,
  // RD 53 and 61.
  EXPECT_EQ(about(lines, "RD"),
            (Lines{"RD bank2 37", "RD bank2 45", "RD bank0 53", "RD bank0 61"}));
  // Tile 0: data until 89, 2 flits read in 89 + 8 = 97, written in 98, usable in 99.
  const Cycle owner = 99 + 1 + array_cycles(machine, 1, 8, 100);
  EXPECT_EQ(about(lines, "tile0")[0], detail::concatenate("tile0 100 ", owner));
  // Tile 1: data until 97, d = 1: read in 97 + 13 = 110, written in 112, usable in 113.
  const Cycle partner = 113 + 1 + array_cycles(machine, 1, 8, 114);
  EXPECT_EQ(about(lines, "tile1"), one("tile1 114 ", partner));
  // The grant has come in 15. The sum is read in the next odd cycle and leaves a cycle later; 2
  // flits, d = 1: read 13 later; written in the next even cycle from the one after on, usable in
  // the one after that.
  const Cycle leaves = next_odd(partner) + 1;
  const Cycle begin = next_even(leaves + 13 + 1) + 1 + 1;
  hw::VectorWork add;
  add.inputs = 2;
  const Cycle added =
      begin +
      hw::VectorUnit(machine.tile.vector_unit, machine.tile.buffer, 2).time(add, begin).cycles;
  EXPECT_EQ(about(lines, "tile0")[1], detail::concatenate("tile0 ", begin, " ", added));
  // Stored as in LoadComputeStore.
  EXPECT_EQ(about(lines, "WR"), one("WR bank4 ", next_odd(added + 16) + 1 + 8 + 1 + 29));
}

TEST(Server, AnswersAWaitingReadWhenTheGranuleIsCommitted) {
  // Tile 1 asks for the intermediate in cycle 1, long before it exists. What matters is when tile
  // 0's only instruction ends: the answer of 32 bytes is read from the buffer in the first odd
  // cycle from then on and leaves a cycle later: 3 flits over one link, read 12 + 2 later.
  const auto machine = machine_with(1, 2);
  PlainNetwork builder("two");
  builder.fully_connected(builder.fully_connected(builder.input({1, 16}), 16), 1);
  const auto network = builder.finish();
  StagePlan producer = dense_plan(network, 0, {0});
  producer.output_home = Home::kTiles;
  const auto lines =
      observe(machine, lower_plans(network, machine, {producer, dense_plan(network, 1, {1})}));
  const Cycle end = cycle_in(about(lines, "tile0").at(0), 2);
  const Cycle usable = next_even(next_odd(end) + 1 + 14 + 1) + 1;
  EXPECT_EQ(about(lines, "tile1"),
            one("tile1 ", usable + 1, " ", usable + 1 + array_cycles(machine, 1, 16, usable + 1)));
}

TEST(Server, AnswersALateReadWhenItIsSeen) {
  // Tile 0 keeps what a 1x1 pool makes of 16 values, early. Tile 1 may have one receive under way
  // and takes its weights first, so it asks late: the other side of the rule.
  const auto machine = machine_with(1, 2, "tile { interface { outstanding_receives: 1 } }");
  PlainNetwork builder("late");
  const auto kept = builder.pool(builder.input({1, 16, 1, 1}), workloads::Function::kMaxPool, {});
  builder.fully_connected(kept, 64);
  const auto network = builder.finish();
  StagePlan producer = plain_plan(network, 0);
  producer.output_home = Home::kTiles;
  const auto lines =
      observe(machine, lower_plans(network, machine, {producer, dense_plan(network, 1, {1})}));
  // Its weights, 64 x 32 bytes, are tensor 2, all of bank 4. After the last RD the data ends 36
  // later and the last packet of 256 bytes, 17 flits over one link, is read 12 + 16 later. In the
  // next cycle the receive is over and the request leaves, seen 13 later; the answer of 32 bytes as
  // above.
  const Cycle seen = cycle_in(about(lines, "RD bank4").at(63), 2) + 36 + 28 + 1 + 13;
  EXPECT_LT(cycle_in(about(lines, "tile0").at(0), 2), seen);
  const Cycle usable = next_even(next_odd(seen) + 1 + 14 + 1) + 1;
  EXPECT_EQ(cycle_in(about(lines, "tile1").at(0), 1), usable + 1);
}

TEST(Server, ASkipConnectionOverTwoStagesWaitsForTheLongerWay) {
  // Tile 0 makes 16 values for tile 1, which makes 16 of them, and for tile 2, which adds both; all
  // ask long before there is anything. Tile 1's request has come first: its answer is read in the
  // first odd cycle from the end of tile 0's instruction on, tile 2's two cycles later. Both are
  // 3 flits, read 12 + 2 later over one link and 17 + 2 over two.
  const auto machine = machine_with(1, 3);
  PlainNetwork builder("skip");
  const auto first = builder.fully_connected(builder.input({1, 16}), 16);
  builder.add(builder.fully_connected(first, 16), first);
  const auto network = builder.finish();
  StagePlan source = dense_plan(network, 0, {0}), between = dense_plan(network, 1, {1}),
            sum = plain_plan(network, 2);
  source.output_home = between.output_home = Home::kTiles;
  sum.tiles = {2};
  const auto lines = observe(machine, lower_plans(network, machine, {source, between, sum}));

  const Cycle made = cycle_in(about(lines, "tile0").at(0), 2);
  const Cycle at_tile1 = next_even(next_odd(made) + 1 + 14 + 1) + 1;
  const Cycle start = at_tile1 + 1;
  const Cycle made_again = start + array_cycles(machine, 16, 16, start);
  EXPECT_EQ(about(lines, "tile1"), one("tile1 ", start, " ", made_again));
  const Cycle skipped = next_even(next_odd(made) + 2 + 1 + 19 + 1) + 1;
  const Cycle at_tile2 = next_even(next_odd(made_again) + 1 + 14 + 1) + 1;
  EXPECT_LT(skipped, at_tile2);
  EXPECT_EQ(cycle_in(about(lines, "tile2").at(0), 1), at_tile2 + 1);
}

// Stage 2 runs on tile 0 again, with its slots where the intermediate of stage 0 lies: they are
// free when the only reader, tile 1, has said that it is done.
class Claim : public testing::Test {
 protected:
  Claim() {
    PlainNetwork builder("three");
    const auto middle = builder.fully_connected(builder.input({1, 16}), 16);
    const auto narrow = builder.fully_connected(middle, 16);
    builder.fully_connected(narrow, 1);
    network_ = builder.finish();
    StagePlan first = dense_plan(network_, 0, {0});
    first.output_home = Home::kTiles;
    StagePlan second = dense_plan(network_, 1, {1});
    second.output_home = Home::kDram;
    program_ = lower_plans(network_, machine_, {first, second, dense_plan(network_, 2, {0})});
  }

  /// Cycle in which DRAM sees the request for stage 2's weights, tensor 5: they lie in the next row
  /// of the bank of stage 0's weights, which it closes at once.
  static Cycle weights_seen(const Lines& lines) {
    return cycle_in(about(lines, "PRE bank2").at(0), 2);
  }

  static Cycle second_stage_begins(const Lines& lines) {
    return cycle_in(about(lines, "tile1").at(0), 1);
  }

  hw::Accelerator machine_ = machine_with(1, 2);
  Network network_;
  Program program_;
};

TEST_F(Claim, SlotsOverClosedFeatureMapsWaitForTheClosing) {
  auto& slots = program_.stages[2].slots;
  slots[1].base_address = program_.stages[0].slots[program_.stages[0].output_slot].base_address;
  const auto lines = observe(machine_, program_);
  // Tile 1 has the intermediate in `usable`, a cycle before it begins: the tail was seen one or two
  // cycles before, in the cycle of the last line's slot or the one before it. Then its root says
  // that it is done: d = 1, seen 13 later; the weights are requested at once, seen by DRAM 8 later.
  const Cycle usable = second_stage_begins(lines) - 1;
  const Cycle seen_tail = weights_seen(lines) - 8 - 13;
  EXPECT_TRUE(seen_tail == usable - 1 || seen_tail == usable - 2) << seen_tail << " " << usable;
}

TEST_F(Claim, SlotsElsewhereAreUsedAtOnce) {
  // All addresses differ: the weights of stage 2 are requested right after what stage 0 reads, in
  // cycle 2, seen in
  // 10. The bank is closed as soon as the 16 bursts of stage 0's weights have been read, 8 cycles
  // each.
  const auto lines = observe(machine_, program_);
  EXPECT_LT(weights_seen(lines), second_stage_begins(lines) - 16 * kColumnCycle);
}

}  // namespace
}  // namespace tessera::test
