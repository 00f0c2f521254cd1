#include "mapping/cost/tangram/tool_layers.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <ranges>
#include <set>

#include "mapping/cost/tangram/tool_hops.h"
#include "mapping/cost/tangram/traffic.h"
#include "mapping/importers/tangram/in_turns.h"
#include "mapping/importers/tangram/shared_input.h"

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

/// Not all of it is held by tiles. Of an input that is partly on chip the tool reads all from DRAM.
bool from_dram(const Program& program, int stage, const workloads::Operand& input) {
  const auto& layer =
      program.network
          .layers[static_cast<std::size_t>(program.stages[static_cast<std::size_t>(stage)].layer)];
  const auto read = region_of(input, layer.whole());
  return std::ranges::any_of(program.parts, [&](const Part& part) {
    return part.tensor == input.tensor && part.home_for(stage) != Home::kTiles &&
           overlap(part.region, read);
  });
}

/// The tool's input of a layer with several is one of them in size. Where only some come from DRAM
/// those are what it counts there.
ToolLayer counted(const Document& document, const LayerDecisions& layer, const Program& program,
                  int stage) {
  const auto& target =
      program.network
          .layers[static_cast<std::size_t>(program.stages[static_cast<std::size_t>(stage)].layer)];
  const auto reads = [&](const workloads::Operand& input) {
    return !is_weight(input) && from_dram(program, stage, input);
  };
  const auto maps = static_cast<std::int64_t>(target.inputs.size()) -
                    std::ranges::count_if(target.inputs, is_weight);
  const std::int64_t fetched = std::ranges::count_if(target.inputs, reads);
  const ToolOperand map_words = operand_of(layer, kIfmap);
  ToolLayer result;
  result.segment = layer.segment;
  std::int64_t map = 0, fetch = 0;
  for (const auto& input : target.inputs) {
    if (is_weight(input)) {
      result.inputs.push_back(operand_of(layer, kFilter));
      continue;
    }
    result.inputs.push_back({0, part_of(map_words.buffer_words, map++, maps)});
    if (reads(input))
      result.inputs.back().dram_words = part_of(map_words.dram_words, fetch++, fetched);
  }
  result.output = operand_of(layer, kOfmap);
  const auto& ways = layer.partition.ways[kInpp];
  result.output_copies = document.hardware.forwards ? 1 : ways[0] * ways[1];
  const auto whole = static_cast<std::size_t>(document.layer_index(layer.name_in_file()));
  add_word_hops(document.layers[whole], layer, document.hardware, program, stage, result);
  return result;
}

/// Tiles that fetch a part of the input each; those with the same part fetch it together.
std::int64_t fetching_tiles(const LayerDecisions& layer, bool forwards) {
  std::set<FmapRange> parts;
  for (const auto& share : layer.shares) parts.insert(share.ifmap);
  return static_cast<std::int64_t>(forwards ? parts.size() : layer.shares.size());
}

/// A copy of an input that is handed on to other layers: what the tool counts of it in the first of
/// them.
ToolLayer counted(const SharedInput::Copy& copy, const SharedInput& shared,
                  const LayerDecisions& first, bool forwards) {
  const auto all = operand_of(first, kIfmap).dram_words * fetching_tiles(first, forwards);
  const auto tiles = static_cast<std::int64_t>(copy.tiles.size());
  const auto copies = static_cast<std::int64_t>(shared.copies.size());
  ToolLayer result;
  result.segment = first.segment;
  result.inputs.push_back({part_of(all / tiles, &copy - shared.copies.data(), copies), 0});
  return result;
}

/// None for layers that make no copy.
std::optional<ToolLayer> counted_copy(const std::vector<SharedInput>& inputs,
                                      const Document& pieces, const std::string& name) {
  for (const auto& shared : inputs)
    for (const auto& copy : shared.copies)
      if (copy.name == name)
        return counted(copy, shared, pieces.layers[static_cast<std::size_t>(shared.first)],
                       pieces.hardware.forwards);
  return std::nullopt;
}

