// Finalists decided by simulation, with simulators whose answers are known.
#include <gtest/gtest.h>

#include "mapping/fusion/fused_scheduler.h"
#include "mapping/fusion/segment.h"
#include "mapping/lowering.h"
#include "mapping/refine/refinement.h"
#include "sim/base/error.h"
#include "tests/support/plain_network.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

using mapping::Finalist;
using mapping::Program;
using mapping::RefineOptions;
using workloads::Network;

/// conv0 reads 4 channels, the last one makes 4; those between are alike.
Network layers_of(int count) {
  PlainNetwork network("layers");
  const Window padded{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  auto tensor = network.input({1, 4, 24, 24});
  for (int i = 1; i <= count; ++i) tensor = network.convolution(tensor, i < count ? 8 : 4, padded);
  return network.finish();
}
Network four_layers() { return layers_of(4); }

/// Charges every stage what it costs alone or fused, and `whole` more for a fused stage of the
/// complete network.
struct Prices {
  Cycle alone = 100;
  Cycle fused = 60;
  Cycle whole = 0;
  mutable int runs = 0;

  Cycle operator()(const Program& program) const {
    ++runs;
    Cycle cycles = 0;
    for (const auto& stage : program.stages)
      cycles += stage.fusion < 0 ? alone : fused + (program.stages.size() == 4 ? whole : 0);
    return cycles;
  }
};

class Refine : public testing::Test {
 protected:
  mapping::Schedule layerwise() const {
    return mapping::schedule_layerwise(network_, machine_, {});
  }

  /// Two layers from `first` on, a row of the second at a time or more.
  Finalist pair(int first, std::int64_t rows = 1) const {
    mapping::SegmentChoice choice;
    choice.segment = {first, first + 1};
    choice.loops = {{mapping::cut_ranks(network_.layers[first + 1]).front(), rows}};
    choice.kept = {1};
    return {{{first, first + 1}, mapping::segment_tree(network_, choice, machine_)}, 0};
  }

  std::vector<Finalist> pairs(int first) const {
    const bool last = first + 1 == static_cast<int>(network_.layers.size());
    return last ? std::vector<Finalist>{} : std::vector<Finalist>{pair(first)};
  }

  mapping::Refined refine(const Prices& prices, const RefineOptions& options) const {
    return mapping::refine(
        layerwise(), "refined", network_, machine_, [&](int first) { return pairs(first); },
        [&](const Program& program, Cycle) { return prices(program); }, options);
  }

  Network network_ = four_layers();
  hw::Accelerator machine_ = grid_machine(2, 2);
};

TEST_F(Refine, TakesWhatIsFasterAndGoesOnBehindIt) {
  const auto refined = refine({}, {});
  EXPECT_EQ(refined.exchanged, 2);
  EXPECT_EQ(refined.schedule.root.children.size(), 2u);
  EXPECT_EQ(refined.before, 400u);  // four stages alone
  EXPECT_EQ(refined.after, 240u);   // four fused
}

TEST_F(Refine, KeepsWhatWasThereWhenNothingIsFaster) {
  const auto refined = refine({.alone = 100, .fused = 100}, {});
  EXPECT_EQ(refined.exchanged, 0);
  EXPECT_EQ(refined.candidates, 3);  // pairs that begin at layers 0, 1 and 2
  EXPECT_EQ(to_text(refined.schedule), to_text(layerwise()));
}

TEST_F(Refine, IsNeverSlowerThanTheBaseInTheWhole) {
  // In isolation a fused stage saves 40 cycles, in the whole network it loses 10.
  const auto refined = refine({.alone = 100, .fused = 60, .whole = 50}, {});
  EXPECT_EQ(refined.exchanged, 0);
  EXPECT_EQ(refined.after, refined.before);
  EXPECT_EQ(to_text(refined.schedule), to_text(layerwise()));
}

TEST_F(Refine, TakesBackTheHalfThatSavesLess) {
  // Fused is dear in the whole network only while more than one fusion is there.
  const auto prices = [](const Program& program, Cycle) {
    Cycle cycles = 0;
    int fused = 0;
    for (const auto& stage : program.stages) {
      fused += stage.fusion >= 0;
      cycles += stage.fusion < 0 ? 100 : 60;
    }
    return cycles + (fused > 2 ? 1000 : 0);
  };
  const auto refined = mapping::refine(layerwise(), "refined", network_, machine_,
                                       [&](int first) { return pairs(first); }, prices, {});
  EXPECT_EQ(refined.exchanged, 1);
  EXPECT_EQ(refined.after, 320u);  // two of four stages fused: 2 x 100 + 2 x 60
}

TEST_F(Refine, LetsWholeSchedulesCompeteAtTheEnd) {
  // Nothing is offered layer by layer; a rival with one pair is faster, 2 x 100 + 2 x 60.
  auto pieces = mapping::arrangement_of(layerwise(), network_);
  const auto rival = mapping::schedule_of(*mapping::exchanged(pieces, pair(0).piece), "rival");
  const auto against = [&](Cycle fused) {
    return mapping::refine(
        layerwise(), "refined", network_, machine_, [](int) { return std::vector<Finalist>{}; },
        [fused](const Program& program, Cycle) {
          return Prices{.alone = 100, .fused = fused}(program);
        },
        {}, {rival});
  };
  EXPECT_EQ(against(60).after, 320u);
  EXPECT_EQ(to_text(against(60).schedule), to_text(rival));
  EXPECT_EQ(against(100).after, 400u);
  EXPECT_EQ(to_text(against(100).schedule), to_text(layerwise()));
}

TEST_F(Refine, StopsAtTheBudgetOfCandidates) {
  const auto refined = refine({}, {.most_candidates = 1});
  EXPECT_EQ(refined.candidates, 1);
  EXPECT_EQ(refined.exchanged, 1);
}

TEST_F(Refine, StopsAtTheBudgetOfCycles) {
  // The first candidate: layers 0 to 2 as they were (300) and with a pair (220): beyond 1 cycle.
  const auto refined = refine({}, {.most_cycles = 1});
  EXPECT_EQ(refined.candidates, 1);
}

TEST_F(Refine, StopsWhenItsTimeIsOver) {
  RefineOptions options;
  options.expired = [] { return true; };
  EXPECT_EQ(refine({}, options).candidates, 0);
}

TEST_F(Refine, SimulatesAsManyFinalistsAsAsked) {
  RefineOptions options;
  options.finalists = 2;
  options.most_candidates = 2;
  const auto refined = mapping::refine(
      layerwise(), "refined", network_, machine_,
      [&](int first) {
        return std::vector<Finalist>{pair(first), pair(first), pair(first)};
      },
      [](const Program& program, Cycle) { return Prices{}(program); }, options);
  EXPECT_EQ(refined.candidates, 2);
  EXPECT_EQ(refined.exchanged, 1);
}

TEST_F(Refine, ReportsHowFarItIs) {
  std::vector<double> done;
  RefineOptions options;
  options.progress = [&](const mapping::RefineProgress& now) { done.push_back(now.done); };
  refine({}, options);
  EXPECT_EQ(done, (std::vector<double>{0, 0.5}));  // pairs begin at layers 0 and 2 of 4
}

TEST_F(Refine, GoesOnWithWhatItsRefereeKnows) {
  // Alone 400 cycles, with one pair 2 x 100 + 2 x 60. Nothing is offered, and the base is simulated
  // once however often it is asked for; both simulations are counted.
  const auto alone = mapping::arrangement_of(layerwise(), network_);
  const auto paired = mapping::schedule_of(*mapping::exchanged(alone, pair(0).piece), "paired");
  Prices prices;
  mapping::Referee referee(network_, machine_,
                           [&](const Program& program, Cycle) { return prices(program); });
  EXPECT_EQ(referee.fastest({layerwise(), paired}), 1u);
  EXPECT_EQ(referee.fastest({paired, layerwise(), paired}), 0u);
  const auto refined =
      mapping::refine(paired, "refined", network_, machine_,
                      [](int) { return std::vector<Finalist>{}; }, referee, {}, {layerwise()});
  EXPECT_EQ(refined.after, 320u);
  EXPECT_EQ(prices.runs, 2);
  EXPECT_EQ(refined.simulated, 720u);
}

TEST_F(Refine, CountsWhatItsRefereeSimulatedAgainstTheBudget) {
  mapping::Referee referee(network_, machine_,
                           [](const Program& program, Cycle) { return Prices{}(program); });
  referee.fastest({layerwise()});
  const auto refined =
      mapping::refine(layerwise(), "refined", network_, machine_,
                      [&](int first) { return pairs(first); }, referee, {.most_cycles = 400});
  EXPECT_EQ(refined.candidates, 0);
}

std::int64_t most_trips(const mapping::CodeBlock& block) {
  std::int64_t most = 1;
  for (const auto& node : block)
    if (node.is_loop) most = std::max({most, node.count, most_trips(node.body)});
  return most;
}

class RefineVariants : public Refine {
 protected:
  RefineVariants() { network_ = layers_of(8); }

  std::int64_t trips_of_pairs() const {
    const auto alone = mapping::arrangement_of(layerwise(), network_);
    const auto paired = mapping::schedule_of(*mapping::exchanged(alone, pair(0).piece), "pair");
    return most_trips(mapping::lower(paired, network_, machine_).stages[0].codes[0].compute);
  }

  /// Stages alone take 100, of pairs of a row at a time 60, of two rows, which make fewer trips,
  /// 50; in the whole network these have to pay a surcharge.
  mapping::Refined with_surcharge(Cycle surcharge) const {
    const auto trips = trips_of_pairs();
    mapping::Referee referee(network_, machine_, [=](const Program& program, Cycle) {
      Cycle cycles = 0;
      for (const auto& stage : program.stages) {
        const bool fewer = most_trips(stage.codes[0].compute) < trips;
        cycles += stage.fusion < 0 ? 100 : fewer ? 50 : 60;
        if (stage.fusion >= 0 && fewer && program.stages.size() == 8) cycles += surcharge;
      }
      return cycles;
    });
    return mapping::refine(
        layerwise(), "refined", network_, machine_, [&](int first) { return pairs(first); },
        referee, {}, {},
        [&](workloads::LayerSpan span) { return std::vector<Finalist>{pair(span.first, 2)}; });
  }
};

TEST_F(RefineVariants, TakeThePlaceOfWhatTheyAreFasterThan) {
  const auto refined = with_surcharge(0);
  EXPECT_EQ(refined.after, 8 * 50u);
  EXPECT_EQ(refined.candidates, 4 + 4);
  EXPECT_EQ(refined.exchanged, 4);
}

TEST_F(RefineVariants, AreTakenBackWhenTheWholeIsNoFaster) {
  // Six stages at most are simulated in isolation, where nobody pays: 50 against 60.
  const auto refined = with_surcharge(10);
  EXPECT_EQ(refined.after, 8 * 60u);
  EXPECT_EQ(to_text(refined.schedule), to_text(refine({}, {}).schedule));
}

TEST_F(Refine, GivesTheSameTwice) {
  EXPECT_EQ(to_text(refine({}, {}).schedule), to_text(refine({}, {}).schedule));
}

TEST(Referee, SimulatesLayersThatDifferInNamesOnce) {
  const auto network = four_layers();
  const auto machine = grid_machine(2, 2);
  Prices prices;
  mapping::Referee referee(network, machine, [&](const Program& program, Cycle limit) {
    const Cycle cycles = prices(program);
    return limit == 0 || cycles <= limit ? std::optional(cycles) : std::nullopt;
  });
  // All maps through DRAM, so that the two alike are lowered alike.
  auto pieces = mapping::arrangement_of(mapping::schedule_layerwise(network, machine, {}), network);
  for (auto& piece : pieces) mapping::send_to_dram(piece);
  EXPECT_EQ(referee.cycles(pieces, {1, 1}), 100u);
  EXPECT_EQ(referee.cycles(pieces, {2, 2}), 100u);
  EXPECT_EQ(prices.runs, 1);
  EXPECT_EQ(referee.cycles(pieces, {3, 3}), 100u);
  EXPECT_EQ(prices.runs, 2);
  EXPECT_EQ(referee.simulated(), 200u);
}

TEST(Referee, SimulatesWithWhatTheUserSets) {
  const auto network = four_layers();
  const auto machine = grid_machine(2, 2);
  std::vector<Bytes> stripes;
  mapping::Referee referee(
      network, machine,
      [&](const Program& program, Cycle) {
        stripes.push_back(program.layouts.front().stripe_bytes);
        return 100;
      },
      [](mapping::Schedule schedule) {
        schedule.dram_placement.interleave_bytes = 512;
        return schedule;
      });
  const auto schedule = mapping::schedule_layerwise(network, machine, {});
  const auto pieces = mapping::arrangement_of(schedule, network);
  referee.cycles(pieces);
  referee.cycles(pieces, {1, 1});
  referee.fastest({schedule});  // known
  EXPECT_EQ(stripes, (std::vector<Bytes>{512, 512}));
}

TEST(Referee, AsksAgainOnlyBeyondTheLimitThatIsKnown) {
  const auto network = four_layers();
  const auto machine = grid_machine(2, 2);
  std::vector<Cycle> limits;
  mapping::Referee referee(network, machine, [&](const Program&, Cycle limit) {
    limits.push_back(limit);
    return limit == 0 || limit >= 100 ? std::optional<Cycle>(100) : std::nullopt;
  });
  const auto pieces =
      mapping::arrangement_of(mapping::schedule_layerwise(network, machine, {}), network);
  EXPECT_FALSE(referee.cycles(pieces, {0, 0}, 50));      // asked
  EXPECT_FALSE(referee.cycles(pieces, {0, 0}, 40));      // more than 50 is more than 40
  EXPECT_EQ(referee.cycles(pieces, {0, 0}, 200), 100u);  // asked
  EXPECT_FALSE(referee.cycles(pieces, {0, 0}, 99));      // 100 is known
  EXPECT_EQ(referee.cycles(pieces, {0, 0}), 100u);
  EXPECT_EQ(limits, (std::vector<Cycle>{50, 200}));
  EXPECT_EQ(referee.simulated(), 150u);  // 50 of the run that was ended, 100 of the other
}

TEST(PipelinePolicy, SaysWhatIsFixed) {
  const auto policy = mapping::parse_pipeline_policy("depth=4,organisation=blocked_2d,rows=2");
  EXPECT_EQ(policy.depth, 4);
  EXPECT_EQ(policy.organisation, mapping::Organisation::kBlocked2d);
  EXPECT_EQ(policy.rows, 2);
  const auto nothing = mapping::parse_pipeline_policy("");
  EXPECT_EQ(nothing.depth, 0);
  EXPECT_FALSE(nothing.organisation);
}

TEST(PipelinePolicy, RefusesWhatItDoesNotKnow) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      mapping::parse_pipeline_policy(text);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal("depht=4").find("did you mean depth?"), std::string::npos);
  EXPECT_EQ(refusal("depth=1"), "pipeorgan: depth=1: must be a number from 2 to 1024");
  EXPECT_EQ(refusal("rows=x"), "pipeorgan: rows=x: must be a number from 1 to 1024");
  EXPECT_NE(refusal("organisation=diagonal").find("blocked_1d"), std::string::npos);
}

