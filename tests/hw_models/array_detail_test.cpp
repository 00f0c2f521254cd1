// The closed form of the array against the array of modules that steps every cycle: same cycles,
// same multiply-accumulates, same line accesses on random instructions.
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <sstream>
#include <systemc>

#include "hw_models/array/pe_array.h"
#include "hw_models/array/pe_array_detail.h"
#include "sim/base/random.h"

namespace tessera::hw {

void PrintTo(const ArrayTiming& timing, std::ostream* out) {
  const ArrayCounts& counts = timing.counts;
  *out << "{cycles " << timing.cycles << " = steady " << timing.steady << " + fill " << timing.fill
       << " + drain " << timing.drain << " + stall " << timing.stall << "; mac slots "
       << counts.mac_slots << ", lines " << counts.lines[0] << " " << counts.lines[1] << " "
       << counts.lines[2] << " read back " << counts.partial_sum_lines << "}";
}

namespace {

const sc_core::sc_time kCycle(2, sc_core::SC_NS);

struct Machine {
  PeArrayDescription array;
  BufferDescription buffer;
  int word_bytes = 2;
};

/// The instruction and the machine it ran on, for the message of a failure.
std::string describe(const Machine& machine, const ArrayWork& work, Cycle start) {
  std::ostringstream out;
  const auto& array = machine.array;
  out << "start " << start << "; array " << array.rows << "x" << array.columns << " lanes "
      << array.macs_per_pe << " pipeline " << array.pipeline_cycles << "; " << machine.buffer.banks
      << " banks, lines of " << machine.buffer.line_bytes / machine.word_bytes << " words, "
      << machine.buffer.ports << " ports; used " << work.rows_used << "x" << work.columns_used
      << ", reduction " << static_cast<int>(work.reduction) << ", accumulate "
      << work.accumulate_in_buffer << ", rings " << array.register_rings << ", weights first "
      << array.weights_first << ", window " << work.operand[0].register_words << " slides "
      << work.operand[0].slide_words << "\n";
  for (int x = 0; x < kOperands; ++x) {
    const auto& operand = work.operand[x];
    out << "operand " << x << ": words " << operand.words_per_fill << ", depth "
        << operand.store_depth << ", double " << operand.double_buffered << ", line "
        << work.line_address[x] << ", bus " << array.bus_words_per_cycle[x];
    if (x != kOutputOperand) out << ", systolic " << (array.delivery[x] == Delivery::kSystolic);
    out << "\n";
  }
  for (const auto& loop : work.loops)
    out << "loop " << loop.count << " indexes " << loop.indexes[0] << loop.indexes[1]
        << loop.indexes[2] << "\n";
  return out.str();
}

Machine random_machine(Random& random) {
  Machine machine;
  machine.array.rows = static_cast<int>(random.between(1, 6));
  machine.array.columns = static_cast<int>(random.between(1, 6));
  machine.array.macs_per_pe = static_cast<int>(random.between(1, 3));
  for (Delivery& delivery : machine.array.delivery)
    delivery = random.bernoulli(0.5) ? Delivery::kMulticast : Delivery::kSystolic;
  machine.array.reduction =
      random.bernoulli(0.6) ? SpatialReduction::kChain : SpatialReduction::kTree;
  machine.array.register_bytes = 1 << 20;
  for (int& words : machine.array.bus_words_per_cycle)
    words = static_cast<int>(random.between(1, 20));
  machine.array.pipeline_cycles = static_cast<int>(random.between(1, 3));
  machine.buffer.banks = static_cast<int>(random.between(4, 9));
  machine.buffer.line_bytes = Bytes{4} << random.below(4);
  machine.buffer.ports = random.bernoulli(0.75) ? 2 : 1;
  machine.word_bytes = 1 << random.below(2);
  machine.array.register_rings = random.bernoulli(0.4);
  machine.array.weights_first = random.bernoulli(0.3);
  return machine;
}

/// Small often, large sometimes.
std::int64_t skewed(Random& random, std::int64_t most) {
  return random.between(1, random.bernoulli(0.5) ? std::min<std::int64_t>(most, 3) : most);
}

ArrayWork random_work(const Machine& machine, Random& random) {
  ArrayWork work;
  work.rows_used = static_cast<int>(random.between(1, machine.array.rows));
  work.columns_used = static_cast<int>(random.between(1, machine.array.columns));
  const auto loops = random.between(0, 4);
  std::int64_t steps = 1;
  for (std::int64_t i = 0; i < loops; ++i) {
    ArrayLoop loop;
    loop.count = skewed(random, std::max<std::int64_t>(1, std::min<std::int64_t>(40, 600 / steps)));
    steps *= loop.count;
    for (bool& indexes : loop.indexes) indexes = random.bernoulli(0.55);
    work.loops.push_back(loop);
  }
  const int pes = work.rows_used * work.columns_used;
  for (int x = 0; x < kOperands; ++x) {
    ArrayOperand& operand = work.operand[x];
    operand.store_depth =
        static_cast<int>(random.bernoulli(0.4) ? loops : random.between(0, loops));
    const bool unused = x != kOutputOperand && random.bernoulli(0.05);
    operand.words_per_fill = unused ? 0 : random.between(1, random.bernoulli(0.3) ? 120 : 16);
    operand.multicast = random.between(1, pes);
    operand.double_buffered = random.bernoulli(0.5);
    work.line_address[x] = random.between(0, 40);
  }
  work.reduction = random.bernoulli(0.6) ? machine.array.reduction : SpatialReduction::kNone;
  work.accumulate_in_buffer = random.bernoulli(0.3);
  work.macs = steps * pes * machine.array.macs_per_pe;
  ArrayOperand& inputs = work.operand[kInputOperand];
  inputs.register_words = random.between(1, 12);
  if (machine.array.register_rings &&
      machine.array.delivery[kInputOperand] == Delivery::kMulticast && random.bernoulli(0.7))
    inputs.slide_words = random.between(0, inputs.words_per_fill);
  return work;
}

/// Runs the work in the detailed array from the current cycle on.
ArrayTiming run(PeArrayDetail& array, const ArrayWork& work) {
  array.start(work);
  for (int chunk = 0; array.busy(); ++chunk) {
    if (chunk == 200) ADD_FAILURE() << "no end in sight";
    if (chunk == 200) break;
    sc_core::sc_start(1000 * kCycle);
  }
  return array.timing();
}

Cycle now() { return static_cast<Cycle>(sc_core::sc_time_stamp() / kCycle); }

class DetailAgainstClosedForm : public testing::TestWithParam<int> {};

TEST_P(DetailAgainstClosedForm, SameCyclesAndCountsOnRandomWork) {
  constexpr int kMachines = 25;
  constexpr int kWorks = 20;
  std::vector<Machine> machines;
  std::vector<std::unique_ptr<PeArrayDetail>> details;
  Random random(static_cast<std::uint64_t>(GetParam()));
  for (int i = 0; i < kMachines; ++i) {
    machines.push_back(random_machine(random));
    const Machine& machine = machines.back();
    details.push_back(std::make_unique<PeArrayDetail>(("array_" + std::to_string(i)).c_str(),
                                                      machine.array, machine.buffer,
                                                      machine.word_bytes, kCycle));
  }
  for (int i = 0; i < kMachines; ++i) {
    const Machine& machine = machines[i];
    const PeArray closed(machine.array, machine.buffer, machine.word_bytes);
    for (int n = 0; n < kWorks; ++n) {
      const ArrayWork work = random_work(machine, random);
      closed.check(work, "random work");
      sc_core::sc_start(static_cast<double>(random.below(50)) * kCycle);
      const Cycle start = now();
      const ArrayTiming slow = run(*details[i], work);
      ASSERT_EQ(closed.time(work, start), slow)
          << "seed " << GetParam() << " machine " << i << " work " << n << "\n"
          << describe(machine, work, start);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, DetailAgainstClosedForm, testing::Range(1, 11));

}  // namespace
}  // namespace tessera::hw
