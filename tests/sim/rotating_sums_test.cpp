// Shared outputs: tiles that add to the same outputs hold one copy of the partial sums between them
// and pass its pieces on, each adding its part. Rules of timing as in tile_timing.h.
#include <algorithm>

#include "mapping/program_index.h"
#include "mapping/rotation.h"
#include "mapping/tree_path.h"
#include "sim/machine/functional_check.h"
#include "tests/sim/tile_timing.h"
#include "tests/support/refusal.h"

namespace tessera::test {
namespace {

using mapping::BufferLoop;
using mapping::Schedule;
using mapping::TileShare;

/// `images` x `inputs` inputs times `filters` filters.
Network batch_of(int images, int inputs, int filters) {
  PlainNetwork network("batch", images);
  network.fully_connected(network.input({images, inputs}), filters);
  return network.finish();
}

struct Nest {
  std::vector<BufferLoop> loops;  ///< by rank of the layer
  int turn = 0, depth = 0;        ///< of the outputs
  int input_depth = 0, weight_depth = 0;
  bool weights_twice = false;
};

/// Inputs dealt to the tiles, which share the outputs.
StagePlan shared_sums(const Network& network, workloads::LayerId id, std::vector<int> tiles,
                      const Nest& nest) {
  const auto& layer = network.layers[id];
  StagePlan plan = dense_plan(network, id, std::move(tiles));
  const auto ways = static_cast<int>(plan.tiles.size());
  plan.partition = {{layer.rank_index("C1"), 0, ways, Axis::kTiles}};
  plan.loops = nest.loops;
  plan.loops[static_cast<std::size_t>(nest.turn)].rotates = true;
  plan.inputs = {{nest.input_depth}, {nest.weight_depth, nest.weights_twice}};
  plan.output = {.depth = nest.depth, .shared_by = ways, .turn = nest.turn};
  return plan;
}

/// One image; the filters go round once, all of a tile's weights and inputs are there before.
Nest one_round(const Network& network) {
  return {{{network.layers[0].rank_index("K"), 1}}, 0, 1, 0, 0};
}

struct Step {
  Cycle begin, end;
};

std::vector<Step> steps_of(const Lines& lines, int tile) {
  std::vector<Step> steps;
  for (const auto& line : about(lines, detail::concatenate("tile", tile)))
    steps.push_back({cycle_in(line, 1), cycle_in(line, 2)});
  return steps;
}

TEST(RotatingSums, ARoundOfThreeTilesAddsAPartInEachStep) {
  // Three tiles in a row with 64 of 192 inputs each, three filters: tile p begins with filter p,
  // and takes in every later step what the next tile (0 from 1, 1 from 2, 2 from 0) has just added
  // to. Weights and inputs have come before the first step; then nothing else is on the network.
  // When the next tile's instruction ends in cycle e its sums are complete: their line is read from
  // the buffer in the first odd cycle, the packet of 2 flits (2 bytes) leaves a cycle later and is
  // read 7 + 5 d + 1 after that, d links away; it is written in the first even cycle from the next
  // one on, and can be added to in the one after. The tile then begins after a cycle of issue, if
  // its own step has ended.
  const auto machine = machine_with(1, 3);
  const auto network = batch_of(1, 192, 3);
  const auto program =
      lower_plans(network, machine, {shared_sums(network, 0, {0, 1, 2}, one_round(network))});
  const auto lines = observe(machine, program);
  std::vector<Step> steps[3];
  for (const int tile : {0, 1, 2}) {
    steps[tile] = steps_of(lines, tile);
    ASSERT_EQ(steps[tile].size(), 3u);
  }
  for (const int tile : {0, 1, 2}) {
    const int next = (tile + 1) % 3;
    const Cycle links = tile == 2 ? 2 : 1;
    for (std::size_t step = 1; step < 3; ++step) {
      const Cycle tail = next_odd(steps[next][step - 1].end) + 1 + 7 + 5 * links + 1;
      const Cycle here = next_even(tail + 1) + 1;
      EXPECT_EQ(steps[tile][step].begin, std::max(steps[tile][step - 1].end, here) + 1)
          << "tile " << tile << " step " << step;
    }
  }
}

TEST(RotatingSums, EveryStepReadsAndWritesTheBuffer) {
  // A tile's words in the buffer in the case above. Received and so written: 64 inputs, 3 x 64
  // weights, sums of two filters. Sent and so read: sums of two filters, one output. The array: for
  // each of 3 filters 64 inputs and 64 weights, the sums out, and in again for two of the filters.
  const auto machine = machine_with(1, 3);
  const auto network = batch_of(1, 192, 3);
  const auto program =
      lower_plans(network, machine, {shared_sums(network, 0, {0, 1, 2}, one_round(network))});
  const auto found = tiles_after_run(machine, program, [](const hw::Tile& tile) {
    const auto& counts = tile.counts()[0];
    return detail::concatenate(counts.buffer_words, " ", counts.words[hw::kOutputOperand].received);
  });
  const auto words = (64 + 3 * 64 + 2) + (2 + 1) + 3 * (64 + 64 + 1) + 2;
  EXPECT_EQ(found, Lines(3, detail::concatenate(words, " 2")));
}

/// Four tiles share 20 outputs; 16 of 64 inputs each, in two rounds of 8. A tile's buffer: 5
/// outputs of a line, two filters' weights, the inputs of a round: 8 lines of 32 bytes, all of it.
class FullOfSums : public ::testing::Test {
 protected:
  FullOfSums() : network_(batch_of(1, 64, 20)) {
    const auto& layer = network_.layers[0];
    const Nest nest{{{layer.rank_index("C1"), 8}, {layer.rank_index("K"), 1}}, 1, 2, 1, 2, true};
    plan_ = shared_sums(network_, 0, {0, 1, 2, 3}, nest);
  }
  static hw::Accelerator machine() {
    return machine_with(2, 2, "tile { buffer { bytes: 256 banks: 8 } }");
  }
  Program program() const { return lower_plans(network_, machine(), {plan_}); }

