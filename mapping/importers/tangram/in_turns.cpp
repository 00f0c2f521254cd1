#include "mapping/importers/tangram/in_turns.h"

#include <algorithm>

#include "mapping/importers/tangram/sharing.h"

namespace tessera::mapping::tangram {

namespace {

bool divides(const Span& span, std::int64_t pieces) {
  return span.begin % pieces == 0 && span.end % pieces == 0;
}

void divide(Span& span, std::int64_t pieces) {
  span.begin /= pieces;
  span.end /= pieces;
}

Loop loop_of(PieceAxis axis) { return axis == PieceAxis::kBatch ? kBatLoop : kOfmLoop; }

Span& span_of(FmapRange& range, PieceAxis axis) {
  return axis == PieceAxis::kBatch ? range.batch : range.channels;
}

/// Outermost loop of the DRAM level, when it is the one over this axis.
std::int64_t outermost(const LayerDecisions& layer, PieceAxis axis) {
  if (layer.dram_loops.empty() || layer.dram_loops.front().loop != loop_of(axis)) return 1;
  return layer.dram_loops.front().factor;
}

bool can_divide(const LayerDecisions& layer, PieceAxis axis, std::int64_t pieces) {
  if (outermost(layer, axis) % pieces != 0) return false;
  return std::ranges::all_of(
      layer.shares, [&](TileShare share) { return divides(span_of(share.ofmap, axis), pieces); });
}

/// The layer of one piece.
LayerDecisions piece_of(LayerDecisions layer, PieceAxis axis, std::int64_t pieces,
                        std::int64_t piece) {
  layer.slice = {layer.name, axis, piece, pieces};
  layer.name += "." + std::to_string(piece);
  layer.dram_loops.front().factor /= pieces;
  for (auto& share : layer.shares) {
    divide(span_of(share.ofmap, axis), pieces);
    if (axis == PieceAxis::kChannels) divide(share.filter.outputs, pieces);
  }
  if (axis == PieceAxis::kChannels) {
    layer.shape.output_channels /= pieces;
    if (!layer.shape.is_convolution) layer.shape.input_channels /= pieces;
  }
  // A round for every batch group: each piece has its part of them.
  for (auto& rounds : layer.sharing.rotation_rounds)
    if (rounds > 0) rounds = std::max<std::int64_t>(1, rounds / pieces);
  return layer;
}

/// Of the outputs on one tile.
std::int64_t most_words(const LayerDecisions& layer) {
  std::int64_t words = 0;
  for (const auto& share : layer.shares) words = std::max(words, share.ofmap.words());
  return words;
}

class TurnTaker {
 public:
  explicit TurnTaker(Document document) : document_(std::move(document)) {}

  Document run() {
    std::vector<LayerDecisions> layers;
    layers.swap(document_.layers);
    for (std::size_t begin = 0; begin < layers.size();) {
      std::size_t end = begin;
      while (end < layers.size() && layers[end].segment == layers[begin].segment) ++end;
      add_segment(
          {layers.begin() + static_cast<long>(begin), layers.begin() + static_cast<long>(end)});
      begin = end;
    }
    return std::move(document_);
  }

 private:
  using Layers = std::vector<LayerDecisions>;

  void add_segment(const Layers& layers) {
    const auto groups =
        document_.segments[static_cast<std::size_t>(layers.front().segment)].batch_groups;
    if (layers.size() > 1 && groups > 1 && all_divide(layers, PieceAxis::kBatch, groups))
      return add_pieces(layers, PieceAxis::kBatch, groups);
    if (const auto images = images_beside_folds(layers, groups); images > 1)
      return add_folds(layers, images);
    for (std::size_t begin = 0; begin < layers.size();) {
      const std::size_t end = end_of_group(layers, begin);
      const Layers group(layers.begin() + static_cast<long>(begin),
                         layers.begin() + static_cast<long>(end));
      const auto pieces = outermost(group.front(), PieceAxis::kChannels);
      if (group.size() > 1 && takes_turns(group) && !holds_pieces(group, layers, pieces))
        add_turns(group);
      else if (group.size() > 1 && pieces > 1 && all_divide(group, PieceAxis::kChannels, pieces))
        add_pieces(group, PieceAxis::kChannels, pieces);
      else
        document_.layers.insert(document_.layers.end(), group.begin(), group.end());
      begin = end;
    }
  }

  /// A convolution whose outputs stay on chip, and what follows it on its tiles channel by channel.
  static std::size_t end_of_group(const Layers& layers, std::size_t begin) {
    std::size_t end = begin + 1;
    const auto& first = layers[begin];
    if (!first.shape.is_convolution || first.writes_dram) return end;
    while (end < layers.size() && !layers[end].shape.is_convolution &&
           layers[end].stage == first.stage &&
           std::ranges::count(layers[end].producers, layers[end - 1].name) > 0 &&
           outermost(layers[end], PieceAxis::kChannels) == outermost(first, PieceAxis::kChannels))
      ++end;
    return end;
  }

