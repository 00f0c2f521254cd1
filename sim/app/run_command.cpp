#include "sim/app/run_command.h"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>

#include "mapping/program_io.h"
#include "sim/app/inputs.h"
#include "sim/app/progress.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/output_directory.h"
#include "sim/machine/functional_check.h"
#include "sim/report/assets.h"
#include "sim/report/report.h"
#include "sim/results/collect.h"
#include "sim/results/history.h"
#include "sim/results/host.h"
#include "sim/results/manifest.h"
#include "sim/results/summary.h"
#include "sim/results/tables.h"
#include "sim/timeline/timeline.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description options() {
  po::options_description options("Options of run");
  options.add(input_options());
  options.add_options()
      ("program", po::value<std::string>(), "execute a compiled program instead of --network and --schedule")
      ("out", po::value<std::string>(), "folder for result.json, tables, host.json and report.html")
      ("no-report", po::bool_switch(), "leave report.html out of the folder")
      ("detail", po::value<std::string>()->default_value("tile"), "tile: PE arrays in closed form; pe: one module per PE, slow, same cycles")
      ("functional", po::bool_switch(), "carry integer values and compare the outputs with a plain reference")
      ("timeline", po::value<std::string>(), "write a timeline for ui.perfetto.dev into this file")
      ("timeline-window", po::value<std::string>(), "cycles FROM:TO that the timeline shows; default the whole run")
      ("timeline-tiles", po::value<std::string>(), "tiles that it shows, such as 0,5,8-15 or all; default as many as keep it below 50 MB")
      ("seed", po::value<std::uint64_t>()->default_value(1), "of inputs and weights in functional mode")
      ("progress", po::bool_switch(), "report simulated cycles while running, also when output is no terminal");
  return options;
}

/// What a run executes and where it came from.
struct Job {
  hw::Accelerator accelerator;
  mapping::Program program;
  sim::proto::Manifest manifest;
  std::string schedule;
  std::string origin;  ///< file that a fault of the program is blamed on
};

Job load_job(const po::variables_map& values) {
  Job job;
  if (values.count("program") != 0) {
    for (const char* other : {"network", "schedule"})
      if (values.count(other) != 0) throw UserError("--program brings its own ", other, "; leave --", other, " out");
    refuse_schedule_settings(values);
    std::string text;
    job.accelerator = load_accelerator(values, text);
    job.origin = values["program"].as<std::string>();
    job.program = mapping::load_program(job.origin);
    job.manifest.set_accelerator(text);
    job.schedule = job.program.schedule;
    return job;
  }
  auto inputs = load_inputs(values);
  job.program = lower(inputs);
  job.origin = inputs.schedule.origin;
  job.accelerator = std::move(inputs.accelerator);
  job.manifest.set_accelerator(inputs.accelerator_text);
  job.schedule = inputs.schedule.name;
  return job;
}

std::unique_ptr<sim::Timeline> make_timeline(const po::variables_map& values, const Job& job) {
  if (values.count("timeline") == 0) {
    for (const char* name : {"timeline-window", "timeline-tiles"})
      if (values.count(name) != 0) throw UserError("--", name, ": needs --timeline FILE");
    return nullptr;
  }
  sim::TimelineOptions options;
  options.file = values["timeline"].as<std::string>();
  if (values.count("timeline-window") != 0)
    options.window = sim::parse_window(values["timeline-window"].as<std::string>());
  options.tiles = values.count("timeline-tiles") != 0
                      ? sim::parse_tiles(values["timeline-tiles"].as<std::string>(), job.accelerator.tiles())
                      : sim::choose_tiles(job.program, job.accelerator);
  return std::make_unique<sim::Timeline>(job.accelerator, job.program, std::move(options));
}

/// From what the folder will hold, so that `tessera report` makes the same page of it.
void add_report(OutputDirectory& out, const sim::proto::Result& result) {
  const auto title = sim::run_title(result.network(), result.accelerator(), result.schedule());
  out.add("report.html", sim::report_page({{title, out.content("result.json"), out.content("history.json"),
                                            out.content("tiles.csv"), out.content("links.csv"), ""}}));
}

void run(const po::variables_map& values) {
  sim::HostMeter meter;
  std::optional<OutputDirectory> out;
  if (values.count("out") != 0) out.emplace(values["out"].as<std::string>());
  Job job = load_job(values);
  check_program(job.program, job.accelerator, job.origin);

  ProgressLine progress(values["progress"].as<bool>());
  sim::MachineOptions machine_options;
  const auto detail = values["detail"].as<std::string>();
  if (detail != "tile" && detail != "pe") throw UserError("--detail ", detail, ": must be tile or pe");
  machine_options.detailed_arrays = detail == "pe";
  machine_options.functional = values["functional"].as<bool>();
  machine_options.seed = values["seed"].as<std::uint64_t>();
  machine_options.progress_every = ProgressLine::kEvery;
  machine_options.progress = [&](const sim::Progress& now) { progress.show(now); };
  sim::History history(job.accelerator);
  if (out) machine_options.observers.push_back(&history);
  const auto timeline = make_timeline(values, job);
  if (timeline != nullptr) machine_options.observers.push_back(timeline.get());
  sim::Machine machine(job.accelerator, job.program, machine_options);
  const Cycle cycles = machine.run();
  progress.clear();

  auto result = sim::collect(machine, cycles);
  result.set_schedule(job.schedule);
  if (machine_options.functional) {
    sim::check_outputs(machine, machine_options.seed);
    result.set_functional_match(true);
  }
  sim::complete_manifest(job.manifest, job.program.network, job.schedule, values);
  *result.mutable_manifest() = job.manifest;
  const auto host = meter.measure(result);
  std::cout << sim::summary(result, host);
  if (timeline != nullptr) timeline->commit();
  if (!out) return;
  out->add("result.json", to_json(result));
  out->add("host.json", to_json(host));
  sim::add_tables(*out, machine, result);
  out->add("history.json", to_compact_json(history.message(machine)));
  if (sim::charts_available() && !values["no-report"].as<bool>()) add_report(*out, result);
  out->commit();
}

}  // namespace

Command run_command() {
  return {"run", "simulate a network on an accelerator, cycle by cycle", options, run};
}

}  // namespace tessera::app
