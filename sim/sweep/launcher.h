// Where the runs of a sweep are executed.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tessera::sweep {

struct LauncherOptions {
  std::filesystem::path program;  ///< tessera
  std::filesystem::path out;      ///< absolute; on a cluster, a place that all hosts see
  int jobs = 0;                   ///< at a time on this host (per host with ssh); 0: all cores
  std::size_t pack = 1;           ///< points of one task of a cluster, one after the other
  std::string ssh_login_file;     ///< GNU parallel
  std::vector<std::string> submit_options;  ///< more words for sbatch
};

/// Runs points by their hashes and returns when all have been tried once, each with a result or a
/// failure in its folder, or with neither when it got lost. Calls `tick` now and then.
class Launcher {
 public:
  virtual ~Launcher() = default;
  virtual void launch(const std::vector<std::string>& hashes,
                      const std::function<void()>& tick) = 0;
  /// Waits for what an earlier, interrupted sweep left running.
  virtual void wait_for_leftovers(const std::function<void()>& /*tick*/) {}
};

/// By name: local, slurm, parallel. UserError lists them.
std::unique_ptr<Launcher> make_launcher(const std::string& name, const LauncherOptions& options);
const std::vector<std::string>& launcher_names();

/// Processes of this host.
std::unique_ptr<Launcher> make_local_launcher(const LauncherOptions& options);
/// A job array of Slurm per call, polled with squeue. The job's number is kept in OUT/launcher, so
/// that a sweep which is started again waits for its job instead of submitting the points a second
/// time.
std::unique_ptr<Launcher> make_slurm_launcher(const LauncherOptions& options);
/// GNU parallel, with a file of ssh logins for other hosts.
std::unique_ptr<Launcher> make_parallel_launcher(const LauncherOptions& options);

/// Hashes in packs, joined by commas as `tessera sweep --points` takes them.
std::vector<std::string> packs_of(const std::vector<std::string>& hashes, std::size_t pack);

}  // namespace tessera::sweep
