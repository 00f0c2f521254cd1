// Times of layers and segments on nn_dataflow's machine. A word of two bytes takes 1000 ps, which
// is a cycle.
#include "hw_models/tile/tool_machine.h"

#include <gtest/gtest.h>

#include <memory>
#include <tuple>

namespace tessera::hw {
namespace {

/// Stages with the given tiles and segments, each of a layer with one input.
struct Machine {
  mapping::Program program;
  std::vector<mapping::ToolLayer> layers;
  std::vector<std::pair<int, Cycle>> woken;
  std::unique_ptr<ToolMachine> tool;

  void add(int segment, const std::vector<int>& tiles) {
    mapping::Stage stage;
    for (const int tile : tiles) stage.shares.push_back({tile, 0, {}, {}});
    program.stages.push_back(std::move(stage));
    layers.push_back({segment, {{}}, {}, 1});
  }

  ToolMachine& build() {
    program.tiles = 4;
    tool = std::make_unique<ToolMachine>(program, layers, 500.0, 1000);
    tool->set_wake([this](int tile, Cycle at) { woken.emplace_back(tile, at); });
    return *tool;
  }
};

TEST(ToolMachine, ALayerTakesTheLongerOfComputingAndItsWords) {
  for (const auto& [words, computed, over] :
       {std::tuple(100, 30, 100), std::tuple(100, 170, 170)}) {
    Machine machine;
    machine.add(0, {0});
    machine.add(1, {0});
    auto& tool = machine.build();
    EXPECT_EQ(tool.opens(0, 0), 0u);
    EXPECT_EQ(tool.opens(1, 0), kNever);
    tool.count(0, 0, 60);
    tool.count(0, 1, words - 60);
    tool.left(0, static_cast<Cycle>(computed));
    EXPECT_EQ(tool.opens(1, 0), static_cast<Cycle>(over));
    ASSERT_EQ(machine.woken.size(), 1u);
    EXPECT_EQ(machine.woken[0], std::pair(0, static_cast<Cycle>(over)));
    // The second moves nothing and computes for 7 cycles.
    tool.left(1, static_cast<Cycle>(over + 7));
    EXPECT_EQ(tool.end(), static_cast<Cycle>(over + 7));
  }
}

TEST(ToolMachine, StagesOfASegmentShareItsBandwidth) {
  // Side by side on two tiles, 100 and 80 words and little to compute: 180 cycles together.
  Machine machine;
  machine.add(0, {0});
  machine.add(0, {1});
  machine.add(1, {0, 1});
  auto& tool = machine.build();
  EXPECT_EQ(tool.opens(1, 1), 0u);
  tool.count(0, 0, 100);
  tool.count(1, 0, 80);
  tool.left(0, 20);
  EXPECT_EQ(tool.opens(2, 0), kNever);
  tool.left(1, 30);
  EXPECT_EQ(tool.opens(2, 0), 180u);
}

TEST(ToolMachine, AReaderOnOtherTilesBeginsWithTheFirstPiece) {
  // 100 points on two tiles, of which the reader takes a quarter at a time: with the 25th, whose
  // step ends in 17, it may begin; another reader waits for all.
  Machine machine;
  machine.add(0, {0, 1});
  machine.add(0, {2});
  machine.add(0, {3});
  for (auto& share : machine.program.stages[0].shares) share.ranks = {{0, 5}, {0, 10}};
  machine.layers[1].feeds = {{0, 4}};
  machine.layers[2].feeds = {{0, 1}};
  auto& tool = machine.build();
  tool.stepped(0, 12, 10);
  tool.stepped(0, 12, 17);
  EXPECT_EQ(tool.opens(1, 2), kNever);
  tool.stepped(0, 1, 13);
  EXPECT_EQ(tool.opens(1, 2), 17u);
  EXPECT_EQ(machine.woken, (std::vector<std::pair<int, Cycle>>{{2, 17}}));
  tool.stepped(0, 74, 40);
  EXPECT_EQ(tool.opens(2, 3), kNever);
  tool.stepped(0, 1, 41);
  EXPECT_EQ(tool.opens(2, 3), 41u);
}

TEST(ToolMachine, LayersThatTakeTurnsOnATileAddUp) {
  // 100 words and 40 cycles, then no words and 50 cycles: 100 + 50.
  Machine machine;
  machine.add(0, {0, 1});
  machine.add(0, {1});
  auto& tool = machine.build();
  EXPECT_EQ(tool.opens(1, 1), kNever);
  tool.count(0, 0, 100);
  tool.left(0, 35);
  EXPECT_EQ(tool.opens(1, 1), kNever);
  tool.left(0, 40);
  EXPECT_EQ(tool.opens(1, 1), 100u);
  tool.left(1, 150);
  EXPECT_EQ(tool.end(), 150u);
}

TEST(ToolMachine, PiecesOfAShareAddUp) {
  std::int64_t sum = 0;
  for (int number = 0; number < 6; ++number) sum += ToolMachine::Piece{number, 3}.of(100);
  EXPECT_EQ(sum, 200);
  EXPECT_EQ((ToolMachine::Piece{0, 3}.of(100)), 33);
  EXPECT_EQ((ToolMachine::Piece{2, 3}.of(100)), 34);
}

TEST(ToolMachine, TransfersFollowEachOtherAtTheSumOfTheRates) {
  Machine machine;
  machine.add(0, {0});
  auto& tool = machine.build();
  EXPECT_EQ(tool.transfer(10'000, 32), 26'000u);
  EXPECT_EQ(tool.transfer(12'000, 2), 27'000u);   // behind the first
  EXPECT_EQ(tool.transfer(40'000, 32), 56'000u);  // after a pause
}

}  // namespace
}  // namespace tessera::hw
