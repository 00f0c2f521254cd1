#include "sim/app/validate_command.h"

#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>

#include "sim/app/measured_needs.h"
#include "sim/app/model_options.h"
#include "sim/app/reported_prediction.h"
#include "sim/app/validate_details.h"
#include "sim/app/validation_cases.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "sim/machine/child_run.h"
#include "sim/report/report.h"
#include "sim/validation.pb.h"
#include "validation/ladder.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

using mapping::importers::ToolCase;
using validation::Ladder;

po::options_description validate_options() {
  po::options_description options("Options");
  options.add(model_options());
  auto add = options.add_options();
  add("only", po::value<std::string>(), "with --cases: those whose name contains this text");
  add("model-csv", po::value<std::string>()->default_value(""),
      "the tool's own output as the prediction");
  add("set", po::value<std::vector<std::string>>()->composing(),
      "path.to.field=value in the machine; may be repeated");
  add("no-ladder", po::bool_switch(),
      "simulate the real machine only: no causes, a tenth of the time");
  add("requirements", po::bool_switch(),
      "instead: capacities and bandwidths that the mapping needs, predicted and measured");
  add("reuse", po::bool_switch(), "instead: reuse per operand and level, predicted and counted");
  add("at-most", po::value<std::int64_t>(),
      "with --cases: those predicted to take at most this many cycles");
  add("out", po::value<std::string>(), "folder for result.json and validation.csv");
  add("report", po::value<std::string>(),
      "folder that run --out wrote for this one case: its report then shows prediction and ladder");
  add("write-expect", po::value<std::string>(), "file to keep the table in");
  add("expect", po::value<std::string>(), "table to compare with; exit 4 when a case differs");
  return options;
}

std::vector<std::string> settings_of(const po::variables_map& options) {
  if (options.count("set") == 0) return {};
  return options["set"].as<std::vector<std::string>>();
}

DetailOptions detail_options(const po::variables_map& options) {
  return {options["model"].as<std::string>(), predict_options(options), settings_of(options)};
}

std::vector<ValidationCase> load_cases(const po::variables_map& options) {
  const auto model = options["model"].as<std::string>();
  const auto how = predict_options(options);
  const auto model_csv = options["model-csv"].as<std::string>();
  if (options.count("cases") == 0) return one_case(model, case_files(options), how, model_csv);
  auto cases = cases_of_folder(model, options["cases"].as<std::string>(), how, model_csv);
  if (options.count("at-most") != 0)
    std::erase_if(cases, [most = options["at-most"].as<std::int64_t>()](const auto& one) {
      return one.predicted_cycles > most;
    });
  if (options.count("only") != 0) {
    const auto text = options["only"].as<std::string>();
    std::erase_if(cases, [&](const auto& one) { return one.name.find(text) == std::string::npos; });
    if (cases.empty()) throw UserError("--only ", text, ": no case has this in its name");
  }
  return cases;
}

/// A case as the rungs of its ladder need it, each form loaded once.
class RungCase {
 public:
  RungCase(const ValidationCase& one, std::vector<std::string> settings)
      : case_(one), settings_(std::move(settings)) {}

  /// The tree is lowered anew for every rung: free copies change the program.
  Cycle simulate(hw::IdealSet ideal) {
    const auto run = ready(loaded(ideal.has(hw::Ideal::kCapacity)), ideal);
    return sim::cycles_in_child(run.accelerator, run.program, run.options);
  }

 private:
  /// Free room changes the tree, too.
  const ToolCase& loaded(bool unlimited_buffers) {
    const auto found = loaded_.find(unlimited_buffers);
    if (found != loaded_.end()) return found->second;
    auto loaded = case_.load({.unlimited_buffers = unlimited_buffers});
    for (const auto& setting : settings_) set_field(loaded.machine, setting);
    return loaded_.emplace(unlimited_buffers, std::move(loaded)).first->second;
  }

  const ValidationCase& case_;
  std::vector<std::string> settings_;
  std::map<bool, ToolCase> loaded_;
};

struct Comparison {
  std::string name;
  Ladder ladder;
  std::string refused;
};

Comparison compare(const ValidationCase& one, const po::variables_map& options) {
  Comparison result{one.name, {one.predicted_cycles, 0, {}}, one.unusable};
  if (!one.unusable.empty()) return result;
  try {
    RungCase rungs(one, settings_of(options));
    const auto run = [&](hw::IdealSet ideal) { return rungs.simulate(ideal); };
    result.ladder = options["no-ladder"].as<bool>()
                        ? validation::without_causes(one.predicted_cycles, run({}))
                        : validation::climb(one.predicted_cycles, run);
  } catch (const UserError& error) {
    result.refused = error.what();
  }
  return result;
}

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string to_csv(const std::vector<Comparison>& comparisons) {
  std::vector<std::string> columns = {"case",         "predicted_cycles", "simulated_cycles",
                                      "error_cycles", "error_percent",    "rest_cycles"};
  for (const auto& name : hw::kIdealNames) columns.push_back(std::string(name) + "_cycles");
  columns.emplace_back("refused");
  CsvWriter csv(columns);
  for (const auto& one : comparisons) {
    csv.row() << one.name << one.ladder.predicted;
    const bool ran = one.refused.empty();
    csv << (ran ? std::to_string(one.ladder.simulated) : "")
        << (ran ? std::to_string(one.ladder.error_cycles()) : "")
        << (ran ? rounded(one.ladder.error_percent()) : "");
    for (std::size_t i = 0; i <= hw::kIdeals; ++i)
      csv << (i < one.ladder.rungs.size() ? std::to_string(one.ladder.rungs[i].cycles)
                                          : std::string());
    csv << one.refused;
  }
  return csv.text();
}

