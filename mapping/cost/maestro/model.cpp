#include "mapping/cost/maestro/model.h"

#include <algorithm>
#include <map>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::maestro {

namespace {

/// What all units of a level do in one step of a case.
struct Step {
  std::int64_t occurrences = 1;
  std::int64_t products = 0;  ///< of all active units
  double active_pes = 0;      ///< mean over the levels below
  StepTraffic traffic;
  std::int64_t ingress_delay = 0;
  std::int64_t egress_delay = 0;
  std::int64_t compute_delay = 0;
  std::int64_t step_delay = 0;
  bool dropped = false;  ///< no work: the tool leaves the case out, but for the output's counts
};

/// Occurrences are a 32-bit product in the tool and wrap on very large layers.
std::int64_t occurrences_of(const Case& c, Faults faults) {
  std::uint64_t product = 1;
  for (const auto& state : c) product *= static_cast<std::uint64_t>(state.occurrences);
  if (faults == Faults::kAsShipped) return static_cast<std::int32_t>(product);
  return static_cast<std::int64_t>(product);
}

bool all_initial(const Case& c) {
  return std::all_of(c.begin(), c.end(),
                     [](const MapState& state) { return state.position == Position::kInit; });
}

/// A call of one level: its runtime from a cold start, and the PEs at work, mean over its steps.
struct Run {
  std::int64_t cycles = 0;
  double active_pes = 0;
};

class Recursion {
 public:
  Recursion(const LayerModel& layer, const std::vector<ClusterLevel>& levels,
            const Hardware& hardware, Faults faults)
      : layer_(layer),
        levels_(levels),
        hardware_(hardware),
        faults_(faults),
        known_runs_(levels.size()) {
    for (const auto& dimension : layer.dimensions) whole_.push_back(dimension.extent);
    Tile nominal = whole_;
    for (const auto& level : levels) {
      nominal_.emplace_back(layer, level, nominal, faults);
      nominal = nominal_.back().inner_nominal();
    }
  }

  const Tile& whole() const { return whole_; }
  std::size_t levels() const { return levels_.size(); }
  const LevelAnalysis& innermost() const { return nominal_.back(); }

  /// As shipped, sizes follow the level's nominal tile whatever tile the call is for.
  LevelAnalysis analysis(std::size_t level, const Tile& tile) const {
    if (faults_ == Faults::kAsShipped) return nominal_[level];
    return LevelAnalysis(layer_, levels_[level], tile, faults_);
  }

  Step step(std::size_t level, const LevelAnalysis& analysis, const Case& c) {
    Step step;
    step.occurrences = occurrences_of(c, faults_);
    step.products = analysis.products(c);
    step.traffic = analysis.traffic(c);
    const auto work = analysis.unit_work(c, false);
    step.dropped = work <= 0;
    if (step.dropped) return step;
    const Run unit = run_of_unit(level, analysis, c, work);
    step.compute_delay = unit.cycles;
    step.active_pes = static_cast<double>(analysis.active_units(c)) * unit.active_pes;
    step.ingress_delay = transfer_delay(step.traffic.input + step.traffic.weight);
    step.egress_delay = transfer_delay(step.traffic.output);
    step.step_delay = all_initial(c)
                          ? step.compute_delay + step.ingress_delay
                          : std::max({step.compute_delay, step.ingress_delay, step.egress_delay});
    return step;
  }

 private:
  std::int64_t transfer_delay(std::int64_t words) const {
    return hardware_.noc_latency + ceil_div(words, hardware_.noc_bandwidth) - 1;
  }

  const Run& run(std::size_t level, const Tile& tile) {
    const auto known = known_runs_[level].find(tile);
    if (known != known_runs_[level].end()) return known->second;
    Run run;
    std::int64_t steps = 0;
    const LevelAnalysis level_analysis = analysis(level, tile);
    for (const auto& c : level_analysis.cases(tile)) {
      const Step s = step(level, level_analysis, c);
      if (s.dropped) continue;
      run.cycles += s.occurrences * s.step_delay;
      run.active_pes += static_cast<double>(s.occurrences) * s.active_pes;
      steps += s.occurrences;
    }
    if (steps != 0) run.active_pes /= static_cast<double>(steps);
    return known_runs_[level][tile] = run;
  }

