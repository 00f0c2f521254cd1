#include "hw_models/array/array_plan.h"

#include <algorithm>
#include <bit>

namespace tessera::hw {

namespace {

/// Words, lines and bus of one fill.
struct FillShape {
  std::int64_t words;
  std::int64_t words_per_line;
  std::int64_t bus;
  std::int64_t slot_spacing;

  std::int64_t lines() const { return ceil_div(words, words_per_line); }
  FillShape of(std::int64_t count) const { return {count, words_per_line, bus, slot_spacing}; }

  /// Cycles until the first `count` words are on the bus. Lines come one per slot and the bus
  /// carries what has come: it is busy until the words from some line on have followed that line's
  /// slot without a gap.
  Time carried_after(std::int64_t count) const {
    Time longest = 0;
    for (std::int64_t line = 0; line * words_per_line < count; ++line)
      longest =
          std::max(longest, slot_spacing * line + ceil_div(count - line * words_per_line, bus));
    return longest;
  }

  /// Bus occupation of a read.
  Time read_cycles() const { return carried_after(words); }

  /// Words that shift into place over `path` PEs, those of the farthest PE first: a shift per
  /// cycle, each when the words of its PE have come.
  Time shift_cycles(std::int64_t path) const {
    const std::int64_t per_pe = ceil_div(words, path);
    Time longest = 0;
    for (std::int64_t pe = 0; pe < path; ++pe)
      longest =
          std::max(longest, carried_after(std::min((pe + 1) * per_pe, words)) + path - 1 - pe);
    return longest;
  }

  /// A line can be written in the bus cycle that completes it; the burst, a line per slot, starts
  /// late enough that every line is complete in its slot.
  Time write_lag() const {
    Time lag = 0;
    for (std::int64_t line = 0; line < lines(); ++line) {
      const std::int64_t carried = std::min((line + 1) * words_per_line, words);
      lag = std::max(lag, ceil_div(carried, bus) - 1 - slot_spacing * line);
    }
    return lag;
  }
};

std::int64_t product(const std::vector<ArrayLoop>& loops, int begin, int end) {
  std::int64_t result = 1;
  for (int i = begin; i < end; ++i) result *= loops[i].count;
  return result;
}

int change_loop_of(const ArrayWork& work, int operand) {
  int loop = work.operand[operand].store_depth - 1;
  while (loop >= 0 && !work.loops[loop].indexes[operand]) --loop;
  return loop;
}

std::int64_t steps_per_fill(const ArrayWork& work, int operand) {
  return product(work.loops, change_loop_of(work, operand) + 1,
                 static_cast<int>(work.loops.size()));
}

/// Whole fills follow each other; slid ones follow the whole one that their window began with.
std::vector<std::int64_t> line_strides(const ArrayWork& work, int operand,
                                       const OperandPlan& plan) {
  std::vector<std::int64_t> strides(plan.change_loop + 1, 0);
  std::int64_t stride = plan.whole.lines;
  for (int loop = plan.change_loop; loop >= 0; --loop) {
    if (!work.loops[loop].indexes[operand]) continue;
    const std::int64_t count = work.loops[loop].count;
    const bool slides = plan.slides() && loop == plan.change_loop;
    strides[loop] = slides ? plan.slid.lines : stride;
    stride = slides ? stride + (count - 1) * plan.slid.lines : stride * count;
  }
  return strides;
}

/// Words of a window that is used in `steps` steps, in the order in which they come.
struct WindowUse {
  std::int64_t words = 1;  ///< of one PE
  std::int64_t fresh = 1;  ///< of those the last, which the fill brings
  std::int64_t steps = 1;

