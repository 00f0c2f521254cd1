// A run that does not come to its end leaves no result: Ctrl-C at any moment, and too little
// memory.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/sim/program_run.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

using std::chrono::microseconds;
using Words = std::vector<std::string>;

/// Of a run without a report, which not every build can write.
const Words kResultFiles = {"bandwidth.csv", "channels.csv", "history.json", "host.json",
                            "layers.csv",    "links.csv",    "result.json",  "tiles.csv"};

class InterruptedRun : public testing::Test {
 protected:
  void SetUp() override { folder_ = empty_test_folder(); }
  void TearDown() override { fs::remove_all(folder_); }

  static Words arguments(const std::string& accelerator, const std::string& network) {
    return {"run",   "--accelerator", accelerator, "--network",
            network, "--out",         "out",       "--no-report"};
  }

  fs::path folder_;
};

Meddle interrupt_after(microseconds delay) {
  return [delay](pid_t child) {
    std::this_thread::sleep_for(delay);
    kill(child, SIGINT);
  };
}

/// Whether a process has this file open.
bool has_open(pid_t process, const fs::path& path) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator("/proc/" + std::to_string(process) + "/fd", error))
    if (fs::read_symlink(file.path(), error) == path) return true;
  return false;
}

}  // namespace

TEST_F(InterruptedRun, LongRunLeavesNothing) {
  const auto end = run_tessera(folder_, arguments("tangram-16x16", "resnet50"),
                               interrupt_after(std::chrono::milliseconds(1500)));
  EXPECT_EQ(end.signal, SIGINT);
  EXPECT_EQ(files_below(folder_), Words{});
}

TEST_F(InterruptedRun, WritesAllFilesOrNone) {
  // Short runs, interrupted ever later until one comes to its end: somewhere on the way the signal
  // falls into the writing of the files.
  int interrupted = 0;
  for (microseconds delay(0);; delay += microseconds(400)) {
    const auto end =
        run_tessera(folder_, arguments("tangram-4x4", "tiny_mlp"), interrupt_after(delay));
    const auto files = files_below(folder_ / "out");
    if (end.signal == 0) {
      EXPECT_EQ(files, kResultFiles);
      break;
    }
    ++interrupted;
    EXPECT_EQ(end.signal, SIGINT);
    EXPECT_TRUE(files.empty() || files == kResultFiles)
        << files.size() << " files after " << delay.count() << " us";
    fs::remove_all(folder_ / "out");
    ASSERT_LT(delay, std::chrono::seconds(5)) << "the run never ends";
  }
  EXPECT_GT(interrupted, 0);
}

TEST_F(InterruptedRun, SignalDuringWritingWaitsForTheLastFile) {
  // A full pipe stands where the first file is written: the program stops there until it is
  // emptied.
  fs::create_directories(folder_ / "out");
  const fs::path path = fs::canonical(folder_) / "out" / "bandwidth.csv.partial";
  // Opened under another name, which tells the two ends apart.
  const fs::path own_end = folder_ / "pipe";
  ASSERT_EQ(mkfifo(own_end.c_str(), 0644), 0);
  fs::create_hard_link(own_end, path);
  const int pipe = open(own_end.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  char block[4096] = {};
  while (write(pipe, block, sizeof block) > 0) continue;
  const auto end = run_tessera(folder_, arguments("tangram-4x4", "tiny_mlp"), [&](pid_t child) {
    while (!has_open(child, path)) std::this_thread::sleep_for(microseconds(500));
    kill(child, SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    while (read(pipe, block, sizeof block) > 0) continue;
  });
  close(pipe);
  EXPECT_EQ(end.signal, SIGINT);
  EXPECT_EQ(files_below(folder_ / "out"), Words(kResultFiles.begin() + 1, kResultFiles.end()));
}

TEST_F(InterruptedRun, FileThatCannotBeWrittenTakesTheOthersWithIt) {
  // tiles.csv comes last but for result.json; a folder of that name cannot be replaced by a file.
  fs::create_directories(folder_ / "out" / "tiles.csv");
  const auto end = run_tessera(folder_, arguments("tangram-4x4", "tiny_mlp"));
  EXPECT_EQ(end.exit_code, 2);
  EXPECT_EQ(end.errors, "tessera: out/tiles.csv: cannot be written\n");
  EXPECT_EQ(files_below(folder_), Words{});
}

TEST_F(InterruptedRun, OutOfMemoryIsOneLineAndNoResult) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer reserves more address space than any limit of use here";
#endif
  // Enough for the program and its libraries, not for a schedule of 256 tiles.
  constexpr std::size_t kTooLittle = std::size_t{45} << 20;
  const auto end = run_tessera(folder_, arguments("tangram-16x16", "resnet50"), {}, kTooLittle);
  EXPECT_EQ(end.exit_code, 3) << end.signal;
  EXPECT_EQ(end.errors, "tessera: out of memory\n");
  EXPECT_EQ(files_below(folder_), Words{});
}

}  // namespace tessera::test
