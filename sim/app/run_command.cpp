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
#include "sim/results/collect.h"
#include "sim/results/host.h"
#include "sim/results/manifest.h"
#include "sim/results/summary.h"
#include "sim/results/tables.h"

namespace tessera::app {

namespace po = boost::program_options;

namespace {

po::options_description options() {
  po::options_description options("Options of run");
  options.add(input_options());
  options.add_options()
      ("program", po::value<std::string>(), "execute a compiled program instead of --network and --schedule")
      ("out", po::value<std::string>(), "folder for result.json, tables and host.json")
      ("detail", po::value<std::string>()->default_value("tile"), "tile: PE arrays in closed form; pe: one module per PE, slow, same cycles")
      ("functional", po::bool_switch(), "carry integer values and compare the outputs with a plain reference")
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
  std::string tool;    ///< whose schedule it is; "" for ours
  std::string origin;  ///< file that a fault of the program is blamed on
};

Job load_job(const po::variables_map& values) {
  Job job;
  if (values.count("program") != 0) {
    for (const char* other : {"network", "schedule"})
      if (values.count(other) != 0) throw UserError("--program brings its own ", other, "; leave --", other, " out");
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
  job.tool = inputs.tool;
  job.accelerator = std::move(inputs.accelerator);
  job.manifest.set_accelerator(inputs.accelerator_text);
  job.schedule = inputs.schedule.name;
  return job;
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
  if (machine_options.functional && job.accelerator.ideal.has(hw::Ideal::kToolwords))
    throw UserError("--functional: with --ideal toolwords the traffic is counted as the tool does and carries no values");
  if (machine_options.detailed_arrays && job.accelerator.ideal.any())
    throw UserError("--detail pe: ideal parts have no detailed form; leave --ideal out");
  machine_options.seed = values["seed"].as<std::uint64_t>();
  machine_options.whole_blocks = job.tool == "interstellar";
  machine_options.progress_every = ProgressLine::kEvery;
  machine_options.progress = [&](const sim::Progress& now) { progress.show(now); };
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
