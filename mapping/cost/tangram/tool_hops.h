// Word-hops that nn_dataflow counts for what the stages of a program move.
#pragma once

#include "mapping/importers/tangram/document.h"
#include "mapping/program.h"
#include "mapping/tool_layer.h"

namespace tessera::mapping::tangram {

/// Fills in the word-hops of a stage that was lowered from `piece` of the file's layer `whole`.
/// Which tiles fetch together or add to the same outputs is the program's doing; where data lie,
/// which partner completes the outputs, and by which tree they travel, the tool's. What tiles share
/// and pass round is forwarded to all who need it, as the tool has it.
void add_word_hops(const LayerDecisions& whole, const LayerDecisions& piece,
                   const HardwareFacts& hardware, const Program& program, int stage,
                   ToolLayer& counted);

}  // namespace tessera::mapping::tangram
