// What the checker says of slots that go on with those of earlier stages, and of maps that are kept
// beside DRAM.
#include <gtest/gtest.h>

#include <functional>

#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "tests/support/kept_pieces.h"
#include "tests/support/refusal.h"
#include "tests/support/small_machine.h"

namespace tessera::mapping {

namespace {

using Change = std::function<void(Program&)>;

std::string verdict(Program program, const hw::Accelerator& machine, const Change& change) {
  change(program);
  return test::refusal_of([&] { check(program, limits_of(machine)); }, "sound");
}

/// Stages 0 and 2 are pieces with the same filters, in slot 1; stage 1 stands between.
std::string after(const Change& change) {
  const auto machine = test::grid_machine(1, 1);
  const auto network = test::pieces_of(2, 1, 2, 3);
  return verdict(lower(test::kept_pieces(network), network, machine), machine, change);
}

void expect_fault(const std::string& found, const std::string& part) {
  EXPECT_NE(found.find(part), std::string::npos) << found;
}

}  // namespace

TEST(CheckerKeeps, FiltersOfPiecesAreSound) {
  EXPECT_EQ(after([](Program& p) {
              ASSERT_EQ(p.stages[2].slots[1].continues, 0);
              ASSERT_TRUE(p.stages[0].slots[1].handed_on);
            }),
            "sound");
}

TEST(CheckerKeeps, BothSidesAgree) {
  expect_fault(after([](Program& p) { p.stages[0].slots[1].handed_on = false; }),
               "slot W goes on with that of stage fully_connected0, which does not hand it on");
  expect_fault(after([](Program& p) { p.stages[1].slots[1].handed_on = true; }),
               "slot W: 0 later stages go on with it; allowed: 1");
  expect_fault(after([](Program& p) { p.stages[0].slots[1].continues = 2; }),
               "which is not an earlier stage");
}

TEST(CheckerKeeps, ItIsTheSameRingInTheSamePlace) {
  for (const Change& change :
       std::vector<Change>{[](Program& p) { p.stages[2].slots[1].base_address += 256; },
                           [](Program& p) { p.stages[2].slots[1].granule_bytes *= 2; },
                           [](Program& p) { p.stages[2].slots[1].staging = true; }})
    expect_fault(after(change), "which is another place or another ring");
}

TEST(CheckerKeeps, ItHoldsTheSameData) {
  expect_fault(after([](Program& p) {
                 p.network.layers[2].inputs[1].tensor = p.network.layers[1].inputs[1].tensor;
               }),
               "which holds another tensor");
  expect_fault(after([](Program& p) {
                 auto& load = p.stages[2].codes[0].load;
                 load.push_back(load.front());
                 load.back().instruction = {Op::kReceive, 1, 1, 1};
               }),
               "its granules are received again");
}

TEST(CheckerKeeps, NothingElseLiesThereMeanwhile) {
  // Stage 1 runs while the filters wait for stage 2.
  expect_fault(after([](Program& p) {
                 p.stages[1].slots[0].base_address = p.stages[0].slots[1].base_address;
               }),
               "overlaps slot W of stage fully_connected0");
}

TEST(CheckerKeeps, TheLastStageLetsGo) {
  expect_fault(after([](Program& p) { p.stages[2].codes[0].compute.pop_back(); }), "tile 0");
  // And the first does not.
  expect_fault(after([](Program& p) {
                 auto& compute = p.stages[0].codes[0].compute;
                 compute.push_back({});
                 compute.back().instruction = {Op::kRelease, 1, -1, 1};
               }),
               "slot W does not drain");
}

namespace {

/// A map that its tile keeps beside DRAM until stage 1; stage 2 reads it there.
std::string after_saving(const Change& change) {
  const auto machine = test::grid_machine(1, 1);
  return verdict(test::kept_map(machine, 1), machine, change);
}

Part& saved(Program& program) {
  return *std::ranges::find(program.parts, 0, &Part::producer_stage);
}

}  // namespace

TEST(CheckerKeeps, AMapCanBeInDramAndInTheTiles) {
  EXPECT_EQ(after_saving([](Program& p) { ASSERT_EQ(saved(p).kept_until, 1); }), "sound");
}

TEST(CheckerKeeps, ItsSlotIsServedAndStored) {
  expect_fault(after_saving([](Program& p) { saved(p).kept_until = -1; }),
               "the slot is served to other tiles, but no part lives in it");
  expect_fault(after_saving([](Program& p) { saved(p).kept_until = 0; }),
               "is kept until stage 0; allowed: after the stage 0 that produces it");
  expect_fault(after_saving([](Program& p) {
                 p.stages[0].slots[p.stages[0].output_slot].readers =
                     static_cast<unsigned>(SlotReader::kServer);
                 p.stages[0].codes[0].store.clear();
               }),
               "the part lives in DRAM, but the store queue does not read the slot");
}

TEST(CheckerKeeps, ItsPlaceIsItsOwnUntilTheLastReaderOnChip) {
  const auto onto_the_map = [](int stage) {
    return [stage](Program& p) {
      p.stages[stage].slots[0].base_address =
          p.stages[0].slots[p.stages[0].output_slot].base_address;
    };
  };
  expect_fault(after_saving(onto_the_map(1)), "overlaps slot O");
  EXPECT_EQ(after_saving(onto_the_map(2)), "sound");
}

}  // namespace tessera::mapping
