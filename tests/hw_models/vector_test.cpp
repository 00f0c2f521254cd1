// The vector unit's closed form against hand counts and against a unit that walks every cycle
// through the bank arbiter with finite line FIFOs.
#include <gtest/gtest.h>

#include <deque>

#include "hw_models/buffer/buffer_arbiter.h"
#include "hw_models/vector/vector_unit.h"
#include "sim/base/random.h"
#include "tests/support/refusal.h"

namespace tessera::hw {
namespace {

struct Setting {
  VectorUnitDescription unit;
  BufferDescription buffer;
  int word_bytes = 2;
};

/// 8 lanes, 4 pipeline cycles, 4 cycles per special function; 8 banks, lines of 16 words.
VectorTiming time(const VectorWork& work, Cycle start = 0) {
  const Setting setting;
  return VectorUnit(setting.unit, setting.buffer, setting.word_bytes).time(work, start);
}

TEST(VectorUnit, ElementWiseTakesAGroupOfLanesPerCycle) {
  // 64 elements, 8 groups: issued in 0 ... 7 (a line of 16 words feeds two groups), results 4
  // cycles later: lines 0 ... 3 complete in 5, 7, 9, 11. Line j has its slot in w + j: w >= 5, 6,
  // 7, 8, so w = 8 if the bank comes round then (8 + 3 = 11). Last write in 11.
  VectorWork work;
  work.elements = 64;
  work.output_line = 11;
  const VectorTiming timing = time(work);
  EXPECT_EQ(timing.cycles, 12u);
  EXPECT_EQ(timing.busy, 8u);
  EXPECT_EQ(timing.operations, 64);
  EXPECT_EQ(timing.lines_read, 4);
  EXPECT_EQ(timing.lines_written, 4);
  // One cycle too late for the last line's slot: the lines behind it wait a rotation of 8 less one.
  work.output_line = 10;
  EXPECT_EQ(time(work).cycles, 19u);
}

TEST(VectorUnit, SecondOperandComesOverItsOwnSlots) {
  // Stream 1 reaches line 5 in cycle 4: everything is 4 cycles later.
  VectorWork work;
  work.elements = 64;
  work.inputs = 2;
  work.input_line[1] = 5;
  work.output_line = 15;
  const VectorTiming timing = time(work);
  EXPECT_EQ(timing.cycles, 16u);
  EXPECT_EQ(timing.words_read, 128);
}

TEST(VectorUnit, SpecialFunctionsOccupyTheUnitLonger) {
  // 16 elements, 2 groups of 4 cycles: issued in 0 and 4, result of the second in 4 + 4 + 3 = 11,
  // one line.
  VectorWork work;
  work.elements = 16;
  work.function = FunctionClass::kSpecial;
  work.output_line = 11 + 3;
  EXPECT_EQ(time(work).cycles, 12u);
  EXPECT_EQ(time(work).busy, 8u);
}

TEST(VectorUnit, PoolingCountsItsWindow) {
  // 3 x 3 windows of 8 outputs: 9 issues in 0 ... 8, result in 8 + 4 = 12.
  VectorWork work;
  work.elements = 8;
  work.window = 9;
  work.output_line = 12 + 3;
  const VectorTiming timing = time(work);
  EXPECT_EQ(timing.cycles, 13u);
  EXPECT_EQ(timing.operations, 72);
  EXPECT_EQ(timing.lines_read, 5);  // 72 words
}

TEST(VectorUnit, ReductionFoldsTheLanesBetweenPasses) {
  // Softmax of 16: each pass issues 2 groups. Pass 0: issues 0, 1; sums in 5; fold of 8 lanes: 3
  // levels of 4 cycles: 17. Line 0 of stream 0 is reached in 24: pass 1 issues 24, 25, ends 29 + 12
  // = 41; pass 2 issues 48, 49, result in 53, one line.
  VectorWork work;
  work.elements = 16;
  work.passes = 3;
  work.reduction = true;
  work.output_line = 53 + 3;
  const VectorTiming timing = time(work);
  EXPECT_EQ(timing.cycles, 54u);
  EXPECT_EQ(timing.operations, 48);
  // Without folding pass 1 starts reading in 2 and issues in 8, 9; pass 2 in 16, 17; result in 21.
  work.reduction = false;
  work.output_line = 21 + 3;
  EXPECT_EQ(time(work).cycles, 22u);
}

TEST(VectorUnit, WideLanesWaitForTheirLines) {
  // 32 lanes take 2 lines per issue, a line per cycle: issues in 1, 3, 5, 7; results of 2 lines
  // each in 5, 7, 9, 11: line 6 in 11, line 7 in 12.
  Setting setting;
  setting.unit.lanes = 32;
  VectorWork work;
  work.elements = 128;
  work.output_line = 5 + 3;
  EXPECT_EQ(VectorUnit(setting.unit, setting.buffer, 2).time(work, 0).cycles, 13u);
}

TEST(VectorUnit, RefusesImpossibleWork) {
  VectorWork work;
  work.inputs = 4;
  EXPECT_EQ(test::refusal_of([&] { VectorUnit::check(work, "program"); }),
            "program: vector instruction: inputs = 4: must be 0 to 3");
}

/// The unit cycle by cycle: FIFOs of two rotations of lines, reads and writes granted by the
/// arbiter.
class SlowVectorUnit {
 public:
  SlowVectorUnit(const Setting& setting, const VectorWork& work)
      : setting_(setting),
        work_(work),
        arbiter_(setting.buffer, "buffer"),
        words_per_line_(static_cast<std::int64_t>(setting.buffer.line_bytes) / setting.word_bytes),
        fifo_lines_(2 * setting.buffer.banks +
                    ceil_div<std::int64_t>(setting.unit.lanes, words_per_line_)),
        step_(work.function == FunctionClass::kSimple ? 1 : setting.unit.special_function_cycles) {}