bool share_tiles(const Stage& a, const Stage& b) {
  return std::ranges::any_of(a.shares, [&](const mapping::TileShare& share) {
    return std::ranges::binary_search(b.shares, share.tile, {}, &mapping::TileShare::tile);
  });
}

/// What stages wait for on other tiles before they begin.
class Feeds {
 public:
  Feeds(const Document& document, const Document& pieces, const Program& program)
      : document_(document), pieces_(pieces), program_(program) {}

  std::vector<ToolFeed> of(int reader) const {
    std::vector<ToolFeed> feeds;
    const auto* to = decisions(reader);
    for (const auto& part : program_.parts) {
      if (part.producer_stage < 0 || part.producer_stage >= reader || to == nullptr) continue;
      const auto* from = decisions(part.producer_stage);
      if (from == nullptr || from->segment != to->segment || !reads(reader, part)) continue;
      if (const auto pieces = pieces_before(*from, *to); pieces > 0)
        feeds.push_back({part.producer_stage, pieces});
    }
    return feeds;
  }

 private:
  const Stage& stage(int number) const { return program_.stages[static_cast<std::size_t>(number)]; }
  const workloads::Layer& layer(int number) const {
    return program_.network.layers[static_cast<std::size_t>(stage(number).layer)];
  }

  /// Null for layers that the file does not have.
  const LayerDecisions* decisions(int number) const {
    const int index = pieces_.layer_index(layer(number).name);
    return index < 0 ? nullptr : &pieces_.layers[static_cast<std::size_t>(index)];
  }

  const LayerDecisions& in_file(const LayerDecisions& piece) const {
    return document_.layers[static_cast<std::size_t>(document_.layer_index(piece.name_in_file()))];
  }

  /// In the tiles, and not its own.
  bool reads(int reader, const Part& part) const {
    const bool named = std::ranges::any_of(
        layer(reader).inputs,
        [&](const workloads::Operand& input) { return input.tensor == part.tensor; });
    return named && part.home_for(reader) == Home::kTiles &&
           !share_tiles(stage(reader), stage(part.producer_stage));
  }

  /// Equal parts of the producer's work of which the reader waits for the first. A producer that is
  /// cut into as many pieces as the reader takes is waited for in its first piece only; 0: not at
  /// all.
  std::int64_t pieces_before(const LayerDecisions& from, const LayerDecisions& to) const {
    if (!hands_over_pieces(in_file(from), in_file(to))) return 1;
    const bool cut = from.slice.count > 1 && from.slice.axis == PieceAxis::kChannels;
    if (cut) return from.slice.index == 0 ? 1 : 0;
    return top_factor(in_file(from), kOfmLoop);
  }

  const Document& document_;
  const Document& pieces_;
  const Program& program_;
};

}  // namespace

std::vector<ToolLayer> tool_layers(const Document& document, const Program& program) {
  const auto pieces = in_turns(document);
  const auto shared = shared_inputs(pieces);
  const Feeds feeds(document, pieces, program);
  std::vector<ToolLayer> layers(program.stages.size());
  int segment = 0;
  // An input that is copied beside a result belongs to the layer behind it, and the tool does not
  // count it.
  for (std::size_t s = program.stages.size(); s-- > 0;) {
    const auto& target = program.network.layers[static_cast<std::size_t>(program.stages[s].layer)];
    const int index = pieces.layer_index(target.name);
    if (auto copy = counted_copy(shared, pieces, target.name))
      layers[s] = std::move(*copy);
    else if (index >= 0)
      layers[s] = counted(document, pieces.layers[static_cast<std::size_t>(index)], program,
                          static_cast<int>(s));
    else
      layers[s] = {segment, std::vector<ToolOperand>(target.inputs.size()), {}, 1};
    layers[s].feeds = feeds.of(static_cast<int>(s));
    segment = layers[s].segment;
  }
  return layers;
}

std::vector<ToolLayer> load_tool_layers(const std::string& schedule, const Program& program,
                                        bool unlimited_buffers) {
  auto document = load_document(schedule);
  document.hardware.unlimited_gbuf = unlimited_buffers;
  return tool_layers(document, program);
}

}  // namespace tessera::mapping::tangram
