// The checker reasons with regions, lockstep and representatives; the oracle executes every
// element. On programs damaged at random both must say the same.
#include <gtest/gtest.h>

#include <map>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/base/random.h"
#include "tests/mapping/element_oracle.h"
#include "tests/support/kept_pieces.h"
#include "tests/support/plain_network.h"
#include "tests/support/program_builder.h"
#include "tests/support/random_layer.h"
#include "tests/support/refusal.h"
#include "tests/support/stage_tree.h"

namespace tessera::mapping {

namespace {

std::string verdict(const Program& program) {
  return test::refusal_of([&] { check(program, {program.tiles, 1 << 20, 16, 1 << 20}); }, "sound");
}

/// The oracle knows nothing of addresses, so every slot gets a place of its own, unless it goes on
/// with an earlier one.
void spread_slots(Program& program) {
  Bytes next = 0;
  for (auto& stage : program.stages)
    for (std::size_t s = 0; s < stage.slots.size(); ++s) {
      auto& slot = stage.slots[s];
      slot.base_address = next;
      if (slot.continues >= 0)
        slot.base_address = program.stages[slot.continues].slots[s].base_address;
      next += 4096;
    }
}

/// All nodes of a block, loops included, each with the block that holds it.
void collect(CodeBlock& block, std::vector<std::pair<CodeBlock*, std::size_t>>& nodes) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    nodes.emplace_back(&block, i);
    collect(block[i].body, nodes);
  }
}

/// One random change to a program that leaves all ids in range.
class Damage {
 public:
  Damage(Program& program, std::uint64_t seed) : program_(program), random_(seed) {
    stage_ = &pick(program.stages);
    layer_ = &program.network.layers[stage_->layer];
  }

  void apply() {
    if (stage_->slots[stage_->output_slot].rotating && random_.bernoulli(0.3))
      return change_rotation();
    switch (random_.below(6)) {
      case 0:
        return change_slot();
      case 1:
        return change_share();
      case 2:
        return change_group();
      default:
        return change_code();
    }
  }

 private:
  template <typename List>
  typename List::value_type& pick(List& list) {
    return list[random_.below(list.size())];
  }
  template <typename Number>
  Number one_more_or_less(Number value, Number lowest) {
    return random_.bernoulli(0.5) || value <= lowest ? value + 1 : value - 1;
  }

  void change_slot() {
    Slot& slot = pick(stage_->slots);
    slot.granules = one_more_or_less(slot.granules, 1);
  }

  void change_rotation() {
    Slot& slot = stage_->slots[stage_->output_slot];
    auto& rotation = pick(stage_->shares).rotation;
    switch (random_.below(5)) {
      case 0:
        slot.turns = one_more_or_less<std::int64_t>(slot.turns, 1);
        return;
      case 1:
        slot.round = random_.bernoulli(0.5) ? slot.round * 2 : slot.round + 1;
        return;
      case 2:
        slot.fill = random_.bernoulli(0.5) ? slot.fill * 2 : slot.fill / 2;
        return;
      case 3:
        rotation.place = static_cast<int>(random_.below(rotation.places));
        return;
      default:
        rotation.next = pick(stage_->shares).tile;
    }
  }

  void change_share() {
    TileShare& share = pick(stage_->shares);
    if (random_.bernoulli(0.3)) {
      share.code = static_cast<int>(random_.below(stage_->codes.size()));
      return;
    }
    const auto r = random_.below(share.ranks.size());
    auto& range = share.ranks[r];
    const std::int64_t extent = layer_->ranks[r].extent;
    range.begin = std::clamp<std::int64_t>(range.begin + random_.between(-1, 1), 0, extent);
    range.end = std::clamp<std::int64_t>(range.end + random_.between(-1, 1), range.begin, extent);
  }

  /// Moves a tile to another group of the same purpose, both sides agreeing.
  void change_group() {
    TileShare& share = pick(stage_->shares);
    const TileShare& other = pick(stage_->shares);
    const auto which = random_.below(share.input_groups.size() + 1);
    const bool sums = which == share.input_groups.size();
    GroupId& from = sums ? share.sums_group : share.input_groups[which];
    const GroupId to = sums ? other.sums_group : other.input_groups[which];
    if (from == to || stage_->groups[from].members.size() == 1) return;
    std::erase(stage_->groups[from].members, share.tile);
    stage_->groups[to].members.push_back(share.tile);
    from = to;
  }

