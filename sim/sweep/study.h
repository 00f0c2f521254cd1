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

/// constant + sum of weight x the value of a key.
struct Cost {
  std::string name;
  double constant = 0;
  struct Term {
    std::size_t key;  ///< index in the study's keys
    double weight;
  };
  std::vector<Term> terms;
};

double cost_of(const Cost& cost, const Point& point);

struct Study {
  std::string name;
  std::vector<std::string> keys;  ///< of parameters and listed points
  std::vector<Point> points;
  std::vector<std::string> metrics;
  std::vector<Cost> costs;

  /// Names of all numbers that are collected of a point.
  std::vector<std::string> columns() const;
};

/// What may stand behind `--` in a study.
struct RunOptions {
  std::set<std::string> with_value;
  std::set<std::string> switches;
};

/// Reads and expands a study; the last parameter varies fastest. UserError naming file, key and
/// what is allowed: an unknown option, a key that is set twice, a parameter without values, two
/// points that are alike, a metric that a result does not have, a cost of values that are no
/// numbers.
Study load_study(const std::string& path, const RunOptions& options, const std::string& version);

}  // namespace tessera::sweep
