// Rings between stages: feature maps of which the tiles hold some pieces at a time. Rules of timing
// as in tile_timing.h, and one more, derived from them: a piece that is handed over in cycle t in
// a packet of L flits has left its source queue in t + L, and its place can be used in the cycle
// after.
#include "mapping/schedule_io.h"
#include "mapping/stage_reader.h"
#include "mapping/tree_path.h"
#include "tests/sim/tile_timing.h"
#include "tests/support/refusal.h"

namespace tessera::test {
namespace {

constexpr int kImages = 4;

/// Four images of 16 values: 16 filters on tile 0 make 16 values of each (a line, a piece), from
/// which tile 1 makes 64, so that the reader is the slower one.
Network two_layers() {
  PlainNetwork network("two_layers", kImages);
  network.fully_connected(network.fully_connected(network.input({kImages, 16}), 16), 64);
  return network.finish();
}

/// One image after the other, with all filters in the buffer.
StagePlan image_by_image(const Network& network, workloads::LayerId layer, int tile) {
  StagePlan plan = dense_plan(network, layer, {tile});
  plan.loops = {{network.layers[layer].rank_index("N"), 1}};
  plan.output.depth = 1;
  return plan;
}

Program two_tiles(const Network& network, const hw::Accelerator& machine, int places) {
  auto producer = image_by_image(network, 0, 0), consumer = image_by_image(network, 1, 1);
  producer.output_home = Home::kTiles;
  producer.ring_places = places;
  consumer.inputs[0].depth = 1;
  consumer.output.double_buffered = true;
  return lower_plans(network, machine, {producer, consumer});
}

struct Times {
  std::vector<Cycle> begin[2], end[2];  ///< per tile and image
};

Times times_of(const Lines& lines) {
  Times run;
  for (int tile = 0; tile < 2; ++tile)
    for (const auto& line : about(lines, detail::concatenate("tile", tile))) {
      run.begin[tile].push_back(cycle_in(line, 1));
      run.end[tile].push_back(cycle_in(line, 2));
    }
  return run;
}

class RingOfPieces : public testing::Test {
 protected:
  Times run(int places) const {
    return times_of(observe(machine_, two_tiles(network_, machine_, places)));
  }

