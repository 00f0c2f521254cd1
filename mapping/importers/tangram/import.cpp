#include "mapping/importers/tangram/import.h"

#include <algorithm>

#include "mapping/importers/tangram/in_turns.h"
#include "mapping/importers/tangram/layer_tree.h"
#include "mapping/importers/tangram/network.h"
#include "mapping/importers/tangram/pass.h"
#include "mapping/importers/tangram/shared_input.h"
#include "mapping/stage_plan.h"
#include "mapping/tree_path.h"
#include "sim/base/error.h"

namespace tessera::mapping::tangram {

namespace {

using workloads::Network;
using workloads::RankRange;

/// Of the LPDDR4 channels that stand for the tool's DRAM: sixteen transfers of two bytes.
constexpr Bytes kBurstBytes = 32;

constexpr Datum kAllData[] = {kFilter, kIfmap, kOfmap};

class Importer {
 public:
  Importer(Document document, const std::string& name, const std::string& origin)
      : document_(std::move(document)), origin_(origin), shared_(shared_inputs(document_)) {
    result_.network = network_of(document_, name, origin);
    result_.schedule.name = name;
    result_.schedule.origin = origin;
    result_.schedule.dram_placement.weight_copies = Copies::kNearest;
    result_.schedule.dram_placement.fitted_to_burst_bytes = kBurstBytes;
  }

  Import import() {
    for (const auto& layer : document_.layers) {
      refuse_pinned(layer);
      refuse_rotating_sums(layer);
    }
    for (const auto& layer : result_.network.layers) {
      const int index = document_.layer_index(layer.name);
      const auto* copy = find_copy(shared_, layer.name);
      result_.schedule.root.children.push_back(copy != nullptr ? handing_on_tree(*copy, layer)
                                               : index < 0     ? copy_tree(layer)
                                                               : tree_of(index, layer));
      if (index >= 0) check_shares(document_.layers[index], layer);
    }
    return std::move(result_);
  }

 private:
  template <typename... Parts>
  [[noreturn]] void refuse(const LayerDecisions& layer, const Parts&... parts) const {
    throw UserError(origin_, ": layer ", layer.name, ": ", parts...);
  }

  void refuse_pinned(const LayerDecisions& layer) const {
    if (!layer.weights_pinned) return;
    refuse(layer, "its weights are taken to be on chip from the start and need ",
           layer.pinned_weight_words, " words of a tile buffer of ", document_.hardware.gbuf_words,
           layer.pinned_weight_words > document_.hardware.gbuf_words
               ? "; they do not fit"
               : "; weights that are on chip before the run are not simulated",
           "; --unpinned fetches them");
  }

  void refuse_rotating_sums(const LayerDecisions& layer) const {
    if (layer.sharing.subgroup[kOfmap] > 1 && layer.sharing.rotation_rounds[kOfmap] > 0)
      refuse(layer, "its outputs are shared by ", layer.sharing.subgroup[kOfmap],
             " tiles and their partial sums rotate ", layer.sharing.rotation_rounds[kOfmap],
             " rounds; weights and inputs can rotate");
  }

  Node tree_of(int index, const workloads::Layer& target) {
    const auto& layer = document_.layers[index];
    return layer_tree(layer, target, document_, holds_of(index));
  }

  /// An input that is copied beside a result: by one tile of the layer that follows.
  Node copy_tree(const workloads::Layer& target) const {
    const auto reader = std::ranges::find_if(document_.layers, [&](const LayerDecisions& layer) {
      const auto& layers = result_.network.layers;
      const auto found = std::ranges::find(layers, layer.name, &workloads::Layer::name);
      return std::ranges::any_of(
          found->inputs, [&](const auto& input) { return input.tensor == target.output.tensor; });
    });
    const auto at = reader->region.front();
    TreePath path;
    path.place({at.row * document_.hardware.columns + at.column});
    path.store("dram", {{.tensor = "O"}});
    const auto& terms = target.output.dimensions.front().terms;
    if (!terms.empty()) path.loop(target.ranks[terms.front().rank].name, 1);
    path.store("buffer", {{.tensor = "I0"}, {.tensor = "O"}});
    return path.finish(target.name);
  }

  static const std::string& rank_of(const workloads::Layer& target, int dimension) {
    return target.ranks[target.output.dimensions[dimension].terms.front().rank].name;
  }

