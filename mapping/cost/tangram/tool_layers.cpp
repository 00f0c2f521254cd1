#include "mapping/cost/tangram/tool_layers.h"

#include <algorithm>
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

bool is_weight(const workloads::Operand& input) {
  return input.role == workloads::OperandRole::kWeight;
}

/// No tile holds any of it.
bool from_dram(const Program& program, int stage, const workloads::Operand& input) {
  const auto& layer =
      program.network
          .layers[static_cast<std::size_t>(program.stages[static_cast<std::size_t>(stage)].layer)];
  const auto read = region_of(input, layer.whole());
  return std::ranges::none_of(program.parts, [&](const Part& part) {
    return part.tensor == input.tensor && part.home_for(stage) == Home::kTiles &&
           overlap(part.region, read);
  });
}

/// The tool's input of a layer with several is one of them in size. Where only some come from DRAM
/// those are what it counts there.
ToolLayer counted(const LayerDecisions& layer, const Program& program, int stage, bool forwards) {
  const auto& target =
      program.network
          .layers[static_cast<std::size_t>(program.stages[static_cast<std::size_t>(stage)].layer)];
  const auto reads = [&](const workloads::Operand& input) {
    return !is_weight(input) && from_dram(program, stage, input);
  };
  const auto maps = static_cast<std::int64_t>(target.inputs.size()) -
                    std::ranges::count_if(target.inputs, is_weight);
  const std::int64_t fetched = std::ranges::count_if(target.inputs, reads);
  const ToolOperand whole = operand_of(layer, kIfmap);
  ToolLayer result;
  result.segment = layer.segment;
  std::int64_t map = 0, fetch = 0;
  for (const auto& input : target.inputs) {
    if (is_weight(input)) {
      result.inputs.push_back(operand_of(layer, kFilter));
      continue;
    }
    result.inputs.push_back({0, part_of(whole.buffer_words, map++, maps)});
    if (reads(input)) result.inputs.back().dram_words = part_of(whole.dram_words, fetch++, fetched);
  }
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
      layers[s] = counted(pieces.layers[static_cast<std::size_t>(index)], program,
                          static_cast<int>(s), document.hardware.forwards);
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
