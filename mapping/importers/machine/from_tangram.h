// The hardware of an nn_dataflow schedule as a machine.
#pragma once

#include "hw_models/description/accelerator.pb.h"
#include "mapping/importers/tangram/document.h"

namespace tessera::mapping::importers {

/// The tool gives grid, array, words of register files and buffers, DRAM nodes and the bandwidth of
/// the whole chip. Channels at its DRAM nodes are clocked to that peak together, timings kept in
/// nanoseconds. The rest is ours: 500 MHz, 16-byte links, XY mesh, 8 banks of 32-byte lines, a line
/// more per bank than the tool's buffer for pieces that do not fill their last line, a staging FIFO
/// of 16 KiB, and a vector unit as wide as the array, on which the tool runs pooling. Energies are
/// the tool's costs.
hw::proto::AcceleratorDescription machine_of(const tangram::Document& document,
                                             const std::string& name, const std::string& origin);

}  // namespace tessera::mapping::importers
