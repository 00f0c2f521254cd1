#include "sim/sweep/study.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>

#include "sim/base/error.h"
#include "sim/base/hash.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/sweep/metric.h"
#include "sim/sweep/sweep.pb.h"

namespace tessera::sweep {

namespace {

constexpr std::size_t kMostPoints = 1'000'000;
const std::vector<std::string> kMetrics = {"cycles",
                                           "milliseconds",
                                           "macs",
                                           "utilisation",
                                           "energy_pj.total",
                                           "energy_pj.network",
                                           "energy_pj.dram",
                                           "peak_buffer_bytes",
                                           "network_on_chip.flit_hops",
                                           "network_on_chip.max_link_utilisation",
                                           "dram_channels[].read_bytes",
                                           "dram_channels[].written_bytes",
                                           "cycle_stack.compute",
                                           "cycle_stack.wait_dram",
                                           "cycle_stack.wait_network",
                                           "cycle_stack.wait_peer"};

struct Setting {
  std::string key, value;
};

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

class Expander {
 public:
  Expander(std::string path, const RunOptions& options, const std::string& version)
      : path_(std::move(path)), options_(options), version_(version) {}

  Study expand() {
    proto::Study message;
    load_textproto(path_, message);
    study_.name =
        message.name().empty() ? std::filesystem::path(path_).stem().string() : message.name();
    study_.metrics = {message.metric().begin(), message.metric().end()};
    if (study_.metrics.empty()) study_.metrics = kMetrics;
    for (const auto& metric : study_.metrics) check_metric(path_, metric);
    read_fixed(message);
    read_keys(message);
    if (message.point().empty())
      vary(message, 0, {});
    else
      for (const auto& point : message.point()) vary(message, 0, values_of(point));
    for (const auto& cost : message.cost()) add_cost(cost);
    return std::move(study_);
  }

 private:
  void read_fixed(const proto::Study& message) {
    for (const auto& setting : message.fixed()) {
      check_key(setting.key());
      fixed_.push_back({setting.key(), setting.value()});
    }
  }

  /// Keys of listed points first, which vary slowest.
  void read_keys(const proto::Study& message) {
    if (!message.point().empty())
      for (const auto& setting : message.point(0).setting()) add_key(setting.key());
    for (const auto& parameter : message.parameter()) {
      add_key(parameter.key());
      if (parameter.value().empty())
        throw UserError(path_, ": parameter ", parameter.key(), ": has no values");
    }
    if (study_.keys.empty()) throw UserError(path_, ": has no parameter and no listed point");
  }

  void add_key(const std::string& key) {
    check_key(key);
    study_.keys.push_back(key);
  }

  void check_key(const std::string& key) {
    if (key.empty()) throw UserError(path_, ": a setting has no key");
    if (!seen_.insert(key).second) throw UserError(path_, ": ", key, " is set twice");
    if (!key.starts_with("--")) return;
    const std::string name = key.substr(2);
    if (options_.with_value.contains(name) || options_.switches.contains(name)) return;
    std::vector<std::string> known(options_.with_value.begin(), options_.with_value.end());
    known.insert(known.end(), options_.switches.begin(), options_.switches.end());
    throw UserError(path_, ": ", key, ": no option of tessera run that a study may set; ",
                    suggest(name, known));
  }

  std::vector<std::string> values_of(const proto::ListedPoint& point) const {
    std::vector<std::string> values;
    for (const auto& setting : point.setting()) {
      if (values.size() >= study_.keys.size() || setting.key() != study_.keys[values.size()])
        throw UserError(path_, ": a listed point sets ", setting.key(),
                        "; allowed: the keys of the first point, in its order");
      values.push_back(setting.value());
    }
    return values;
  }

  void vary(const proto::Study& message, int parameter, std::vector<std::string> values) {
    if (parameter == message.parameter_size()) return add_point(std::move(values));
    for (const auto& value : message.parameter(parameter).value()) {
      auto extended = values;
      extended.push_back(value);
      vary(message, parameter + 1, std::move(extended));
    }
  }

