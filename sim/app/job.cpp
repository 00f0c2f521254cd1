#include "sim/app/job.h"

#include "mapping/cost/tangram/tool_layers.h"
#include "mapping/program_io.h"
#include "sim/app/inputs.h"
#include "sim/base/error.h"
#include "sim/results/manifest.h"

namespace tessera::app {

namespace po = boost::program_options;

po::options_description job_options() {
  auto options = input_options();
  auto add = options.add_options();
  add("program", po::value<std::string>(),
      "execute a compiled program instead of --network and --schedule");
  add("detail", po::value<std::string>()->default_value("tile"),
      "tile: PE arrays in closed form; pe: one module per PE, slow, same cycles");
  add("functional", po::bool_switch(),
      "carry integer values and compare the outputs with a plain reference");
  add("seed", po::value<std::uint64_t>()->default_value(1),
      "of inputs and weights in functional mode");
  return options;
}

namespace {

Job load_inputs_or_program(const po::variables_map& values) {
  Job job;
  if (values.count("program") != 0) {
    for (const char* other : {"network", "schedule"})
      if (values.count(other) != 0)
        throw UserError("--program brings its own ", other, "; leave --", other, " out");
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
  job.tool = inputs.tool;
  job.accelerator = std::move(inputs.accelerator);
  job.manifest.set_accelerator(inputs.accelerator_text);
  job.schedule = inputs.schedule.name;
  job.expected = mapping::expected_of(inputs.schedule);
  return job;
}

sim::MachineOptions machine_options(const po::variables_map& values, const hw::IdealSet& ideal) {
  sim::MachineOptions options;
  const auto detail = values["detail"].as<std::string>();
  if (detail != "tile" && detail != "pe")
    throw UserError("--detail ", detail, ": must be tile or pe");
  options.detailed_arrays = detail == "pe";
  options.functional = values["functional"].as<bool>();
  if (options.functional && ideal.has(hw::Ideal::kToolwords))
    throw UserError(
        "--functional: with --ideal toolwords the traffic is counted as the tool does and carries "
        "no values");
  if (options.detailed_arrays && ideal.any())
    throw UserError("--detail pe: ideal parts have no detailed form; leave --ideal out");
  options.seed = values["seed"].as<std::uint64_t>();
  return options;
}

}  // namespace

Job load_job(const po::variables_map& values) {
  Job job = load_inputs_or_program(values);
  job.machine = machine_options(values, job.accelerator.ideal);
  job.machine.whole_blocks = job.tool == "interstellar";
  if (job.tool == "tangram" && job.accelerator.ideal.any())
    job.machine.tool_layers = mapping::tangram::load_tool_layers(
        job.origin, job.program, job.accelerator.ideal.has(hw::Ideal::kCapacity));
  check_program(job.program, job.accelerator, job.origin);
  sim::complete_manifest(job.manifest, job.program.network, job.schedule, values);
  return job;
}

}  // namespace tessera::app