  VectorTiming run(Cycle start) {
    arbiter_.next_cycle();
    while (arbiter_.now() < start) arbiter_.next_cycle();
    for (int pass = 0; pass < work_.passes; ++pass) run_pass(pass + 1 == work_.passes);
    timing_.cycles = arbiter_.now() - start;
    timing_.operations = work_.elements * work_.window * work_.passes;
    for (const auto stream : {kInputStream, kWeightStream, kPartialSumStream})
      timing_.lines_read += arbiter_.accesses(stream);
    timing_.lines_written = arbiter_.accesses(kOutputStream);
    return timing_;
  }

 private:
  void run_pass(bool writes) {
    lines_read_.assign(work_.inputs, 0);
    words_taken_ = done_ = issued_words_ = lines_written_ = 0;
    free_at_ = arbiter_.now();
    results_.clear();
    const std::int64_t lines_out = ceil_div(work_.elements, words_per_line_);
    for (;; arbiter_.next_cycle()) {
      read_lines();
      issue(writes);
      if (!writes && done_ == work_.elements) break;
      if (writes) write_line();
      if (writes && lines_written_ == lines_out) break;
    }
    if (!writes && !work_.reduction) wait(free_at_);
    if (!writes && work_.reduction) {
      Cycle fold = 0;
      for (int width = 1; width < setting_.unit.lanes; width *= 2)
        fold += setting_.unit.pipeline_cycles;
      wait(results_.back().at + fold);
    }
    if (writes) arbiter_.next_cycle();
  }

  void wait(Cycle until) {
    while (arbiter_.now() < until) arbiter_.next_cycle();
  }

  void read_lines() {
    const std::int64_t all = ceil_div(work_.elements * work_.window, words_per_line_);
    for (int i = 0; i < work_.inputs; ++i) {
      const auto stream = static_cast<BufferStream>(i);
      const std::int64_t held = lines_read_[i] - words_taken_ / words_per_line_;
      if (lines_read_[i] == all || held >= fifo_lines_) continue;
      if (!arbiter_.offers(stream, work_.input_line[i] + lines_read_[i])) continue;
      arbiter_.access(stream, work_.input_line[i] + lines_read_[i]++);
    }
  }

