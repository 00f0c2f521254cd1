// Random layers whose partial sums go round among tiles: the checker accepts their programs, and
// the machine computes what the plain reference executor does, in every form it has.
#include <gtest/gtest.h>

#include <algorithm>

#include "mapping/lowering.h"
#include "mapping/rotation.h"
#include "sim/base/error.h"
#include "sim/base/random.h"
#include "tests/support/plain_network.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"
#include "tests/support/stage_tree.h"

namespace tessera::test {
namespace {

using mapping::Axis;
using mapping::Home;
using mapping::Program;
using mapping::StagePlan;
using workloads::Network;

/// Draws a plan of a matrix layer whose reduced rank is split over tiles that share its outputs.
class Draw {
 public:
  Draw(const Network& network, const hw::Accelerator& machine, Random& random)
      : network_(network), layer_(network.layers[0]), machine_(machine), random_(random) {}

  StagePlan draw(bool kept) {
    plan_ = plain_plan(network_, 0);
    extents_ = layer_.extents();
    split_tiles();
    add_loops(2, [&](int rank) { return !layer_.ranks[rank].reduced; });
    add_loops(2, [&](int rank) { return layer_.ranks[rank].reduced; });
    plan_.output.turn = static_cast<int>(plan_.loops.size());
    add_turning();
    plan_.output.depth = static_cast<int>(plan_.loops.size());
    add_loops(1, [](int) { return true; });
    hold_inputs();
    plan_.output_home = kept ? Home::kTiles : Home::kDram;
    choose_array(plan_, network_, machine_);
    return plan_;
  }

 private:
  int reduced_rank() const {
    const int channels = layer_.rank_index("C");
    return channels >= 0 ? channels : layer_.rank_index("C1");
  }

  void split_tiles() {
    const int tiles = machine_.tiles();
    const int ways = static_cast<int>(random_.between(2, tiles));
    for (int tile = 0; tile < tiles; ++tile) plan_.tiles.push_back(tile);
    plan_.tiles.erase(plan_.tiles.begin());
    if (random_.bernoulli(0.5)) std::ranges::reverse(plan_.tiles);
    const int others = tiles / ways;
    if (others > 1) split(any([&](int rank) { return !layer_.ranks[rank].reduced; }), others);
    split(reduced_rank(), ways);
    plan_.output.shared_by = ways;
  }

  void split(int rank, int ways) {
    if (rank < 0) return;
    plan_.partition.push_back({rank, 0, ways, Axis::kTiles});
    extents_[rank] = ceil_div<std::int64_t>(extents_[rank], ways);
  }

  template <typename Wanted>
  int any(const Wanted& wanted) {
    std::vector<int> ranks;
    for (int rank = 0; rank < std::ssize(layer_.ranks); ++rank)
      if (extents_[rank] > 1 && wanted(rank)) ranks.push_back(rank);
    return ranks.empty() ? -1 : ranks[random_.below(ranks.size())];
  }

  template <typename Wanted>
  void add_loops(int most, const Wanted& wanted) {
    for (auto loops = random_.between(0, most); loops > 0; --loops) {
      const int rank = any(wanted);
      if (rank < 0) return;
      add_loop(rank, random_.between(1, extents_[rank] - 1));
    }
  }

  void add_loop(int rank, std::int64_t tile, bool rotates = false) {
    extents_[rank] = tile;
    plan_.loops.push_back({rank, tile, rotates});
  }

  /// One that is dealt, in pieces of one index most of the time, and at times another inside.
  void add_turning() {
    const auto outputs = [&](int rank) { return !layer_.ranks[rank].reduced; };
    const int rank =
        any([&](int r) { return outputs(r) && extents_[r] >= plan_.output.shared_by; });
    if (rank < 0) return;
    add_loop(rank, random_.bernoulli(0.7) ? 1 : extents_[rank] / plan_.output.shared_by, true);
    if (const int inner = any(outputs); inner >= 0 && random_.bernoulli(0.4))
      add_loop(inner, random_.between(1, extents_[inner] - 1));
  }

