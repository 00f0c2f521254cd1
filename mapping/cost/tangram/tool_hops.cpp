#include "mapping/cost/tangram/tool_hops.h"

#include <algorithm>

#include "mapping/cost/tangram/hops.h"

namespace tessera::mapping::tangram {

namespace {

class HopCounter {
 public:
  HopCounter(const LayerDecisions& whole, const LayerDecisions& piece,
             const HardwareFacts& hardware, const Program& program, const Stage& stage)
      : whole_(whole),
        piece_(piece),
        hardware_(hardware),
        program_(program),
        stage_(stage),
        layer_(program.network.layers[static_cast<std::size_t>(stage.layer)]) {}

  void add_to(ToolLayer& counted) const {
    int map = 0;
    for (std::size_t x = 0; x < layer_.inputs.size(); ++x) {
      const bool weight = layer_.inputs[x].role == workloads::OperandRole::kWeight;
      counted.inputs[x].word_hops = input_hops(x, weight ? kFilter : kIfmap, weight ? 0 : map++);
    }
    counted.output.word_hops = none();
    counted.sum_hops = none();
    for (const auto& share : stage_.shares) add_outputs(share, counted);
  }

 private:
  std::vector<std::int64_t> none() const {
    return std::vector<std::int64_t>(static_cast<std::size_t>(program_.tiles), 0);
  }

  /// The tool's inputs of a layer with several stand side by side in one.
  std::vector<std::int64_t> input_hops(std::size_t input, Datum datum, int map) const {
    const auto maps = std::ranges::count_if(layer_.inputs, [](const workloads::Operand& operand) {
      return operand.role != workloads::OperandRole::kWeight;
    });
    auto hops = none();
    for (const auto& share : stage_.shares) {
      const auto& members =
          stage_.groups[static_cast<std::size_t>(share.input_groups[input])].members;
      if (members.front() != share.tile) continue;
      const auto tiles = stage_.slots[input].rotating ? alike(share.tile, datum) : those(members);
      const auto all = cut(group_hops(whole_, datum, tiles, hardware_), datum);
      hops[static_cast<std::size_t>(share.tile)] = datum == kFilter ? all : part_of(all, map, maps);
    }
    return hops;
  }

  /// One tile completes the outputs of a group, except where their sums go round. Of outputs that
  /// stay in the tiles only the sums move, so these carry all.
  void add_outputs(const mapping::TileShare& share, ToolLayer& counted) const {
    const auto at = static_cast<std::size_t>(share.tile);
    const bool rotating = stage_.slots[static_cast<std::size_t>(stage_.output_slot)].rotating;
    const auto members = share.sums_group < 0 || rotating
                             ? std::vector<TileId>{share.tile}
                             : stage_.groups[static_cast<std::size_t>(share.sums_group)].members;
    const auto hops =
        output_hops(whole_, rotating ? alike(share.tile, kOfmap) : those(members), hardware_);
    const auto layout = cut(hops.layout, kOfmap), sums = cut(hops.sums, kOfmap);
    if (members.size() == 1) {
      counted.output.word_hops[at] = layout + sums;
    } else if (members.front() == share.tile) {
      counted.output.word_hops[at] = piece_.writes_dram ? layout : 0;
    } else {
      const auto place = std::ranges::find(members, share.tile) - members.begin() - 1;
      counted.sum_hops[at] = part_of(piece_.writes_dram ? sums : layout + sums, place,
                                     static_cast<std::int64_t>(members.size()) - 1);
    }
  }

  /// What a piece of the layer has of it.
  std::int64_t cut(std::int64_t hops, Datum datum) const {
    const auto& slice = piece_.slice;
    const bool is_cut = slice.axis == PieceAxis::kBatch
                            ? datum != kFilter
                            : datum != kIfmap || !whole_.shape.is_convolution;
    return is_cut ? part_of(hops, slice.index, slice.count) : hops;
  }

  Tiles those(const std::vector<TileId>& members) const {
    Tiles tiles;
    for (const auto& share : whole_.shares)
      if (std::ranges::count(members, id_of(share)) > 0) tiles.push_back(&share);
    return tiles;
  }

  Tiles alike(TileId tile, Datum datum) const {
    for (auto& tiles : tiles_alike(whole_, datum))
      if (std::ranges::any_of(tiles, [&](const auto* share) { return id_of(*share) == tile; }))
        return tiles;
    return {};
  }

  TileId id_of(const TileShare& share) const {
    return share.at.row * hardware_.columns + share.at.column;
  }

  const LayerDecisions& whole_;
  const LayerDecisions& piece_;
  const HardwareFacts& hardware_;
  const Program& program_;
  const Stage& stage_;
  const workloads::Layer& layer_;
};

}  // namespace

void add_word_hops(const LayerDecisions& whole, const LayerDecisions& piece,
                   const HardwareFacts& hardware, const Program& program, int stage,
                   ToolLayer& counted) {
  HopCounter(whole, piece, hardware, program, program.stages[static_cast<std::size_t>(stage)])
      .add_to(counted);
}

}  // namespace tessera::mapping::tangram