  void change_code() {
    Code& code = pick(stage_->codes);
    CodeBlock* blocks[] = {&code.load, &code.compute, &code.store};
    std::vector<std::pair<CodeBlock*, std::size_t>> nodes;
    collect(*blocks[random_.below(3)], nodes);
    if (nodes.empty()) return;
    auto& [block, position] = pick(nodes);
    switch (random_.below(4)) {
      case 0:
        block->erase(block->begin() + static_cast<std::ptrdiff_t>(position));
        return;
      case 1: {
        const CodeNode copy = (*block)[position];
        block->insert(block->begin() + static_cast<std::ptrdiff_t>(position), copy);
        return;
      }
      case 2:
        std::swap((*block)[position], (*block)[random_.below(block->size())]);
        return;
      default:
        return change_node((*block)[position]);
    }
  }

  void change_node(CodeNode& node) {
    if (!node.is_loop) return change_instruction(node.instruction);
    switch (random_.below(3)) {
      case 0:
        node.count = one_more_or_less<std::int64_t>(node.count, 0);
        return;
      case 1:
        node.step = one_more_or_less<std::int64_t>(node.step, 1);
        return;
      default:
        node.rank =
            static_cast<int>(random_.between(-1, static_cast<int>(layer_->ranks.size()) - 1));
    }
  }

  void change_instruction(Instruction& instruction) {
    const bool counted = instruction.op == Op::kAcquire || instruction.op == Op::kRelease;
    if (counted && random_.bernoulli(0.5))
      instruction.amount = one_more_or_less(instruction.amount, 1);
    else if (instruction.op == Op::kReceive && random_.bernoulli(0.5))
      instruction.operand = static_cast<int>(random_.below(layer_->inputs.size()));
    else
      instruction.slot = static_cast<SlotId>(random_.below(stage_->slots.size()));
  }

  Program& program_;
  Random random_;
  Stage* stage_;
  const workloads::Layer* layer_;
};

hw::Accelerator small_machine() {
  hw::Accelerator accelerator;
  accelerator.name = "oracle";
  accelerator.rows = accelerator.columns = 2;
  accelerator.tile.buffer.bytes = 2048;
  accelerator.tile.buffer.line_bytes = 16;
  accelerator.dram.resize(1);
  for (auto& words : accelerator.tile.array.bus_words_per_cycle) words = 4;
  return accelerator;
}

Program lowered(const workloads::Network& network) {
  const auto accelerator = small_machine();
  return lower(schedule_layerwise(network, accelerator, {}), network, accelerator);
}

/// Three pieces with the same filters, another layer after the first.
Program with_kept_filters() {
  const auto network = test::pieces_of(3, 1, 2, 3);
  return lower(test::kept_pieces(network), network, small_machine());
}

/// How many programs were sound and how many not, and that both judges say the same of each.
class Verdicts {
 public:
  /// Of a program damaged so often, with the seeds `seed`, ~seed; nothing is judged where
  /// `left_out` says so of the checker's answer.
  using LeftOut = bool (*)(const std::string& found);
  void judge_damaged(Program program, std::uint64_t seed, int damages = 1,
                     LeftOut left_out = nullptr) {
    spread_slots(program);
    for (int i = 0; i < damages; ++i) Damage(program, i == 0 ? seed : ~seed).apply();
    const std::string found = verdict(program);
    if (left_out != nullptr && left_out(found)) return;
    const auto fault = test::run_every_element(program, seed);
    EXPECT_EQ(found == "sound", !fault.has_value())
        << "seed " << seed << "\nchecker: " << found << "\noracle: " << fault.value_or("sound");
    ++(fault ? faulty_ : sound_);
  }
  /// Both answers are common.
  void expect_more_than(int sound, int faulty) const {
    EXPECT_GT(sound_, sound);
    EXPECT_GT(faulty_, faulty);
  }

 private:
  int sound_ = 0, faulty_ = 0;
};

