// Timelines: every packet decoded, slices nested, arrows paired, causes equal to the cycle stack.
#include "sim/timeline/timeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/machine/machine.h"
#include "tests/support/child_process.h"
#include "tests/support/random_layer.h"
#include "tests/support/random_plan.h"
#include "tests/support/scratch.h"
#include "tests/support/small_machine.h"

namespace tessera::test {
namespace {

namespace pf = perfetto::proto;
using Cycles = std::map<std::string, Cycle>;

/// A slice as a viewer would see it.
struct Seen {
  std::string name, category;
  std::uint64_t track;
  Cycle begin, end;
};

/// Reads a trace as a viewer does: packets in order of time, equal times in order of the file.
class Viewer {
 public:
  explicit Viewer(const pf::Trace& trace) {
    for (const auto& packet : trace.packet()) take(packet);
    std::ranges::stable_sort(events_, {}, &pf::TracePacket::timestamp);
    for (const auto& packet : events_) play(packet);
    for (const auto& [track, open] : open_) require(open.empty(), "a slice has no end");
    for (const auto& [flow, times] : flows_) {
      require(times.starts == 1 && times.ends == 1, "an arrow has not one start and one end");
      require(times.start <= times.end, "an arrow leads back in time");
    }
  }

  const std::string& faults() const { return faults_; }
  const std::vector<Seen>& slices() const { return slices_; }
  std::size_t arrows() const { return flows_.size(); }
  std::size_t counters() const { return counters_; }
  const std::map<std::uint64_t, pf::TrackDescriptor>& tracks() const { return tracks_; }

  /// Cycles by cause of every tile, tile by pid.
  std::map<int, Cycles> stacks() const {
    std::map<int, Cycles> stacks;
    for (const auto& slice : slices_)
      if (slice.category == "cause")
        stacks[pid_of(slice.track)][slice.name] += slice.end - slice.begin;
    return stacks;
  }
  int pid_of(std::uint64_t track) const {
    return tracks_.at(tracks_.at(track).parent_uuid()).process().pid();
  }

 private:
  struct Flow {
    int starts = 0, ends = 0;
    Cycle start = 0, end = 0;
  };

  void require(bool holds, const char* fault) {
    if (!holds && faults_.size() < 1000) faults_ += std::string(fault) + "\n";
  }

  void take(const pf::TracePacket& packet) {
    require(packet.unknown_fields().empty(), "a packet has unknown fields");
    require(packet.trusted_packet_sequence_id() == 1, "a packet has no sequence");
    if (packet.has_track_descriptor()) {
      const auto& track = packet.track_descriptor();
      require(!track.has_parent_uuid() || tracks_.contains(track.parent_uuid()),
              "a parent comes after its child");
      require(tracks_.emplace(track.uuid(), track).second, "a track is described twice");
      return;
    }
    require(packet.has_track_event() && packet.has_timestamp(), "a packet holds nothing");
    require(tracks_.contains(packet.track_event().track_uuid()), "an event is on no track");
    for (const auto& name : packet.interned_data().event_names()) names_[name.iid()] = name.name();
    for (const auto& name : packet.interned_data().event_categories())
      categories_[name.iid()] = name.name();
    const auto& event = packet.track_event();
    if (event.has_name_iid()) {
      require((packet.sequence_flags() & 2) != 0, "a name is used without saying so");
      require(event.name_iid() != 0 && names_.contains(event.name_iid()),
              "a name is used before it is known");
    }
    events_.push_back(packet);
  }

  void play(const pf::TracePacket& packet) {
    const auto& event = packet.track_event();
    const Cycle at = packet.timestamp();
    auto& open = open_[event.track_uuid()];
    const bool is_counter = tracks_.at(event.track_uuid()).has_counter();
    require(is_counter == (event.type() == pf::TrackEvent::COUNTER),
            "a counter and its events do not match");
    if (event.type() == pf::TrackEvent::SLICE_BEGIN) {
      open.push_back({names_[event.name_iid()],
                      event.category_iids_size() > 0 ? categories_[event.category_iids(0)] : "",
                      event.track_uuid(), at, 0});
      for (const auto flow : event.flow_ids()) {
        ++flows_[flow].starts;
        flows_[flow].start = at;
      }
      for (const auto flow : event.terminating_flow_ids()) {
        ++flows_[flow].ends;
        flows_[flow].end = at;
      }
    } else if (event.type() == pf::TrackEvent::SLICE_END) {
      require(!open.empty(), "an end without a begin");
      if (open.empty()) return;
      open.back().end = at;
      require(open.back().end > open.back().begin, "an empty slice");
      slices_.push_back(open.back());
      open.pop_back();
    } else {
      ++counters_;
    }
  }

  std::string faults_;
  std::vector<pf::TracePacket> events_;
  std::map<std::uint64_t, pf::TrackDescriptor> tracks_;
  std::map<std::uint64_t, std::string> names_, categories_;
  std::map<std::uint64_t, std::vector<Seen>> open_;
  std::vector<Seen> slices_;
  std::map<std::uint64_t, Flow> flows_;
  std::size_t counters_ = 0;
};

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
    const Viewer viewer(run.trace);
    EXPECT_EQ(viewer.faults(), "");
    EXPECT_EQ(viewer.stacks(), run.stacks);
    EXPECT_GT(viewer.arrows(), 0u);
    EXPECT_GT(viewer.counters(), 0u);
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
  const Viewer viewer(run.trace);
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
  const Viewer viewer(run.trace);
  EXPECT_EQ(viewer.faults(), "");
  const int pid = accelerator_.tiles();
  EXPECT_EQ(viewer.stacks(), (std::map<int, Cycles>{{pid, run.stacks.at(pid)}}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, TimelineOf, testing::Range(1, 17));

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
