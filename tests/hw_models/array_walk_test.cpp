// Skipping periods and remembering inner nests change nothing: the walk against a visit of every
// group.
#include <gtest/gtest.h>

#include "hw_models/array/array_timing_cache.h"
#include "hw_models/array/nest_walk.h"
#include "hw_models/array/pe_array.h"
#include "hw_models/array/timeline.h"
#include "sim/base/error.h"
#include "sim/base/random.h"
#include "tests/support/refusal.h"

namespace tessera::hw {
namespace {

struct Machine {
  PeArrayDescription array;
  BufferDescription buffer;
};

Machine random_machine(Random& random) {
  Machine machine;
  machine.array.register_bytes = 1 << 24;
  for (Delivery& delivery : machine.array.delivery)
    delivery = random.bernoulli(0.5) ? Delivery::kMulticast : Delivery::kSystolic;
  for (int& words : machine.array.bus_words_per_cycle)
    words = static_cast<int>(random.between(1, 20));
  machine.buffer.banks = static_cast<int>(random.between(4, 27));
  machine.buffer.ports = random.bernoulli(0.75) ? 2 : 1;
  machine.array.register_rings = random.bernoulli(0.4);
  machine.array.weights_first = random.bernoulli(0.3);
  return machine;
}

/// Up to five loops and a hundred thousand steps; windows slide where registers are rings.
ArrayWork random_work(const Machine& machine, Random& random) {
  ArrayWork work;
  work.rows_used = static_cast<int>(random.between(1, 8));
  work.columns_used = static_cast<int>(random.between(1, 8));
  const auto loops = random.between(1, 5);
  std::int64_t steps = 1;
  for (std::int64_t i = 0; i < loops; ++i) {
    ArrayLoop loop;
    const auto most =
        std::min<std::int64_t>(100'000 / steps, std::int64_t{1} << random.between(1, 16));
    loop.count = random.between(1, std::max<std::int64_t>(1, most));
    steps *= loop.count;
    for (bool& indexes : loop.indexes) indexes = random.bernoulli(0.6);
    work.loops.push_back(loop);
  }
  for (int x = 0; x < kOperands; ++x) {
    work.operand[x].store_depth =
        static_cast<int>(random.bernoulli(0.4) ? loops : random.between(0, loops));
    work.operand[x].words_per_fill = random.between(1, random.bernoulli(0.3) ? 200 : 16);
    work.operand[x].double_buffered = random.bernoulli(0.5);
    work.line_address[x] = random.between(0, 40);
  }
  work.reduction = random.bernoulli(0.6) ? SpatialReduction::kChain : SpatialReduction::kNone;
  work.accumulate_in_buffer = random.bernoulli(0.3);
  ArrayOperand& inputs = work.operand[kInputOperand];
  inputs.register_words = random.between(1, 12);
  if (machine.array.register_rings && random.bernoulli(0.7))
    inputs.slide_words = random.between(1, inputs.words_per_fill);
  return work;
}

/// Runs the timeline over every group of the nest, one after the other.
class FlatWalk {
 public:
  FlatWalk(const ArrayPlan& plan, const ArrayWork& work, Timeline& timeline)
      : plan_(plan), work_(work), timeline_(timeline), index_(plan.group_loops, 0) {}

  void run() {
    int changed = -1;  // outermost loop that has just moved on
    do {
      timeline_.run_group(changing_from(changed), sliding_at(changed), changing_from(next_change()),
                          revisit());
      changed = advance();
    } while (changed >= 0);
  }

 private:
  OperandSet changing_from(int loop) const {
    OperandSet operands = 0;
    for (int x = 0; x < kOperands; ++x)
      if (plan_.operand[x].change_loop >= loop) operands |= operand_bit(x);
    return operands;
  }

  OperandSet sliding_at(int loop) const {
    OperandSet operands = 0;
    for (int x = 0; x < kOperands; ++x)
      if (plan_.operand[x].slides() && plan_.operand[x].change_loop == loop)
        operands |= operand_bit(x);
    return operands;
  }

  int next_change() const {
    int loop = plan_.group_loops - 1;
    while (loop >= 0 && index_[loop] + 1 == work_.loops[loop].count) --loop;
    return loop;
  }

  bool revisit() const {
    for (std::size_t loop = 0; loop < plan_.reducing.size(); ++loop)
      if (plan_.reducing[loop] && index_[loop] > 0) return true;
    return work_.accumulate_in_buffer;
  }

  int advance() {
    const int loop = next_change();
    for (int inner = 0; inner < plan_.group_loops; ++inner)
      for (int x = 0; x < kOperands && inner >= loop; ++x)
        if (inner <= plan_.operand[x].change_loop)
          timeline_.move_address(
              x, plan_.operand[x].line_stride[inner] * (inner == loop ? 1 : -index_[inner]));
    for (int inner = loop + 1; inner < plan_.group_loops; ++inner) index_[inner] = 0;
    if (loop >= 0) ++index_[loop];
    return loop;
  }

  const ArrayPlan& plan_;
  const ArrayWork& work_;
  Timeline& timeline_;
  std::vector<std::int64_t> index_;
};

TEST(NestWalk, EqualsAVisitOfEveryGroupOnRandomWork) {
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    Random random(seed);
    const Machine machine = random_machine(random);
    const ArrayWork work = random_work(machine, random);
    const BufferPorts ports(machine.buffer);
    const ArrayPlan plan(machine.array, machine.buffer, 2, work);
    const auto start = static_cast<Time>(random.below(ports.slot_period()));
    Timeline skipping(plan, work, ports, start);
    NestWalk(plan, work, skipping).run();
    Timeline flat(plan, work, ports, start);
    FlatWalk(plan, work, flat).run();
    ASSERT_EQ(skipping.first_step(), flat.first_step()) << "seed " << seed;
    ASSERT_EQ(skipping.now(), flat.now()) << "seed " << seed;
    ASSERT_EQ(skipping.last_written(), flat.last_written()) << "seed " << seed;
  }
}

TEST(NestWalk, PartsOfTheTimeAddUp) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const Machine machine = random_machine(random);
    const ArrayWork work = random_work(machine, random);
    const ArrayTiming timing =
        PeArray(machine.array, machine.buffer, 2).time(work, random.below(99));
    ASSERT_EQ(timing.cycles, timing.steady + timing.fill + timing.drain + timing.stall);
    ASSERT_LE(timing.stall, timing.cycles);
  }
}

