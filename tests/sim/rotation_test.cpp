// Shared buffers: tiles that hold a copy of their weights between them and pass its pieces on.
// Rules of timing as in tile_timing.h; a piece that is passed on is read and written like any
// other.
#include <algorithm>
#include <set>

#include "mapping/tree_path.h"
#include "sim/machine/functional_check.h"
#include "tests/sim/tile_timing.h"
#include "tests/support/refusal.h"

namespace tessera::test {
namespace {

using mapping::Schedule;
using mapping::TreePath;

/// `images` x 16 inputs times `filters` filters of 32 bytes.
Network batch_of(int images, int filters) {
  PlainNetwork network("batch", images);
  network.fully_connected(network.input({images, 16}), filters);
  return network.finish();
}

/// Images dealt to the tiles; one image after the other, and for each the filters go round once.
Schedule shared_filters(const Network& network, std::vector<int> tiles, int shared_by) {
  const auto& layer = network.layers.front();
  const auto ways = static_cast<int>(tiles.size());
  const auto own = layer.ranks.front().extent / ways;
  TreePath path;
  path.place(std::move(tiles)).split("N", ways, Axis::kTiles).store("dram", {{.tensor = "O"}});
  path.store("buffer",
             {{.tensor = "I0"}, {.tensor = "W", .shared_by = shared_by}, {.tensor = "O"}});
  if (own > 1) path.loop("N", 1);
  path.loop("K", 1, "W");
  path.store("registers", {{.tensor = "O", .double_buffered = true}}).loop("C1", 1);
  path.store("registers",
             {{.tensor = "I0", .double_buffered = true}, {.tensor = "W", .double_buffered = true}});
  Schedule schedule;
  schedule.name = schedule.origin = "shared";
  schedule.root = path.finish(layer.name);
  return schedule;
}

TEST(Rotation, ARoundOfTwoTilesTakesEachPieceFromTheOther) {
  // Two tiles, two filters: each loads one, uses it and takes the other's over. A tile asks for it
  // in cycle 2, long before it is there, so only its owner decides: the filter's line is read from
  // the buffer in the first odd cycle from when it is usable on, its packet of 3 flits leaves a
  // cycle later, is read 12 + 2 after that over one link, written in the next even cycle from the
  // one after, and usable in the next.
  const auto machine = machine_with(1, 2);
  const auto network = batch_of(2, 2);
  const auto program = mapping::lower(shared_filters(network, {0, 1}, 2), network, machine);
  const auto lines = observe(machine, program);

  // The filters' columns (tensor 1, bank 2) are read in the order of the requests, tile 0's first.
  // Data 36 later; 3 flits, read 7 + 2 after that by tile 0 and 12 + 2 by tile 1, written and
  // usable as above.
  const auto reads = about(lines, "RD bank2");
  ASSERT_EQ(reads.size(), 2u);
  const Cycle own[2] = {next_even(cycle_in(reads[0], 2) + 36 + 9 + 1) + 1,
                        next_even(cycle_in(reads[1], 2) + 36 + 14 + 1) + 1};
  for (const int tile : {0, 1}) {
    const auto computed = about(lines, detail::concatenate("tile", tile));
    ASSERT_EQ(computed.size(), 2u);
    const Cycle passed = next_even(next_odd(own[1 - tile]) + 1 + 14 + 1) + 1;
    const Cycle first_end = cycle_in(computed[0], 2);
    EXPECT_EQ(cycle_in(computed[1], 1), std::max(first_end, passed) + 1) << "tile " << tile;
  }
}

/// Four tiles with two images each share 16 filters; two rounds. A tile's buffer: 4 filters of 32
/// bytes, 2 images of 32, outputs of 2 x 32: 256 bytes, all of it.
class FullBuffers : public ::testing::Test {
 protected:
  static hw::Accelerator machine() {
    return machine_with(2, 2, "tile { buffer { bytes: 256 banks: 8 } }");
  }
  Network network_ = batch_of(8, 16);
};

TEST_F(FullBuffers, TurnToTheLastWord) {
  const auto machine = this->machine();
  const auto program = mapping::lower(shared_filters(network_, {0, 1, 2, 3}, 4), network_, machine);
  EXPECT_EQ(bytes_in_buffer(program.stages[0]), machine.tile.buffer.bytes);
  expect_right_values(machine, program);
}

TEST_F(FullBuffers, DoNotHoldAWholeCopyEach) {
  // 16 filters of 32 bytes alone are twice the buffer.
  auto schedule = shared_filters(network_, {0, 1, 2, 3}, 4);
  auto* node = &schedule.root;
  while (node->kind != mapping::NodeKind::kStore || node->store.level != "buffer")
    node = &node->children.front();
  node->store.tensors[1].shared_by = 1;
  while (node->kind != mapping::NodeKind::kLoop || node->loop.rotates.empty())
    node = &node->children.front();
  node->loop.rotates.clear();
  const auto machine = this->machine();
  EXPECT_THROW(mapping::lower(schedule, network_, machine), UserError);
}

TEST_F(FullBuffers, PassEachPieceOnButTheLast) {
  // A tile takes 2 rounds x 16 pieces, the first 4 from DRAM. What it takes over from others they
  // have sent: 28 x 32 bytes each, and the outputs, 64 bytes.
  const auto machine = this->machine();
  const auto program = mapping::lower(shared_filters(network_, {0, 1, 2, 3}, 4), network_, machine);
  // Received: 32 pieces of 32 bytes and 2 images.
  EXPECT_EQ(tiles_after_run(machine, program, payload_of),
            Lines(4, detail::concatenate(28 * 32 + 64, " ", 32 * 32 + 64)));
}

/// A line for each link: fill, rotation, store and all others.
std::string flits_by_class(const sim::Machine& machine, Cycle) {
  std::string text;
  const auto& wires = machine.network().stats().wires;
  for (std::size_t link = 0; link < machine.topology().links().size(); ++link) {
    const auto of = [&](hw::TrafficClass one) {
      return wires[link].class_flits[static_cast<std::size_t>(one)];
    };
    text += detail::concatenate(wires[link].from, "-", wires[link].to, ":",
                                of(hw::TrafficClass::kFill), " ", of(hw::TrafficClass::kRotation),
                                " ", of(hw::TrafficClass::kStore), " ",
                                of(hw::TrafficClass::kForward) + of(hw::TrafficClass::kSums), "\n");
  }
  return text;
}

TEST_F(FullBuffers, LoadLinksByWhatTheyCarry) {
  // 32 bytes are 2 flits and a head. Rotation: the chain is 0 from 1, 1 from 3, 3 from 2, 2 from 0,
  // each 28 pieces over the one link between neighbours: 84. Fills from the channel beside tile 0,
  // along rows first: 4 filters and, in one packet, 2 images for a tile, 4 x 3 + 5, those of tile 3
  // by way of tile 1. Stores: both images' outputs in one packet, those of tile 3 by way of tile 2.
  const auto machine = this->machine();
  const auto program = mapping::lower(shared_filters(network_, {0, 1, 2, 3}, 4), network_, machine);
  sim::MachineOptions options;
  options.traffic_classes = true;
  std::istringstream lines(after_run(machine, program, flits_by_class, options));
  std::set<std::string> found;
  for (std::string line; std::getline(lines, line);) found.insert(line);
  EXPECT_EQ(found,
            (std::set<std::string>{"0-1:34 0 0 0", "0-2:17 84 0 0", "1-0:0 84 5 0", "1-3:17 0 0 0",
                                   "2-0:0 0 10 0", "2-3:0 84 0 0", "3-1:0 84 0 0", "3-2:0 0 5 0"}));
}

TEST_F(FullBuffers, ChainFollowsASnake) {
  // Rows left to right and back: 0, 1, 3, 2; each takes over from the next, the last from the
  // first.
  const auto machine = this->machine();
  const auto program = mapping::lower(shared_filters(network_, {0, 1, 2, 3}, 4), network_, machine);
  std::vector<int> places, next;
  for (const auto& share : program.stages[0].shares) {
    places.push_back(share.rotation.place);
    next.push_back(share.rotation.next);
  }
  EXPECT_EQ(places, (std::vector<int>{0, 1, 3, 2}));
  EXPECT_EQ(next, (std::vector<int>{1, 3, 0, 2}));
}

TEST(RotationChecker, RefusesATileThatAsksTheWrongNeighbour) {
  const auto machine = machine_with(2, 2);
  const auto network = batch_of(4, 8);
  auto program = mapping::lower(shared_filters(network, {0, 1, 2, 3}, 4), network, machine);
  program.stages[0].shares[0].rotation.next = 2;
  EXPECT_THROW(mapping::check(program, limits_of(machine)), UserError);
}

TEST(RotationLowering, RefusesFewerPiecesThanTiles) {
  const auto machine = machine_with(2, 2);
  const auto network = batch_of(4, 3);
  expect_refused(
      [&] {
        mapping::lower(shared_filters(network, {0, 1, 2, 3}, 4), network, machine);
      },
      "3 iterations rotates among 4 tiles");
}

TEST(RotationLowering, DealsPiecesThatTheTilesDoNotDivide) {
  // 6 filters among 4 tiles: places begin with filters 0, 1, 3 and 4 and hold 1, 2, 1 and 2.
  const auto machine = machine_with(2, 2);
  const auto network = batch_of(8, 6);
  const auto program = mapping::lower(shared_filters(network, {0, 1, 2, 3}, 4), network, machine);
  EXPECT_EQ(program.stages[0].slots[1].granules, 2 + 1);
  expect_right_values(machine, program);
}

TEST(RotationLowering, FillsTheRingAgainForOtherFilters) {
  // Halves of 16 filters from DRAM one after the other; each goes round for both images of a tile.
  const auto machine = machine_with(2, 2);
  const auto network = batch_of(8, 16);
  const auto& layer = network.layers.front();
  TreePath path;
  path.place({0, 1, 2, 3}).split("N", 4, Axis::kTiles).store("dram", {{.tensor = "O"}});
  path.loop("K", 8);
  path.store("buffer", {{.tensor = "I0"}, {.tensor = "W", .shared_by = 4}, {.tensor = "O"}});
  path.loop("N", 1).loop("K", 1, "W");
  path.store("registers", {{.tensor = "O"}}).loop("C1", 1);
  path.store("registers", {{.tensor = "I0"}, {.tensor = "W"}});
  Schedule schedule;
  schedule.name = schedule.origin = "fillings";
  schedule.root = path.finish(layer.name);
  const auto program = mapping::lower(schedule, network, machine);
  EXPECT_EQ(program.stages[0].slots[1].fill, 2 * 8);
  expect_right_values(machine, program);
}

/// Two halves of the channels on two tiles, outputs of 8 x 32 words: the partner's sums come in
/// pieces.
TEST(SumsInPieces, TakeNoRoomInTheBuffer) {
  const auto machine = machine_with(1, 2);
  const auto network = batch_of(8, 32);
  const auto& layer = network.layers.front();
  const auto tree = [&](mapping::PartialSums sums) {
    TreePath path;
    path.place({0, 1}).split("C1", 2, Axis::kTiles).store("dram", {{.tensor = "O"}});
    path.store("buffer",
               {{.tensor = "I0"}, {.tensor = "W"}, {.tensor = "O", .partial_sums = sums}});
    path.loop("N", 1).loop("K", 1);
    path.store("registers", {{.tensor = "O"}}).loop("C1", 1);
    path.store("registers", {{.tensor = "I0"}, {.tensor = "W"}});
    Schedule schedule;
    schedule.name = schedule.origin = "pieces";
    schedule.root = path.finish(layer.name);
    return schedule;
  };
  const auto whole = mapping::lower(tree(mapping::PartialSums::kToOwner), network, machine);
  const auto pieces =
      mapping::lower(tree(mapping::PartialSums::kToOwnerInPieces), network, machine);
  const auto& sums = pieces.stages[0].slots[pieces.stages[0].sums_slot];
  EXPECT_TRUE(sums.staging);
  EXPECT_LE(sums.bytes(), 512u);
  EXPECT_FALSE(whole.stages[0].slots[whole.stages[0].sums_slot].staging);
  for (const auto* program : {&whole, &pieces}) {
    expect_right_values(machine, *program);
  }
}

}  // namespace
}  // namespace tessera::test