TEST(PipelinePolicy, AFixedDepthMakesPipelinesOfThatDepth) {
  const auto network = four_layers();
  const auto schedule = mapping::schedule_pipeorgan(
      network, grid_machine(4, 4), {},
      mapping::parse_pipeline_policy("depth=2,organisation=blocked_1d"));
  ASSERT_EQ(schedule.root.children.size(), 2u);
  for (const auto& top : schedule.root.children) EXPECT_TRUE(mapping::is_fused(top));
}

TEST(Arrangement, ExchangesWholePiecesOnly) {
  const auto network = four_layers();
  const auto machine = grid_machine(2, 2);
  const auto base =
      mapping::arrangement_of(mapping::schedule_layerwise(network, machine, {}), network);
  const auto joined = mapping::exchanged(base, {{1, 2}, base[1].top});
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->size(), 3u);
  EXPECT_FALSE(mapping::exchanged(*joined, {{2, 3}, base[2].top}));
  EXPECT_FALSE(mapping::exchanged(*joined, {{1, 1}, base[1].top}));
  EXPECT_TRUE(mapping::exchanged(*joined, {{0, 3}, base[0].top}));
}

TEST(Arrangement, RefusesSchedulesThatLeaveLayersOut) {
  const auto network = four_layers();
  auto schedule = mapping::schedule_layerwise(network, grid_machine(2, 2), {});
  schedule.root.children.pop_back();
  try {
    mapping::arrangement_of(schedule, network);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(std::string(error.what()), "schedule layerwise: 3 of 4 layers are scheduled");
  }
}

}  // namespace
}  // namespace tessera::test