TEST(ArrayTimingCache, GivesWhatTheArrayGivesForAnyStartAndLine) {
  Random random(3);
  const Machine machine = random_machine(random);
  const PeArray array(machine.array, machine.buffer, 2);
  ArrayTimingCache cache(array, machine.buffer.banks, 20);
  std::vector<ArrayWork> works;
  for (int i = 0; i < 5; ++i) works.push_back(random_work(machine, random));
  for (int i = 0; i < 400; ++i) {
    ArrayWork work = works[random.below(works.size())];
    // Whole rotations of lines and start leave the situation as it is.
    const std::int64_t shift = random.between(0, 3);
    for (auto& line : work.line_address) line += shift;
    const Cycle start =
        1000 + static_cast<Cycle>(shift) * array.slot_period() / machine.buffer.banks;
    ASSERT_EQ(cache.time(work, start), array.time(work, start));
  }
  EXPECT_EQ(cache.misses(), works.size());
  EXPECT_EQ(cache.hits(), 400 - works.size());
}

TEST(CheckArrayWork, NamesFieldValueAndLimit) {
  const PeArray array(PeArrayDescription{}, BufferDescription{}, 2);
  const auto refusal = [&](const auto& spoil) {
    ArrayWork work;
    work.rows_used = work.columns_used = 8;
    work.loops = {{10, {true, true, true}}};
    for (auto& operand : work.operand) operand = {64, 1, 1, false};
    spoil(work);
    return test::refusal_of([&] { array.check(work, "layer c1"); });
  };
  EXPECT_EQ(refusal([](ArrayWork&) {}), "accepted");
  EXPECT_EQ(refusal([](ArrayWork& work) { work.rows_used = 9; }),
            "layer c1: array instruction: rows_used = 9: must be 1 to 8");
  EXPECT_EQ(refusal([](ArrayWork& work) { work.loops[0].count = 0; }),
            "layer c1: array instruction: loops[0].count = 0: must be 1 to 1099511627776");
  EXPECT_EQ(refusal([](ArrayWork& work) { work.operand[1].store_depth = 2; }),
            "layer c1: array instruction: weight.store_depth = 2: must be 0 to 1");
  EXPECT_EQ(refusal([](ArrayWork& work) { work.operand[2].words_per_fill = 0; }),
            "layer c1: array instruction: output.words_per_fill = 0: must be 1 to 4294967296");
  EXPECT_EQ(refusal([](ArrayWork& work) { work.macs = 641; }),
            "layer c1: array instruction: macs = 641: must be 0 to 640");
  EXPECT_EQ(refusal([](ArrayWork& work) { work.reduction = SpatialReduction::kTree; }),
            "layer c1: array instruction: reduction = 2: the array has another kind");
}

TEST(CheckArrayWork, KeptWordsMustFitTheRegisters) {
  PeArrayDescription description;  // 64 B per PE: 32 words
  const auto accepts = [&](std::int64_t words, bool double_buffered) {
    ArrayWork work;
    work.rows_used = work.columns_used = 8;
    work.loops = {{10, {true, false, true}}};
    work.operand[kWeightOperand] = {64 * words, 0, 1, double_buffered};
    work.operand[kOutputOperand] = {8, 1, 1, false};  // passes through
    try {
      PeArray(description, BufferDescription{}, 2).check(work, "w");
    } catch (const UserError&) {
      return false;
    }
    return true;
  };
  EXPECT_TRUE(accepts(32, false));
  EXPECT_FALSE(accepts(33, false));
  EXPECT_TRUE(accepts(16, true));
  EXPECT_FALSE(accepts(17, true));
  for (auto& bytes : description.operand_register_bytes) bytes = 8;
  EXPECT_TRUE(accepts(4, false));
  EXPECT_FALSE(accepts(5, false));
}

}  // namespace
}  // namespace tessera::hw