  hw::Accelerator machine_ = machine_with(1, 2);
  Network network_ = two_layers();
};

/// Tile 1 asks for the next piece when it has used one: in the cycle in which its instruction ends,
/// behind the request for room for its outputs, so one later, over one link: seen 14 later. The
/// line is read from the buffer in the first odd cycle and leaves a cycle later, in 3 flits.
Cycle leaves_after(Cycle used) { return next_odd(used + 14) + 1; }
/// Its place can be used 3 + 1 later, and the array begins one cycle of issue after that.
Cycle begins_after(Cycle leaves) { return leaves + 3 + 1 + 1; }
/// Usable at tile 1: the tail is read 12 + 2 later, the line written in the next even cycle from
/// the one after, the array begins two later.
Cycle reader_begins(Cycle leaves) { return next_even(leaves + 14 + 1) + 1 + 1; }

TEST_F(RingOfPieces, WhollyBufferedTheProducerNeverWaits) {
  // Image after image, an issue cycle apart.
  const auto whole = run(0);
  ASSERT_EQ(whole.begin[0].size(), std::size_t{kImages});
  for (int image = 1; image < kImages; ++image)
    EXPECT_EQ(whole.begin[0][image], whole.end[0][image - 1] + 1) << image;
}

TEST_F(RingOfPieces, OfTwoPlacesLetsTheProducerGoAsFarAheadAsTwo) {
  // Piece 0 was asked for at the beginning and leaves at once, long before piece 1 is there: image
  // 2 finds a place. Image 3 needs that of piece 1, which leaves when tile 1 has used piece 0.
  const auto ring = run(2), whole = run(0);
  ASSERT_EQ(ring.begin[0].size(), std::size_t{kImages});
  EXPECT_EQ(ring.begin[0][1], ring.end[0][0] + 1);
  EXPECT_EQ(ring.begin[0][2], ring.end[0][1] + 1);
  const Cycle asked = ring.end[1][0];
  ASSERT_GT(asked, ring.end[0][2]);
  EXPECT_EQ(ring.begin[0][3], begins_after(leaves_after(asked)));
  EXPECT_GT(ring.begin[0][3], whole.begin[0][3]);
  // The slower reader does not notice: all pieces are there when it asks.
  EXPECT_EQ(ring.begin[1], whole.begin[1]);
  EXPECT_EQ(ring.end[1], whole.end[1]);
  EXPECT_EQ(ring.begin[1][1], reader_begins(leaves_after(asked)));
}

TEST_F(RingOfPieces, OfOnePlaceAlternates) {
  // Image 1 begins when piece 0 has left, and image i when tile 1 has asked for piece i - 1.
  const auto ring = run(1);
  ASSERT_EQ(ring.begin[0].size(), std::size_t{kImages});
  EXPECT_EQ(ring.begin[0][1], begins_after(next_odd(ring.end[0][0]) + 1));
  for (int image = 2; image < kImages; ++image)
    EXPECT_EQ(ring.begin[0][image], begins_after(leaves_after(ring.end[1][image - 2]))) << image;
}

TEST_F(RingOfPieces, KeepsTheValues) {
  for (const int places : {1, 2, 3}) {
    const auto program = two_tiles(network_, machine_, places);
    const auto run = simulate(machine_, program);
    EXPECT_TRUE(run.ok()) << places << ": " << run.text;
  }
}

TEST_F(RingOfPieces, TakesThePlacesItHas) {
  const auto slot = [&](int places) {
    const auto stage = two_tiles(network_, machine_, places).stages[0];
    return stage.slots[stage.output_slot];
  };
  EXPECT_EQ(slot(2).bytes(), 2u * 32);
  EXPECT_TRUE(slot(2).streams);
  EXPECT_EQ(slot(0).bytes(), 4u * 32);
  // As many places as pieces are no ring.
  EXPECT_FALSE(slot(4).streams);
  EXPECT_EQ(slot(9).bytes(), 4u * 32);
}

/// Tile 0 makes 16 values in four pieces of four; tile 1 needs all of them for its 16; tile 2 adds
/// both, piece by piece.
class SkipConnection : public testing::Test {
 protected:
  static Network residual() {
    PlainNetwork network("residual");
    const auto first = network.fully_connected(network.input({1, 16}), 16);
    network.add(network.fully_connected(first, 16), first);
    return network.finish();
  }

  Program with(int places) const {
    auto source = dense_plan(network_, 0, {0}), between = dense_plan(network_, 1, {1}),
         sum = plain_plan(network_, 2);
    source.loops = {{network_.layers[0].rank_index("K"), 4}};
    source.output.depth = 1;
    source.output_home = between.output_home = Home::kTiles;
    source.ring_places = places;
    between.loops = {{network_.layers[1].rank_index("C1"), 4}};
    between.inputs[0].depth = between.inputs[1].depth = 1;
    sum.tiles = {2};
    const auto& added = network_.layers[2].output.dimensions[1].terms.front().rank;
    sum.loops = {{added, 4}};
    sum.inputs[0].depth = sum.inputs[1].depth = sum.output.depth = 1;
    return lower_plans(network_, machine_, {source, between, sum});
  }

  hw::Accelerator machine_ = machine_with(1, 3);
  Network network_ = residual();
};

TEST_F(SkipConnection, NeedsWhatTheLongerWayTakesBeforeItGives) {
  // Tile 2 can take one piece of the skip connection before the sums of tile 1 come; tile 1 needs
  // all four first. So pieces 1 to 3 stay in the ring.
  const auto enough = with(3);
  expect_right_values(machine_, enough);
}

TEST_F(SkipConnection, IsRefusedWithFewerAndTheSizes) {
  expect_refused([&] { mapping::check(with(2), limits_of(machine_)); },
                 "slot O: a ring of 2 x 32 bytes is too small for those who read from it, "
                 "which wait for each other; allowed: 3 or more");
}

TEST_F(SkipConnection, WithFewerTheMachineStandsStill) {
  // The checker is right: asked all the same, nothing moves any more.
  const auto run = simulate(machine_, with(2));
  EXPECT_EQ(run.end, ChildResult::End::kNoProgress) << run.text;
}

/// A 3 x 3 convolution of four rows behind another, a row at a time: each row is read for three
/// rows of outputs, which hold no window.
class RowsReadAgain : public testing::Test {
 protected:
  static Network chain() {
    PlainNetwork network("chain");
    Window window;
    window.kernel[0] = window.kernel[1] = 3;
    window.pad_begin[0] = window.pad_begin[1] = window.pad_end[0] = window.pad_end[1] = 1;
    const auto input = network.input({1, 4, 6, 6});
    network.convolution(network.convolution(input, 4, window), 4, window);
    return network.finish();
  }

