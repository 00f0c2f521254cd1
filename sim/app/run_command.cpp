#include "sim/app/run_command.h"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>

#include "noc/study/message_trace.h"
#include "noc/study/trace_recorder.h"
#include "noc/topology/description.h"
#include "sim/app/job.h"
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
#include "sim/results/prediction.h"
#include "sim/results/summary.h"
#include "sim/results/tables.h"
#include "sim/timeline/timeline.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description options() {
  po::options_description options("Options of run");
  options.add(job_options());
  auto add = options.add_options();
  add("out", po::value<std::string>(), "folder for result.json, tables, host.json and report.html");
  add("no-report", po::bool_switch(), "leave report.html out of the folder");
  add("timeline", po::value<std::string>(), "write a timeline for ui.perfetto.dev into this file");
  add("timeline-window", po::value<std::string>(),
      "cycles FROM:TO that the timeline shows; default the whole run");
  add("timeline-tiles", po::value<std::string>(),
      "tiles that it shows, such as 0,5,8-15 or all; default as many as keep it below 50 MB");
  add("capture-noc", po::value<std::string>(),
      "write every packet of the network as a message trace for tessera noc --trace");
  add("progress", po::bool_switch(),
      "report simulated cycles while running, also when output is no terminal");
  return options;
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
  options.tiles =
      values.count("timeline-tiles") != 0
          ? sim::parse_tiles(values["timeline-tiles"].as<std::string>(), job.accelerator.tiles())
          : sim::choose_tiles(job.program, job.accelerator);
  return std::make_unique<sim::Timeline>(job.accelerator, job.program, std::move(options));
}

/// From what the folder will hold, so that `tessera report` makes the same page of it.
void add_report(OutputDirectory& out, const sim::proto::Result& result) {
  const auto title = sim::run_title(result.network(), result.accelerator(), result.schedule());
  out.add("report.html",
          sim::report_page({{title, out.content("result.json"), out.content("history.json"),
                             out.content("tiles.csv"), out.content("links.csv"), ""}}));
}

void run(const po::variables_map& values) {
  sim::HostMeter meter;
  std::optional<OutputDirectory> out;
  if (values.count("out") != 0) out.emplace(values["out"].as<std::string>());
  Job job = load_job(values);

  ProgressLine progress(values["progress"].as<bool>());
  job.machine.progress_every = ProgressLine::kEvery;
  job.machine.progress = [&](const sim::Progress& now) { progress.show(now); };
  sim::History history(job.accelerator);
  if (out) job.machine.observers.push_back(&history);
  job.machine.traffic_classes = out.has_value();
  const auto timeline = make_timeline(values, job);
  if (timeline != nullptr) job.machine.observers.push_back(timeline.get());
  std::optional<noc::TraceRecorder> recorder;
  if (values.count("capture-noc") != 0)
    job.machine.packet_observer =
        &recorder.emplace(noc::build_topology(job.accelerator.network).nodes().size());
  sim::Machine machine(job.accelerator, job.program, job.machine);
  const Cycle cycles = machine.run();
  progress.clear();

  auto result = sim::collect(machine, cycles);
  result.set_schedule(job.schedule);
  if (job.machine.functional) {
    sim::check_outputs(machine, job.machine.seed);
    result.set_functional_match(true);
  }
  if (job.expected)
    *result.mutable_predicted() = sim::prediction_of(*job.expected, job.accelerator.energy);
  *result.mutable_manifest() = job.manifest;
  const auto host = meter.measure(result);
  std::cout << sim::summary(result, host);
  if (recorder)
    write_file_atomically(
        values["capture-noc"].as<std::string>(),
        noc::network_comment(job.accelerator.network) + noc::trace_csv(recorder->messages()));
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
