// When a stage of a pipeline has what the stage before it made.
#include <algorithm>
#include <sstream>

#include "mapping/program_checker.h"
#include "tests/sim/fused_pipelines.h"

namespace tessera::test {
namespace {

/// What a tile's array or vector unit did when, in order of its end.
struct Span {
  int tile = 0;
  Cycle begin = 0, end = 0;
};

class SpanLog final : public hw::TileObserver {
 public:
  /// From the cycle after its issue, which takes one in these machines.
  void instruction_ended(const hw::InstructionEvent& event) override {
    if (event.queue != hw::QueueKind::kCompute || event.end == event.begin) return;
    text_ << event.tile << " " << event.begin + 1 << " " << event.end << " ";
  }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

std::vector<Span> computed_spans(const hw::Accelerator& machine, const mapping::Program& program) {
  const auto run = in_child([&] {
    sim::Machine whole(machine, program, {});
    SpanLog log;
    for (const auto& tile : whole.tiles()) tile->set_observer(&log);
    whole.run();
    return log.text();
  });
  EXPECT_TRUE(run.ok()) << run.text;
  std::vector<Span> spans;
  std::istringstream text(run.text);
  for (Span span; text >> span.tile >> span.begin >> span.end;) spans.push_back(span);
  std::ranges::stable_sort(spans, {}, &Span::end);
  return spans;
}

/// One row of 16 inputs through 16 and 4 filters, on tiles 0 and 1.
Network dense_pair() {
  PlainNetwork network("dense_pair");
  network.fully_connected(network.fully_connected(network.input({1, 16}), 16), 4);
  return network.finish();
}

/// A pipeline of the layers, one tile each, that hands everything over at once.
std::vector<Span> piped_spans(const Network& network, const hw::Accelerator& machine) {
  FusedTree tree{};
  tree.pipelined = true;
  for (const auto& tensor : network.tensors) tree.held[tensor.name] = 0;
  const auto program = mapping::lower(fused_schedule(network, tree), network, machine);
  mapping::check(program, limits_of(machine));
  return computed_spans(machine, program);
}

/// When an array starts on a line that a neighbour commits in cycle `end`: the rules are derived in
/// the test below.
Cycle begin_after(Cycle end) {
  const Cycle leaves = end + 1 - end % 2 + 1;
  const Cycle tail = leaves + 7 + 5 + 2;
  const Cycle written = (tail + 1) + (tail + 1) % 2;
  return written + 1 + 1;
}

TEST(HandOver, TakesWhatServerNetworkAndPortTake) {
  // Chip and channel at one clock, as in tile_timing.h, whose rules are used here. The producer's
  // array ends in cycle E and its outputs are committed in E; the consumer has long asked. 16 words
  // of 2 bytes are one line, which the network reads in the next odd cycle, and a packet of 1 + 2
  // flits, whose first flit leaves in the cycle T after. Over one link the tail is read in T + 7 +
  // 5 + 2, the line is written in the next even cycle after that, can be used one later, and the
  // array starts after one cycle of issue.
  const auto network = dense_pair();
  const auto machine = machine_of("clock_mhz: 1600 rows: 1 columns: 2");
  const auto spans = piped_spans(network, machine);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].tile, 1);
  EXPECT_EQ(spans[1].begin, begin_after(spans[0].end));
}

/// 16 inputs through 16 filters twice, and the first result added to the second: tiles 0, 1, 2.
Network dense_residual() {
  PlainNetwork network("dense_residual");
  const auto first = network.fully_connected(network.input({1, 16}), 16);
  network.add(first, network.fully_connected(first, 16));
  return network.finish();
}

TEST(HandOver, WhatSkipsAStageIsThereWhenTheLastOperandComes) {
  // The rules of the test above. Tile 0 answers both readers when its outputs are there: over two
  // links they are on tile 2 long before tile 1 is done. So the sum starts when the line of tile 1
  // has come, over one link, and waits for nothing else: the skip connection costs no cycle.
  const auto network = dense_residual();
  const auto machine = machine_of("clock_mhz: 1600 rows: 1 columns: 3");
  const auto spans = piped_spans(network, machine);
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[1].tile, 1);
  EXPECT_EQ(spans[2].tile, 2);
  EXPECT_EQ(spans[2].begin, begin_after(spans[1].end));
}

TEST(HandOver, RingsHoldWhatReadersAreApart) {
  // Tiles of 2 x 3 of a residual block with two padded 3 x 3 convolutions on 9 x 9 maps: 5 x 3
  // tiles. The convolutions ask for 2 rows and columns beyond a tile of the sum, so that trip i of
  // the producer brings rows 2 i + 2 and 2 i + 3 and the sum finds its rows 2 i and 2 i + 1 in trip
  // i - 1; of its columns 3 i to 3 i + 2 the first two come in trip i - 1. A trip of the outer loop
  // is 3 tiles: 3 + 1 behind, and one being written. The convolutions have one reader each.
  const auto network = residual();
  const auto tree = pipeline_of(network, {"two", {{"d2", 2}, {"d3", 3}}, 2});
  const auto program = mapping::lower(fused_schedule(network, tree), network, grid_machine(2, 2));
  const auto& first = program.stages[0];
  EXPECT_EQ(first.slots[first.output_slot].granules, 1 + 3 + 1);
  const auto& second = program.stages[1];
  EXPECT_EQ(second.slots[second.output_slot].granules, 1);
}

TEST(HandOver, PiecesOverlapWhereTheWholeMapWaits) {
  // Rows of the last layer one by one: the consumer starts while the producer computes; the whole
  // map at once: it starts after the producer's end, and the run is longer by what no longer
  // overlaps.
  const auto network = chain(2, {{3, 3}});
  const auto machine = machine_of(
      "rows: 1 columns: 2 tile { array { rows: 4 columns: 4 } buffer { bytes: 32768 } }");
  const auto spans_of = [&](const PipelineKind& kind) {
    const auto program =
        mapping::lower(fused_schedule(network, pipeline_of(network, kind)), network, machine);
    return computed_spans(machine, program);
  };
  const auto end_of_first = [](const std::vector<Span>& spans) {
    Cycle end = 0;
    for (const auto& span : spans)
      if (span.tile == 0) end = std::max(end, span.end);
    return end;
  };
  const auto begin_of_second = [](const std::vector<Span>& spans) {
    Cycle begin = kNever;
    for (const auto& span : spans)
      if (span.tile == 1) begin = std::min(begin, span.begin);
    return begin;
  };
  const auto pieces = spans_of(kPipelines[2]);
  const auto whole = spans_of(kPipelines[5]);
  EXPECT_LT(begin_of_second(pieces), end_of_first(pieces));
  EXPECT_GT(begin_of_second(whole), end_of_first(whole));
  EXPECT_LT(pieces.back().end, whole.back().end);
}

}  // namespace
}  // namespace tessera::test