  Program with(int places, int tiles) const {
    std::vector<StagePlan> plans;
    for (const workloads::LayerId layer : {0, 1}) {
      StagePlan plan = plain_plan(network_, layer);
      const auto& ranks = network_.layers[layer];
      plan.tiles.clear();
      for (int i = 0; i < tiles; ++i) plan.tiles.push_back(layer * tiles + i);
      if (tiles > 1) plan.partition = {{ranks.rank_index("K"), 0, tiles, Axis::kTiles}};
      plan.loops = {{ranks.rank_index("P"), 1}};
      plan.inputs[0].depth = plan.output.depth = 1;
      plans.push_back(plan);
    }
    plans[0].output_home = Home::kTiles;
    plans[0].ring_places = places;
    for (auto& plan : plans) choose_array(plan, network_, machine_);
    return lower_plans(network_, machine_, plans);
  }

  hw::Accelerator machine_ = machine_with(2, 2, "tile { array { rows: 4 columns: 4 } }");
  Network network_ = chain();
};

TEST_F(RowsReadAgain, StayUntilTheyHaveBeenReadForTheLastTime) {
  // Output row p reads rows p - 1 to p + 1, as they come: row p - 1 is sent for the last time and
  // makes room for row p + 1. Row p stays for the next trip, so that two places are needed.
  for (const int tiles : {1, 2}) {
    const auto program = with(2, tiles);
    expect_right_values(machine_, program);
    EXPECT_THROW(mapping::check(with(1, tiles), limits_of(machine_)), UserError);
  }
}

/// A convolution and an addition to its channels, on the same tiles; a third layer on another tile
/// takes what comes out.
class Turns : public testing::Test {
 protected:
  static Network layers(bool residual) {
    PlainNetwork network("turns");
    const auto input = network.input({1, 8, 6, 6});
    const auto other = network.pool(input, workloads::Function::kMaxPool, {});
    const auto first = network.convolution(input, 8, {});
    network.convolution(residual ? network.add(first, other) : network.add(first, first), 4, {});
    return network.finish();
  }

  /// Two channels a turn; rings of one place.
  mapping::Schedule schedule(const Network& network, int places = 1) const {
    std::vector<StagePlan> plans;
    for (workloads::LayerId id = 0; id < static_cast<int>(network.layers.size()); ++id) {
      const auto& layer = network.layers[id];
      StagePlan plan = plain_plan(network, id);
      if (layer.name == first(network) || layer.name == second(network)) {
        plan.tiles = {0, 1};
        plan.partition = {{rank(layer, 2), 0, 2, Axis::kTiles}};
        plan.loops = {{rank(layer, 1), 2}};
        plan.turn_depth = plan.output.depth = 1;
        if (layer.name == second(network))
          for (auto& input : plan.inputs) input.depth = 1;
        plan.output_home = Home::kTiles;
        plan.ring_places = places;
      } else if (layer.name == third(network)) {
        plan.tiles = {2};
        plan.loops = {{layer.rank_index("C"), 1}};
        plan.inputs[0].depth = plan.inputs[1].depth = 1;
      }
      choose_array(plan, network, machine_);
      plans.push_back(plan);
    }
    auto flat = schedule_of(network, plans);
    mapping::Schedule schedule = flat;
    schedule.root.children.clear();
    mapping::Node turns;
    for (auto& top : flat.root.children) {
      const auto* leaf = &top;
      while (!leaf->children.empty()) leaf = &leaf->children.front();
      const auto& name = leaf->layer.layer;
      if (name == first(network) || name == second(network)) {
        turns.children.push_back(top);
        if (turns.children.size() == 2) schedule.root.children.push_back(turns);
      } else {
        schedule.root.children.push_back(top);
      }
    }
    return schedule;
  }

