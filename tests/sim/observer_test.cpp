// What observers hear: complete, in order, and without changing the run.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "sim/base/child_process.h"
#include "sim/base/error.h"
#include "sim/machine/machine.h"
#include "tests/support/random_layer.h"
#include "tests/support/random_plan.h"
#include "tests/support/simulation.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

/// Checks everything that must hold of the stream while it comes in; `faults` says what did not.
class Auditor final : public sim::Observer {
 public:
  explicit Auditor(bool dram) : dram_(dram) {}

  void instruction_began(const hw::InstructionEvent& event) override {
    require(open_.insert(name(event)).second, "an instruction began twice");
    require(event.end == hw::InstructionEvent{}.end,
            "an instruction that began has an end already");
  }
  void instruction_ended(const hw::InstructionEvent& event) override {
    const bool timed = open_.erase(name(event)) > 0;
    require(timed || event.begin == event.end, "an instruction that takes time did not begin");
    require(event.begin <= event.end && event.end != kNever,
            "an instruction ends before it begins");
    ++ended_;
  }
  void spent(mapping::TileId tile, int, hw::Cause cause, Cycle begin, Cycle end) override {
    require(stacks_[tile].total() == begin, "intervals of a tile leave a gap");
    require(begin < end, "an interval is empty");
    stacks_[tile].add(cause, end - begin);
  }
  void occupancy(mapping::TileId tile, Cycle now, Bytes bytes) override {
    require(now >= last_occupancy_[tile].first, "occupancy goes back in time");
    require(bytes != last_occupancy_[tile].second, "occupancy is told though it is the same");
    last_occupancy_[tile] = {now, bytes};
    peak_[tile] = std::max(peak_[tile], bytes);
  }
  void order_began(const hw::OrderEvent& event) override {
    require(orders_.insert({event.channel, event.number}).second, "an order began twice");
  }
  void order_ended(const hw::OrderEvent& event) override {
    require(orders_.erase({event.channel, event.number}) == 1, "an order ended that did not begin");
  }
  void packet_sent(const sim::PacketEvent& event) override {
    require(event.id == ++packets_, "packets are not numbered in order");
    expected_[event.id] = event.destinations.size();
  }
  void packet_arrived(const sim::PacketEvent& event) override {
    require(expected_[event.id]-- > 0, "a packet arrived more often than it has destinations");
    if (expected_[event.id] == 0) expected_.erase(event.id);
  }
  void dram_command(std::size_t, const dram::IssuedCommand&) override { ++commands_; }
  bool wants_dram_commands() const override { return dram_; }
  void finished(Cycle end) override { end_ = end; }

  /// After the run: what does not agree with the machine's own books.
  std::string verdict(const sim::Machine& machine, Cycle cycles) {
    require(open_.empty(), "instructions did not end");
    require(orders_.empty(), "orders did not end");
    require(expected_.empty(), "packets did not arrive");
    require(end_ == cycles, "the end differs from the run's");
    require(ended_ > 0 && packets_ > 0, "nothing was heard");
    for (const auto& tile : machine.tiles()) {
      for (int cause = 0; cause < hw::kCauses; ++cause)
        require(stacks_[tile->id()].of(static_cast<hw::Cause>(cause)) ==
                    tile->stack().of(static_cast<hw::Cause>(cause)),
                "a tile's intervals are not its cycle stack");
      require(last_occupancy_[tile->id()].second == 0, "a buffer is not empty at the end");
      require(peak_[tile->id()] <= tile->peak_buffer_bytes(), "a buffer was fuller than its peak");
    }
    std::uint64_t commands = 0;
    for (const auto& interface : machine.dram())
      for (const auto count : interface->channel().stats().commands) commands += count;
    require(commands_ == (dram_ ? commands : 0), "commands are missing");
    return faults_;
  }

 private:
  using Name = std::tuple<int, int, int, int, int, int, std::int64_t, Cycle>;
  static Name name(const hw::InstructionEvent& event) {
    return {event.tile,    static_cast<int>(event.queue),
            event.stage,   static_cast<int>(event.op),
            event.slot,    event.operand,
            event.granule, event.begin};
  }
  void require(bool holds, const char* fault) {
    if (!holds && faults_.size() < 1000) faults_ += std::string(fault) + "\n";
  }

  bool dram_;
  std::string faults_;
  std::set<Name> open_;
  std::map<int, hw::CycleStack> stacks_;
  std::map<int, std::pair<Cycle, Bytes>> last_occupancy_;
  std::map<int, Bytes> peak_;
  std::set<std::pair<std::size_t, std::uint64_t>> orders_;
  std::map<std::uint64_t, std::size_t> expected_;
  std::uint64_t packets_ = 0, ended_ = 0, commands_ = 0;
  Cycle end_ = 0;
};

/// Cycles of the run and the faults that two observers found.
std::string observed(const hw::Accelerator& accelerator, const mapping::Program& program,
                     bool detailed) {
  const auto run = in_child([&] {
    Auditor first(true), second(true);
    sim::MachineOptions options;
    options.detailed_arrays = detailed;
    options.observers = {&first, &second};
    sim::Machine machine(accelerator, program, options);
    const Cycle cycles = machine.run();
    return detail::concatenate(cycles, "\n", first.verdict(machine, cycles),
                               second.verdict(machine, cycles));
  });
  EXPECT_TRUE(run.ok()) << run.text;
  return run.text;
}

std::string unobserved(const hw::Accelerator& accelerator, const mapping::Program& program) {
  return after_run(accelerator, program, [](const sim::Machine&, Cycle cycles) {
    return detail::concatenate(cycles, "\n");
  });
}

class Observed : public testing::TestWithParam<int> {};

TEST_P(Observed, HearsEverythingAndChangesNothing) {
  // Networks of several layers on random machines: partial sums for owners, served feature maps,
  // groups, halos.
  const auto seed = static_cast<std::uint64_t>(GetParam());
  Random random(seed);
  const auto machine = random_machine(random);
  const auto drawn = random_program(random_network(3, random.next()), machine, random);
  if (!drawn) GTEST_SKIP() << "no schedule fits";
  const auto expected = unobserved(machine, drawn->program);
  EXPECT_EQ(observed(machine, drawn->program, false), expected);
  EXPECT_EQ(observed(machine, drawn->program, true), expected);
}

INSTANTIATE_TEST_SUITE_P(RandomPrograms, Observed, testing::Range(1, 25));

}  // namespace
}  // namespace tessera::test