  /// The slower of the full and the partial unit.
  Run run_of_unit(std::size_t level, const LevelAnalysis& analysis, const Case& c,
                  std::int64_t work) {
    if (level + 1 == levels_.size()) return {work, 1};
    Run unit = run(level + 1, analysis.unit_tile(c, false));
    if (analysis.has_partial_unit(c))
      unit.cycles = std::max(unit.cycles, run(level + 1, analysis.unit_tile(c, true)).cycles);
    if (unit.cycles == 0)
      throw UserError("the mapping leaves cluster level ", level + 1,
                      " without work in one of its steps; the tool divides by zero there");
    return unit;
  }

  const LayerModel& layer_;
  const std::vector<ClusterLevel>& levels_;
  const Hardware& hardware_;
  Faults faults_;
  Tile whole_;
  std::vector<LevelAnalysis> nominal_;
  std::vector<std::map<Tile, Run>> known_runs_;
};

/// Sums over the top level's cases.
class Totals {
 public:
  Totals(const Hardware& hardware, Faults faults) : hardware_(hardware), faults_(faults) {}

  void add(const Step& step) {
    if (!step.dropped || faults_ == Faults::kAsShipped) {
      result_.partial_products += step.occurrences * step.products;
      result_.output_l2_writes += step.occurrences * step.traffic.output;
    }
    if (step.dropped) return;
    const bool first = steps_ == 0;
    if (first) first_traffic_ = step.traffic;
    result_.runtime_cycles += step.occurrences * limited_by_offchip(step.step_delay);
    result_.macs += step.occurrences * step.products;
    result_.input_l2_reads += step.occurrences * step.traffic.input;
    result_.weight_l2_reads += step.occurrences * step.traffic.weight;
    result_.mean_active_pes += static_cast<double>(step.occurrences) * step.active_pes;
    const auto busiest = std::max(step.traffic.input + step.traffic.weight, step.traffic.output);
    result_.peak_bandwidth = std::max(result_.peak_bandwidth, busiest / step.compute_delay);
    result_.mean_bandwidth += static_cast<double>(step.occurrences * busiest / step.compute_delay);
    if (first) result_.offchip_bandwidth = busiest / step.compute_delay;
    widen(result_.ingress, step.ingress_delay, step.occurrences, first);
    widen(result_.egress, step.egress_delay, step.occurrences, first);
    widen(result_.compute, step.compute_delay, step.occurrences, first);
    steps_ += step.occurrences;
  }

  MaestroResult finish(const LayerModel& layer, const LevelAnalysis& innermost) {
    if (steps_ != 0) {
      const auto steps = static_cast<double>(steps_);
      for (double* mean : {&result_.mean_active_pes, &result_.mean_bandwidth, &result_.ingress.mean,
                           &result_.egress.mean, &result_.compute.mean})
        *mean /= steps;
    }
    result_.l1_words = 2 * innermost.unit_footprint();
    result_.l2_words = l2_input_request() + l2_output_request();
    result_.input_l2_writes = volume(layer, layer.input);
    result_.weight_l2_writes = volume(layer, layer.weight);
    result_.output_l2_reads =
        faults_ == Faults::kFixed ? exact_output_volume(layer) : output_volume(layer);
    return result_;
  }

 private:
  static void widen(DelayRange& range, std::int64_t delay, std::int64_t occurrences, bool first) {
    range.least = first ? delay : std::min(range.least, delay);
    range.most = first ? delay : std::max(range.most, delay);
    range.mean += static_cast<double>(occurrences * delay);
  }

  std::int64_t l2_input_request() const {
    return 2 * (first_traffic_.input + first_traffic_.weight);
  }
  std::int64_t l2_output_request() const { return 2 * first_traffic_.output; }

  /// Every step is charged the first step's traffic; the shared buffer has no reuse here.
  std::int64_t limited_by_offchip(std::int64_t delay) const {
    return std::max({delay, l2_input_request() / hardware_.offchip_bandwidth / 2,
                     l2_output_request() / hardware_.offchip_bandwidth / 2});
  }

