// The CSV tables beside result.json.
#pragma once

#include "sim/base/output_directory.h"
#include "sim/machine/machine.h"
#include "sim/result.pb.h"

namespace tessera::sim {

/// layers.csv, tiles.csv (cycle stacks), links.csv, channels.csv; link_series.csv with
/// noc.bin_cycles.
void add_tables(OutputDirectory& out, const Machine& machine, const proto::Result& result);

}  // namespace tessera::sim