/// So many tiles share 8 outputs per image, or two pairs 16: 8 inputs each in two rounds. Four
/// pieces on three tiles are parts of 1, 1 and 2. The outputs stay and the second layer reads them,
/// or are stored.
Program with_shared_sums(int sharing, bool kept) {
  const bool pairs = sharing == 2;
  test::PlainNetwork network("shared", 2);
  auto outputs = network.fully_connected(network.input({2, 8 * sharing}), pairs ? 16 : 8);
  if (kept) network.fully_connected(outputs, 2);
  const auto built = network.finish();
  const auto& layer = built.layers[0];
  const int n = layer.rank_index("N"), k = layer.rank_index("K"), c = layer.rank_index("C1");
  std::vector<StagePlan> plans = {test::plain_plan(built, 0)};
  plans[0].tiles = {0, 1, 2, 3};
  if (sharing == 3) plans[0].tiles.pop_back();
  if (pairs) plans[0].partition.push_back({k, 0, 2, Axis::kTiles});
  plans[0].partition.push_back({c, 0, sharing, Axis::kTiles});
  plans[0].loops = {{n, 1}, {c, 4}, {k, 2, true}, {k, 1}};
  plans[0].inputs = {{2, true}, {4, true}};
  plans[0].output = {.depth = 4, .shared_by = sharing, .turn = 2};
  plans[0].output_home = kept ? Home::kTiles : Home::kDram;
  if (kept) plans.push_back(test::plain_plan(built, 1));
  const auto accelerator = small_machine();
  for (auto& plan : plans) test::choose_array(plan, built, accelerator);
  return lower(test::schedule_of(built, plans), built, accelerator);
}

}  // namespace

TEST(Oracle, AcceptsTheSampleProgramInAnyOrderOfQueues) {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_EQ(test::run_every_element(test::three_stage_program(), seed), std::nullopt);
}

TEST(CheckerAgainstOracle, AgreeOnDamagedPrograms) {
  Verdicts verdicts;
  for (std::uint64_t seed = 0; seed < 4000; ++seed)
    verdicts.judge_damaged(test::three_stage_program(), seed, seed % 4 == 0 ? 2 : 1);
  verdicts.expect_more_than(300, 1500);
}

TEST(CheckerAgainstOracle, AgreeOnLoweredLayers) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Program program = lowered(test::random_layer(seed));
    EXPECT_EQ(verdict(program), "sound") << seed;
    EXPECT_EQ(test::run_every_element(program, seed), std::nullopt) << seed;
  }
}

TEST(CheckerAgainstOracle, AgreeOnDamagedProgramsThatKeepInputs) {
  const auto program = with_kept_filters();
  ASSERT_EQ(program.stages[3].slots[1].continues, 2);
  Verdicts verdicts;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) verdicts.judge_damaged(program, seed);
  verdicts.expect_more_than(100, 500);
}

TEST(CheckerAgainstOracle, AgreeOnDamagedProgramsThatKeepOutputs) {
  const auto program = test::kept_map(small_machine(), 2);
  ASSERT_TRUE(std::ranges::any_of(program.parts, [](const Part& p) { return p.kept_until == 1; }));
  Verdicts verdicts;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) verdicts.judge_damaged(program, seed);
  verdicts.expect_more_than(100, 500);
}

TEST(CheckerAgainstOracle, AgreeOnRotatingSums) {
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    auto program = with_shared_sums(2 + static_cast<int>(seed % 3), seed % 2 == 0);
    spread_slots(program);
    EXPECT_EQ(test::run_every_element(program, seed), std::nullopt) << seed;
    EXPECT_EQ(verdict(program), "sound") << seed;
  }
}

TEST(CheckerAgainstOracle, AgreeOnDamagedRotatingSums) {
  // Every tile gets room for the largest part; where parts differ, a place less may do.
  const auto a_place_less = [](const std::string& found) {
    return found.find("the largest part of a copy") != std::string::npos;
  };
  Verdicts verdicts;
  for (std::uint64_t seed = 0; seed < 1200; ++seed) {
    const int sharing = 2 + static_cast<int>(seed % 3);
    verdicts.judge_damaged(with_shared_sums(sharing, seed % 2 == 0), seed, 1,
                           sharing == 3 ? +a_place_less : nullptr);
  }
  verdicts.expect_more_than(400, 500);
}

TEST(CheckerAgainstOracle, AgreeOnDamagedLoweredNetworks) {
  Verdicts verdicts;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Program original = lowered(test::random_network(3, seed));
    for (std::uint64_t i = 0; i < 20; ++i) verdicts.judge_damaged(original, 1000 * seed + i);
  }
  verdicts.expect_more_than(100, 400);
}

}  // namespace tessera::mapping