  void hold_inputs() {
    const int all = static_cast<int>(plan_.loops.size());
    for (auto& input : plan_.inputs)
      input = {static_cast<int>(random_.bernoulli(0.7) ? all : random_.between(0, all)),
               random_.bernoulli(0.5)};
    if (plan_.output.depth < all) plan_.inputs[0].depth = all;
    if (random_.bernoulli(0.3)) plan_.inputs[1].staging = true;
  }

  const Network& network_;
  const workloads::Layer& layer_;
  const hw::Accelerator& machine_;
  Random& random_;
  StagePlan plan_;
  std::vector<std::int64_t> extents_;
};

/// A convolution or fully connected layer, with one behind it that reads its outputs when they
/// stay.
Network random_matrix(Random& random, bool kept) {
  PlainNetwork network("random", random.between(1, 3));
  workloads::TensorId output = -1;
  if (random.bernoulli(0.5)) {
    Window window;
    for (const int axis : {0, 1}) window.kernel[axis] = random.between(1, 3);
    for (const int axis : {0, 1}) window.pad_begin[axis] = random.between(0, 1);
    for (const int axis : {0, 1}) window.stride[axis] = random.between(1, 2);
    output = network.convolution(network.input({random.between(1, 3), random.between(4, 12),
                                                random.between(4, 7), random.between(4, 7)}),
                                 random.between(4, 16), window);
  } else {
    output = network.fully_connected(network.input({random.between(1, 4), random.between(8, 64)}),
                                     random.between(4, 24));
  }
  if (kept) network.fully_connected(output, 3);
  return network.finish();
}

/// How many of the programs do what.
struct Uses {
  int programs = 0, kept = 0, rounds = 0, fillings = 0, uneven = 0, wider = 0;
  void count(const Program& program, int shared_by) {
    const auto& stage = program.stages[0];
    const auto& slot = stage.slots[stage.output_slot];
    ++programs;
    kept += program.stages.size() > 1;
    rounds += slot.fill > slot.round;
    uneven += slot.turns % shared_by != 0;
    wider += static_cast<int>(stage.shares.size()) > shared_by;
    fillings += slot.granules > mapping::largest_part(slot, shared_by) + 1;
  }
};

void try_seed(std::uint64_t seed, Uses& uses) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  const auto machine = random_machine(random);
  if (machine.tiles() < 2) return;
  const bool kept = random.bernoulli(0.5);
  const auto network = random_matrix(random, kept);
  for (int draws = 0; draws < 20; ++draws) {
    std::vector<StagePlan> plans = {Draw(network, machine, random).draw(kept)};
    const int shared_by = plans[0].output.shared_by;
    if (kept) {
      plans.push_back(plain_plan(network, 1));
      choose_array(plans.back(), network, machine);
    }
    Program program;
    const auto schedule = schedule_of(network, plans);
    try {
      program = mapping::lower(schedule, network, machine);
    } catch (const UserError&) {
      continue;  // does not fit, or has fewer pieces than tiles
    }
    uses.count(program, shared_by);
    SCOPED_TRACE(mapping::to_text(schedule));
    expect_same_in_every_form(machine, program, seed, seed % 8 == 0);
    return;
  }
}

TEST(RotatingSums, OfRandomLayersEqualTheReference) {
  Uses uses;
  for (std::uint64_t seed = 0; seed < 240; ++seed) try_seed(seed, uses);
  RecordProperty("programs", uses.programs);
  EXPECT_GE(uses.programs, 100);
  EXPECT_GE(uses.kept, 30);
  EXPECT_GE(uses.rounds, 30);
  EXPECT_GE(uses.fillings, 10);
  EXPECT_GE(uses.uneven, 30);
  EXPECT_GE(uses.wider, 10);
}

TEST(RotatingSumsOnce, WereLetGoTooEarlyWhenOneRequestOvertookAnother) {
  Uses uses;
  try_seed(1585, uses);
  EXPECT_EQ(uses.programs, 1);
}

/// An array of PE modules reported its end after the tile had passed on a piece in that cycle,
/// whose packet then left before an output.
TEST(RotatingSumsOnce, LeftInAnotherOrderWithArraysInDetail) {
  Uses uses;
  try_seed(2008, uses);
  EXPECT_EQ(uses.programs, 1);
}

}  // namespace
}  // namespace tessera::test
