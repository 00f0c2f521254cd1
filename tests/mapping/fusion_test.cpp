// Fused layers: what is inferred for the producers, what their windows hold, and what the checker
// refuses.
#include <gtest/gtest.h>

#include "mapping/fusion/fusion_plan.h"
#include "mapping/listing.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/program_index.h"
#include "mapping/program_io.h"
#include "tests/support/fused_tree.h"
#include "tests/support/plain_network.h"
#include "tests/support/refusal.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

using mapping::Home;
using mapping::Op;
using mapping::Program;
using workloads::Network;

/// Two convolutions of 3 x 3 without padding: 10 x 10 -> 8 x 8 -> 6 x 6.
Network two_convolutions(std::int64_t stride = 1) {
  PlainNetwork network("pair");
  const Window window{{3, 3}};
  const auto middle = network.convolution(network.input({1, 2, 10, 10}), 3, window);
  network.convolution(middle, 2, {{3, 3}, {stride, stride}});
  return network.finish();
}

hw::Accelerator machine(int rows = 1, int columns = 1) { return grid_machine(rows, columns); }

Program lowered(const Network& network, const FusedTree& tree, int rows = 1, int columns = 1) {
  return mapping::lower(fused_schedule(network, tree), network, machine(rows, columns));
}

void check(const Program& program) {
  const auto accelerator = machine(4, 4);
  mapping::check(program, {accelerator.tiles(), accelerator.tile.buffer.bytes,
                           accelerator.tile.buffer.line_bytes});
}

const mapping::CodeNode& first_loop(const mapping::CodeBlock& block) {
  for (const auto& node : block)
    if (node.is_loop) return node;
  throw std::runtime_error("no loop");
}

std::string refusal(const std::function<void()>& action) { return refusal_of(action, ""); }

constexpr const char* kMiddle = "convolution0.O";

TEST(FusionInference, ProducerFollowsTheConsumersRowsWithTheirHalo) {
  // Rows of the last layer in tiles of 2: [0,2) [2,4) [4,6). They read rows [0,4) [2,6) [4,8) of
  // the middle; two of each four are still in the window, so the producer computes 4, 2 and 2 rows.
  const auto program = lowered(two_convolutions(), {.loops = {{"P", 2}}});
  const auto& loop = first_loop(program.stages[0].codes[0].compute);
  EXPECT_EQ(loop.count, 3);
  EXPECT_EQ(loop.first, 4);
  EXPECT_EQ(loop.step, 2);
  EXPECT_EQ(loop.overlap, 0);
  EXPECT_EQ(program.stages[0].recomputed, 0);
  // The window: 1 image, 3 channels, 4 rows, 8 columns.
  const auto& window = program.stages[0].slots[program.stages[0].output_slot];
  EXPECT_TRUE(window.retains);
  EXPECT_EQ(window.extents, (std::vector<std::int64_t>{1, 3, 4, 8}));
  EXPECT_EQ(program.stages[0].fusion, program.stages[1].fusion);
  check(program);
}

TEST(FusionInference, StrideOfTheConsumerIsTheProducersStep) {
  // Stride 2: outputs 3 x 3 from rows [2i, 2i + 3); in tiles of 1 the producer computes 3, 2 and 2
  // rows, so that its 8th row would never be read.
  const auto network = two_convolutions(2);
  EXPECT_EQ(refusal([&] {
              lowered(network, {.loops = {{"P", 1}}});
            }),
            "fused tree: tensor convolution0.O: the fused layers read 0 to 6 of the 8 indices "
            "along P; the others "
            "would never be computed");
  PlainNetwork odd("odd");
  odd.convolution(odd.convolution(odd.input({1, 2, 9, 9}), 3, {{3, 3}}), 2, {{3, 3}, {2, 2}});
  const auto program = lowered(odd.finish(), {.loops = {{"P", 1}}});
  const auto& loop = first_loop(program.stages[0].codes[0].compute);
  EXPECT_EQ(loop.first, 3);
  EXPECT_EQ(loop.step, 2);
  check(program);
}

