#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/base/output_directory.h"
#include "sim/base/types.h"
#include "sim/sweep/launcher.h"
#include "sim/sweep/process.h"

namespace tessera::sweep {

namespace fs = std::filesystem;

namespace {

/// Arrays have at most MaxArraySize tasks, 1001 unless a site says otherwise.
constexpr std::size_t kMostTasks = 1000;
constexpr auto kPollEvery = std::chrono::milliseconds(500);
constexpr int kPollsWithoutAnswer = 120;
/// A job that cannot run is given this many polls: submission filters of a site may hold jobs for a
/// moment.
constexpr int kPollsStuck = 20;

/// Why Slurm never starts a job, as squeue says it (%r): held by someone or after a failed launch,
/// or asking for what there is not. Everything else may pass: priority, resources, nodes that are
/// down.
constexpr const char* kStuckReasons[] = {"held",
                                         "Held",
                                         "BadConstraints",
                                         "PartitionTimeLimit",
                                         "PartitionNodeLimit",
                                         "DependencyNeverSatisfied",
                                         "InvalidAccount",
                                         "InvalidQOS",
                                         "AccountNotAllowed",
                                         "QOSNotAllowed",
                                         "AccountingPolicy"};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

bool never_starts(const std::string& reason) {
  return std::ranges::any_of(
      kStuckReasons, [&](const char* known) { return reason.find(known) != std::string::npos; });
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

class SlurmLauncher final : public Launcher {
 public:
  explicit SlurmLauncher(const LauncherOptions& options)
      : options_(options), folder_(options.out / "launcher"), job_file_(folder_ / "job.txt") {}

  void launch(const std::vector<std::string>& hashes, const std::function<void()>& tick) override {
    const std::size_t pack = std::max(options_.pack, ceil_div(hashes.size(), kMostTasks));
    const auto packs = packs_of(hashes, pack);
    fs::create_directories(folder_);
    write_file_atomically(folder_ / "packs.txt", join(packs, "\n") + "\n");
    write_file_atomically(folder_ / "job.sh", script(packs.size()));
    write_file_atomically(job_file_, submit() + "\n");
    wait_for_leftovers(tick);
  }

  void wait_for_leftovers(const std::function<void()>& tick) override {
    if (!fs::exists(job_file_)) return;
    const std::string job = first_line(read_file(job_file_));
    while (alive(job)) {
      if (stuck_polls_ > kPollsStuck)
        throw UserError("--launcher slurm: job ", job, " does not start: ", stuck_because_,
                        "; release it or cancel it (scancel ", job, ") and start the sweep again");
      tick();
      std::this_thread::sleep_for(kPollEvery);
    }
    fs::remove(job_file_);
    tick();
  }

 private:
  /// Task n runs the points in line n + 1 of packs.txt.
  std::string script(std::size_t tasks) const {
    return "#!/bin/sh\n"
           "#SBATCH --job-name=tessera-sweep\n"
           "#SBATCH --array=0-" +
           std::to_string(tasks - 1) +
           "\n"
           // What gets lost is submitted again from here; Slurm would hold a task that was
           // cancelled while it was being launched.
           "#SBATCH --no-requeue\n"
           "#SBATCH --output=" +
           (folder_ / "task-%a.txt").string() +
           "\n"
           "points=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" " +
           quoted(folder_ / "packs.txt") +
           ")\n"
           "exec " +
           quoted(options_.program) + " sweep --out " + quoted(options_.out) +
           " --points \"$points\"\n";
  }

  std::string submit() const {
    std::vector<std::string> command = {"sbatch", "--parsable",
                                        "--chdir=" + fs::current_path().string()};
    command.insert(command.end(), options_.submit_options.begin(), options_.submit_options.end());
    command.push_back((folder_ / "job.sh").string());
    const auto answer = run(command);
    if (answer.exit_code == 127)
      throw UserError(
          "--launcher slurm: sbatch cannot be executed; is this a host that submits to Slurm?");
    if (answer.exit_code != 0)
      throw UserError("--launcher slurm: sbatch: ", first_line(answer.errors));
    const std::string line = first_line(answer.standard);
    return line.substr(0, line.find(';'));  // a cluster's name may follow
  }

  /// Whether any task of the job still waits or runs. Slurm forgets jobs some time after their end.
  bool alive(const std::string& job) {
    const auto answer = run({"squeue", "--noheader", "--jobs=" + job, "--format=%T %r"});
    if (answer.exit_code == 0) {
      silent_polls_ = 0;
      look_for_stuck(answer.standard);
      return answer.standard.find_first_not_of(" \n") != std::string::npos;
    }
    if (answer.errors.find("Invalid job id") != std::string::npos) return false;
    if (++silent_polls_ > kPollsWithoutAnswer)
      throw UserError("--launcher slurm: squeue: ", first_line(answer.errors), "; the job ", job,
                      " may still run; start the sweep again to wait for it");
    return true;
  }

  /// Counts polls in which all that is left of the job will never run. Lines: state, reason.
  void look_for_stuck(const std::string& tasks) {
    std::istringstream lines(tasks);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t space = line.find(' ');
      const std::string reason = space == std::string::npos ? "" : line.substr(space + 1);
      if (!line.starts_with("PENDING") || !never_starts(reason)) {
        stuck_polls_ = 0;
        return;
      }
      stuck_because_ = reason;
    }
    ++stuck_polls_;
  }

  LauncherOptions options_;
  fs::path folder_, job_file_;
  int silent_polls_ = 0, stuck_polls_ = 0;
  std::string stuck_because_;
};

}  // namespace

std::unique_ptr<Launcher> make_slurm_launcher(const LauncherOptions& options) {
  return std::make_unique<SlurmLauncher>(options);
}

}  // namespace tessera::sweep
