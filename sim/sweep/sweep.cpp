#include "sim/sweep/sweep.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "sim/report/assets.h"
#include "sim/report/report.h"
#include "sim/sweep/metric.h"
#include "sim/sweep/point_folder.h"

namespace tessera::sweep {

namespace {

class Sweep {
 public:
  Sweep(const Study& study, Launcher& launcher, const SweepOptions& options)
      : study_(study), launcher_(launcher), options_(options) {
    for (const auto& point : study.points) folders_.emplace_back(options.out, point.hash);
  }

  void run() {
    prepare();
    launcher_.wait_for_leftovers([&] { report(); });
    for (int attempt = 0; attempt <= options_.retries; ++attempt) {
      const auto pending = unsettled();
      if (pending.empty()) break;
      launcher_.launch(pending, [&] { report(); });
    }
    for (const auto& folder : folders_)
      if (!folder.finished() && !folder.failure())
        folder.note_failure(
            -1, 0,
            "no result and no message after " + std::to_string(options_.retries + 1) + " attempts");
  }

  proto::SweepResult collect(const std::string& version) const {
    proto::SweepResult result;
    result.set_study(study_.name);
    result.set_version(version);
    for (const auto& key : study_.keys) result.add_key(key);
    for (std::size_t p = 0; p < folders_.size(); ++p) add_point(p, *result.add_point());
    return result;
  }

 private:
  void prepare() {
    for (std::size_t p = 0; p < folders_.size(); ++p) {
      folders_[p].prepare(study_.points[p].arguments);
      if (options_.retry_failed && !folders_[p].finished()) folders_[p].forget_failure();
    }
    begun_with_ = folders_.size() - unsettled().size();
    settled_.assign(folders_.size(), false);
    report();
  }

  std::vector<std::string> unsettled() const {
    std::vector<std::string> hashes;
    for (std::size_t p = 0; p < folders_.size(); ++p)
      if (!folders_[p].settled()) hashes.push_back(study_.points[p].hash);
    return hashes;
  }

  void report() {
    if (!options_.progress) return;
    Standing standing{.points = folders_.size(), .begun_with = begun_with_};
    for (std::size_t p = 0; p < folders_.size(); ++p) {
      if (!settled_[p]) settled_[p] = folders_[p].settled();
      if (!settled_[p]) continue;
      ++(folders_[p].finished() ? standing.finished : standing.failed);
    }
    options_.progress(standing);
  }

  void add_point(std::size_t p, proto::PointResult& message) const {
    message.set_configuration_hash(study_.points[p].hash);
    for (const auto& value : study_.points[p].values) message.add_value(value);
    message.set_finished(folders_[p].finished());
    if (!message.finished()) {
      *message.mutable_failure() = *folders_[p].failure();
      return;
    }
    const auto path = folders_[p].path() / "result.json";
    const auto json = nlohmann::json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
    if (json.is_discarded())
      throw UserError(path.string(), ": damaged; remove it and start the sweep again");
    for (const auto& name : study_.metrics) {
      auto& metric = *message.add_metric();
      metric.set_name(name);
      metric.set_value(metric_of(json, name));
    }
    for (const auto& cost : study_.costs) {
      auto& metric = *message.add_metric();
      metric.set_name(cost.name);
      metric.set_value(cost_of(cost, study_.points[p]));
    }
  }

  const Study& study_;
  Launcher& launcher_;
  const SweepOptions& options_;
  std::vector<PointFolder> folders_;
  std::vector<bool> settled_;  ///< as far as known
  std::size_t begun_with_ = 0;
};

/// Counts in full; they may have more digits than are printed of a fraction.
void add_number(CsvWriter& table, double value) {
  constexpr double kMostExact = 9007199254740992.0;  // 2^53
  if (std::abs(value) < kMostExact && value == std::floor(value))
    table << static_cast<std::int64_t>(value);
  else
    table << value;
}

std::string table_of(const Study& study, const proto::SweepResult& result) {
  std::vector<std::string> columns = study.keys;
  columns.insert(columns.end(), {"finished", "exit_code", "message", "configuration_hash"});
  const auto numbers = study.columns();
  columns.insert(columns.end(), numbers.begin(), numbers.end());
  CsvWriter table(columns);
  for (const auto& point : result.point()) {
    table.row();
    for (const auto& value : point.value()) table << value;
    table << (point.finished() ? 1 : 0) << (point.finished() ? 0 : point.failure().exit_code())
          << point.failure().message() << point.configuration_hash();
    for (const auto& metric : point.metric()) add_number(table, metric.value());
    for (int i = point.metric_size(); i < static_cast<int>(numbers.size()); ++i) table << "";
  }
  return table.text();
}

}  // namespace

proto::SweepResult run_sweep(const Study& study, Launcher& launcher, const SweepOptions& options,
                             const std::string& version) {
  OutputDirectory out(options.out);
  Sweep sweep(study, launcher, options);
  sweep.run();
  const auto result = sweep.collect(version);
  out.add("sweep.csv", table_of(study, result));
  out.add("sweep.json", to_json(result));
  if (sim::charts_available())
    out.add("report.html", sim::study_page(result.study(), out.content("sweep.json")));
  out.commit();
  return result;
}

}  // namespace tessera::sweep