  void issue(bool writes) {
    if (arbiter_.now() < free_at_ || done_ == work_.elements) return;
    const std::int64_t words = std::min<std::int64_t>(setting_.unit.lanes, work_.elements - done_);
    for (const std::int64_t lines : lines_read_)
      if (lines * words_per_line_ < std::min(words_taken_ + words, work_.elements * work_.window))
        return;
    if (writes && done_ / words_per_line_ - lines_written_ >= fifo_lines_) return;
    words_taken_ += words;
    free_at_ = arbiter_.now() + step_;
    timing_.busy += step_;
    if (work_.inputs > 0) timing_.words_read += words * work_.inputs;
    if (++issued_words_ < work_.window) return;
    issued_words_ = 0;
    done_ += words;
    results_.push_back({arbiter_.now() + setting_.unit.pipeline_cycles + step_ - 1, done_});
  }

  void write_line() {
    std::int64_t complete = 0;
    for (const auto& result : results_)
      if (result.at <= arbiter_.now()) complete = result.words;
    const std::int64_t end = std::min((lines_written_ + 1) * words_per_line_, work_.elements);
    if (complete < end) return;
    if (!arbiter_.offers(kOutputStream, work_.output_line + lines_written_)) return;
    arbiter_.access(kOutputStream, work_.output_line + lines_written_++);
    timing_.words_written = end;
  }

  struct Result {
    Cycle at;
    std::int64_t words;
  };

  Setting setting_;
  VectorWork work_;
  BufferArbiter arbiter_;
  std::int64_t words_per_line_;
  std::int64_t fifo_lines_;
  Cycle step_;
  VectorTiming timing_;
  std::vector<std::int64_t> lines_read_;
  std::int64_t words_taken_ = 0;
  std::int64_t done_ = 0;
  std::int64_t issued_words_ = 0;
  std::int64_t lines_written_ = 0;
  Cycle free_at_ = 0;
  std::deque<Result> results_;
};

TEST(VectorUnit, EqualsTheSlowUnitOnRandomWork) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Random random(seed);
    Setting setting;
    setting.word_bytes = 1 << random.below(2);
    setting.unit.lanes = static_cast<int>(random.between(1, 40));
    setting.unit.pipeline_cycles = static_cast<int>(random.between(1, 6));
    setting.unit.special_function_cycles = static_cast<int>(random.between(1, 9));
    setting.buffer.banks = static_cast<int>(random.between(4, 12));
    setting.buffer.line_bytes = Bytes{4} << random.below(4);
    setting.buffer.ports = static_cast<int>(random.between(1, 2));
    VectorWork work;
    work.elements = random.between(1, 1 << random.between(1, 10));
    work.window = random.bernoulli(0.5) ? 1 : random.between(2, 9);
    work.inputs = static_cast<int>(random.between(0, 3));
    work.passes = static_cast<int>(random.between(1, 3));
    work.reduction = random.bernoulli(0.5);
    work.function = random.bernoulli(0.5) ? FunctionClass::kSimple : FunctionClass::kSpecial;
    for (auto& line : work.input_line) line = random.between(0, 50);
    work.output_line = random.between(0, 50);
    const Cycle start = random.below(60);
    const VectorUnit unit(setting.unit, setting.buffer, setting.word_bytes);
    ASSERT_EQ(unit.time(work, start), SlowVectorUnit(setting, work).run(start)) << "seed " << seed;
  }
}

}  // namespace

void PrintTo(const VectorTiming& timing, std::ostream* out) {
  *out << "{cycles " << timing.cycles << ", busy " << timing.busy << ", operations "
       << timing.operations << ", words " << timing.words_read << " / " << timing.words_written
       << ", lines " << timing.lines_read << " / " << timing.lines_written << "}";
}

}  // namespace tessera::hw
