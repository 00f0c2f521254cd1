// The schedules `fused` and `pipeorgan`.
#pragma once

#include "mapping/fusion/pipeline_policy.h"
#include "mapping/layerwise.h"
#include "mapping/refine/refinement.h"

namespace tessera::mapping {

/// LoopTree's space searched by analysis: runs of up to three layers in turns on all tiles, over
/// tile heights and widths, where each intermediate map is kept (per tensor), and whether weights
/// stay. Choices that do not fit the tile buffer are dropped; a run is fused when its cost, the
/// larger of computing with recomputation and DRAM traffic, is below that of its layers one by one
/// and `layerwise` would send one of its maps to DRAM. Runs are taken greedily from the front, the
/// longest gain per layer first. What is not fused runs as in `layerwise`.
Schedule schedule_fused(const workloads::Network& network, const hw::Accelerator& accelerator,
                        const MachineRates& rates);

/// PipeOrgan's policies as far as they are known (arXiv 2405.01736, recalled, not verified):
/// - depth: the longest run whose weights are fewer than the elements of the maps it keeps off
/// DRAM, at most the
///   root of the number of tiles;
/// - granularity: one row of the last layer's maps at a time;
/// - organisation: interleaved (striped-1D for two layers, checkerboard for more) when the
/// hand-over pieces of all
///   maps fit a quarter of the tile buffer, else blocked (1D for two layers, 2D for more).
/// A run that does not fit, or that costs more than its layers one by one, is shortened.
Schedule schedule_pipeorgan(const workloads::Network& network, const hw::Accelerator& accelerator,
                            const MachineRates& rates, const PipelinePolicy& policy = {});

/// Both with finalists decided by simulation: what analysis likes competes with `layerwise`, which
/// the result is never slower than.
Refined refine_fused(const workloads::Network& network, const hw::Accelerator& accelerator,
                     const MachineRates& rates, const Simulate& simulate,
                     const RefineOptions& options);
Refined refine_pipeorgan(const workloads::Network& network, const hw::Accelerator& accelerator,
                         const MachineRates& rates, const Simulate& simulate,
                         const RefineOptions& options, const PipelinePolicy& policy = {});

}  // namespace tessera::mapping
