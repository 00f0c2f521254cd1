// A segment of the network as a pipeline of stages on regions of their own.
#pragma once

#include <optional>
#include <vector>

#include "mapping/tangram/stage_choice.h"
#include "mapping/tangram/switches.h"

namespace tessera::mapping {

struct Pipeline {
  workloads::LayerSpan span;
  std::int64_t batch_groups = 1;    ///< trips of the loop over images around all stages
  bool keeps_output = false;        ///< the last map stays in the tiles
  std::vector<StageChoice> stages;  ///< with their tiles
  double cycles = 0;                ///< by analysis
};

/// What pipelines of a segment may do beside handing over.
struct PipelineWay {
  /// Per stage the one on whose tiles it runs, as hosts_of says; empty: all have their own.
  std::vector<int> hosts = {};
  /// Inputs go round wherever that is faster by analysis; false: where nothing else fits.
  bool prefers_sharing = false;
};

/// Pipelines of one segment, fewest cycles first: over piece counts, where the alternation begins,
/// and batch groups. Those that do not fit the tile buffers are left out. `hosts`: per stage the
/// one on whose tiles it runs, as hosts_of says; empty: all have their own.
std::vector<Pipeline> pipelines_of(const workloads::Network& network, workloads::LayerSpan span,
                                   const hw::Accelerator& accelerator, const MachineRates& rates,
                                   const TangramSwitches& switches, StageChooser& chooser,
                                   const PipelineWay& way = {});

/// Cycles of a pipeline by analysis, from its stages' cycles: a stage begins when its producers are
/// done with the first piece that it can take, and ends no earlier than it needs for their last
/// one. Further batch groups follow at the pace of the slowest stage. DRAM is shared by all stages.
///
/// Source: nn_dataflow, pipeline_segment_timing.py; the fetch before the first stage can begin is
/// ours.
double pipeline_cycles(const Pipeline& pipeline, const workloads::Network& network,
                       const MachineRates& rates, int word_bytes);

/// Bytes that a pipeline reads from DRAM and writes there, by analysis.
double pipeline_dram_bytes(const Pipeline& pipeline, const workloads::Network& network,
                           int word_bytes);

/// Stage of the segment that writes a tensor; -1: none.
int producing_stage(const workloads::Network& network, workloads::LayerSpan span,
                    workloads::TensorId tensor);

/// The tree: a pipeline of whole stages, each on its region with its loop over batch groups.
Node pipeline_tree(const Pipeline& pipeline, const workloads::Network& network);

}  // namespace tessera::mapping
