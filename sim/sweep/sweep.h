// A study from its points to the tables it leaves.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "sim/sweep/launcher.h"
#include "sim/sweep/study.h"
#include "sim/sweep/sweep.pb.h"

namespace tessera::sweep {

/// How far a sweep is.
struct Standing {
  std::size_t points = 0, finished = 0, failed = 0;
  std::size_t begun_with = 0;  ///< settled before this sweep began
};

struct SweepOptions {
  std::filesystem::path out;  ///< absolute
  /// Runs that got lost or were killed are tried again this often; runs that ended by themselves
  /// are not.
  int retries = 1;
  bool retry_failed = false;  ///< forget the failures of earlier sweeps
  std::function<void(const Standing&)> progress;
};

/// Runs what is not settled yet, point by point in a folder of its own, and writes sweep.csv,
/// sweep.json and, where the program has charts, report.html. Whatever the launcher and however
/// often it was interrupted, they have the same bytes. Returns what sweep.json holds.
proto::SweepResult run_sweep(const Study& study, Launcher& launcher, const SweepOptions& options,
                             const std::string& version);

}  // namespace tessera::sweep