  /// A map that the first of several stages fetches for all: an image at a time, and as many
  /// channels as the tile has.
  Node handing_on_tree(const SharedInput::Copy& copy, const workloads::Layer& target) const {
    std::vector<int> tiles;
    for (const auto& at : copy.tiles)
      tiles.push_back(at.row * document_.hardware.columns + at.column);
    TreePath path;
    path.place(std::move(tiles));
    if (copy.image_ways > 1) path.split(rank_of(target, 0), copy.image_ways, Axis::kTiles);
    if (copy.channel_ways > 1) path.split(rank_of(target, 1), copy.channel_ways, Axis::kTiles);
    path.store("tiles", {{.tensor = "O"}});
    if (document_.batch > copy.image_ways) path.loop(rank_of(target, 0), 1);
    path.store("buffer", {{.tensor = "I0", .double_buffered = true}, {.tensor = "O"}});
    return path.finish(target.name);
  }

  /// Whole share of the outputs.
  static std::int64_t output_words(const LayerDecisions& layer) {
    std::int64_t words = 0;
    for (const auto& share : layer.shares) words = std::max(words, share.ofmap.words());
    return words;
  }

  bool reads(const LayerDecisions& reader, const LayerDecisions& producer) const {
    if (std::ranges::count(reader.producers, producer.name_in_file()) == 0) return false;
    const auto &mine = reader.slice, &theirs = producer.slice;
    const bool in_turns = reader.segment == producer.segment && mine.count == theirs.count &&
                          mine.axis == theirs.axis;
    return !in_turns || mine.index == theirs.index;
  }

  /// Words that feature maps of earlier layers, and what stays from piece to piece, take on a tile
  /// of this layer while it runs.
  std::int64_t resident_words(int index) const {
    const auto& layer = document_.layers[index];
    std::int64_t words = kept_words(index) + handed_on_words(index);
    for (int earlier = 0; earlier < index; ++earlier) {
      const auto& producer = document_.layers[earlier];
      if (producer.writes_dram || !share_tiles(producer, layer)) continue;
      bool needed = false;
      for (std::size_t later = index; later < document_.layers.size(); ++later)
        needed |= reads(document_.layers[later], producer);
      if (needed) words += output_words(producer);
    }
    return words;
  }

  /// Copies that its tiles hold for other stages.
  std::int64_t handed_on_words(int index) const {
    std::int64_t words = 0;
    for (const auto& shared : shared_)
      if (index >= shared.first && index <= shared.readers.back() &&
          share_tiles(document_.layers[shared.first], document_.layers[index]))
        for (const auto& copy : shared.copies) words += copy.words;
    return words;
  }

  /// What pieces of other layers keep for later pieces.
  std::int64_t kept_words(int index) const {
    const auto& layer = document_.layers[index];
    std::int64_t words = 0;
    for (int earlier = 0; earlier < index; ++earlier) {
      const auto& other = document_.layers[earlier];
      if (other.slice.whole == layer.slice.whole || !share_tiles(other, layer)) continue;
      const bool goes_on = std::ranges::any_of(
          document_.layers.begin() + index, document_.layers.end(),
          [&](const auto& later) { return later.slice.whole == other.slice.whole; });
      if (!goes_on || other.slice.index > 0) continue;
      for (const Datum datum : {kFilter, kIfmap})
        if (stays(other, datum) && other.in_gbuf[datum]) words += held_words(other, datum);
    }
    return words;
  }

  static bool share_tiles(const LayerDecisions& a, const LayerDecisions& b) {
    return std::ranges::any_of(a.region, [&](hw::Coordinate at) {
      return std::ranges::find(b.region, at) != b.region.end();
    });
  }

  /// A quarter of the room goes to what bypasses the buffer of a vector layer.
  static std::int64_t take_streams(std::int64_t left, Holds& holds) {
    holds.streamed_words = std::max<std::int64_t>(left / 4, 64);
    return left - holds.streamed_words;
  }

  /// The piece before this one; -1 for the first, and for layers that are whole.
  int piece_before(int index) const {
    const auto& slice = document_.layers[index].slice;
    if (slice.index == 0) return -1;
    int before = index - 1;
    while (document_.layers[before].slice.whole != slice.whole) --before;
    return before;
  }

  /// Pieces of a batch have the same weights, pieces of a convolution's output channels the same
  /// inputs. They stay when no loop fetches them again within a piece.
  bool stays(const LayerDecisions& layer, Datum datum) const {
    const bool same = layer.slice.axis == PieceAxis::kBatch ? datum == kFilter : datum == kIfmap;
    return layer.slice.count > 1 && same && layer.shape.is_convolution &&
           passes_over(layer, datum, {&layer.dram_loops}) == 1;
  }

  /// Written to DRAM by a layer of the same segment, and read on chip (save-writeback).
  bool reads_beside_dram(const LayerDecisions& reader, const LayerDecisions& producer) const {
    return producer.writes_dram && !reader.reads_dram && reader.segment == producer.segment &&
           reads(reader, producer);
  }