sim::proto::Validation to_message(const po::variables_map& options,
                                  const std::vector<Comparison>& comparisons) {
  sim::proto::Validation message;
  message.set_model(options["model"].as<std::string>());
  message.set_faults(options["faults"].as<std::string>());
  double sum = 0, worst = 0;
  for (const auto& one : comparisons) {
    auto& into = *message.add_case_();
    into.set_name(one.name);
    into.set_predicted_cycles(one.ladder.predicted);
    into.set_refused(one.refused);
    if (!one.refused.empty()) {
      message.set_refused(message.refused() + 1);
      continue;
    }
    message.set_simulated(message.simulated() + 1);
    into.set_simulated_cycles(one.ladder.simulated);
    into.set_error_cycles(one.ladder.error_cycles());
    into.set_error_percent(one.ladder.error_percent());
    sum += std::abs(one.ladder.error_percent());
    worst = std::max(worst, std::abs(one.ladder.error_percent()));
    for (const auto& rung : one.ladder.rungs) {
      auto& cause = *into.add_cause();
      cause.set_name(rung.cause);
      cause.set_cycles(rung.cycles);
      cause.set_simulated_cycles(rung.simulated);
    }
  }
  message.set_mean_absolute_error_percent(
      message.simulated() > 0 ? sum / static_cast<double>(message.simulated()) : 0);
  message.set_worst_error_percent(worst);
  return message;
}

void print(const Comparison& one) {
  std::cout << one.name << "\n";
  if (!one.refused.empty()) {
    std::cout << "  predicted " << one.ladder.predicted << ", not simulated: " << one.refused
              << "\n"
              << std::flush;
    return;
  }
  std::cout << "  predicted " << one.ladder.predicted << ", simulated " << one.ladder.simulated
            << ", error " << one.ladder.error_cycles() << " cycles, "
            << rounded(one.ladder.error_percent()) << " %\n";
  for (const auto& rung : one.ladder.rungs)
    if (rung.cycles != 0)
      std::printf("    %-10s %+12lld\n", rung.cause.c_str(), static_cast<long long>(rung.cycles));
  std::fflush(stdout);
  std::cout << std::flush;
}

/// Text to compare, line by line; the first line that differs is named.
void compare_with_expectation(const std::string& file, const std::string& table) {
  std::istringstream kept(read_file(file)), found(table);
  std::string before, now;
  for (int line = 1;; ++line) {
    const bool more_before = static_cast<bool>(std::getline(kept, before));
    const bool more_now = static_cast<bool>(std::getline(found, now));
    if (!more_before && !more_now) return;
    if (!more_before) before.clear();
    if (!more_now) now.clear();
    if (before != now)
      throw DifferenceFound(file, ":", line, ": expected '", before, "', found '", now, "'");
  }
}

/// What a run's report shows is one case and its ladder. Known before anything is simulated.
void check_report(const po::variables_map& options) {
  sim::require_charts();
  for (const char* other : {"cases", "requirements", "reuse"})
    if (options.count(other) != 0 && !options[other].defaulted())
      throw UserError("--report: shows one case and its ladder; leave --", other, " out");
}

void run_validate(const po::variables_map& options) {
  if (options.count("report") != 0) check_report(options);
  std::optional<OutputDirectory> out;
  if (options.count("out") != 0) out.emplace(options["out"].as<std::string>());
  const auto cases = load_cases(options);
  if (options["requirements"].as<bool>())
    return report_requirements(detail_options(options), cases, out);
  if (options["reuse"].as<bool>()) return report_reuse(detail_options(options), cases, out);
  std::vector<Comparison> comparisons;
  for (const auto& one : cases) {
    comparisons.push_back(compare(one, options));
    print(comparisons.back());
  }
  const auto table = to_csv(comparisons);
  const auto message = to_message(options, comparisons);
  if (comparisons.size() > 1)
    std::cout << message.simulated() << " cases simulated, " << message.refused()
              << " not; mean absolute error " << rounded(message.mean_absolute_error_percent())
              << " %, worst " << rounded(message.worst_error_percent()) << " %\n";
  if (out) {
    out->add("result.json", to_json(message));
    out->add("validation.csv", table);
    out->commit();
  }
  if (options.count("report") != 0)
    report_prediction(message.case_(0), message.model(), options["report"].as<std::string>());
  if (options.count("write-expect") != 0)
    write_file_atomically(options["write-expect"].as<std::string>(), table);
  if (options.count("expect") != 0)
    compare_with_expectation(options["expect"].as<std::string>(), table);
}

}  // namespace

Command validate_command() {
  return {"validate", "prediction beside simulation, the error split into causes",
          &validate_options, &run_validate};
}

}  // namespace tessera::app