  static std::int64_t volume(const LayerModel& layer, const std::vector<int>& dimensions) {
    std::int64_t words = 1;
    for (const int d : dimensions) words *= layer.dimensions[d].extent;
    return words;
  }

  /// The tool leaves the stride out.
  std::int64_t output_volume(const LayerModel& layer) const {
    std::int64_t words = 1;
    for (const int d : layer.output) {
      const auto& dimension = layer.dimensions[d];
      words *= dimension.window < 0
                   ? dimension.extent
                   : dimension.extent - layer.dimensions[dimension.window].extent + 1;
    }
    return words;
  }

  static std::int64_t exact_output_volume(const LayerModel& layer) {
    std::int64_t words = 1;
    for (const int d : layer.output) words *= layer.dimensions[d].outputs;
    return words;
  }

  const Hardware& hardware_;
  Faults faults_;
  MaestroResult result_;
  StepTraffic first_traffic_;
  std::int64_t steps_ = 0;
};

/// The order of the tool's log: a level's rows follow those of the calls it made.
class CaseLog {
 public:
  CaseLog(const LayerModel& layer, Recursion& recursion) : layer_(layer), recursion_(recursion) {}

  std::vector<CaseRecord> records() {
    log_call(0, recursion_.whole());
    return std::move(records_);
  }

 private:
  static constexpr std::size_t kLoggedLevels = 2;

  void log_call(std::size_t level, const Tile& tile) {
    ++calls_;
    const LevelAnalysis analysis = recursion_.analysis(level, tile);
    int index = 0;
    for (const auto& c : analysis.cases(tile)) {
      CaseRecord record;
      record.level = static_cast<int>(level);
      record.invocation = calls_;
      record.index = index;
      record.states = states_text(analysis.level(), c);
      const Step step = recursion_.step(level, analysis, c);
      record.occurrences = step.occurrences;
      record.skipped = step.dropped;
      if (!step.dropped) {
        ++index;
        log_inner_calls(level, analysis, c);
        fill(step, record);
      }
      records_.push_back(std::move(record));
    }
  }

  void log_inner_calls(std::size_t level, const LevelAnalysis& analysis, const Case& c) {
    if (level + 1 >= std::min(recursion_.levels(), kLoggedLevels)) return;
    log_call(level + 1, analysis.unit_tile(c, false));
    if (analysis.has_partial_unit(c)) log_call(level + 1, analysis.unit_tile(c, true));
  }

  static void fill(const Step& step, CaseRecord& record) {
    record.partial_products = step.products;
    record.traffic = step.traffic;
    record.ingress_delay = step.ingress_delay;
    record.egress_delay = step.egress_delay;
    record.compute_delay = step.compute_delay;
    record.step_delay = step.step_delay;
  }

  std::string states_text(const ClusterLevel& level, const Case& c) const {
    std::map<std::string, std::string> by_name;
    for (std::size_t i = 0; i < c.size(); ++i) {
      const char position = "ISE"[static_cast<int>(c[i].position)];
      by_name[layer_.dimensions[level.maps[i].dimension].name] =
          std::string(1, position) + (c[i].unrolled ? "u" : "") + (c[i].edge ? "e" : "");
    }
    std::string text;
    for (const auto& [name, state] : by_name)
      text += (text.empty() ? "" : " ") + name + ":" + state;
    return text;
  }

  const LayerModel& layer_;
  Recursion& recursion_;
  std::vector<CaseRecord> records_;
  int calls_ = 0;
};

}  // namespace

MaestroResult predict(const LayerModel& layer, const std::vector<ClusterLevel>& levels,
                      const Hardware& hardware, Faults faults) {
  Recursion recursion(layer, levels, hardware, faults);
  Totals totals(hardware, faults);
  const LevelAnalysis top = recursion.analysis(0, recursion.whole());
  for (const auto& c : top.cases(recursion.whole())) totals.add(recursion.step(0, top, c));
  return totals.finish(layer, recursion.innermost());
}

std::vector<CaseRecord> iteration_cases(const LayerModel& layer,
                                        const std::vector<ClusterLevel>& levels,
                                        const Hardware& hardware, Faults faults) {
  Recursion recursion(layer, levels, hardware, faults);
  return CaseLog(layer, recursion).records();
}

}  // namespace tessera::mapping::maestro
