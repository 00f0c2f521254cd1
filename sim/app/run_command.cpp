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
#include "sim/results/collect.h"
#include "sim/results/host.h"
#include "sim/results/summary.h"
#include "sim/results/tables.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description options() {
  po::options_description options("Options of run");
  options.add(job_options());
  options.add_options()
      ("out", po::value<std::string>(), "folder for result.json, tables and host.json")
      ("capture-noc", po::value<std::string>(), "write every packet of the network as a message trace for tessera noc --trace")
      ("progress", po::bool_switch(), "report simulated cycles while running, also when output is no terminal");
  return options;
}

void run(const po::variables_map& values) {
  sim::HostMeter meter;
  std::optional<OutputDirectory> out;
  if (values.count("out") != 0) out.emplace(values["out"].as<std::string>());
  Job job = load_job(values);

  ProgressLine progress(values["progress"].as<bool>());
  job.machine.progress_every = ProgressLine::kEvery;
  job.machine.progress = [&](const sim::Progress& now) { progress.show(now); };
  std::optional<noc::TraceRecorder> recorder;
  if (values.count("capture-noc") != 0)
    job.machine.packet_observer = &recorder.emplace(noc::build_topology(job.accelerator.network).nodes().size());
  sim::Machine machine(job.accelerator, job.program, job.machine);
  const Cycle cycles = machine.run();
  progress.clear();

  auto result = sim::collect(machine, cycles);
  result.set_schedule(job.schedule);
  if (job.machine.functional) {
    sim::check_outputs(machine, job.machine.seed);
    result.set_functional_match(true);
  }
  *result.mutable_manifest() = job.manifest;
  const auto host = meter.measure(result);
  std::cout << sim::summary(result, host);
  if (recorder)
    write_file_atomically(values["capture-noc"].as<std::string>(),
                          noc::network_comment(job.accelerator.network) + noc::trace_csv(recorder->messages()));
  if (!out) return;
  out->add("result.json", to_json(result));
  out->add("host.json", to_json(host));
  sim::add_tables(*out, machine, result);
  out->commit();
}

}  // namespace

Command run_command() {
  return {"run", "simulate a network on an accelerator, cycle by cycle", options, run};
}

}  // namespace tessera::app
