// Timelines: every packet decoded, slices nested, arrows paired, causes equal to the cycle stack.
#include "sim/timeline/timeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "sim/base/child_process.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/machine/machine.h"
#include "tests/sim/timeline_viewer.h"
#include "tests/support/random_layer.h"
#include "tests/support/random_plan.h"
#include "tests/support/scratch.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

namespace pf = perfetto::proto;

struct Run {
  pf::Trace trace;
  std::map<int, Cycles> stacks;  ///< of the machine, by pid
  Cycle cycles = 0;
};

/// What the child says of the machine: "cycles", then "pid cause cycles" lines.
std::string books_of(const sim::Machine& machine, Cycle cycles) {
  std::string text = std::to_string(cycles) + "\n";
  for (const auto& tile : machine.tiles())
    for (int cause = 0; cause < hw::kCauses; ++cause)
      if (const Cycle spent = tile->stack().of(static_cast<hw::Cause>(cause)); spent > 0)
        text += detail::concatenate(tile->id() + 1, " ", hw::kCauseNames[cause], " ", spent, "\n");
  return text;
}

Run run_with_timeline(const hw::Accelerator& accelerator, const mapping::Program& program,
                      sim::TimelineOptions options, bool detailed = false) {
  const auto child = in_child([&] {
    sim::Timeline timeline(accelerator, program, options);
    sim::MachineOptions machine_options;
    machine_options.detailed_arrays = detailed;
    machine_options.observers = {&timeline};
    sim::Machine machine(accelerator, program, machine_options);
    const Cycle cycles = machine.run();
    timeline.commit();
    return books_of(machine, cycles);
  });
  EXPECT_TRUE(child.ok()) << child.text;
  Run run;
  load_binary(options.file.string(), run.trace);
  std::istringstream text(child.text);
  text >> run.cycles;
  int pid;
  std::string cause;
  for (Cycle cycles; text >> pid >> cause >> cycles;) run.stacks[pid][cause] = cycles;
  return run;
}

std::vector<mapping::TileId> all_tiles(const hw::Accelerator& accelerator) {
  return sim::parse_tiles("all", accelerator.tiles());
}

class TimelineOf : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    Random random(static_cast<std::uint64_t>(GetParam()));
    accelerator_ = random_machine(random);
    const auto drawn = random_program(random_network(3, random.next()), accelerator_, random);
    if (!drawn) GTEST_SKIP() << "no schedule fits";
    program_ = drawn->program;
    file_ = scratch_path("timeline.perfetto");
  }
  void TearDown() override { std::filesystem::remove(file_); }

  hw::Accelerator accelerator_;
  mapping::Program program_;
  std::filesystem::path file_;
};

TEST_P(TimelineOf, RandomProgramShowsTheCycleStack) {
  for (const bool detailed : {false, true}) {
    const auto run =
        run_with_timeline(accelerator_, program_, {file_, {}, all_tiles(accelerator_)}, detailed);
    const TimelineViewer viewer(run.trace);
    EXPECT_EQ(viewer.faults(), "");
    EXPECT_EQ(viewer.stacks(), run.stacks);
    EXPECT_GT(viewer.arrows(), 0u);
    EXPECT_FALSE(viewer.counters().empty());
    for (const auto& slice : viewer.slices()) EXPECT_LE(slice.end, run.cycles);
  }
}

TEST_P(TimelineOf, WindowHoldsEveryCycleOnce) {
  const auto whole =
      run_with_timeline(accelerator_, program_, {file_, {}, all_tiles(accelerator_)});
  const sim::Window window{whole.cycles / 3, whole.cycles * 2 / 3};
  if (window.from >= window.to) GTEST_SKIP() << "the run is too short";
  const auto run =
      run_with_timeline(accelerator_, program_, {file_, window, all_tiles(accelerator_)});
  const TimelineViewer viewer(run.trace);
  EXPECT_EQ(viewer.faults(), "");
  for (const auto& slice : viewer.slices()) {
    EXPECT_GE(slice.begin, window.from);
    EXPECT_LE(slice.end, window.to);
  }
  const auto stacks = viewer.stacks();
  EXPECT_EQ(stacks.size(), static_cast<std::size_t>(accelerator_.tiles()));
  for (const auto& [pid, stack] : stacks) {
    Cycle sum = 0;
    for (const auto& [cause, cycles] : stack) sum += cycles;
    EXPECT_EQ(sum, window.to - window.from) << "pid " << pid;
  }
}

TEST_P(TimelineOf, OneTileShowsThatTileOnly) {
  const auto run =
      run_with_timeline(accelerator_, program_, {file_, {}, {accelerator_.tiles() - 1}});
  const TimelineViewer viewer(run.trace);
  EXPECT_EQ(viewer.faults(), "");
  const int pid = accelerator_.tiles();
  EXPECT_EQ(viewer.stacks(), (std::map<int, Cycles>{{pid, run.stacks.at(pid)}}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimelineOf, testing::Range(1, 17));

/// Integral of a counter of percents over a run.
double cycles_of(const std::vector<std::pair<Cycle, std::int64_t>>& values, Cycle end) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Cycle until = i + 1 < values.size() ? values[i + 1].first : end;
    sum += static_cast<double>(until - values[i].first) * static_cast<double>(values[i].second);
  }
  return sum / 100;
}

