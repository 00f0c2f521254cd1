#include "tests/sweep/sweep_run.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::test {

namespace fs = std::filesystem;

namespace {

constexpr auto kPatience = std::chrono::seconds(180);

// Flits of 32 bytes are wider than the buffer's ports allow.
constexpr const char* kStudy = R"(
fixed { key: "--accelerator" value: "tangram-4x4" }
fixed { key: "--network" value: "small_cnn" }
parameter { key: "noc.flit_bytes" value: "4" value: "8" value: "16" value: "32" }
parameter { key: "dram_channels" value: "1" value: "2" value: "3" value: "4" value: "5" }
parameter { key: "schedule.dram_placement.interleave_bytes" value: "64" value: "256" }
)";

}  // namespace

SweepRun::SweepRun() { std::ofstream(folder_ / "study.textproto") << kStudy; }

std::vector<std::string> SweepRun::command(const std::string& name,
                                           const std::vector<std::string>& options) const {
  std::vector<std::string> words = {TESSERA_PROGRAM, "sweep",
                                    (folder_ / "study.textproto").string(), "--out",
                                    out(name).string()};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

int SweepRun::run(const std::string& name, const std::vector<std::string>& options) const {
  const int exit_code = finish(name, start(name, options));
  EXPECT_EQ(errors(name), "");
  return exit_code;
}

pid_t SweepRun::start(const std::string& name, const std::vector<std::string>& options) const {
  return sweep::start(command(name, options), {"", folder_ / (name + ".errors")});
}

int SweepRun::finish(const std::string& name, pid_t child) const {
  sweep::ChildEnd end;
  const bool ended = within(
      kPatience,
      [&] {
        bystander_.tend();
        end = sweep::wait_for(child, /*block=*/false);
        return end.child == child;
      },
      std::chrono::milliseconds(200));
  if (!ended) give_up(child, "the sweep " + name + " does not end");
  return end.exit_code;
}

std::string SweepRun::errors(const std::string& name) const {
  return read_file((folder_ / (name + ".errors")).string());
}

void SweepRun::wait_for_settled(const std::string& name, pid_t child, int points) const {
  sweep::ChildEnd end;
  const bool reached = within(kPatience, [&] {
    end = sweep::wait_for(child, /*block=*/false);
    return end.child == child || settled(name) >= points;
  });
  if (end.child == child)
    throw std::runtime_error(detail::concatenate("the sweep ", name, " ended early, exit code ",
                                                 end.exit_code, ", signal ", end.signal, ": ",
                                                 errors(name)));
  if (!reached) give_up(child, "the sweep " + name + " settles no points");
}

void SweepRun::run_and_kill(const std::string& name, const std::vector<std::string>& options,
                            int settled_points) const {
  const pid_t child = start(name, options);
  wait_for_settled(name, child, settled_points);
  kill(child, SIGKILL);
  sweep::wait_for(child);
}

void SweepRun::give_up(pid_t child, const std::string& what) const {
  kill(child, SIGKILL);
  sweep::wait_for(child);
  throw std::runtime_error(what + "\n" + bystander_.standing());
}

std::string SweepRun::table(const std::string& name) const {
  return read_file((out(name) / "sweep.csv").string());
}

int SweepRun::settled(const std::string& name) const {
  int count = 0;
  if (!fs::exists(out(name) / "points")) return 0;
  for (const auto& point : fs::directory_iterator(out(name) / "points"))
    count += fs::exists(point.path() / "result.json") || fs::exists(point.path() / "failure.json");
  return count;
}

std::vector<fs::file_time_type> SweepRun::times(const std::string& name) const {
  std::vector<fs::file_time_type> all;
  for (const auto& point : fs::directory_iterator(out(name) / "points"))
    if (fs::exists(point.path() / "result.json"))
      all.push_back(fs::last_write_time(point.path() / "result.json"));
  std::ranges::sort(all);
  return all;
}

bool within(std::chrono::seconds limit, const std::function<bool()>& condition,
            std::chrono::milliseconds pause) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

bool installed(const std::string& program) {
  return sweep::run({"sh", "-c", "command -v " + program}).exit_code == 0;
}

}  // namespace tessera::test
