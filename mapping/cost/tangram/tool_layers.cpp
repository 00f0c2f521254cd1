#include "mapping/cost/tangram/tool_layers.h"

#include <cmath>
#include <ranges>

#include "mapping/cost/tangram/traffic.h"
#include "mapping/importers/tangram/in_turns.h"

namespace tessera::mapping::tangram {

namespace {

ToolOperand operand_of(const LayerDecisions& layer, Datum datum) {
  const auto passes = static_cast<double>(distinct_passes(layer, datum));
  const auto& pass = layer.pass;
  ToolOperand operand;
  operand.dram_words = std::llround(
      passes * (layer.in_gbuf[datum] ? pass.dram_access[datum] : pass.gbuf_access[datum]));
  if (layer.in_gbuf[datum]) operand.buffer_words = std::llround(passes * pass.gbuf_access[datum]);
  return operand;
}

/// Inputs that are read side by side have equal parts of what the tool counts of its input.
ToolOperand share_of(ToolOperand whole, std::int64_t number, std::int64_t parts) {
  return {part_of(whole.dram_words, number, parts), part_of(whole.buffer_words, number, parts)};
}

ToolLayer counted(const LayerDecisions& layer, const workloads::Layer& target, bool forwards) {
  const auto is_weight = [](const workloads::Operand& input) {
    return input.role == workloads::OperandRole::kWeight;
  };
  const auto maps = static_cast<std::int64_t>(target.inputs.size()) -
                    std::ranges::count_if(target.inputs, is_weight);
  ToolLayer result;
  result.segment = layer.segment;
  std::int64_t map = 0;
  for (const auto& input : target.inputs)
    result.inputs.push_back(is_weight(input) ? operand_of(layer, kFilter)
                                             : share_of(operand_of(layer, kIfmap), map++, maps));
  result.output = operand_of(layer, kOfmap);
  const auto& ways = layer.partition.ways[kInpp];
  result.output_copies = forwards ? 1 : ways[0] * ways[1];
  return result;
}

}  // namespace

std::vector<ToolLayer> tool_layers(const Document& document, const Program& program) {
  const auto pieces = in_turns(document);
  std::vector<ToolLayer> layers(program.stages.size());
  int segment = 0;
  // An input that is copied beside a result belongs to the layer behind it, and the tool does not
  // count it.
  for (std::size_t s = program.stages.size(); s-- > 0;) {
    const auto& target = program.network.layers[static_cast<std::size_t>(program.stages[s].layer)];
    const int index = pieces.layer_index(target.name);
    if (index >= 0)
      layers[s] = counted(pieces.layers[static_cast<std::size_t>(index)], target,
                          document.hardware.forwards);
    else
      layers[s] = {segment, std::vector<ToolOperand>(target.inputs.size()), {}, 1};
    segment = layers[s].segment;
  }
  return layers;
}

std::vector<ToolLayer> load_tool_layers(const std::string& schedule, const Program& program) {
  return tool_layers(load_document(schedule), program);
}

}  // namespace tessera::mapping::tangram