// A flit of 16 bytes takes four cycles on a link of 4. Values are rounded to percents.
TEST(Counters, OfLinksAreCyclesThatFlitsTake) {
  const auto machine = machine_of(
      "name: 'narrow' rows: 1 columns: 2\n"
      "tile { array { rows: 4 columns: 4 } buffer { bytes: 8192 banks: 4 } }\n"
      "noc { topology: LINKS routing: SHORTEST_PATH flit_bytes: 16 links { routers: 2\n"
      "  links { from: 0 to: 1 width_bytes: 4 } links { from: 1 to: 0 width_bytes: 4 } } }");
  const auto network = workloads::load_network("small_cnn", 0);
  const auto program =
      mapping::lower(mapping::schedule_layerwise(network, machine, {}), network, machine);
  const auto file = scratch_path("timeline_links.perfetto");
  const auto child = in_child([&] {
    sim::Timeline timeline(machine, program, {file, {}, {}});
    sim::MachineOptions options;
    options.observers = {&timeline};
    sim::Machine whole(machine, program, options);
    const Cycle cycles = whole.run();
    timeline.commit();
    const auto& wires = whole.network().stats().wires;
    return detail::concatenate(cycles, " ", wires[0].flits(), " ", wires[1].flits());
  });
  ASSERT_TRUE(child.ok()) << child.text;
  Cycle cycles = 0;
  std::uint64_t there = 0, back = 0;
  std::istringstream(child.text) >> cycles >> there >> back;
  pf::Trace trace;
  load_binary(file.string(), trace);
  std::filesystem::remove(file);
  const TimelineViewer viewer(trace);
  const double rounding = 0.005 * static_cast<double>(cycles);
  ASSERT_GT(static_cast<double>(there + back), 10 * rounding);
  EXPECT_NEAR(cycles_of(viewer.counters().at("link utilisation, mean"), cycles),
              4.0 * static_cast<double>(there + back) / 2, rounding);
  EXPECT_NEAR(cycles_of(viewer.counters().at("link utilisation, busiest"), cycles),
              4.0 * static_cast<double>(std::max(there, back)), rounding);
}

std::string file_bytes(const std::function<void(sim::TraceFile&)>& write) {
  const auto path = scratch_path("trace_file_test.perfetto");
  sim::TraceFile file(path);
  write(file);
  file.commit();
  const auto bytes = read_file(path.string());
  std::filesystem::remove(path);
  return bytes;
}

TEST(TraceFile, WritesPerfettosWireFormat) {
  const auto bytes = file_bytes([](sim::TraceFile& file) {
    const auto process = file.add_process(3, "p");
    file.counter(process, 5, 7);
  });
  // By hand. Trace.packet is field 1 (0a), then the length.
  // Descriptor: trusted_packet_sequence_id 10 (50 01); track_descriptor 60 (key 60 * 8 + 2 = 482:
  // e2 03) of 11 bytes:
  //   uuid 1 (08 01); process 3 (1a 05: pid 1 (08 03), process_name 6 (32 01 'p')); child_ordering
  //   11 (58 03).
  // Counter: timestamp 8 (40 05); sequence (50 01); track_event 11 (5a 07): type 9 (48 04),
  // track_uuid 11 (58 01),
  //   counter_value 30 (key 240: f0 01, then 07).
  const std::string expected =
      "\x0a\x10\x50\x01\xe2\x03\x0b\x08\x01\x1a\x05\x08\x03\x32\x01p\x58\x03"
      "\x0a\x0d\x40\x05\x50\x01\x5a\x07\x48\x04\x58\x01\xf0\x01\x07";
  EXPECT_EQ(bytes, expected);
}

TEST(TraceFile, LeavesNothingWithoutCommit) {
  const auto path = scratch_path("abandoned.perfetto");
  {
    sim::TraceFile file(path);
    file.add_process(1, "p");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".partial"));
}

TEST(TraceFile, RefusesAPlaceThatCannotBeWritten) {
  EXPECT_THROW(sim::TraceFile("/nonexistent/timeline.perfetto"), UserError);
}

TEST(Selection, ReadsWindows) {
  EXPECT_EQ(sim::parse_window("10:20").from, 10u);
  EXPECT_EQ(sim::parse_window("10:20").to, 20u);
  EXPECT_EQ(sim::parse_window(":20").from, 0u);
  EXPECT_EQ(sim::parse_window("10:").to, kNever);
  for (const char* bad : {"10", "20:10", "10:10", "a:b", "-1:5", "1:2:3", "1.5:3"})
    EXPECT_THROW(sim::parse_window(bad), UserError) << bad;
}

TEST(Selection, ReadsTiles) {
  EXPECT_EQ(sim::parse_tiles("3,0,5-7,6", 16), (std::vector<int>{0, 3, 5, 6, 7}));
  EXPECT_EQ(sim::parse_tiles("all", 3), (std::vector<int>{0, 1, 2}));
  for (const char* bad : {"16", "", "1,", "5-3", "-1", "1-16", "x"})
    EXPECT_THROW(sim::parse_tiles(bad, 16), UserError) << bad;
}

}  // namespace
}  // namespace tessera::test
