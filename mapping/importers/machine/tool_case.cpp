#include "mapping/importers/machine/tool_case.h"

#include <algorithm>
#include <filesystem>

#include "mapping/importers/interstellar/halide_text.h"
#include "mapping/importers/interstellar/import.h"
#include "mapping/importers/machine/from_interstellar.h"
#include "mapping/importers/machine/from_maestro.h"
#include "mapping/importers/machine/from_tangram.h"
#include "mapping/importers/machine/from_timeloop.h"
#include "mapping/importers/maestro/import.h"
#include "mapping/importers/tangram/import.h"
#include "mapping/importers/timeloop/mapping_file.h"
#include "mapping/importers/timeloop/problem.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::mapping::importers {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

void require(const std::string& path, const std::string& tool, const char* option) {
  if (path.empty())
    throw UserError("a schedule of ", tool, " needs ", option, ", a file of the same tool");
}

ToolCase timeloop_case(const std::string& problem, const std::string& mapping,
                       const std::string& architecture) {
  require(problem, "Timeloop", "--network");
  require(architecture, "Timeloop", "--accelerator");
  const auto hardware = load_timeloop_architecture(parts_of(architecture));
  ToolCase result{"timeloop", load_timeloop_problem(problem), {}, {}};
  result.schedule = load_timeloop_mapping(mapping, hardware, result.network);
  auto machine = machine_of(hardware, result.schedule, result.network);
  machine.name = fs::path(parts_of(architecture).front()).stem().string();
  machine.origin = architecture;
  result.machine = describe(machine);
  return result;
}

/// Several layers run on the largest array that any of them uses.
ToolCase maestro_case(const std::string& mapping, const std::string& hardware_file) {
  require(hardware_file, "MAESTRO", "--accelerator");
  const auto hardware = maestro::parse_hardware(read_file(hardware_file), hardware_file);
  auto import = maestro::import_mapping(maestro::parse_mapping(read_file(mapping), mapping),
                                        mapping, hardware.num_pes);
  ToolCase result{"maestro", import.network, {}, {}};
  result.schedule.name = fs::path(mapping).stem().string();
  result.schedule.origin = mapping;
  ToolMachine machine;
  machine.array_rows = machine.array_columns = 1;
  for (auto& schedule : import.schedules) {
    const auto rows = machine.array_rows, columns = machine.array_columns;
    machine = machine_of(hardware, schedule, import.network);
    machine.array_rows = std::max(machine.array_rows, rows);
    machine.array_columns = std::max(machine.array_columns, columns);
    result.schedule.root.children.push_back(std::move(schedule.root));
  }
  machine.name = fs::path(hardware_file).stem().string();
  machine.origin = hardware_file;
  result.machine = describe(machine);
  return result;
}

/// The file says it all.
ToolCase tangram_case(const std::string& network, const std::string& schedule,
                      const std::string& accelerator, ToolOptions options) {
  for (const auto& [option, value] :
       {std::pair("--network", network), std::pair("--accelerator", accelerator)})
    if (!value.empty())
      throw UserError(option, " ", value, ": the schedule ", schedule,
                      " of nn_dataflow brings its own; leave it out");
  auto document = tangram::load_document(schedule);
  if (options.unpinned)
    for (auto& layer : document.layers) layer.weights_pinned = false;
  document.hardware.unlimited_gbuf = options.unlimited_buffers;
  const std::string name = fs::path(schedule).stem().string();
  auto import = tangram::import_document(document, name, schedule);
  return {"tangram", std::move(import.network), std::move(import.schedule),
          machine_of(document, name, schedule), options.unlimited_buffers};
}

/// `read` makes the schedule of a layer and an architecture.
template <typename ReadSchedule>
ToolCase interstellar_case(const std::string& layer, const std::string& architecture,
                           const ReadSchedule& read) {
  const auto hardware = interstellar::read_architecture(JsonValue::load(architecture));
  ToolCase result{"interstellar",
                  interstellar::read_layer(JsonValue::load(layer), fs::path(layer).stem().string()),
                  {},
                  {}};
  result.schedule = read(result.network.layers.front(), hardware);
  auto machine = machine_of(hardware, result.schedule, result.network);
  machine.name = fs::path(architecture).stem().string();
  machine.origin = architecture;
  result.machine = describe(machine);
  return result;
}

}  // namespace

std::optional<std::string> tool_of_schedule(const std::string& path) {
  if (!fs::is_regular_file(path)) return std::nullopt;
  const std::string text = read_file(path);
  const auto has = [&](const char* word) { return text.find(word) != std::string::npos; };
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return std::nullopt;
  if (text[first] == '{' && has("\"temporal_inner_to_outer\"")) return "interstellar";
  if (text[first] == '{' && has("nn_dataflow annotated schedule")) return "tangram";
  if (interstellar::is_halide_text(text)) return "interstellar";
  if (has("Dataflow") && has("Layer") && (has("TemporalMap") || has("SpatialMap")))
    return "maestro";
  if (has("mapping:") && has("target:") && !has("type: fused")) return "timeloop";
  return std::nullopt;
}

ToolCase load_interstellar_case(const std::string& layer, const JsonValue& mapping,
                                const std::string& architecture) {
  return interstellar_case(layer, architecture, [&](const auto& one, const auto& hardware) {
    return interstellar::read_mapping(mapping, one, hardware);
  });
}

ToolCase load_tool_case(const std::string& tool, const std::string& network,
                        const std::string& schedule, const std::string& accelerator,
                        ToolOptions options) {
  if (options.unpinned && tool != "tangram")
    throw UserError("--unpinned: concerns schedules of nn_dataflow; ", schedule, " is of ", tool);
  if (tool == "timeloop") return timeloop_case(network, schedule, accelerator);
  if (tool == "maestro") return maestro_case(schedule, accelerator);
  if (tool == "tangram") return tangram_case(network, schedule, accelerator, options);
  if (tool != "interstellar") throw UserError("schedules of ", tool, " cannot be simulated");
  require(network, "Interstellar", "--network");
  require(accelerator, "Interstellar", "--accelerator");
  return interstellar_case(network, accelerator, [&](const auto& layer, const auto& hardware) {
    return interstellar::load_mapping(schedule, layer, hardware);
  });
}

}  // namespace tessera::mapping::importers
