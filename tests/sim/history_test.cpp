// A run over time adds up to the run.
#include <gtest/gtest.h>

#include <numeric>

#include "sim/base/child_process.h"
#include "sim/base/error.h"
#include "sim/results/collect.h"
#include "sim/results/history.h"
#include "tests/support/random_layer.h"
#include "tests/support/random_plan.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

template <typename Field>
std::uint64_t sum(const Field& field) {
  return std::accumulate(field.begin(), field.end(), std::uint64_t{0});
}

/// Lines saying what does not add up.
class Books {
 public:
  template <typename A, typename B>
  void equal(const std::string& what, A found, B expected) {
    if (static_cast<std::uint64_t>(found) != static_cast<std::uint64_t>(expected))
      text_ += detail::concatenate(what, " ", found, " instead of ", expected, "\n");
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void compare_tiles(const sim::Machine& machine, const sim::proto::History& history, Books& books) {
  using hw::Cause;
  for (const auto& tile : machine.tiles()) {
    const auto& stack = tile->stack();
    books.equal("busy cycles", sum(history.tiles(tile->id()).busy_cycles()),
                stack.of(Cause::kCompute) + stack.of(Cause::kFillDrain) +
                    stack.of(Cause::kDelivery) + stack.of(Cause::kVector) +
                    stack.of(Cause::kControl));
    for (const auto held : history.tiles(tile->id()).held_byte_cycles())
      if (held > tile->peak_buffer_bytes() * history.bin_cycles()) books.equal("held", held, 0);
  }
  for (int cause = 0; cause < hw::kCauses; ++cause) {
    Cycle cycles = 0;
    for (const auto& tile : machine.tiles()) cycles += tile->stack().of(static_cast<Cause>(cause));
    books.equal("stack", sum(history.cycle_stack(cause).tile_cycles()), cycles);
  }
}

void compare_links(const sim::Machine& machine, const sim::proto::History& history, Books& books) {
  for (int link = 0; link < history.links_size(); ++link) {
    const auto& wire = machine.network().stats().wires[static_cast<std::size_t>(link)];
    books.equal("flits", sum(history.links(link).flits()), wire.flits());
    books.equal("queued", sum(history.links(link).queued_flit_cycles()),
                wire.occupancy_flit_cycles());
    for (const auto flits : history.links(link).flits())
      if (flits > history.bin_cycles()) books.equal("flits in a bin", flits, history.bin_cycles());
  }
}

void compare_channels(const sim::proto::Result& result, const sim::proto::History& history,
                      Books& books) {
  for (int channel = 0; channel < history.channels_size(); ++channel) {
    const auto& bus = result.dram_channels(channel).bus_cycles();
    const auto& bins = history.channels(channel);
    books.equal("data", sum(bins.data()), bus.data());
    books.equal("no requests", sum(bins.no_requests()), bus.no_requests());
    books.equal("refresh", sum(bins.refresh()), bus.refresh());
    books.equal("row", sum(bins.row()), bus.row());
    books.equal("turnaround", sum(bins.turnaround()), bus.turnaround());
    books.equal("group spacing", sum(bins.group_spacing()), bus.group_spacing());
    books.equal("arbitration", sum(bins.arbitration()), bus.arbitration());
  }
}

void compare_shared_buffers(const sim::proto::Result& result, const sim::proto::History& history,
                            Books& books) {
  books.equal("shared buffers", history.shared_buffers_size(), result.shared_buffers_size());
  for (int buffer = 0; buffer < history.shared_buffers_size(); ++buffer) {
    const auto& known = result.shared_buffers(buffer);
    const auto& bins = history.shared_buffers(buffer).held_byte_cycles();
    books.equal("something held", sum(bins) > 0, known.written_bytes() > 0);
    books.equal("no more held than there is room", known.peak_held_bytes() <= known.bytes(), true);
    for (const auto held : bins)
      if (held > known.peak_held_bytes() * history.bin_cycles()) books.equal("shared", held, 0);
  }
}

class HistoryOf : public testing::TestWithParam<int> {};

TEST_P(HistoryOf, RandomProgramAddsUpToTheRun) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  const auto accelerator = random_machine(random);
  const auto drawn = random_program(random_network(3, random.next()), accelerator, random);
  if (!drawn) GTEST_SKIP() << "no schedule fits";
  const auto run = in_child([&] {
    sim::History history(accelerator);
    sim::MachineOptions options;
    options.observers = {&history};
    sim::Machine machine(accelerator, drawn->program, options);
    const Cycle cycles = machine.run();
    const auto result = sim::collect(machine, cycles);
    const auto message = history.message(machine);
    Books books;
    books.equal("cycles", message.cycles(), cycles);
    books.equal("bins", message.tiles(0).busy_cycles_size(),
                ceil_div<Cycle>(cycles, message.bin_cycles()));
    books.equal("links", message.links_size(), machine.topology().links().size());
    compare_tiles(machine, message, books);
    compare_links(machine, message, books);
    compare_channels(result, message, books);
    compare_shared_buffers(result, message, books);
    return books.text();
  });
  EXPECT_TRUE(run.ok());
  EXPECT_EQ(run.text, "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, HistoryOf, testing::Range(1, 25));

TEST(StageMap, NamesTheStageWithMostOfABin) {
  sim::StageMap map(1, 4, 10);
  map.add(0, 0, 0, 12);   // all of bin 0, 2 cycles of bin 1
  map.add(0, 1, 12, 20);  // 8 cycles of bin 1
  map.add(0, 2, 25, 26);
  EXPECT_EQ(map.stage(0, 0), 0);
  EXPECT_EQ(map.stage(0, 1), 1);
  EXPECT_EQ(map.stage(0, 2), 2);
  EXPECT_EQ(map.stage(0, 3), -1);
  // Bins of 20: stage 0 has 12 of the first 20 cycles.
  map.reach(80);
  EXPECT_EQ(map.stage(0, 0), 0);
  EXPECT_EQ(map.stage(0, 1), 2);
}

}  // namespace
}  // namespace tessera::test
