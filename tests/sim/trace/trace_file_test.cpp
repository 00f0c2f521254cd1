// Trace files: what is written is read, and whatever is wrong with a file is one clear error.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/trace/comparison.h"
#include "sim/trace/event_order.h"
#include "sim/trace/trace_part.h"
#include "sim/trace/trace_reader.h"
#include "sim/trace/trace_writer.h"
#include "tests/sim/trace/events.h"
#include "tests/support/refusal.h"
#include "tests/support/scratch.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;
using sim::TraceEvent;

sim::proto::TracedRun made_up_run(std::uint32_t tiles = 256) {
  sim::proto::TracedRun run;
  run.add_arguments("--accelerator=made-up");
  run.set_tiles(tiles);
  run.set_channels(MadeUpEvents::kChannels);
  run.add_stages("first");
  return run;
}

class TraceFile : public testing::Test {
 protected:
  void TearDown() override { fs::remove(path_); }

  void write(const std::vector<TraceEvent>& events) {
    sim::TraceWriter writer(path_, made_up_run());
    for (const auto& event : events) writer.add(event);
    writer.finish(1234);
  }

  std::vector<TraceEvent> read() {
    sim::TraceReader reader(path_.string());
    std::vector<TraceEvent> events;
    for (TraceEvent event; reader.next(event);) events.push_back(event);
    EXPECT_EQ(reader.end().cycles(), 1234u);
    EXPECT_EQ(reader.end().events(), events.size());
    return events;
  }

  /// What the reader says to a file with these bytes; "" when it reads it to the end.
  std::string complaint(const std::string& bytes) {
    // A new file: some file systems write an old one to disk before they let it be overwritten.
    fs::remove(path_);
    std::ofstream(path_, std::ios::binary) << bytes;
    return refusal_of([&] { read(); }, "");
  }

  fs::path path_ = scratch_path("trace");
};

/// What a recorder does with so many events.
void tell(std::uint64_t count, sim::EventSink& sink) {
  MadeUpEvents events(7);
  sim::EventOrder order(sink);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto event = events.next();
    order.add(event.cycle, event);
  }
  order.finish();
}

}  // namespace

TEST_F(TraceFile, GivesBackWhatWasWritten) {
  // Nothing, one event, one part but for an event, exactly one, one and an event, several.
  const auto part = sim::kPartEvents;
  for (const std::size_t count :
       {std::size_t{0}, std::size_t{1}, part - 1, part, part + 1, 3 * part + 17}) {
    const auto events = MadeUpEvents(count).take(count);
    write(events);
    EXPECT_EQ(read(), events) << count;
  }
}

TEST_F(TraceFile, HoldsAnyNumber) {
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  std::vector<TraceEvent> events;
  for (int kind = 0; kind < sim::kEventKinds; ++kind)
    for (const auto value : {kLow, kHigh, std::int64_t{0}, std::int64_t{-1}, kHigh, kLow}) {
      TraceEvent event{.place = 259,
                       .kind = static_cast<sim::EventKind>(kind),
                       .cycle = static_cast<Cycle>(value),
                       .code = 255};
      for (int i = 0; i < sim::details_of(event.kind); ++i)
        event.detail[static_cast<std::size_t>(i)] = value;
      events.push_back(event);
    }
  write(events);
  EXPECT_EQ(read(), events);
}

TEST_F(TraceFile, HoldsItsRun) {
  write({});
  const sim::TraceReader reader(path_.string());
  EXPECT_EQ(to_binary(reader.run()), to_binary(made_up_run()));
}

TEST_F(TraceFile, EqualRunsGiveEqualBytes) {
  const auto events = MadeUpEvents(5).take(40000);
  write(events);
  const auto first = read_file(path_.string());
  write(events);
  EXPECT_EQ(read_file(path_.string()), first);
}

