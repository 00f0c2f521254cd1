// Which runs a parameter study consists of.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace tessera::sweep {

/// One run. `values` belong to the study's keys.
struct Point {
  std::vector<std::string> values;
  std::vector<std::string> arguments;  ///< of tessera run, without --out
  /// Of arguments, contents of the files they name and version: equal hashes, equal results.
  std::string hash;
};

struct Study {
  std::string name;
  std::vector<std::string> keys;  ///< of parameters and listed points
  std::vector<Point> points;
  std::vector<std::string> metrics;
};

/// What may stand behind `--` in a study.
struct RunOptions {
  std::set<std::string> with_value;
  std::set<std::string> switches;
};

/// Reads and expands a study; the last parameter varies fastest. UserError naming file, key and
/// what is allowed: an unknown option, a key that is set twice, a parameter without values, two
/// points that are alike, a metric that a result does not have.
Study load_study(const std::string& path, const RunOptions& options, const std::string& version);

}  // namespace tessera::sweep
