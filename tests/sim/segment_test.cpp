// Segments of whole stages: what their stages fetch while the segment before is at work, and how
// long what they hold stays. Rules of timing as in tile_timing.h.
#include <map>
#include <tuple>

#include "mapping/program_checker.h"
#include "tests/sim/tile_timing.h"

namespace tessera::test {
namespace {

/// Receives by stage and operand, and the array instructions by stage, of one tile.
class Events final : public hw::TileObserver {
 public:
  void instruction_began(const hw::InstructionEvent& event) override {
    if (event.op == mapping::Op::kReceive) begin_[{event.stage, event.operand}] = event.begin;
  }
  void instruction_ended(const hw::InstructionEvent& event) override {
    if (event.op == mapping::Op::kReceive) end_[{event.stage, event.operand}] = event.end;
    if (event.op == mapping::Op::kArray)
      text_ << "array " << event.stage << " " << event.begin << " " << event.end << "\n";
  }
  std::string text() const {
    std::ostringstream all;
    for (const auto& [key, begin] : begin_)
      all << "receive " << key.first << " " << key.second << " " << begin << " " << end_.at(key)
          << "\n";
    all << text_.str();
    return all.str();
  }

 private:
  std::map<std::pair<int, int>, Cycle> begin_, end_;
  std::ostringstream text_;
};

/// Lines "receive stage operand begin end" and "array stage begin end" of tile 0.
Lines events_of(const hw::Accelerator& machine, const Program& program) {
  mapping::check(program, limits_of(machine));
  const auto run = in_child([&] {
    sim::Machine whole(machine, program, {});
    Events events;
    whole.tiles()[0]->set_observer(&events);
    whole.run();
    return events.text();
  });
  EXPECT_TRUE(run.ok()) << run.text;
  Lines lines;
  std::istringstream text(run.text);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

struct Span {
  Cycle begin, end;
};

Span span_of(const Lines& lines, const std::string& what, int place) {
  const auto found = about(lines, what);
  EXPECT_EQ(found.size(), 1u) << what;
  return {cycle_in(found.at(0), place), cycle_in(found.at(0), place + 1)};
}

constexpr int kInput = 0, kWeight = 1;

/// Four layers, the first and third on tile 0, the others on tile 1.
Network four_layers(int first, int second, int third) {
  PlainNetwork network("four_layers");
  auto tensor = network.input({1, 16});
  for (const int filters : {first, second, third, 1})
    tensor = network.fully_connected(tensor, filters);
  return network.finish();
}

Program two_segments(const Network& network, const hw::Accelerator& machine) {
  std::vector<StagePlan> plans;
  for (int layer = 0; layer < 4; ++layer) {
    plans.push_back(dense_plan(network, layer, {layer % 2}));
    if (layer < 3) plans.back().output_home = Home::kTiles;
  }
  auto schedule = schedule_of(network, plans);
  join(schedule, 2, 3);
  join(schedule, 0, 1);
  return mapping::lower(schedule, network, machine);
}

Bytes address_of(const Program& program, int stage, mapping::SlotId slot) {
  return program.stages[static_cast<std::size_t>(stage)]
      .slots[static_cast<std::size_t>(slot)]
      .base_address;
}

TEST(SegmentWeights, ArriveWhileTheSegmentBeforeIsAtWork) {
  // The first layer has one filter: its inputs and weights are a line each, in this order asked for
  // last and first. The third layer's weights are asked for in the cycle after the tail of the
  // inputs has come; that line is written in the next even cycle and can be used in the one after.
  // They are there before the map is that comes from tile 1, for which the third layer has to wait.
  const auto network = four_layers(1, 64, 8);
  const auto machine = machine_with(1, 2, "tile { buffer { bytes: 8192 } }");
  const auto program = two_segments(network, machine);
  EXPECT_FALSE(program.stages[0].fetches_last);
  EXPECT_TRUE(program.stages[2].fetches_last);
  const auto lines = events_of(machine, program);
  const auto early = span_of(lines, "receive 2 1", 3), inputs = span_of(lines, "receive 0 0", 3);
  ASSERT_GT(inputs.end, span_of(lines, "receive 0 1", 3).end);
  EXPECT_EQ(next_even(early.begin) + 1, inputs.end);
  EXPECT_LT(early.end, span_of(lines, "receive 2 0", 3).end);
}

TEST(SegmentWeights, WaitForTheirPlaceWhereThereIsOneOnly) {
  // 2 KiB of weights twice in 3 KiB: the slots lie over each other, and one is claimed when the one
  // below has been given back, in the cycle in which the array is done with the weights.
  const auto network = four_layers(64, 16, 64);
  const auto machine = machine_with(1, 2, "tile { buffer { bytes: 3072 } }");
  const auto program = two_segments(network, machine);
  EXPECT_LT(address_of(program, 2, kWeight), address_of(program, 0, kWeight) + 2048);
  const auto lines = events_of(machine, program);
  EXPECT_EQ(span_of(lines, "receive 2 1", 3).begin, span_of(lines, "array 0", 2).end);
}

TEST(SegmentWeights, KeepTheValues) {
  const auto network = four_layers(64, 16, 64);
  for (const int bytes : {3072, 8192}) {
    const auto machine =
        machine_with(1, 2, detail::concatenate("tile { buffer { bytes: ", bytes, " } }"));
    const auto run = simulate(machine, two_segments(network, machine));
    EXPECT_TRUE(run.ok()) << bytes << ": " << run.text;
  }
}

class SegmentMemory : public testing::Test {
 protected:
  /// Layer 0 leaves a map on tile 2 for layer 1: 4 images of 16 words of 2 B, 128 B. Layers 1 to 3
  /// run together on tiles of their own, image by image through rings of one place, the last one on
  /// tile 2: inputs and outputs of 32 B and 16 x 16 weights, 576 B.
  Program lowered(int buffer_bytes) const {
    std::vector<StagePlan> plans;
    for (int layer = 0; layer < 4; ++layer) {
      plans.push_back(dense_plan(network_, layer, {layer == 0 ? 2 : layer - 1}));
      auto& plan = plans.back();
      if (layer < 3) plan.output_home = Home::kTiles;
      if (layer == 1 || layer == 2) plan.ring_places = 1;
      plan.loops = {{network_.layers[static_cast<std::size_t>(layer)].rank_index("N"), 1}};
      plan.inputs[kInput].depth = 1;
      plan.output.depth = 1;
    }
    auto schedule = schedule_of(network_, plans);
    join(schedule, 1, 3);
    return mapping::lower(schedule, network_, machine(buffer_bytes));
  }

  static hw::Accelerator machine(int buffer_bytes) {
    return machine_with(
        1, 3, detail::concatenate("tile { buffer { banks: 4 bytes: ", buffer_bytes, " } }"));
  }

  static Network network() {
    PlainNetwork plain("four_images", 4);
    auto tensor = plain.input({4, 16});
    for (int layer = 0; layer < 4; ++layer) tensor = plain.fully_connected(tensor, 16);
    return plain.finish();
  }

  const Network network_ = network();
};

TEST_F(SegmentMemory, MapsReadInsideStayUntilTheSegmentEnds) {
  // Layer 1 is the only one to read the map, but gives it back when all of its images have gone
  // through the rings, for which layer 3 has to be at work: 576 + 128 B, of which 640 hold either.
  const auto run = simulate(machine(768), lowered(768));
  EXPECT_TRUE(run.ok()) << run.text;
  EXPECT_THROW(lowered(640), UserError);
}

TEST_F(SegmentMemory, OfStagesThatRingsTieTogetherIsChecked) {
  auto program = lowered(1024);
  const auto limits = limits_of(machine(1024));
  mapping::check(program, limits);
  const auto& stage = program.stages[0];
  program.stages[3].slots[kInput].base_address =
      stage.slots[static_cast<std::size_t>(stage.output_slot)].base_address;
  EXPECT_THROW(mapping::check(program, limits), UserError);
}

/// Two layers of 16 filters over the same 16 inputs, on a tile each, and their sum on the second
/// one's tile or on a third.
class SumOfTwo : public testing::Test {
 protected:
  static Network network() {
    PlainNetwork plain("sum");
    const auto input = plain.input({1, 16});
    const auto first = plain.fully_connected(input, 16);
    plain.add(first, plain.fully_connected(input, 16));
    return plain.finish();
  }

  Program lowered(int tile_of_sum) const {
    std::vector<StagePlan> plans = {dense_plan(network_, 0, {0}), dense_plan(network_, 1, {1}),
                                    plain_plan(network_, 2)};
    plans[0].output_home = plans[1].output_home = Home::kTiles;
    plans[2].tiles = {tile_of_sum};
    auto schedule = schedule_of(network_, plans);
    join(schedule, 0, 2);
    return mapping::lower(schedule, network_, machine_);
  }

  const hw::Accelerator machine_ = machine_with(1, 3);
  const Network network_ = network();
};

TEST_F(SumOfTwo, BeginsWhereItsLastOperandIsMade) {
  // The sum's request has waited since before the second layer ended. The line is read in the next
  // odd cycle and leaves a cycle later in 3 flits; on its own tile it crosses no link, its tail is
  // read 7 + 2 later, written in the next even cycle from the one after, usable in the next, one
  // cycle of issue. On the third tile the link takes 5 more.
  for (const int tile : {1, 2}) {
    const auto lines = observe(machine_, lowered(tile));
    const auto second = about(lines, "tile1");
    const auto sum = about(lines, detail::concatenate("tile", tile)).back();
    ASSERT_GT(cycle_in(second[0], 2), cycle_in(about(lines, "tile0")[0], 2) + 40);
    const Cycle tail = next_odd(cycle_in(second[0], 2)) + 1 + 7 + 2 + (tile == 2 ? 5 : 0);
    EXPECT_EQ(cycle_in(sum, 1), next_even(tail + 1) + 1 + 1) << "on tile " << tile;
  }
}

TEST_F(SumOfTwo, KeepsTheValues) {
  for (const int tile : {1, 2}) {
    const auto run = simulate(machine_, lowered(tile));
    EXPECT_TRUE(run.ok()) << tile << ": " << run.text;
  }
}

}  // namespace
}  // namespace tessera::test
