#include "sim/app/inputs.h"

#include "hw_models/description/convert.h"
#include "hw_models/description/load.h"
#include "hw_models/tile/compute_model.h"
#include "mapping/fusion/fused_scheduler.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/row_stationary.h"
#include "mapping/schedule_io.h"
#include "mapping/tangram/scheduler.h"
#include "sim/app/looptree_inputs.h"
#include "sim/app/refinement.h"
#include "sim/app/tangram_options.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/machine/machine_rates.h"

namespace tessera::app {

namespace po = boost::program_options;

po::options_description input_options() {
  po::options_description options("Inputs");
  auto add = options.add_options();
  add("accelerator", po::value<std::string>(),
      "preset (tessera list accelerators) or .textproto file");
  add("network", po::value<std::string>(),
      "zoo name (tessera list networks), .textproto or .onnx file");
  add("schedule", po::value<std::string>(),
      "scheduler (tessera list schedules) or .textproto file; default: the accelerator's");
  add("batch", po::value<std::int64_t>()->default_value(0),
      "batch size; 0 keeps the network's own");
  add("ideal", po::value<std::string>(),
      "parts made ideal: all, or some of "
      "toolwords,overlap,array,delivery,capacity,ports,latency,bandwidth,dram");
  add("set", po::value<std::vector<std::string>>()->composing(),
      "path.to.field=value in the accelerator, schedule.path.to.field=value in the schedule; may "
      "be repeated");
  add("unpinned", po::bool_switch(),
      "schedules of nn_dataflow: fetch the weights that it takes to be on chip before the run");
  options.add(refine_options());
  options.add(tangram_options());
  return options;
}

std::string required_input(const po::variables_map& options, const std::string& name) {
  if (options.count(name) == 0)
    throw UserError("--", name, " is needed: ", input_options().find(name, false).description());
  return options[name].as<std::string>();
}

const std::vector<ScheduleKind>& schedule_kinds() {
  static const std::vector<ScheduleKind> kinds = {
      {"layerwise",
       "every layer on all tiles, one after the other; feature maps stay on chip when they fit"},
      {"fused",
       "runs of up to three layers tile by tile on all tiles, where that saves DRAM traffic or "
       "time"},
      {"row_stationary",
       "convolutions in the dataflow of Eyeriss: least DRAM traffic, then least buffer traffic"},
      {"pipeorgan",
       "runs of layers as pipelines on interleaved or blocked tiles, row by row; "
       "pipeorgan:depth=N,organisation=NAME,rows=N fixes what it would decide"},
      {"tangram",
       "segments of layers as pipelines on regions in proportion to their work, whole maps or "
       "pieces of channels in alternation"},
  };
  return kinds;
}

namespace {

/// The assignments of --set that concern the schedule, or those that do not.
std::vector<std::string> assignments(const po::variables_map& options, bool of_schedule) {
  std::vector<std::string> chosen;
  if (options.count("set") == 0) return chosen;
  for (const auto& assignment : options["set"].as<std::vector<std::string>>())
    if (assignment.starts_with("schedule.") == of_schedule) chosen.push_back(assignment);
  return chosen;
}

}  // namespace

std::vector<std::string> schedule_settings(const po::variables_map& options) {
  return assignments(options, true);
}

void refuse_schedule_settings(const po::variables_map& options) {
  const auto given = schedule_settings(options);
  if (!given.empty())
    throw UserError("--set ", given.front(),
                    ": a compiled program has no schedule to set; give it to tessera compile");
}

hw::Accelerator load_accelerator(const po::variables_map& options, std::string& text) {
  const auto name = required_input(options, "accelerator");
  const auto settings = assignments(options, false);
  auto description = is_looptree_architecture(name) ? looptree_machine(name)
                                                    : hw::read_accelerator_text(name, settings);
  if (is_looptree_architecture(name))
    for (const auto& assignment : settings) set_field(description, assignment);
  text = to_textproto(description);
  auto accelerator = hw::to_accelerator(description, name);
  hw::idealise(accelerator, ideal_of(options));
  return accelerator;
}

namespace {

/// What stands behind the colon of NAME:POLICY, for schedulers that take one.
std::string policy_of(const std::string& given) {
  constexpr std::string_view kPolicied = "pipeorgan:";
  return given.starts_with(kPolicied) ? given.substr(kPolicied.size()) : "";
}

mapping::Schedule make_schedule(const std::string& name, const std::string& policy,
                                const Inputs& inputs, const po::variables_map& options) {
  const auto switches = tangram_switches(options, name);
  if (finalists_of(options, name) > 0) return refined_schedule(name, policy, inputs, options);
  if (name == "layerwise")
    return mapping::schedule_layerwise(inputs.network, inputs.accelerator,
                                       sim::machine_rates(inputs.accelerator));
  const auto rates = [&] { return sim::machine_rates(inputs.accelerator); };
  if (name == "fused") return mapping::schedule_fused(inputs.network, inputs.accelerator, rates());
  if (name == "pipeorgan")
    return mapping::schedule_pipeorgan(inputs.network, inputs.accelerator, rates(),
                                       mapping::parse_pipeline_policy(policy));
  if (name == "tangram")
    return mapping::schedule_tangram(inputs.network, inputs.accelerator, rates(), switches);
  if (name == "row_stationary")
    return mapping::schedule_row_stationary(inputs.network, inputs.accelerator, rates());
  if (name.ends_with(".textproto")) return mapping::load_schedule(name);
  std::vector<std::string> known;
  for (const auto& kind : schedule_kinds()) known.push_back(kind.name);
  throw UserError("--schedule ", name, ": no such scheduler and no .textproto file; ",
                  suggest(name, known));
}

mapping::Schedule load_schedule(const std::string& given, const Inputs& inputs,
                                const po::variables_map& options) {
  const auto policy = policy_of(given);
  if (policy.empty()) return make_schedule(given, policy, inputs, options);
  auto schedule = make_schedule(given.substr(0, given.find(':')), policy, inputs, options);
  schedule.name = given;
  return schedule;
}

std::string given(const po::variables_map& options, const char* name) {
  return options.count(name) != 0 ? options[name].as<std::string>() : std::string();
}

/// Another tool's schedule brings its own forms of the other two inputs.
Inputs load_tool_inputs(const std::string& tool, const po::variables_map& options) {
  if (options["batch"].as<std::int64_t>() != 0)
    throw UserError("--batch: the layers of a schedule of ", tool,
                    " have their batch size in its files");
  tangram_switches(options, given(options, "schedule"));
  const auto file = given(options, "accelerator");
  const auto ideal = ideal_of(options);
  auto loaded = mapping::importers::load_tool_case(
      tool, given(options, "network"), given(options, "schedule"), file,
      {.unpinned = options["unpinned"].as<bool>(),
       .unlimited_buffers = ideal.has(hw::Ideal::kCapacity)});
  Inputs inputs;
  for (const auto& assignment : assignments(options, false)) set_field(loaded.machine, assignment);
  inputs.accelerator_text = to_textproto(loaded.machine);
  inputs.accelerator = hw::to_accelerator(loaded.machine, file);
  hw::idealise(inputs.accelerator, ideal);
  inputs.network = std::move(loaded.network);
  inputs.schedule = mapping::with_settings(loaded.schedule, schedule_settings(options));
  inputs.tool = loaded.tool;
  return inputs;
}

/// What lowering and checking say of a layer, with the file that the user has to look at.
UserError blamed_on(const std::string& origin, const UserError& error) {
  const bool named = origin.empty() || std::string(error.what()).starts_with(origin);
  return named ? error : UserError(origin, ": ", error.what());
}

}  // namespace

hw::IdealSet ideal_of(const po::variables_map& options) {
  return options.count("ideal") != 0
             ? hw::IdealSet::parse(options["ideal"].as<std::string>(), "--ideal")
             : hw::IdealSet{};
}

mapping::Program lower(const Inputs& inputs) {
  try {
    return mapping::lower(inputs.schedule, inputs.network, inputs.accelerator);
  } catch (const UserError& error) {
    throw blamed_on(inputs.schedule.origin, error);
  }
}

void check_program(const mapping::Program& program, const hw::Accelerator& accelerator,
                   const std::string& origin) {
  try {
    mapping::check(program, mapping::limits_of(accelerator));
    hw::check_array_instructions(accelerator, program);
  } catch (const UserError& error) {
    throw blamed_on(origin, error);
  }
}

Inputs load_inputs(const po::variables_map& options) {
  if (options.count("schedule") != 0 && !is_looptree_mapping(options["schedule"].as<std::string>()))
    if (const auto tool =
            mapping::importers::tool_of_schedule(options["schedule"].as<std::string>()))
      return load_tool_inputs(*tool, options);
  if (options["unpinned"].as<bool>())
    throw UserError("--unpinned: concerns a schedule file of nn_dataflow; the schedule is ",
                    options.count("schedule") != 0 ? options["schedule"].as<std::string>()
                                                   : "the accelerator's");
  Inputs inputs;
  inputs.accelerator = load_accelerator(options, inputs.accelerator_text);
  const auto batch = options["batch"].as<std::int64_t>();
  if (batch < 0) throw UserError("--batch ", batch, ": must be 0 (the network's own) or positive");
  const auto network = required_input(options, "network");
  if (is_looptree_workload(network)) {
    if (batch != 0)
      throw UserError("--batch ", batch, ": a LoopTree workload has no batch; leave it out");
    inputs.network = load_looptree_network(network);
  } else {
    inputs.network = workloads::load_network(network, batch);
  }
  const auto schedule = options.count("schedule") != 0 ? options["schedule"].as<std::string>()
                                                       : inputs.accelerator.default_schedule;
  if (is_looptree_mapping(schedule)) {
    const auto accelerator = required_input(options, "accelerator");
    if (!is_looptree_architecture(accelerator))
      throw UserError(
          schedule, ": counts the memories of a LoopTree architecture; give that as --accelerator");
    inputs.schedule = load_looptree_schedule(schedule, accelerator, inputs.network);
    auto machine = looptree_machine(accelerator, tiles_of_mapping(inputs.schedule));
    for (const auto& assignment : assignments(options, false)) set_field(machine, assignment);
    inputs.accelerator_text = to_textproto(machine);
    inputs.accelerator = hw::to_accelerator(machine, accelerator);
    hw::idealise(inputs.accelerator, ideal_of(options));
  } else {
    inputs.schedule = load_schedule(schedule, inputs, options);
  }
  inputs.schedule = mapping::with_settings(std::move(inputs.schedule), schedule_settings(options));
  return inputs;
}

}  // namespace tessera::app
