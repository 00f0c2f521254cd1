// One case of another tool, network, schedule and machine, from its files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hw_models/description/accelerator.pb.h"
#include "mapping/importers/json/json_file.h"
#include "mapping/schedule.h"

namespace tessera::mapping::importers {

/// What the tool's files say, ready to be lowered. The tree stands on the machine: where the tool's
/// axes had to be turned, both are.
struct ToolCase {
  std::string tool;  ///< "timeloop", "interstellar", "maestro", "tangram"
  workloads::Network network;
  Schedule schedule;
  hw::proto::AcceleratorDescription machine;
  bool unlimited_buffers = false;  ///< as in `ToolOptions`
};

/// Tool whose schedule file this is, by its content; none when no importer knows it.
std::optional<std::string> tool_of_schedule(const std::string& path);

struct ToolOptions {
  /// nn_dataflow: weights that it takes to be on chip before the run are fetched like others.
  bool unpinned = false;
  /// nn_dataflow checks every layer by itself: what it lets a tile hold at the same time may be
  /// more than its buffer, and is imported otherwise then. With this it is imported as it stands,
  /// for machines with ideal capacity.
  bool unlimited_buffers = false;
};

/// `network` may be empty where the schedule carries its layers (MAESTRO, nn_dataflow).
/// `accelerator` may list several files (Timeloop). UserError naming file, line and token, or the
/// feature that our machine lacks.
ToolCase load_tool_case(const std::string& tool, const std::string& network,
                        const std::string& schedule, const std::string& accelerator,
                        ToolOptions options = {});

/// The same for an Interstellar mapping that stands among others in a file.
ToolCase load_interstellar_case(const std::string& layer, const JsonValue& mapping,
                                const std::string& architecture);

}  // namespace tessera::mapping::importers
