#include "sim/app/refinement.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <map>
#include <optional>

#include "hw_models/dram/device.h"
#include "mapping/fusion/fused_scheduler.h"
#include "mapping/layerwise.h"
#include "mapping/refine/known_verdicts.h"
#include "mapping/schedule_io.h"
#include "mapping/tangram/scheduler.h"
#include "sim/app/progress.h"
#include "sim/app/tangram_options.h"
#include "sim/base/error.h"
#include "sim/base/hash.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/machine/child_run.h"
#include "sim/machine/machine_rates.h"

namespace tessera::app {

namespace po = boost::program_options;
using mapping::RefineOptions;

po::options_description refine_options() {
  po::options_description options("Refinement");
  auto add = options.add_options();
  add("refine", po::value<std::int64_t>()->default_value(-1),
      "candidates per place that a scheduler has simulated, best first by its analysis; 0: "
      "analysis decides alone; -1: 1 for fused, pipeorgan and tangram, 0 for the others");
  add("refine-budget", po::value<std::string>(),
      "stop simulating candidates after so many (200) or so many simulated cycles "
      "(5000000cycles); what is not decided stays as it was");
  add("refine-seconds", po::value<std::int64_t>(),
      "stop simulating candidates after so many seconds of wall-clock time: the result then "
      "depends on how fast the host is");
  add("refine-known", po::value<std::string>(),
      "file of what earlier searches simulated: made when it is not there, asked before a "
      "candidate is simulated, and added to; the schedule that is found is the same without it");
  return options;
}

namespace {

/// How a scheduler was asked for, beside its name.
struct Asked {
  const std::string& policy;
  const po::variables_map& options;
};

using Refiner = mapping::Refined (*)(const workloads::Network&, const hw::Accelerator&,
                                     const mapping::MachineRates&, const mapping::Simulate&,
                                     const RefineOptions&, const Asked&);

/// Refiners that are asked for by their name alone.
template <auto kRefine>
mapping::Refined plainly(const workloads::Network& network, const hw::Accelerator& accelerator,
                         const mapping::MachineRates& rates, const mapping::Simulate& simulate,
                         const RefineOptions& options, const Asked&) {
  return kRefine(network, accelerator, rates, simulate, options);
}

mapping::Refined refine_pipeorgan(const workloads::Network& network,
                                  const hw::Accelerator& accelerator,
                                  const mapping::MachineRates& rates,
                                  const mapping::Simulate& simulate, const RefineOptions& options,
                                  const Asked& asked) {
  return mapping::refine_pipeorgan(network, accelerator, rates, simulate, options,
                                   mapping::parse_pipeline_policy(asked.policy));
}

mapping::Refined refine_tangram(const workloads::Network& network,
                                const hw::Accelerator& accelerator,
                                const mapping::MachineRates& rates,
                                const mapping::Simulate& simulate, const RefineOptions& options,
                                const Asked& asked) {
  return mapping::refine_tangram(network, accelerator, rates,
                                 tangram_switches(asked.options, "tangram"), simulate, options);
}

/// Schedulers that have finalists. `usual`: how many they have simulated when nobody says.
struct RefinedKind {
  Refiner refine;
  int usual;
};

const std::map<std::string, RefinedKind>& refined_kinds() {
  static const std::map<std::string, RefinedKind> kinds = {
      {"fused", {plainly<mapping::refine_fused>, 1}},
      {"layerwise", {plainly<mapping::refine_layerwise>, 0}},
      {"pipeorgan", {refine_pipeorgan, 1}},
      {"tangram", {refine_tangram, 1}},
  };
  return kinds;
}

std::vector<std::string> refined_names() {
  std::vector<std::string> names;
  for (const auto& [name, kind] : refined_kinds()) names.push_back(name);
  return names;
}

void read_budget(const std::string& text, RefineOptions& options) {
  constexpr std::string_view kUnit = "cycles";
  const bool cycles = text.ends_with(kUnit);
  const std::string digits = cycles ? text.substr(0, text.size() - kUnit.size()) : text;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  constexpr std::uint64_t kMostCandidates = 1'000'000'000;
  if (error != std::errc() || end != digits.data() + digits.size() || number == 0 ||
      (!cycles && number > kMostCandidates))
    throw UserError("--refine-budget ", text,
                    ": must be a number of candidates such as 200 or of simulated cycles such as "
                    "5000000cycles");
  if (cycles)
    options.most_cycles = number;
  else
    options.most_candidates = static_cast<int>(number);
}

RefineOptions options_of(const po::variables_map& values, int finalists) {
  RefineOptions options;
  options.finalists = finalists;
  if (values.count("refine-budget") != 0)
    read_budget(values["refine-budget"].as<std::string>(), options);
  if (values.count("refine-seconds") != 0) {
    const auto seconds = values["refine-seconds"].as<std::int64_t>();
    if (seconds < 1) throw UserError("--refine-seconds ", seconds, ": must be at least 1");
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    options.expired = [end] { return std::chrono::steady_clock::now() >= end; };
  }
  return options;
}

/// What decides beside a program how long it takes: this executable, the machine with its DRAM
/// devices, what of it is ideal.
std::string identity_of(const Inputs& inputs, const po::variables_map& values) {
  std::string text = read_file("/proc/self/exe") + inputs.accelerator_text;
  for (const auto& interface : inputs.accelerator.dram)
    text += read_file(dram::device_file(interface.device));
  if (values.count("ideal") != 0) text += values["ideal"].as<std::string>();
  return hash_text(text);
}

void refuse_budget_without_finalists(const po::variables_map& options) {
  for (const char* name : {"refine-budget", "refine-known", "refine-seconds"})
    if (options.count(name) != 0)
      throw UserError("--", name, ": no candidates are simulated; give --refine 1 or more with ",
                      join(refined_names()));
}

}  // namespace

int finalists_of(const po::variables_map& options, const std::string& schedule) {
  constexpr std::int64_t kMost = 1000;
  const auto asked = options["refine"].as<std::int64_t>();
  if (asked < -1 || asked > kMost)
    throw UserError("--refine ", asked, ": allowed are -1 (the scheduler's own) to ", kMost);
  const auto kind = refined_kinds().find(schedule);
  if (kind == refined_kinds().end() && asked > 0)
    throw UserError("--refine ", asked, ": ", schedule, " has no candidates to choose from; ",
                    suggest(schedule, refined_names()));
  const auto usual = kind == refined_kinds().end() ? 0 : kind->second.usual;
  const int finalists = asked < 0 ? usual : static_cast<int>(asked);
  if (finalists == 0) refuse_budget_without_finalists(options);
  return finalists;
}

mapping::Schedule refined_schedule(const std::string& name, const std::string& policy,
                                   const Inputs& inputs, const po::variables_map& values) {
  const auto& accelerator = inputs.accelerator;
  mapping::Simulate simulate = [&](const mapping::Program& program, Cycle limit) {
    return sim::cycles_up_to(accelerator, program, limit);
  };
  std::optional<mapping::KnownVerdicts> known;
  if (values.count("refine-known") != 0) {
    known.emplace(values["refine-known"].as<std::string>(), identity_of(inputs, values), simulate);
    simulate = std::ref(*known);
  }
  RefineOptions options = options_of(values, finalists_of(values, name));
  const bool forced = values.count("progress") != 0 && values["progress"].as<bool>();
  ProgressLine line(forced);
  options.progress = [&](const mapping::RefineProgress& now) { line.show(now); };
  if (const auto settings = schedule_settings(values); !settings.empty())
    options.settings = [settings](const mapping::Schedule& schedule) {
      return mapping::with_settings(schedule, settings);
    };
  auto refined =
      refined_kinds().at(name).refine(inputs.network, accelerator, sim::machine_rates(accelerator),
                                      simulate, options, {policy, values});
  line.clear();
  return std::move(refined.schedule);
}

}  // namespace tessera::app