  /// All of them go through the same channels on every tile, which holds its outputs by itself.
  static bool takes_turns(const Layers& group) {
    return pieces_of_channels(group.front()) > 1 && !rotates(group.front(), kOfmap) &&
           std::ranges::all_of(group, [&](const LayerDecisions& layer) {
             return std::ranges::equal(
                 layer.shares, group.front().shares, [](const TileShare& a, const TileShare& b) {
                   return a.at == b.at && a.ofmap.channels == b.ofmap.channels;
                 });
           });
  }

  /// What the group keeps on chip, and what earlier layers of its segment keep for it, has room as
  /// the other form needs it: a piece of what the next layer of the group reads, all pieces of what
  /// others read.
  bool holds_pieces(const Layers& group, const Layers& segment, std::int64_t pieces) const {
    std::int64_t words = 0;
    for (const auto& layer : segment) {
      const bool passes_on = layer.name != group.back().name &&
                             std::ranges::count(group, layer.name, &LayerDecisions::name) > 0;
      if (!layer.writes_dram && layer.region == group.front().region)
        words += most_words(layer) / (passes_on ? pieces : 1);
      if (layer.name == group.back().name) break;
    }
    return words <= document_.hardware.room_words();
  }

  /// Where groups are folds of the rows of the first layer, and the second one reads an image from
  /// all of them, which has no room: images that can be taken group by group; 0: this is not so.
  std::int64_t images_beside_folds(const Layers& layers, std::int64_t groups) const {
    if (layers.size() < 3 || groups < 2 || layers.front().writes_dram || layers[1].writes_dram ||
        most_words(layers.front()) <= document_.hardware.room_words())
      return 0;
    const auto same_stage = [&](const auto& layer) { return layer.stage == layers.front().stage; };
    for (std::int64_t images = groups / 2; images > 1; images /= 2) {
      const auto folds = groups / images;
      if (groups % images != 0 || !std::ranges::all_of(layers, same_stage) ||
          !all_divide(layers, PieceAxis::kBatch, images))
        continue;
      const bool one_image = std::ranges::all_of(layers.front().shares, [&](const auto& share) {
        return share.ofmap.batch.size() == images && share.ofmap.rows.size() % folds == 0;
      });
      if (one_image && end_of_group(layers, 1) == layers.size()) return images;
    }
    return 0;
  }

  /// For each of the images in turn: the first layer fold by fold, and those behind it channel by
  /// channel when it is through.
  void add_folds(const Layers& layers, std::int64_t images) {
    const auto groups = outermost(layers.front(), PieceAxis::kBatch);
    for (std::int64_t image = 0; image < images; ++image) {
      Layers group;
      for (const auto& layer : layers) {
        group.push_back(piece_of(layer, PieceAxis::kBatch, images, image));
        group.back().turns_by_rows = group.size() == 1;
        group.back().turns_later = group.size() == 1 ? 0 : static_cast<int>(groups / images) - 1;
        // Sums go to an owner in pieces, which does not need the layers to take their turns apart.
        group.back().sharing.subgroup[kOfmap] = 1;
      }
      add_turns(std::move(group));
    }
  }

  void add_turns(Layers group) {
    for (auto& layer : group) {
      layer.turns = turns_;
      document_.layers.push_back(std::move(layer));
    }
    ++turns_;
  }

  static bool all_divide(const Layers& layers, PieceAxis axis, std::int64_t pieces) {
    return std::ranges::all_of(layers,
                               [&](const auto& layer) { return can_divide(layer, axis, pieces); });
  }

  void add_pieces(const Layers& layers, PieceAxis axis, std::int64_t pieces) {
    for (std::int64_t piece = 0; piece < pieces; ++piece)
      for (const auto& layer : layers)
        document_.layers.push_back(piece_of(layer, axis, pieces, piece));
  }

  Document document_;
  int turns_ = 0;  ///< groups that take turns
};

}  // namespace

std::int64_t pieces_of_channels(const LayerDecisions& layer) {
  std::int64_t pieces = 1;
  for (const auto* level : {&layer.dram_loops, &layer.sharing_loops, &layer.gbuf_loops})
    for (const auto& loop : *level) {
      if (loop.loop == kIfmLoop) return pieces;
      if (loop.loop == kOfmLoop) pieces *= loop.factor;
    }
  return pieces;
}

Document in_turns(Document document) { return TurnTaker(std::move(document)).run(); }

}  // namespace tessera::mapping::tangram
