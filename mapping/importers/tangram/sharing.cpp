#include "mapping/importers/tangram/sharing.h"

#include <algorithm>

namespace tessera::mapping::tangram {

namespace {

bool goes_round(const LayerDecisions& layer, Datum datum) {
  return layer.sharing.subgroup[datum] > 1 && layer.sharing.rotation_rounds[datum] > 0;
}

/// A loop over input channels around one over outputs: sums leave and come back.
bool sums_leave(const LayerDecisions& layer) {
  const auto reduces = [](const LoopFactor& loop) {
    return loop.loop == kIfmLoop && loop.factor > 1;
  };
  const auto& loops = layer.dram_loops;
  const auto first = std::ranges::find_if(loops, reduces);
  return std::any_of(first, loops.end(), [](const LoopFactor& loop) {
    return loop.loop != kIfmLoop && loop.factor > 1;
  });
}

}  // namespace

bool moves(const LayerDecisions& layer, Datum datum, Loop loop) {
  if (datum == kFilter) return loop != kBatLoop;
  if (datum == kOfmap) return loop != kIfmLoop;
  return loop != (layer.shape.is_convolution ? kOfmLoop : kIfmLoop);
}

std::vector<LoopFactor> buffer_loops(const LayerDecisions& layer) {
  auto loops = layer.sharing_loops;
  loops.insert(loops.end(), layer.gbuf_loops.begin(), layer.gbuf_loops.end());
  return loops;
}

Run run_of(const LayerDecisions& layer, Datum datum, const std::vector<LoopFactor>& loops) {
  Run run;
  while (run.begin < loops.size() && !moves(layer, datum, loops[run.begin].loop)) ++run.begin;
  run.end = run.begin;
  while (run.end < loops.size() && moves(layer, datum, loops[run.end].loop)) ++run.end;
  return run;
}

std::int64_t output_pieces(const LayerDecisions& layer) {
  const auto loops = buffer_loops(layer);
  const Run run = run_of(layer, kOfmap, loops);
  for (std::size_t i = run.begin; i < run.end; ++i)
    if (loops[i].factor > 1) return loops[i].factor;
  return 1;
}

int partners(const LayerDecisions& layer) {
  const auto& ways = layer.partition.ways[kInpp];
  return ways[0] * ways[1];
}

bool rotates(const LayerDecisions& layer, Datum datum) {
  if (datum != kOfmap || goes_round(layer, kOfmap)) return goes_round(layer, datum);
  const int tiles = layer.sharing.subgroup[kOfmap];
  const bool others = goes_round(layer, kFilter) || goes_round(layer, kIfmap);
  return layer.shape.is_convolution && tiles > 1 && tiles == partners(layer) && !others &&
         output_pieces(layer) >= tiles && !sums_leave(layer);
}

}  // namespace tessera::mapping::tangram