TEST_F(TraceFile, AppearsOnlyWhenFinished) {
  {
    sim::TraceWriter writer(path_, made_up_run());
    MadeUpEvents events(1);
    for (int i = 0; i < 50000; ++i) writer.add(events.next());
    EXPECT_FALSE(fs::exists(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_FALSE(fs::exists(path_.string() + ".partial"));
}

TEST_F(TraceFile, FailedWriterLeavesTheOldFile) {
  const auto events = MadeUpEvents(2).take(10);
  write(events);
  { sim::TraceWriter writer(path_, made_up_run()); }
  EXPECT_EQ(read(), events);
}

TEST_F(TraceFile, PlaceThatCannotBeWrittenIsNamed) {
  EXPECT_EQ(refusal_of([&] { sim::TraceWriter("/nowhere/at/all.trace", made_up_run()); }),
            "/nowhere/at/all.trace: cannot be written");
}

TEST_F(TraceFile, EveryTruncationIsFound) {
  write(MadeUpEvents(3).take(300));
  const auto whole = read_file(path_.string());
  ASSERT_EQ(complaint(whole), "");
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes)
    EXPECT_NE(complaint(whole.substr(0, bytes)), "") << bytes << " of " << whole.size();
  // Between two parts: nothing is damaged, but the end is missing.
  write({});
  const auto end_bytes = read_file(path_.string()).size();
  EXPECT_EQ(complaint(whole.substr(0, whole.size() - 1)),
            path_.string() + ": is cut off or damaged in part 3");
  EXPECT_LT(end_bytes, whole.size());
}

TEST_F(TraceFile, EndThatIsMissingIsSaid) {
  write(MadeUpEvents(3).take(300));
  const auto whole = read_file(path_.string());
  // The last part is the end: 300 events (2 + 1 bytes) and 1234 cycles (2 + 1), compressed, in its
  // envelope.
  for (std::size_t cut = 1; cut < 64; ++cut)
    if (complaint(whole.substr(0, whole.size() - cut)) ==
        path_.string() + ": is cut off after 300 events")
      return;
  FAIL() << "no cut removes exactly the end";
}

TEST_F(TraceFile, EveryChangedBitIsFound) {
  write(MadeUpEvents(4).take(60));
  const auto whole = read_file(path_.string());
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    auto damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(complaint(damaged), "") << "bit " << bit % 8 << " of byte " << bit / 8;
  }
}

TEST_F(TraceFile, BytesAfterTheEndAreFound) {
  write(MadeUpEvents(4).take(60));
  EXPECT_EQ(complaint(read_file(path_.string()) + "x"),
            path_.string() + ": is damaged: bytes follow its end");
}

TEST_F(TraceFile, OtherVersionsAreRefused) {
  write({});
  auto bytes = read_file(path_.string());
  ASSERT_TRUE(bytes.starts_with("tessera trace 1\n"));
  const auto with_version = [&](const std::string& version) {
    return "tessera trace " + version + bytes.substr(15);
  };
  EXPECT_EQ(complaint(with_version("2")),
            path_.string() + ": trace format 2 is newer than format 1, which this program reads");
  EXPECT_EQ(complaint(with_version("0")),
            path_.string() + ": trace format 0 is older than format 1, which this program reads");
  EXPECT_EQ(complaint(with_version("x")),
            path_.string() + ": is damaged: it does not state the version of its format");
}

TEST_F(TraceFile, OtherFilesAreRefused) {
  for (const std::string bytes : {"", "tess", "name: \"mine\"\n",
                                  "\x7f"
                                  "ELF and so on and on and on"})
    EXPECT_EQ(complaint(bytes),
              path_.string() + ": is no trace; tessera trace record writes traces");
  fs::remove(path_);
  EXPECT_THROW(sim::TraceReader(path_.string()), UserError);
  EXPECT_THROW(sim::TraceReader("/tmp"), UserError);
}

TEST_F(TraceFile, EventOutsideTheMachineIsFound) {
  write({TraceEvent{.place = 256 + MadeUpEvents::kChannels}});
  EXPECT_EQ(complaint(read_file(path_.string())),
            path_.string() + ": part 2 is damaged: an event is at no place of the machine");
}

// TESSERA_TRACE_EVENTS=100000000 is the long form.
TEST_F(TraceFile, MemoryDoesNotGrowWithLength) {
  const char* wanted = std::getenv("TESSERA_TRACE_EVENTS");
  const std::uint64_t count = wanted != nullptr ? std::stoull(wanted) : 2'000'000;
  const auto peak_kib = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  write(MadeUpEvents(7).take(3 * sim::kPartEvents));
  read();
  const auto before = peak_kib();
  {
    sim::TraceWriter writer(path_, made_up_run());
    tell(count, writer);
    writer.finish(1);
  }
  sim::TraceReader reader(path_.string());
  sim::TraceComparison comparison(reader);
  tell(count, comparison);
  comparison.finish();
  EXPECT_FALSE(comparison.divergence());
  EXPECT_EQ(comparison.equal_events(), count);
  RecordProperty("file_bytes", std::to_string(fs::file_size(path_)));
  RecordProperty("peak_kib", std::to_string(peak_kib()));
#ifndef __SANITIZE_ADDRESS__  // the sanitizer keeps freed memory for a while
  // All events at once would be 2'000'000 x 72 B = 137 MiB.
  EXPECT_LT(peak_kib() - before, 8 * 1024);
#endif
}

}  // namespace tessera::test