  /// Bus cycles before the first step so that no word is late: word w of a PE comes with the w-th
  /// share of the bus words and is needed from its share of the steps on.
  Time cycles_before(const FillShape& shape) const {
    Time longest = 1;
    for (std::int64_t word = 0; word < fresh; ++word)
      longest = std::max(longest, shape.carried_after(ceil_div((word + 1) * shape.words, fresh)) -
                                      ceil_div((words - fresh + word) * steps, words));
    return longest;
  }
};

/// Bus cycles that may be left at the first step; `window` words of a PE are kept.
Time head_start(const FillShape& shape, std::int64_t whole_words, std::int64_t window,
                std::int64_t steps) {
  const std::int64_t fresh = std::max<std::int64_t>(1, ceil_div(window * shape.words, whole_words));
  return shape.read_cycles() - WindowUse{window, fresh, steps}.cycles_before(shape);
}

FillPlan plan_fill(const FillShape& shape) { return {shape.words, shape.lines(), 0, 0}; }

OperandPlan plan_operand(const ArrayWork& work, int operand, const FillShape& shape, int banks) {
  const ArrayOperand& given = work.operand[operand];
  OperandPlan plan;
  plan.used = given.words_per_fill > 0;
  plan.change_loop = change_loop_of(work, operand);
  plan.fills = product(work.loops, 0, plan.change_loop + 1);
  plan.steps = steps_per_fill(work, operand);
  plan.streaming = is_streaming(work, operand);
  plan.copies = given.double_buffered ? 2 : 1;
  if (!plan.used) return plan;
  plan.whole = plan_fill(shape);
  if (given.slide_words > 0 && plan.change_loop >= 0)
    plan.slid = plan_fill(shape.of(given.slide_words));
  plan.ahead = ceil_div<std::int64_t>(banks, plan.whole.lines);
  plan.line_stride = line_strides(work, operand, plan);
  return plan;
}

std::int64_t distinct_tiles(const ArrayWork& work, const OperandPlan& plan, int operand) {
  std::int64_t tiles = 1;
  for (int loop = 0; loop <= plan.change_loop; ++loop)
    if (work.loops[loop].indexes[operand]) tiles *= work.loops[loop].count;
  return tiles;
}

int ceil_log2(int n) { return std::bit_width(static_cast<unsigned>(n - 1)); }

/// Cycles from the issue of a step until the last row and column execute it.
struct Skew {
  Time rows = 0;
  Time columns = 0;
};

Skew skew_of(const PeArrayDescription& array, const ArrayWork& work, const ArrayPlan& plan) {
  const auto moves = [&](int operand) {
    return array.delivery[operand] == Delivery::kSystolic && plan.operand[operand].used &&
           plan.operand[operand].streaming;
  };
  const bool sums_move =
      work.reduction == SpatialReduction::kChain && plan.operand[kOutputOperand].streaming;
  Skew skew;
  if (moves(kWeightOperand) || sums_move) skew.rows = work.rows_used - 1;
  if (moves(kInputOperand)) skew.columns = work.columns_used - 1;
  return skew;
}

Time reduction_latency(const ArrayWork& work, const Skew& skew) {
  if (work.reduction == SpatialReduction::kTree) return ceil_log2(work.rows_used);
  // A chain whose rows already run one cycle apart adds its sums on the way.
  if (work.reduction == SpatialReduction::kChain && skew.rows == 0) return work.rows_used - 1;
  return 0;
}

std::int64_t revisit_distance_of(const ArrayWork& work, const OperandPlan& outputs) {
  std::int64_t tiles = 1;
  for (int loop = outputs.change_loop; loop >= 0; --loop) {
    if (!work.loops[loop].indexes[kOutputOperand] && work.loops[loop].count > 1) return tiles;
    tiles *= work.loops[loop].count;
  }
  return 0;
}

}  // namespace

std::int64_t OperandPlan::slid_fills(const ArrayWork& work) const {
  if (!slides()) return 0;
  const std::int64_t count = work.loops[change_loop].count;
  return fills / count * (count - 1);
}

std::int64_t kept_words(const ArrayWork& work, int operand) {
  const ArrayOperand& given = work.operand[operand];
  if (given.register_words > 0) return given.register_words;
  const std::int64_t pes = std::int64_t{work.rows_used} * work.columns_used;
  const bool in_every_pe = operand != kOutputOperand || work.reduction == SpatialReduction::kChain;
  return ceil_div(given.words_per_fill * (in_every_pe ? given.multicast : 1), pes);
}

bool is_streaming(const ArrayWork& work, int operand) {
  return work.operand[operand].store_depth == static_cast<int>(work.loops.size()) &&
         steps_per_fill(work, operand) == 1;
}

ArrayPlan::ArrayPlan(const PeArrayDescription& array, const BufferDescription& buffer,
                     int word_bytes, const ArrayWork& work) {
  const BufferPorts ports(buffer);
  const int path[kOperands] = {work.columns_used, work.rows_used, 0};
  steps = product(work.loops, 0, static_cast<int>(work.loops.size()));
  mac_slots = steps * work.rows_used * work.columns_used * array.macs_per_pe;
  for (int x = 0; x < kOperands; ++x) {
    const FillShape shape{
        work.operand[x].words_per_fill, static_cast<std::int64_t>(buffer.line_bytes) / word_bytes,
        array.bus_words_per_cycle[x], static_cast<std::int64_t>(ports.slot_spacing())};
    OperandPlan& plan = operand[x] = plan_operand(work, x, shape, buffer.banks);
    if (!plan.used) continue;
    const bool shifts =
        x != kOutputOperand && !plan.streaming && array.delivery[x] == Delivery::kSystolic;
    const bool rings = array.register_rings && x != kWeightOperand && !plan.streaming && !shifts;
    for (FillPlan* fill : {&plan.whole, &plan.slid}) {
      if (fill->words == 0) continue;
      const FillShape part = shape.of(fill->words);
      fill->bus_cycles = x == kOutputOperand ? ceil_div(part.words, part.bus)
                         : shifts            ? part.shift_cycles(path[x])
                                             : part.read_cycles();
      if (rings && x == kInputOperand)
        fill->head_start = head_start(part, shape.words, kept_words(work, x), plan.steps);
    }
    if (x == kOutputOperand) {
      plan.write_lag = shape.write_lag();
      read_back = plan;
      read_back.whole.bus_cycles = shape.read_cycles();
      sums_join = rings;
      if (rings)
        read_back.whole.head_start = std::min<Time>(plan.steps, read_back.whole.bus_cycles - 1);
    }
    group_loops = std::max(group_loops, plan.change_loop + 1);
  }
  steps_per_group = product(work.loops, group_loops, static_cast<int>(work.loops.size()));

  const OperandPlan& outputs = operand[kOutputOperand];
  const Skew row_and_column = skew_of(array, work, *this);
  skew = row_and_column.rows + row_and_column.columns;
  result_latency = skew + (array.pipeline_cycles - 1) + reduction_latency(work, row_and_column) +
                   (outputs.streaming ? 0 : 1);
  result_credits = result_latency + outputs.copies;
  weights_first =
      array.weights_first && operand[kWeightOperand].used && !operand[kWeightOperand].streaming;
  revisit_distance = revisit_distance_of(work, outputs);
  for (int loop = 0; loop <= outputs.change_loop; ++loop)
    reducing.push_back(!work.loops[loop].indexes[kOutputOperand]);
}

ArrayCounts ArrayPlan::counts(const ArrayWork& work) const {
  ArrayCounts counts;
  counts.macs = work.macs;
  counts.mac_slots = mac_slots;
  counts.register_accesses = 4 * work.macs;
  for (int x = 0; x < kOperands; ++x) {
    if (!operand[x].used) continue;
    const std::int64_t slid = operand[x].slid_fills(work), whole = operand[x].fills - slid;
    counts.bus_words[x] = whole * operand[x].whole.words + slid * operand[x].slid.words;
    counts.lines[x] = whole * operand[x].whole.lines + slid * operand[x].slid.lines;
    counts.array_hops += counts.bus_words[x] * work.operand[x].multicast;
    if (x != kOutputOperand)
      counts.register_words[x] = counts.bus_words[x] * work.operand[x].multicast;
    if (!operand[x].streaming)
      counts.register_fills +=
          counts.bus_words[x] * (x == kOutputOperand ? 1 : work.operand[x].multicast);
  }
  const std::int64_t first_visits =
      work.accumulate_in_buffer ? 0 : distinct_tiles(work, operand[kOutputOperand], kOutputOperand);
  const std::int64_t reads = operand[kOutputOperand].fills - first_visits;
  counts.partial_sum_words = reads * work.operand[kOutputOperand].words_per_fill;
  counts.partial_sum_lines = reads * operand[kOutputOperand].whole.lines;
  counts.array_hops += counts.partial_sum_words;
  if (!operand[kOutputOperand].streaming) counts.register_fills += counts.partial_sum_words;
  return counts;
}

}  // namespace tessera::hw