  void find_kept(int index, Holds& holds) const {
    const auto& layer = document_.layers[index];
    const int before = piece_before(index);
    for (const Datum datum : {kFilter, kIfmap})
      if (before >= 0 && stays(layer, datum))
        holds.kept_from[datum] = document_.layers[before].name;
    for (const auto& other : document_.layers) {
      holds.output_on_chip |= reads_beside_dram(other, layer);
      holds.input_on_chip |= reads_beside_dram(layer, other);
    }
  }

  /// Outputs of a piece that stay in the tiles while those of other stages read them: the next
  /// piece begins meanwhile when it has a place of its own.
  bool piece_is_read_elsewhere(int index) const {
    const auto& layer = document_.layers[index];
    return layer.slice.count > 1 && !layer.writes_dram &&
           std::ranges::any_of(document_.layers, [&](const LayerDecisions& reader) {
             return reads(reader, layer) && !share_tiles(reader, layer);
           });
  }

  Holds holds_of(int index) const {
    const auto& layer = document_.layers[index];
    Holds holds;
    find_kept(index, holds);
    holds.in_buffer = layer.in_gbuf;
    const bool on_chip = !layer.writes_dram || holds.output_on_chip;
    if (on_chip) holds.in_buffer[kOfmap] = true;
    std::int64_t left = document_.hardware.gbuf_words - resident_words(index);
    PerDatum<std::int64_t> words{};
    for (const Datum datum : kAllData) {
      words[datum] = datum == kOfmap && on_chip ? output_words(layer) : held_words(layer, datum);
      if (holds.in_buffer[datum]) left -= words[datum];
    }
    if (left < 0 && !layer.reads_dram && holds.in_buffer[kIfmap]) {
      holds.in_buffer[kIfmap] = false;
      left += words[kIfmap];
    }
    if (!layer.shape.is_convolution && !(holds.in_buffer[kIfmap] && holds.in_buffer[kOfmap]))
      left = take_streams(left, holds);
    if (piece_is_read_elsewhere(index) && words[kOfmap] <= left) {
      holds.output_twice = true;
      left -= words[kOfmap];
    }
    for (const Datum datum : {kFilter, kIfmap, kOfmap}) {
      const bool streams =
          passes_over(layer, datum, {&layer.dram_loops}) > 1 && !(datum == kOfmap && on_chip);
      if (!holds.in_buffer[datum] || !streams || words[datum] > left) continue;
      holds.twice[datum] = true;
      left -= words[datum];
    }
    return holds;
  }

  static bool same(const Span& span, const RankRange& range) {
    return span.begin == range.begin && span.end == range.end;
  }

  /// Outputs and input channels of every tile are those of the file.
  void check_shares(const LayerDecisions& layer, const workloads::Layer& target) const {
    const TileGrid grid{document_.hardware.rows, document_.hardware.columns};
    const auto plan =
        read_stage(result_.schedule.root.children.back(), result_.schedule, result_.network, grid);
    const auto dealt = deal_shares(plan, target, grid);
    for (std::size_t i = 0; i < dealt.tiles.size(); ++i) {
      const hw::Coordinate at{dealt.tiles[i] / grid.columns, dealt.tiles[i] % grid.columns};
      const auto share = std::ranges::find(layer.shares, at, &TileShare::at);
      if (share == layer.shares.end() || !equal(*share, dealt.ranks[i], layer, target))
        refuse(layer, "tile [", at.row, ",", at.column,
               "] gets another share of the layer from our splits than from the tool's");
    }
  }

  static bool equal(const TileShare& share, const workloads::RankTile& ranks,
                    const LayerDecisions& layer, const workloads::Layer& target) {
    const Span* spans[] = {&share.ofmap.batch, &share.ofmap.channels, &share.ofmap.rows,
                           &share.ofmap.columns};
    for (std::size_t d = 0; d < target.output.dimensions.size(); ++d) {
      const auto& access = target.output.dimensions[d];
      if (access.terms.empty()) continue;
      auto range = ranks[access.terms.front().rank];
      if (!same(*spans[d], range)) return false;
    }
    return !layer.shape.is_convolution || same(share.filter.inputs, ranks[target.rank_index("C")]);
  }

  Document document_;
  const std::string& origin_;
  std::vector<SharedInput> shared_;
  Import result_;
};

}  // namespace

Import import_document(const Document& document, const std::string& name,
                       const std::string& origin) {
  return Importer(in_turns(document), name, origin).import();
}

}  // namespace tessera::mapping::tangram
