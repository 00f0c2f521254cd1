// A Slurm of one node on loopback, for tests.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tessera::test {

/// munged, slurmctld and slurmd with all their files in one folder, unprivileged ports of their own
/// and no service manager. Sets SLURM_CONF for the programs that the test starts. The daemons end
/// with the object, or with the test should it die.
class SlurmCluster {
 public:
  /// Returns when the node takes jobs. std::runtime_error with the daemons' last words when it does
  /// not.
  SlurmCluster();
  ~SlurmCluster();
  SlurmCluster(const SlurmCluster&) = delete;
  SlurmCluster& operator=(const SlurmCluster&) = delete;

  /// Whether all programs it needs are there.
  static bool available();
  /// Cancels all jobs and waits until they are gone.
  void cancel_all() const;
  /// Jobs ever submitted.
  int submitted() const;

 private:
  void write_configuration() const;
  void start_daemons();
  bool node_is_idle() const;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  std::filesystem::path folder_;
  std::vector<pid_t> daemons_;
};

}  // namespace tessera::test