TEST(FusionInference, StoreInsideBothLoopsComputesHaloRowsAgain) {
  // Tiles of 2 x 2: rows overlap by 2 and are computed again, columns are retained along the inner
  // loop. Executed rows 4 + 4 + 4 = 12 instead of 8: half as many points again, 8 x 12 x 3 x 2 x 9
  // instead of 8 x 8.
  const auto program = lowered(two_convolutions(), {.loops = {{"P", 2}, {"Q", 2}}});
  EXPECT_EQ(program.stages[0].recomputed, 8 * 4 * 3 * 2 * 9);
  const auto& rows = first_loop(program.stages[0].codes[0].compute);
  EXPECT_EQ(rows.overlap, 2);
  EXPECT_EQ(first_loop(rows.body).overlap, 0);
  EXPECT_EQ(first_loop(rows.body).first, 4);
  check(program);
}

TEST(FusionInference, StoreBetweenTheLoopsHoldsWholeRowsAndComputesNothingAgain) {
  const auto program =
      lowered(two_convolutions(), {.loops = {{"P", 2}, {"Q", 2}}, .held = {{kMiddle, 1}}});
  EXPECT_EQ(program.stages[0].recomputed, 0);
  EXPECT_EQ(program.stages[0].slots[program.stages[0].output_slot].extents,
            (std::vector<std::int64_t>{1, 3, 4, 8}));
  check(program);
}

TEST(FusionInference, StoreAboveTheLoopsHoldsTheWholeTensor) {
  const auto program =
      lowered(two_convolutions(), {.loops = {{"P", 2}, {"Q", 2}}, .held = {{kMiddle, 0}}});
  EXPECT_EQ(program.stages[0].recomputed, 0);
  EXPECT_EQ(program.stages[0].slots[program.stages[0].output_slot].extents,
            (std::vector<std::int64_t>{1, 3, 8, 8}));
  check(program);
}

TEST(FusionInference, WithoutReuseBothHalosAreComputedAgain) {
  // 3 x 3 tiles of 4 x 4 middle elements: 144 instead of 64.
  const auto program =
      lowered(two_convolutions(), {.loops = {{"P", 2}, {"Q", 2}}, .no_reuse = {kMiddle}});
  EXPECT_EQ(program.stages[0].recomputed, (144 - 64) * 3 * 2 * 9);
  check(program);
}

TEST(FusionInference, LoopThatDoesNotTouchTheProducerRunsItOnce) {
  // Filters of the last layer in tiles of 1: the middle rows are there after the first.
  const auto program =
      lowered(two_convolutions(), {.loops = {{"P", 2}, {"K", 1}}, .held = {{kMiddle, 1}}});
  EXPECT_EQ(program.stages[0].recomputed, 0);
  check(program);
  // With the filters outside and the store inside the rows, everything is computed once per filter.
  const auto again = lowered(two_convolutions(), {.loops = {{"K", 1}, {"P", 2}}});
  EXPECT_EQ(again.stages[0].recomputed, 8 * 8 * 3 * 2 * 9);
  check(again);
}

TEST(FusionInference, TilesOfTheMachineComputeTheirHalosThemselves) {
  // Rows of the last layer dealt to 2 tiles: 3 each, from middle rows [0,5) and [3,8): 10 instead
  // of 8.
  const auto program = lowered(
      two_convolutions(), {.loops = {{"P", 1}}, .splits = {{"P", 2, mapping::Axis::kTiles}}}, 1, 2);
  EXPECT_EQ(program.stages[0].shares[1].ranks[3].begin, 3);
  EXPECT_EQ(program.stages[0].recomputed, 8 * 2 * 3 * 2 * 9);
  check(program);
}

