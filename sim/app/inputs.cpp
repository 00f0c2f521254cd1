#include "sim/app/inputs.h"

#include "hw_models/description/convert.h"
#include "hw_models/description/load.h"
#include "hw_models/tile/compute_model.h"
#include "mapping/layerwise.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "mapping/schedule_io.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"
#include "sim/machine/machine_rates.h"

namespace tessera::app {

namespace po = boost::program_options;

po::options_description input_options() {
  po::options_description options("Inputs");
  options.add_options()
      ("accelerator", po::value<std::string>(), "preset (tessera list accelerators) or .textproto file")
      ("network", po::value<std::string>(), "zoo name (tessera list networks), .textproto or .onnx file")
      ("schedule", po::value<std::string>(), "scheduler (tessera list schedules) or .textproto file; default: the accelerator's")
      ("batch", po::value<std::int64_t>()->default_value(0), "batch size; 0 keeps the network's own")
      ("set", po::value<std::vector<std::string>>()->composing(), "path.to.field=value in the accelerator, schedule.path.to.field=value in the schedule; may be repeated");
  return options;
}

std::string required(const po::variables_map& options, const std::string& name) {
  if (options.count(name) == 0) throw UserError("--", name, " is needed");
  return options[name].as<std::string>();
}

const std::vector<ScheduleKind>& schedule_kinds() {
  static const std::vector<ScheduleKind> kinds = {
      {"layerwise", "every layer on all tiles, one after the other; feature maps stay on chip when they fit"},
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

void refuse_schedule_settings(const po::variables_map& options) {
  const auto given = assignments(options, true);
  if (!given.empty())
    throw UserError("--set ", given.front(), ": a compiled program has no schedule to set; give it to tessera compile");
}

hw::Accelerator load_accelerator(const po::variables_map& options, std::string& text) {
  const auto name = required(options, "accelerator");
  const auto description = hw::read_accelerator_text(name, assignments(options, false));
  text = to_textproto(description);
  return hw::to_accelerator(description, name);
}

namespace {

mapping::Schedule load_schedule(const std::string& name, const Inputs& inputs) {
  if (name == "layerwise")
    return mapping::schedule_layerwise(inputs.network, inputs.accelerator,
                                       sim::machine_rates(inputs.accelerator));
  if (name.ends_with(".textproto")) return mapping::load_schedule(name);
  std::vector<std::string> known;
  for (const auto& kind : schedule_kinds()) known.push_back(kind.name);
  throw UserError("--schedule ", name, ": no such scheduler and no .textproto file; ", suggest(name, known));
}

/// What lowering and checking say of a layer, with the file that the user has to look at.
UserError blamed_on(const std::string& origin, const UserError& error) {
  const bool named = origin.empty() || std::string(error.what()).starts_with(origin);
  return named ? error : UserError(origin, ": ", error.what());
}

}  // namespace

mapping::Program lower(const Inputs& inputs) {
  try {
    return mapping::lower(inputs.schedule, inputs.network, inputs.accelerator);
  } catch (const UserError& error) {
    throw blamed_on(inputs.schedule.origin, error);
  }
}

void check_program(const mapping::Program& program, const hw::Accelerator& accelerator,
                   const std::string& origin) {
  const auto& buffer = accelerator.tile.buffer;
  try {
    mapping::check(program, {accelerator.tiles(), buffer.bytes, buffer.line_bytes, static_cast<int>(accelerator.dram.size()),
                             accelerator.shared_bytes(), static_cast<int>(accelerator.shared_buffers.size())});
    hw::check_array_instructions(accelerator, program);
  } catch (const UserError& error) {
    throw blamed_on(origin, error);
  }
}

Inputs load_inputs(const po::variables_map& options) {
  Inputs inputs;
  inputs.accelerator = load_accelerator(options, inputs.accelerator_text);
  const auto batch = options["batch"].as<std::int64_t>();
  if (batch < 0) throw UserError("--batch ", batch, ": must be 0 (the network's own) or positive");
  inputs.network = workloads::load_network(required(options, "network"), batch);
  const auto schedule = options.count("schedule") != 0 ? options["schedule"].as<std::string>()
                                                       : inputs.accelerator.default_schedule;
  inputs.schedule = mapping::with_settings(load_schedule(schedule, inputs), assignments(options, true));
  return inputs;
}

}  // namespace tessera::app
