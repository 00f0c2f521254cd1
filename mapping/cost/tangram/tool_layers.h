// What nn_dataflow counts of the stages of its own schedule.
#pragma once

#include <string>
#include <vector>

#include "mapping/importers/tangram/document.h"
#include "mapping/program.h"
#include "mapping/tool_layer.h"

namespace tessera::mapping::tangram {

/// Per stage of a program that was lowered from the document. How often a share is moved, and by
/// which tiles, is left to the program.
std::vector<ToolLayer> tool_layers(const Document& document, const Program& program);

/// The same from the schedule's file, imported with or without the limits of its buffers.
std::vector<ToolLayer> load_tool_layers(const std::string& schedule, const Program& program,
                                        bool unlimited_buffers);

}  // namespace tessera::mapping::tangram