  static const std::string& first(const Network& network) {
    return network.layers[network.layers.size() - 3].name;
  }
  static const std::string& second(const Network& network) {
    return network.layers[network.layers.size() - 2].name;
  }
  static const std::string& third(const Network& network) { return network.layers.back().name; }
  static workloads::RankId rank(const workloads::Layer& layer, std::size_t dimension) {
    return layer.output.dimensions[dimension].terms.front().rank;
  }

  hw::Accelerator machine_ = machine_with(2, 2, "tile { array { rows: 4 columns: 4 } }");
};

TEST_F(Turns, KeepTheValuesWithOnePlaceEach) {
  for (const bool residual : {false, true}) {
    const auto network = layers(residual);
    const auto program = mapping::lower(schedule(network), network, machine_);
    const auto& turns = program.stages[program.stages.size() - 2];
    EXPECT_EQ(turns.fusion, program.stages[program.stages.size() - 3].fusion);
    EXPECT_GE(turns.fusion, 0);
    EXPECT_EQ(turns.slots[turns.output_slot].granules, 1);
    expect_right_values(machine_, program);
  }
}

TEST_F(Turns, AlternateOnATile) {
  // Four pieces of two channels: the convolution and the addition follow each other, piece by
  // piece, on each of the tiles.
  const auto network = layers(false);
  const auto program = mapping::lower(schedule(network), network, machine_);
  const int convolution = static_cast<int>(program.stages.size()) - 3;
  mapping::check(program, limits_of(machine_));
  const auto run = in_child([&] {
    struct Order final : hw::TileObserver {
      void instruction_ended(const hw::InstructionEvent& event) override {
        if (event.queue == hw::QueueKind::kCompute && event.end > event.begin && event.tile == 0)
          text += std::to_string(event.stage) + " ";
      }
      std::string text;
    } order;
    sim::Machine whole(machine_, program, {});
    whole.tiles()[0]->set_observer(&order);
    whole.run();
    return order.text;
  });
  ASSERT_TRUE(run.ok()) << run.text;
  std::string stages;
  for (int piece = 0; piece < 4; ++piece)
    stages += detail::concatenate(convolution, " ", convolution + 1, " ");
  EXPECT_NE(run.text.find(stages), std::string::npos) << run.text;
}

TEST_F(Turns, SurviveTheFileOfTheirSchedule) {
  const auto network = layers(false);
  const auto given = schedule(network);
  const auto again = mapping::parse_schedule(mapping::to_schedule_text(given), "turns.textproto");
  EXPECT_EQ(to_text(again), to_text(given));
  EXPECT_TRUE(mapping::gives_turns(again.root.children.front()) ||
              mapping::gives_turns(again.root.children[1]));
}

TEST_F(Turns, AreRefusedForALayerAlone) {
  const auto network = layers(false);
  auto alone = schedule(network);
  std::vector<mapping::Node> tops;
  for (auto& top : alone.root.children)
    if (mapping::gives_turns(top))
      for (auto& member : top.children) tops.push_back(member);
    else
      tops.push_back(top);
  alone.root.children = tops;
  EXPECT_THROW(mapping::lower(alone, network, machine_), UserError);
}

TEST(RingLowering, RefusesPlacesOutsideOfTheTiles) {
  const auto machine = machine_with(1, 1);
  const auto network = dense(1);
  mapping::TreePath path;
  path.place({0}).store("dram", {{.tensor = "O", .places = 2}});
  path.store("buffer", {{.tensor = "I0"}, {.tensor = "W"}, {.tensor = "O"}});
  mapping::Schedule schedule;
  schedule.name = schedule.origin = "ring";
  schedule.root = path.finish(network.layers.front().name);
  EXPECT_THROW(mapping::check_structure(schedule), UserError);
}

}  // namespace
}  // namespace tessera::test