TEST(FusionLowering, RefusesWhatDoesNotFitWithTheSizes) {
  // 128 channels of 10 rows and columns of 2 bytes: 25600 bytes in a buffer of 8 KiB.
  PlainNetwork network("large");
  network.convolution(network.convolution(network.input({1, 2, 12, 12}), 128, {{3, 3}}), 1,
                      {{3, 3}});
  const auto large = network.finish();
  const auto text = refusal([&] { lowered(large, {.loops = {{"P", 1}}, .held = {{kMiddle, 0}}}); });
  EXPECT_NE(
      text.find("layers convolution0, convolution1: do not fit into the tile buffer of 8192 B"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("convolution0.O 1 x 25600 B"), std::string::npos) << text;
}

TEST(FusionLowering, LaysTensorsInDramTheWayTheirTilesAreFetched) {
  // Weights come channel by channel, so channels are their slowest dimension: a fetch is one run.
  // Feature maps of four dimensions lie as in every network, channels fastest.
  PlainNetwork network("single");
  network.convolution(network.input({1, 4, 8, 8}), 3, {{3, 3}});
  const auto program =
      lowered(network.finish(), {.loops = {}, .held = {{kMiddle, 0}}, .own_loops = {{"C", 1}}});
  for (std::size_t t = 0; t < program.network.tensors.size(); ++t) {
    const bool weights = program.network.tensors[t].kind == workloads::TensorKind::kWeight;
    EXPECT_EQ(program.layouts[t].order,
              weights ? (std::vector<int>{1, 0, 2, 3}) : (std::vector<int>{0, 2, 3, 1}));
  }
  check(program);
}

TEST(FusionLowering, WindowMovedByTwoLoopsHasRoomForItsWayBack) {
  // Tiles of 2 x 2 outputs read 6 x 6 inputs, two apart. While the last of a row of tiles, columns
  // 6 to 9 for what its window lacks, is in use the first of the next arrives: columns 0 to 5, rows
  // two further down.
  FusedTree tree{.loops = {{"P", 2}, {"Q", 2}}};
  const auto network = two_convolutions();
  tree.double_buffered = {network.tensors[network.layers[0].inputs[0].tensor].name};
  const auto program = lowered(network, tree);
  const auto& input = program.stages[0].slots[0];
  EXPECT_EQ(input.granules, 2);
  EXPECT_EQ(input.extents, (std::vector<std::int64_t>{1, 2, 8, 10}));
  check(program);
}

TEST(FusionLowering, RefusesLoopsOverOtherLayers) {
  const auto network = two_convolutions();
  auto schedule = fused_schedule(network, {.loops = {{"P", 2}}});
  auto* node = &schedule.root;
  while (node->kind != mapping::NodeKind::kLoop) node = &node->children.front();
  node->loop.ranks.front().layer = "convolution0";
  EXPECT_EQ(refusal([&] { mapping::lower(schedule, network, machine()); }),
            "fused tree: loop P above a sequence or pipeline is over no rank of its last layer, "
            "convolution1");
}

TEST(FusionProgram, SurvivesItsFile) {
  const auto program = lowered(two_convolutions(), {.loops = {{"P", 2}, {"Q", 2}}});
  const auto bytes = mapping::to_program_bytes(program);
  const auto loaded = mapping::parse_program(bytes, "file");
  EXPECT_EQ(mapping::to_program_bytes(loaded), bytes);
  EXPECT_EQ(mapping::listing(loaded, 0), mapping::listing(program, 0));
  check(loaded);
}

TEST(FusionProgram, ListingShowsWindowsAndRecomputation) {
  const auto text =
      mapping::listing(lowered(two_convolutions(), {.loops = {{"P", 2}, {"Q", 2}}}), 0);
  EXPECT_NE(text.find("fusion 0, 1728 points computed again over all tiles"), std::string::npos)
      << text;
  EXPECT_NE(text.find("a window of 1 3 4 4"), std::string::npos) << text;
  EXPECT_NE(text.find("loop P step 2 count 3 first 4 overlap 2"), std::string::npos) << text;
  EXPECT_NE(text.find("yield"), std::string::npos) << text;
}

/// Finds the first instruction of a kind in a block.
mapping::CodeBlock* block_with(mapping::CodeBlock& block, Op op) {
  for (auto& node : block) {
    if (!node.is_loop && node.instruction.op == op) return &block;
    if (!node.is_loop) continue;
    if (auto* found = block_with(node.body, op)) return found;
  }
  return nullptr;
}

TEST(FusionChecker, FindsAWindowThatIsTooSmall) {
  auto program = lowered(two_convolutions(), {.loops = {{"P", 2}}});
  auto& slot = program.stages[0].slots[program.stages[0].output_slot];
  slot.extents[2] = 3;  // rows
  EXPECT_NE(refusal([&] { check(program); }).find("is wider in dimension 2 than the window, 3"),
            std::string::npos);
}

TEST(FusionChecker, FindsHalosThatAreNotRetained) {
  // The producer skips a row between its tiles.
  auto program = lowered(two_convolutions(), {.loops = {{"P", 2}}});
  for (auto* block : {&program.stages[0].codes[0].compute})
    for (auto& node : *block)
      if (node.is_loop) node.overlap = -1;
  EXPECT_NE(refusal([&] { check(program); }).find("which is not in its window any more or yet"),
            std::string::npos);
}

TEST(FusionChecker, FindsQueuesThatTakeTurnsOutOfStep) {
  // Without its yield the producer computes all tiles first; its load queue has handed over after
  // the first.
  auto program = lowered(two_convolutions(), {.loops = {{"P", 2}}});
  auto* block = block_with(program.stages[0].codes[0].compute, Op::kYield);
  block->pop_back();
  const auto text = refusal([&] { check(program); });
  EXPECT_NE(text.find("waits for ever"), std::string::npos) << text;
}

TEST(FusionChecker, CountsPointsAgainstTheDeclaration) {
  auto program = lowered(two_convolutions(), {.loops = {{"P", 2}, {"Q", 2}}});
  program.stages[0].recomputed -= 1;
  EXPECT_NE(refusal([&] { check(program); }).find("are declared to be computed again"),
            std::string::npos);
}

TEST(FusionChecker, FindsSlotsThatOverlap) {
  auto program = lowered(two_convolutions(), {.loops = {{"P", 2}}});
  program.stages[1].slots[0].base_address = program.stages[0].slots[1].base_address;
  EXPECT_NE(refusal([&] { check(program); }).find("overlaps slot"), std::string::npos);
}

TEST(FusionChecker, FindsReadersOutsideTheFusion) {
  auto program = lowered(two_convolutions(), {.loops = {{"P", 2}}});
  program.stages[1].fusion = 7;
  EXPECT_NE(refusal([&] { check(program); }), "");
}

FusedTree pipeline() {
  FusedTree tree{{{"P", 2}}};
  tree.pipelined = true;
  return tree;
}

TEST(PipelineLowering, HandsRowsOverThroughARingOfCredits) {
  const auto program = lowered(two_convolutions(), pipeline(), 1, 2);
  // The producer gives away 4, 2 and 2 rows; the consumer's window keeps the halo.
  const auto& given = program.stages[0].slots[program.stages[0].output_slot];
  EXPECT_TRUE(given.streams);
  EXPECT_EQ(given.granules, 1);
  EXPECT_EQ(given.extents, (std::vector<std::int64_t>{1, 3, 4, 8}));
  EXPECT_TRUE(program.stages[1].slots[0].retains);
  EXPECT_EQ(program.stages[0].shares[0].tile, 0);
  EXPECT_EQ(program.stages[1].shares[0].tile, 1);
  check(program);
}

TEST(PipelineLowering, RefusesATileThatWorksForTwoLayers) {
  const auto network = two_convolutions();
  auto schedule = fused_schedule(network, pipeline());
  auto* node = &schedule.root;
  while (node->kind != mapping::NodeKind::kPipeline) node = &node->children.front();
  for (auto& branch : node->children) {
    mapping::Node place;
    place.kind = mapping::NodeKind::kPlace;
    place.place.tiles = {1};
    place.children.push_back(std::move(branch));
    branch = std::move(place);
  }
  EXPECT_EQ(refusal([&] { mapping::lower(schedule, network, machine(1, 2)); }),
            "fused tree: tile 1 works for layers convolution0 and convolution1 of one pipeline");
}

TEST(PipelineChecker, CountsElementsThatComeAgain) {
  // Without its window the consumer asks for the halo a second time; the producer's ring counts
  // both times and keeps the granule until then.
  auto program = lowered(two_convolutions(), pipeline(), 1, 2);
  program.stages[1].slots[0].retains = false;
  const mapping::ProgramIndex index(program);
  const int part = index.part_of_stage(0);
  const auto& first = index.owners(part).front().region;
  EXPECT_GT(index.readings(part, first), first.elements());
  check(program);
}

TEST(PipelineChecker, FindsOutputsThatNobodyTakes) {
  // The consumer stops after its first tile: the producer's second granule finds no room.
  auto program = lowered(two_convolutions(), pipeline(), 1, 2);
  for (auto* block : {&program.stages[1].codes[0].load, &program.stages[1].codes[0].compute,
                      &program.stages[1].codes[0].store})
    for (auto& node : *block)
      if (node.is_loop) node.count = 1;
  EXPECT_NE(refusal([&] { check(program); }).find("waits for ever"), std::string::npos);
}

TEST(PipelineProgram, SurvivesItsFile) {
  const auto program = lowered(two_convolutions(), pipeline(), 1, 2);
  const auto bytes = mapping::to_program_bytes(program);
  EXPECT_EQ(mapping::to_program_bytes(mapping::parse_program(bytes, "file")), bytes);
}

}  // namespace
}  // namespace tessera::test