  Network network_;
  StagePlan plan_;
};

TEST_F(FullOfSums, TurnToTheLastWord) {
  const auto machine = this->machine();
  const auto program = this->program();
  EXPECT_EQ(bytes_in_buffer(program.stages[0]), machine.tile.buffer.bytes);
  expect_right_values(machine, program);
}

TEST_F(FullOfSums, DoNotFitAtOneOwner) {
  auto plan = plan_;
  plan.output.shared_by = 1;
  plan.output.depth = 0;
  plan.loops[1].rotates = false;
  EXPECT_THROW(lower_plans(network_, machine(), {plan}), UserError);
}

TEST_F(FullOfSums, MoveEachPieceOnInEveryStepButTheLast) {
  // A tile adds to 2 rounds x 20 pieces of 2 bytes. The first 5 are empty, the last 5 leave for
  // DRAM: it receives 35 and sends 35 and 5. Beside them it receives 2 x 20 filters of 8 weights
  // and 2 x 8 inputs.
  const auto machine = this->machine();
  const auto program = this->program();
  const auto found = tiles_after_run(machine, program, [](const hw::Tile& tile) {
    return detail::concatenate(payload_of(tile), " ", tile.peak_buffer_bytes());
  });
  EXPECT_EQ(found, Lines(4, detail::concatenate(40 * 2, " ", 35 * 2 + 2 * 20 * 8 * 2 + 2 * 8 * 2,
                                                " 256")));
}

TEST_F(FullOfSums, EveryTileCompletesThePartOfThePlaceBefore) {
  // The snake is 0, 1, 3, 2; place p begins with filter 5 p and ends with those before.
  const auto program = this->program();
  const auto& stage = program.stages[0];
  const int k = network_.layers[0].rank_index("K");
  const std::int64_t begins[] = {15, 0, 10, 5};
  for (const auto& share : stage.shares) {
    const auto done = mapping::completed(stage, network_.layers[0], share);
    ASSERT_EQ(done.size(), 1u);
    EXPECT_EQ(done[0][k].begin, begins[share.tile]);
    EXPECT_EQ(done[0][k].end, begins[share.tile] + 5);
  }
}

/// Two layers; the first one's 24 outputs per image stay in the tiles that complete them, and the
/// second reads them from there.
struct Kept {
  explicit Kept(int images) {
    PlainNetwork network("kept", images);
    network.fully_connected(network.fully_connected(network.input({images, 32}), 24), 4);
    this->network = network.finish();
  }
  Program lower(const hw::Accelerator& machine, StagePlan first) const {
    first.output_home = Home::kTiles;
    auto second = dense_plan(network, 1, {0, 1, 2, 3}, "K", 4);
    for (auto* plan : {&first, &second}) choose_array(*plan, network, machine);
    return lower_plans(network, machine, {first, second});
  }
  void runs(const hw::Accelerator& machine, const StagePlan& first) const {
    const auto program = lower(machine, first);
    for (const std::uint64_t seed : {1, 2}) expect_right_values(machine, program, seed);
  }
  Network network;
};

TEST(KeptSums, AreReadFromTheirOwners) {
  const Kept kept(1);
  const auto machine = machine_with(2, 2);
  const auto& layer = kept.network.layers[0];
  const auto plan =
      shared_sums(kept.network, 0, {0, 1, 2, 3}, {{{layer.rank_index("K"), 2}}, 0, 1, 0, 1});
  kept.runs(machine, plan);
  const auto program = kept.lower(machine, plan);
  const mapping::ProgramIndex index(program);
  const auto& owners = index.owners(index.part_of_stage(0));
  ASSERT_EQ(owners.size(), 4u);
  // Places 0, 1, 3, 2 of the tiles: see above.
  const std::int64_t begins[] = {18, 0, 12, 6};
  for (const auto& owner : owners) {
    EXPECT_EQ(owner.region.dimensions[1].begin, begins[owner.tile]);
    EXPECT_EQ(owner.region.dimensions[1].count, 6);
  }
}

TEST(KeptSums, StayFromFillingToFilling) {
  // Outside, a filling for each image, or for halves of the filters; each in two rounds.
  const Kept kept(3);
  const auto machine = machine_with(2, 2);
  const auto& layer = kept.network.layers[0];
  const int n = layer.rank_index("N"), k = layer.rank_index("K"), c = layer.rank_index("C1");
  kept.runs(machine,
            shared_sums(kept.network, 0, {0, 1, 2, 3}, {{{n, 1}, {c, 4}, {k, 2}}, 2, 3, 2, 3}));
  kept.runs(machine,
            shared_sums(kept.network, 0, {0, 1, 2, 3}, {{{k, 12}, {c, 4}, {k, 3}}, 2, 3, 2, 3}));
  // A tile keeps its quarter of all fillings: 3 images x 2 fillings of ... and one more on its way.
  const auto program = kept.lower(
      machine,
      shared_sums(kept.network, 0, {0, 1, 2, 3}, {{{n, 1}, {k, 12}, {c, 4}, {k, 3}}, 3, 4, 3, 4}));
  const auto& slot = program.stages[0].slots[program.stages[0].output_slot];
  EXPECT_EQ(slot.granules, 3 * 2 * 1 + 1);
  EXPECT_EQ(slot.turns, 4);
  EXPECT_EQ(slot.fill, 8);
  EXPECT_TRUE(simulate(machine, program).ok());
}

TEST(UnevenParts, TurnAmongTilesThatDoNotDivideThem) {
  // 7 pieces among 3 tiles: they begin with pieces 0, 2 and 4 and hold 2, 2 and 3.
  const auto machine = machine_with(1, 3);
  const auto network = batch_of(1, 48, 7);
  const auto& layer = network.layers[0];
  const auto plan =
      shared_sums(network, 0, {0, 1, 2},
                  {{{layer.rank_index("C1"), 8}, {layer.rank_index("K"), 1}}, 1, 2, 1, 2});
  const auto program = lower_plans(network, machine, {plan});
  const auto& slot = program.stages[0].slots[program.stages[0].output_slot];
  EXPECT_EQ(slot.granules, 3 + 1);
  EXPECT_EQ(slot.fill, 14);
  const std::int64_t own[] = {2, 2, 3}, completes[] = {3, 2, 2};
  for (const auto& share : program.stages[0].shares) {
    EXPECT_EQ(mapping::lag(slot, share.rotation), own[share.tile]);
    EXPECT_EQ(mapping::lag_behind(slot, share.rotation), completes[share.tile]);
  }
  expect_right_values(machine, program);
}

// ---- what is refused ----

std::string refusal(const Network& network, const StagePlan& plan) {
  return refusal_of([&] { lower_plans(network, machine_with(2, 2), {plan}); }, "lowered");
}

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(RotatingSumsLowering, RefusesWhatDoesNotGoRound) {
  const auto network = batch_of(2, 64, 20);
  const auto& layer = network.layers[0];
  const int k = layer.rank_index("K"), c = layer.rank_index("C1");
  auto plan = shared_sums(network, 0, {0, 1, 2, 3}, {{{k, 1}}, 0, 1, 0, 1});
  plan.output.shared_by = 2;
  expect_part(refusal(network, plan), "4 tiles add to the same outputs and 2 share them");
  plan = shared_sums(network, 0, {0, 1, 2, 3}, {{{k, 7}}, 0, 1, 0, 1});
  expect_part(refusal(network, plan), "loop over K of 3 iterations rotates among 4 tiles");
  plan = shared_sums(network, 0, {0, 1, 2, 3}, {{{c, 8}, {k, 10}, {k, 1}}, 2, 3, 0, 3});
  expect_part(refusal(network, plan), "partial sums would leave for DRAM between two fillings");
  plan = shared_sums(network, 0, {0, 1, 2, 3}, {{{c, 1}}, 0, 1, 0, 1});
  expect_part(refusal(network, plan), "loop C1 rotates O, which it does not index");
  plan = shared_sums(network, 0, {0, 1, 2, 3}, {{{k, 1}}, 0, 1, 0, 1});
  plan.output_home = Home::kTiles;
  plan.ring_places = 3;
  expect_part(refusal(network, plan), "shared outputs of which 3 pieces stay at once");
}

class DamagedSums : public FullOfSums {
 protected:
  template <typename Damage>
  std::string after(const Damage& damage) const {
    auto program = this->program();
    damage(program.stages[0]);
    return refusal_of([&] { mapping::check(program, limits_of(machine())); });
  }
  static mapping::Slot& outputs(mapping::Stage& stage) { return stage.slots[stage.output_slot]; }
};

TEST_F(DamagedSums, AreRefusedByTheChecker) {
  EXPECT_EQ(after([](mapping::Stage&) {}), "accepted");
  expect_part(after([](auto& stage) { stage.shares[0].rotation.next = 2; }),
              "not at the place after its own");
  expect_part(after([](auto& stage) { outputs(stage).fill = 20; }),
              "completes 10 shared outputs of slot O; its share of them has 5");
  expect_part(after([](auto& stage) { outputs(stage).granules = 5; }),
              "allowed: the largest part of a copy");
  expect_part(after([](auto& stage) { outputs(stage).turns = outputs(stage).round = 10; }),
              "in 20 turns");
  expect_part(after([](auto& stage) { outputs(stage).turns = 2; }),
              "has 2 turns for 4 places; allowed: a turn for each at least");
  expect_part(after([](auto& stage) { outputs(stage).turns = 3; }), "whole rounds of equal turns");
  expect_part(after([](auto& stage) { stage.shares[1].sums_group = stage.shares[0].sums_group; }),
              "is no member of its group");
  EXPECT_NE(after([](auto& stage) { outputs(stage).rotating = false; }), "accepted");
}

}  // namespace
}  // namespace tessera::test
