#include "mapping/importers/tangram/pass.h"

#include "mapping/importers/tangram/sharing.h"
#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::tangram {

namespace {

/// Replicas along array rows are dealt to input and output channels, those along columns are output
/// channels. The tool does not say how many are which; the number of passes does.
void deal_replicas(const LayerDecisions& layer, std::int64_t input_channels,
                   std::int64_t output_channels, PassShape& shape) {
  const auto counts = pass_counts(layer);
  const std::int64_t rows = layer.pass.replicate[0], columns = layer.pass.replicate[1];
  for (std::int64_t inputs = 1; inputs <= rows; ++inputs) {
    if (rows % inputs != 0) continue;
    const std::int64_t outputs = rows / inputs * columns;
    const bool inputs_fit = !layer.shape.is_convolution
                                ? inputs == 1
                                : ceil_div(input_channels, inputs) == counts.input;
    if (!inputs_fit || ceil_div(output_channels, outputs) != counts.output) continue;
    shape.input_channels = inputs;
    shape.output_channels = outputs;
    shape.replicas_below = rows / inputs;
    return;
  }
  throw UserError("layer ", layer.name, ": ", counts.input, " x ", counts.output, " passes with ",
                  rows, " x ", columns, " replicas do not cover ", input_channels, " input and ",
                  output_channels, " output channels of a tile");
}

}  // namespace

std::int64_t passes_over(const LayerDecisions& layer, Datum datum,
                         std::initializer_list<const std::vector<LoopFactor>*> levels) {
  std::int64_t product = 1;
  for (const auto* loops : levels)
    for (const auto& loop : *loops)
      if (moves(layer, datum, loop.loop)) product *= loop.factor;
  return product;
}

std::int64_t held_words(const LayerDecisions& layer, Datum datum) {
  const auto held =
      passes_over(layer, datum, {&layer.sharing_loops, &layer.gbuf_loops, &layer.regf_loops});
  return ceil_div<std::int64_t>(held * layer.pass.gbuf_unit[datum], layer.sharing.subgroup[datum]);
}

PassCounts pass_counts(const LayerDecisions& layer) {
  std::int64_t counts[kLoops] = {1, 1, 1};
  for (const auto* level :
       {&layer.dram_loops, &layer.sharing_loops, &layer.gbuf_loops, &layer.regf_loops})
    for (const auto& loop : *level) counts[loop.loop] *= loop.factor;
  return {counts[kIfmLoop], counts[kOfmLoop], counts[kBatLoop]};
}

PassShape pass_shape(const LayerDecisions& layer, const HardwareFacts& hardware,
                     std::int64_t input_channels, std::int64_t output_channels,
                     std::int64_t output_rows) {
  PassShape shape;
  deal_replicas(layer, input_channels, output_channels, shape);
  shape.filter_rows = ceil_div<std::int64_t>(layer.shape.filter_rows, layer.pass.fold[0]);
  shape.output_rows = ceil_div<std::int64_t>(output_rows, layer.pass.fold[1]);
  shape.stacks = ceil_div<std::int64_t>(shape.output_rows, hardware.array_columns);
  shape.columns = ceil_div(shape.output_rows, shape.stacks);
  return shape;
}

}  // namespace tessera::mapping::tangram
