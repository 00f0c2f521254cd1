// A machine small enough to derive its cycles by hand, and what happens in it.
//
// The chip and the LPDDR4-3200 channel share one clock here (1600 MHz, 625 ps), so that all cycles
// can be added. The rules that derivations use, with d the number of links between two routers and
// L the flits of a packet:
//
// Network. A packet handed over in cycle t is read by its node in t + 7 + 5 d + L - 1: a router
// pipeline of 4 and a link a hop, one cycle each for the source queue, injection and ejection. A
// tile or memory interface sees it in the next cycle. Flits have 16 bytes: a control packet is 1
// flit, a data packet 1 + ceil(bytes / 16).
//
// DRAM. ACT to RD or WR 29, RD to end of data 28 + 8, WR 14 + 8, ACT to ACT of another bank 16,
// column to column 8. Banks take 2 KiB in turn, and tensors are laid out 4 KiB apart: tensor i lies
// in bank 2 i.
//
// Buffer. Two ports: lines of 32 bytes enter in even cycles, leave in odd ones. A packet is written
// from the cycle after its tail has been read; the granule can be used in the cycle after its last
// line. The first flit of a message leaves in the cycle after its line has been read.
//
// Issue. One cycle per instruction of the load queue, one before the array or vector unit starts.
#pragma once

#include <gtest/gtest.h>

#include <sstream>

#include "hw_models/array/pe_array.h"
#include "hw_models/vector/vector_unit.h"
#include "mapping/lowering.h"
#include "sim/base/error.h"
#include "tests/support/plain_network.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"
#include "tests/support/stage_tree.h"

namespace tessera::test {

using mapping::Axis;
using mapping::Home;
using mapping::Program;
using mapping::StagePlan;
using workloads::Network;

constexpr int kColumnCycle = 8;

inline hw::Accelerator machine_with(int rows, int columns, const std::string& more = "") {
  return machine_of(
      detail::concatenate("clock_mhz: 1600 rows: ", rows, " columns: ", columns, "\n", more));
}

/// What happened, a line each: "ACT bank cycle", "RD bank cycle", "WR bank cycle", "tile begin end"
/// for every array and vector instruction from the cycle after its issue, "shared cycle bytes" for
/// what a shared buffer holds from then on, "end cycle", and the
/// first tile's cycle stack.
class Log final : public hw::TileObserver,
                  public hw::SharedBufferObserver,
                  public dram::CommandListener {
 public:
  explicit Log(Cycle issue_cycles) : issue_cycles_(issue_cycles) {}
  void instruction_ended(const hw::InstructionEvent& event) override {
    if (event.queue != hw::QueueKind::kCompute || event.end == event.begin) return;
    text_ << "tile" << event.tile << " " << event.begin + issue_cycles_ << " " << event.end << "\n";
  }
  void issued(const dram::IssuedCommand& command) override {
    text_ << dram::command_name(command.kind) << " bank" << command.bank << " " << command.cycle
          << "\n";
  }
  void shared_occupancy(std::size_t buffer, Cycle now, Bytes bytes) override {
    text_ << "shared" << buffer << " " << now << " " << bytes << "\n";
  }
  void add(const std::string& line) { text_ << line << "\n"; }
  std::string text() const { return text_.str(); }

 private:
  Cycle issue_cycles_;
  std::ostringstream text_;
};

using Lines = std::vector<std::string>;

/// Runs the program in a process of its own.
inline Lines observe(const hw::Accelerator& machine, const Program& program) {
  mapping::check(program, limits_of(machine));
  const auto run = in_child([&] {
    sim::Machine whole(machine, program, {});
    Log log(static_cast<Cycle>(machine.tile.issue_cycles));
    for (const auto& tile : whole.tiles()) tile->set_observer(&log);
    for (const auto& buffer : whole.shared_buffers()) buffer->set_observer(&log);
    for (const auto& interface : whole.dram()) interface->channel().set_listener(&log);
    log.add(detail::concatenate("end ", whole.run()));
    const auto& stack = whole.tiles()[0]->stack();
    for (int cause = 0; cause < hw::kCauses; ++cause)
      log.add(detail::concatenate(hw::kCauseNames[cause], " ",
                                  stack.of(static_cast<hw::Cause>(cause))));
    return log.text();
  });
  EXPECT_TRUE(run.ok()) << run.text;
  Lines lines;
  std::istringstream text(run.text);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

/// Lines that begin like this, in order.
inline Lines about(const Lines& lines, const std::string& begin) {
  Lines found;
  for (const auto& line : lines)
    if (line.starts_with(begin + " ")) found.push_back(line);
  return found;
}

/// The number at this place of a line.
inline Cycle cycle_in(const std::string& line, int place) {
  std::istringstream text(line);
  std::string word;
  for (int i = 0; i <= place; ++i) text >> word;
  return std::stoull(word);
}

template <typename... Parts>
Lines one(const Parts&... parts) {
  return {detail::concatenate(parts...)};
}

inline Cycle next_even(Cycle cycle) { return cycle + cycle % 2; }
inline Cycle next_odd(Cycle cycle) { return cycle + 1 - cycle % 2; }

/// 16 inputs (32 bytes, one line, one burst) times `filters` filters. Ranks N, K, C1.
inline Network dense(int filters) {
  PlainNetwork network("dense");
  network.fully_connected(network.input({1, 16}), filters);
  return network.finish();
}

/// On one PE, a step per multiplication, both operands streaming, the sums in a register.
inline void one_element_at_a_time(StagePlan& plan, const Network& network) {
  const auto& layer = network.layers[plan.layer];
  const int k = layer.rank_index("K"), c = layer.rank_index("C1");
  plan.array.loops = {{k, 1}, {c, 1}};
  plan.array.store_depth[hw::kInputOperand] = 2;
  plan.array.store_depth[hw::kWeightOperand] = 2;
  plan.array.store_depth[hw::kOutputOperand] = 1;
}

/// The array instruction that `one_element_at_a_time` makes of `filters` x `depth` products; the
/// array's own timing has its tests in tests/hw_models.
inline Cycle array_cycles(const hw::Accelerator& machine, std::int64_t filters, std::int64_t depth,
                          Cycle start) {
  hw::ArrayWork work;
  work.loops = {{filters, {false, true, true}}, {depth, {true, true, false}}};
  work.operand[hw::kInputOperand] = {1, 2, 1, true};
  work.operand[hw::kWeightOperand] = {1, 2, 1, true};
  work.operand[hw::kOutputOperand] = {1, 1, 1, true};
  work.macs = filters * depth;
  return hw::PeArray(machine.tile.array, machine.tile.buffer, 2).time(work, start).cycles;
}

inline StagePlan dense_plan(const Network& network, workloads::LayerId layer,
                            std::vector<int> tiles, const std::string& rank = "", int ways = 1) {
  StagePlan plan = plain_plan(network, layer);
  plan.tiles = std::move(tiles);
  if (ways > 1) plan.partition = {{network.layers[layer].rank_index(rank), 0, ways, Axis::kTiles}};
  one_element_at_a_time(plan, network);
  return plan;
}

inline Program lower_plans(const Network& network, const hw::Accelerator& machine,
                           std::vector<StagePlan> plans) {
  return mapping::lower(schedule_of(network, plans), network, machine);
}

}  // namespace tessera::test
