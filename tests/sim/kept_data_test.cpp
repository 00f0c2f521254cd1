// What stays in the buffers from one layer to a later one. Rules of timing as in tile_timing.h.
#include <algorithm>

#include "mapping/listing.h"
#include "tests/sim/tile_timing.h"
#include "tests/support/kept_pieces.h"

namespace tessera::test {
namespace {

TEST(KeptInput, IsNotFetchedAgain) {
  // Filter, first and second input are requested in 0, 1 and 2 and seen in 8, 9 and 10. Their banks
  // are 2, 0 and 6: ACT 8, 24, 40 and RD 37, 53, 69. The second input's data end 36 later, in 105;
  // its packet of 3 flits is read 9 later, written in the next even cycle from the one after, 116,
  // and usable in 117. The first array instruction starts in 102 as in OneTile.LoadComputeStore;
  // the second needs nothing but its input and begins in the cycle in which the first ends, or with
  // the input, and starts one later.
  const auto machine = machine_with(1, 1);
  const auto network = pieces_of(2, 1, 1);
  const auto lines = observe(machine, mapping::lower(kept_pieces(network), network, machine));
  EXPECT_EQ(about(lines, "RD"), (Lines{"RD bank2 37", "RD bank0 53", "RD bank6 69"}));
  const Cycle first = 102 + array_cycles(machine, 1, 16, 102);
  const Cycle start = std::max<Cycle>(first, 117) + 1;
  EXPECT_EQ(about(lines, "tile0"),
            (Lines{detail::concatenate("tile0 102 ", first),
                   detail::concatenate("tile0 ", start, " ",
                                       start + array_cycles(machine, 1, 16, start))}));
  const auto again =
      observe(machine, mapping::lower(kept_pieces(network, false), network, machine));
  EXPECT_EQ(about(again, "RD bank2").size(), 2u);
}

/// A buffer of 256 bytes. A piece takes 96: filter, input and output. The layer between two takes
/// its filters of 32 bytes and 64.
class CrowdedBuffer : public ::testing::Test {
 protected:
  Program lowered(int filters_between) const {
    const auto network = pieces_of(2, 1, 1, filters_between);
    return mapping::lower(kept_pieces(network), network, machine_);
  }
  /// One read of 32 bytes for each filter of the pieces, tensor 1.
  std::size_t filter_reads(const Program& program) const {
    return about(observe(machine_, program), "RD bank2").size();
  }
  hw::Accelerator machine_ = machine_with(1, 1, "tile { buffer { bytes: 256 banks: 8 } }");
};

TEST_F(CrowdedBuffer, KeepsWhatFitsToTheLastLine) {
  // 5 x 32 + 64 + 32 kept: 256.
  const auto program = lowered(5);
  EXPECT_EQ(program.stages[2].slots[1].continues, 0);
  EXPECT_TRUE(program.stages[0].slots[1].handed_on);
  EXPECT_EQ(program.stages[2].slots[1].base_address, program.stages[0].slots[1].base_address);
  EXPECT_EQ(filter_reads(program), 1u);
  EXPECT_NE(mapping::listing(program, 0).find("goes on with that of stage 0"), std::string::npos);
  expect_right_values(machine_, program);
}

TEST_F(CrowdedBuffer, FetchesAgainWhatDoesNotAndSaysSo) {
  // 6 x 32 + 64 leaves nothing.
  const auto program = lowered(6);
  EXPECT_EQ(program.stages[2].slots[1].continues, -1);
  EXPECT_FALSE(program.stages[0].slots[1].handed_on);
  EXPECT_EQ(filter_reads(program), 2u);
  EXPECT_NE(mapping::listing(program, 0).find("fetched again: no room to keep it"),
            std::string::npos);
  expect_right_values(machine_, program);
}

TEST(KeptRotation, GoesOnTurning) {
  // Two tiles share four filters, two each; two pieces of two images. Only the first piece reads
  // filters from DRAM, each once; of the second all come from the other tile. Each tile takes
  // 2 x 4 filters and 2 inputs of 32 bytes; it passes on 6 filters, as the other has its first two
  // from DRAM, and stores 2 x 8 bytes.
  const auto machine = machine_with(1, 2);
  const auto network = pieces_of(2, 2, 4);
  const auto pieces = [&](bool keep) {
    return mapping::lower(
        sequence_of({piece_on(network.layers[0], {0, 1}, "", 2),
                     piece_on(network.layers[1], {0, 1}, keep ? network.layers[0].name : "", 2)}),
        network, machine);
  };
  EXPECT_EQ(about(observe(machine, pieces(true)), "RD bank2").size(), 4u);
  EXPECT_EQ(about(observe(machine, pieces(false)), "RD bank2").size(), 8u);
  const auto program = pieces(true);
  expect_right_values(machine, program);
  EXPECT_EQ(tiles_after_run(machine, program, payload_of),
            Lines(2, detail::concatenate(6 * 32 + 2 * 8, " ", 8 * 32 + 2 * 32)));
}

TEST(KeptRotation, HoldsInLongChains) {
  // Four pieces in full buffers: 2 filters of 64, input 32, output 32 of 256 bytes leave nothing
  // else.
  const auto machine = machine_with(1, 2, "tile { buffer { bytes: 256 banks: 8 } }");
  const auto network = pieces_of(4, 2, 8);
  std::vector<mapping::Node> nodes;
  for (std::size_t i = 0; i < network.layers.size(); ++i)
    nodes.push_back(
        piece_on(network.layers[i], {0, 1}, i == 0 ? "" : network.layers[i - 1].name, 2));
  const auto program = mapping::lower(sequence_of(std::move(nodes)), network, machine);
  EXPECT_EQ(program.stages[3].slots[1].continues, 2);
  // With the two inputs of the fourth piece, tensor 9, which lies in the same one of 8 banks.
  EXPECT_EQ(about(observe(machine, program), "RD bank2").size(), 8u + 2u);
  expect_right_values(machine, program);
}

/// 16 values that tile 0 makes; tile 1 makes one of them and later another.
class SavedMap : public ::testing::Test {
 protected:
  SavedMap() : machine_(machine_with(1, 2)) {
    PlainNetwork builder("saved");
    const auto map = builder.fully_connected(builder.input({1, 16}), 16);
    builder.fully_connected(map, 1);
    builder.fully_connected(map, 1);
    network_ = builder.finish();
    network_.tensors[network_.layers[1].output.tensor].kind = workloads::TensorKind::kOutput;
  }
  /// The first reader takes it from the tile.
  Program lowered() const {
    StagePlan producer = dense_plan(network_, 0, {0}), reader = dense_plan(network_, 1, {1});
    producer.output_kept = reader.inputs[0].from_tiles = true;
    return lower_plans(network_, machine_, {producer, reader, dense_plan(network_, 2, {1})});
  }
  hw::Accelerator machine_;
  Network network_;
};

TEST_F(SavedMap, IsReadOnChipWhileItIsKept) {
  // The first reader is answered as in Server.AnswersAWaitingReadWhenTheGranuleIsCommitted. The
  // second reads the 32 bytes of tensor 2 in DRAM: one burst, when the write is over.
  const auto program = lowered();
  const auto lines = observe(machine_, program);
  const Cycle end = cycle_in(about(lines, "tile0").at(0), 2);
  const Cycle usable = next_even(next_odd(end) + 1 + 14 + 1) + 1;
  EXPECT_EQ(cycle_in(about(lines, "tile1").at(0), 1), usable + 1);
  const Cycle write = cycle_in(about(lines, "WR bank4").at(0), 2);
  EXPECT_EQ(about(lines, "RD bank4"), one("RD bank4 ", write + 14 + 8 + 16));
  expect_right_values(machine_, program);
  EXPECT_NE(mapping::listing(program, 0).find("to DRAM and kept in the tiles until stage 1"),
            std::string::npos)
      << mapping::listing(program, 0);
}

/// Map, a layer of its own, and the map's reader on one tile with 512 bytes. The first layer takes
/// 14 x 32 bytes of filters, input and output: all of it. The second takes its filters and 64 bytes
/// beside the map of 32.
Program saved_beside(const hw::Accelerator& machine, int filters) {
  PlainNetwork builder("crowded");
  const auto map = builder.fully_connected(builder.input({1, 16}), 14);
  builder.fully_connected(builder.input({1, 16}), filters);
  builder.fully_connected(map, 1);
  auto network = builder.finish();
  network.tensors[network.layers[1].output.tensor].kind = workloads::TensorKind::kOutput;
  StagePlan producer = dense_plan(network, 0, {0}), reader = dense_plan(network, 2, {0});
  producer.output_kept = reader.inputs[0].from_tiles = true;
  return lower_plans(network, machine, {producer, dense_plan(network, 1, {0}), reader});
}

TEST(SavedMapInACrowdedBuffer, IsReadFromDramWithoutRoomToKeepIt) {
  const auto machine = machine_with(1, 1, "tile { buffer { banks: 8 bytes: 512 } }");
  for (const int filters : {13, 14}) {
    const auto program = saved_beside(machine, filters);
    expect_right_values(machine, program);
    const bool fits = filters == 13;
    const auto map = std::ranges::find(program.parts, 0, &mapping::Part::producer_stage);
    EXPECT_EQ(map->kept_until, fits ? 2 : -1);
    // The map is tensor 2; tensor 6, the last layer's filter, lies in the same one of 8 banks.
    EXPECT_EQ(about(observe(machine, program), "RD bank4").size(), fits ? 1u : 2u);
    const auto listing = mapping::listing(program, 0);
    EXPECT_EQ(listing.find("read from DRAM: no room to keep it") == std::string::npos, fits);
  }
}

/// Two pieces of 16 values on tile 0, each read by a layer on tile 1.
class PiecesForAnotherStage : public ::testing::Test {
 protected:
  PiecesForAnotherStage() : machine_(machine_with(1, 2)) {
    PlainNetwork builder("stages");
    const auto first = builder.fully_connected(builder.input({1, 16}), 16);
    builder.fully_connected(first, 1);
    builder.fully_connected(builder.fully_connected(builder.input({1, 16}), 16), 1);
    network_ = builder.finish();
    network_.tensors[network_.layers[1].output.tensor].kind = workloads::TensorKind::kOutput;
  }
  /// Cycles in which tile 0's instructions end and start.
  std::pair<Cycle, Cycle> end_and_next_start(bool twice) const {
    std::vector<StagePlan> plans;
    for (int layer = 0; layer < 4; ++layer) {
      plans.push_back(dense_plan(network_, layer, {layer % 2}));
      if (layer % 2 != 0) continue;
      plans.back().output_home = Home::kTiles;
      plans.back().output_twice = twice;
    }
    const auto program = lower_plans(network_, machine_, plans);
    expect_right_values(machine_, program);
    const auto lines = about(observe(machine_, program), "tile0");
    return {cycle_in(lines.at(0), 2), cycle_in(lines.at(1), 1)};
  }
  hw::Accelerator machine_;
  Network network_;
};

TEST_F(PiecesForAnotherStage, FollowAtOnceWithAPlaceForBoth) {
  const auto [end, next] = end_and_next_start(true);
  EXPECT_EQ(next, end + 1);
}

TEST_F(PiecesForAnotherStage, WaitForTheReaderOfTheOnlyPlace) {
  // The answer to tile 1 is read from the buffer in the first odd cycle from the end on, leaves one
  // later, is read 14 after that and seen in the next cycle; then tile 1 says that it is done: seen
  // 13 later.
  const auto [end, next] = end_and_next_start(false);
  EXPECT_EQ(next, next_odd(end) + 1 + 14 + 1 + 13 + 1);
}

}  // namespace
}  // namespace tessera::test
