#include <algorithm>
#include <chrono>
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

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

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
    const auto answer = run({"squeue", "--noheader", "--jobs=" + job, "--format=%T"});
    if (answer.exit_code == 0) {
      silent_polls_ = 0;
      return answer.standard.find_first_not_of(" \n") != std::string::npos;
    }
    if (answer.errors.find("Invalid job id") != std::string::npos) return false;
    if (++silent_polls_ > kPollsWithoutAnswer)
      throw UserError("--launcher slurm: squeue: ", first_line(answer.errors), "; the job ", job,
                      " may still run; start the sweep again to wait for it");
    return true;
  }

  LauncherOptions options_;
  fs::path folder_, job_file_;
  int silent_polls_ = 0;
};

}  // namespace

std::unique_ptr<Launcher> make_slurm_launcher(const LauncherOptions& options) {
  return std::make_unique<SlurmLauncher>(options);
}

}  // namespace tessera::sweep