  void add_point(std::vector<std::string> values) {
    if (values.size() != study_.keys.size())
      throw UserError(path_, ": a listed point sets ", values.size(),
                      " keys; allowed: ", study_.keys.size(), " with the parameters");
    if (study_.points.size() == kMostPoints)
      throw UserError(path_, ": has more than ", kMostPoints, " points");
    Point point;
    std::string files;
    for (const auto& setting : fixed_) add_argument(setting, point, files);
    for (std::size_t k = 0; k < values.size(); ++k)
      add_argument({study_.keys[k], values[k]}, point, files);
    point.values = std::move(values);
    point.hash = hash_text(version_ + "\n" + join(point.arguments, "\n") + "\n" + files);
    if (!hashes_.insert(point.hash).second)
      throw UserError(path_, ": two points are alike: ", join(point.arguments, " "));
    study_.points.push_back(std::move(point));
  }

  void add_argument(const Setting& setting, Point& point, std::string& files) {
    if (!setting.key.starts_with("--")) {
      point.arguments.push_back("--set=" + setting.key + "=" + setting.value);
      return;
    }
    if (options_.switches.contains(setting.key.substr(2))) {
      if (setting.value != "true" && setting.value != "false")
        throw UserError(path_, ": ", setting.key, ": '", setting.value, "'; allowed: true, false");
      if (setting.value == "true") point.arguments.push_back(setting.key);
      return;
    }
    point.arguments.push_back(setting.key + "=" + setting.value);
    files += content_of(setting.value);
  }

  /// What a file holds is part of the configuration, its name alone is not.
  const std::string& content_of(const std::string& value) {
    const auto [entry, added] = contents_.try_emplace(value);
    if (added && std::filesystem::is_regular_file(value)) entry->second = read_file(value);
    return entry->second;
  }

  void add_cost(const proto::Cost& message) {
    Cost cost{message.name(), message.constant(), {}};
    if (cost.name.empty()) throw UserError(path_, ": a cost has no name");
    const auto names = study_.columns();
    if (std::ranges::find(names, cost.name) != names.end())
      throw UserError(path_, ": cost ", cost.name, ": there is a metric or cost of this name");
    for (const auto& term : message.term()) {
      const auto key = std::ranges::find(study_.keys, term.key());
      if (key == study_.keys.end())
        throw UserError(path_, ": cost ", cost.name, ": ", term.key(), " is no parameter; ",
                        suggest(term.key(), study_.keys));
      cost.terms.push_back({static_cast<std::size_t>(key - study_.keys.begin()), term.weight()});
      for (const auto& point : study_.points) check_number(cost, point);
    }
    study_.costs.push_back(std::move(cost));
  }

  void check_number(const Cost& cost, const Point& point) const {
    const std::size_t key = cost.terms.back().key;
    if (!number_in(point.values[key]))
      throw UserError(path_, ": cost ", cost.name, ": ", study_.keys[key], " = ", point.values[key],
                      ": is no number");
  }

  std::string path_;
  const RunOptions& options_;
  const std::string& version_;
  Study study_;
  std::vector<Setting> fixed_;
  std::set<std::string> seen_, hashes_;
  std::map<std::string, std::string> contents_;
};

}  // namespace

double cost_of(const Cost& cost, const Point& point) {
  double sum = cost.constant;
  for (const auto& term : cost.terms) sum += term.weight * *number_in(point.values[term.key]);
  return sum;
}

std::vector<std::string> Study::columns() const {
  auto names = metrics;
  for (const auto& cost : costs) names.push_back(cost.name);
  return names;
}

Study load_study(const std::string& path, const RunOptions& options, const std::string& version) {
  return Expander(path, options, version).expand();
}

}  // namespace tessera::sweep
