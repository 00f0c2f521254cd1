#include "mapping/importers/tangram/import.h"

#include <algorithm>
#include <map>

#include "mapping/importers/tangram/in_turns.h"
#include "mapping/importers/tangram/layer_tree.h"
#include "mapping/importers/tangram/network.h"
#include "mapping/importers/tangram/pass.h"
#include "mapping/importers/tangram/shared_input.h"
#include "mapping/importers/tangram/sharing.h"
#include "mapping/stage_plan.h"
#include "mapping/stage_reader.h"
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
    result_.schedule.hold_reused = true;
  }

  Import import() {
    for (const auto& layer : document_.layers) {
      refuse_pinned(layer);
      refuse_copies_of_sums(layer);
    }
    int turns = -1;
    for (const auto& layer : result_.network.layers) {
      const int index = document_.layer_index(layer.name);
      const auto* copy = find_copy(shared_, layer.name);
      Node tree = copy != nullptr ? handing_on_tree(*copy, layer)
                  : index < 0     ? copy_tree(layer)
                                  : tree_of(index, layer);
      if (index >= 0) check_shares(tree, document_.layers[index], layer);
      const int group = index < 0 ? -1 : document_.layers[index].turns;
      auto& tops = result_.schedule.root.children;
      if (group >= 0 && group == turns) {
        tops.back().children.push_back(std::move(tree));
      } else {
        tops.push_back(group < 0 ? std::move(tree) : sequence_of(std::move(tree)));
      }
      turns = group;
    }
    return std::move(result_);
  }

 private:
  static Node sequence_of(Node member) {
    Node sequence;
    sequence.children.push_back(std::move(member));
    return sequence;
  }

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

  /// Several copies of the same partial sums would have to be added up when all have gone round.
  void refuse_copies_of_sums(const LayerDecisions& layer) const {
    const int tiles = layer.sharing.subgroup[kOfmap];
    if (tiles > 1 && layer.sharing.rotation_rounds[kOfmap] > 0 && tiles != partners(layer))
      refuse(layer, "its partial sums rotate among ", tiles, " of the ", partners(layer),
             " tiles that add to them; allowed: all of them");
  }

  Node tree_of(int index, const workloads::Layer& target) {
    const auto& layer = document_.layers[index];
    const Holds holds = layer.turns < 0 ? holds_of(index) : holds_in_turns(index);
    Node tree = layer_tree(layer, target, document_, holds);
    if (holds.ring_words > 0) {
      ring_words_[index] = holds.ring_words;
      set_places(tree, target, holds.ring_words);
    }
    return tree;
  }

  /// As many places as the ring has room for, at least one.
  void set_places(Node& tree, const workloads::Layer& target, std::int64_t room) const {
    const auto plan = read_stage(tree, result_.schedule, result_.network, grid());
    const auto granule = nominal_elements(
        target.output,
        extents_inside(plan.loops, plan.output.depth, deal_shares(plan, target, grid()).nominal));
    Node* node = &tree;
    while (node->kind != NodeKind::kStore || node->store.level != "tiles")
      node = &node->children.front();
    node->store.tensors.front().places =
        static_cast<int>(std::max<std::int64_t>(1, room / granule));
  }

  TileGrid grid() const { return {document_.hardware.rows, document_.hardware.columns}; }

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

  /// What a tile keeps of its outputs: the whole share, or its part of those that go round.
  static std::int64_t output_words(const LayerDecisions& layer) {
    std::int64_t words = 0;
    for (const auto& share : layer.shares) words = std::max(words, share.ofmap.words());
    if (!rotates(layer, kOfmap)) return words;
    const auto pieces = output_pieces(layer);
    const auto part = ceil_div<std::int64_t>(pieces, layer.sharing.subgroup[kOfmap]);
    return ceil_div<std::int64_t>(words * part, pieces);
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
      if (producer.writes_dram || leaves(producer) || !share_tiles(producer, layer)) continue;
      bool needed = false;
      for (std::size_t later = index; later < document_.layers.size(); ++later)
        needed |= reads(document_.layers[later], producer);
      const auto ring = ring_words_.find(earlier);
      if (needed) words += ring == ring_words_.end() ? output_words(producer) : ring->second;
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

  /// All of its readers are at work at the same time, on tiles of their own: its pieces go.
  bool hands_over_pieces(const LayerDecisions& layer) const {
    if (layer.writes_dram || layer.dram_loops.empty() || rotates(layer, kOfmap)) return false;
    return std::ranges::all_of(document_.layers, [&](const LayerDecisions& reader) {
      return !reads(reader, layer) ||
             (reader.segment == layer.segment && reader.stage != layer.stage);
    });
  }

  /// A map between layers that follow each other, of which a tile would have to hold more than its
  /// buffer has: batch groups that are folds of rows, whose halos the readers need from several.
  bool leaves(const LayerDecisions& layer) const {
    return !layer.writes_dram && layer.turns < 0 && !rotates(layer, kOfmap) &&
           !hands_over_pieces(layer) && output_words(layer) > document_.hardware.room_words();
  }

  /// A map on chip of which a convolution has no room for what the tool fetches at once: it stays
  /// in the FIFO where it fits there and other maps leave, so that nothing more moves than in the
  /// tool's schedule. Elsewhere it streams.
  bool stays_in_staging(const LayerDecisions& layer) const {
    return layer.shape.is_convolution &&
           held_words(layer, kIfmap) * document_.hardware.word_bits <= 8 * kStagingBytes &&
           std::ranges::any_of(document_.layers,
                               [&](const LayerDecisions& other) { return leaves(other); });
  }

  /// Room for two pieces of the tool's, or as much of it as there is.
  static std::int64_t ring_words(const LayerDecisions& layer, std::int64_t left) {
    const auto piece = output_words(layer) / layer.dram_loops.front().factor;
    return std::clamp<std::int64_t>(left, 1, 2 * piece);
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

  /// Words that a piece of a layer's outputs, or of one input of as many channels, takes on a tile.
  static std::int64_t piece_words(const LayerDecisions& layer, std::int64_t pieces, bool input) {
    std::int64_t words = 0;
    for (const auto& share : layer.shares) {
      const auto& rows = (input ? share.ifmap : share.ofmap).rows;
      const auto& columns = (input ? share.ifmap : share.ofmap).columns;
      words = std::max(words, share.ofmap.batch.size() * share.ofmap.channels.size() * rows.size() *
                                  columns.size());
    }
    return words / pieces * (input ? layer.shape.region_channels : 1);
  }

  /// One place for a fold; what reads it takes its part into the staging FIFO at once.
  Holds holds_by_rows(const LayerDecisions& layer) const {
    Holds holds;
    holds.in_buffer = layer.in_gbuf;
    holds.in_buffer[kOfmap] = true;
    holds.ring_words = output_words(layer) / outermost_batch(layer);
    return holds;
  }

  static std::int64_t outermost_batch(const LayerDecisions& layer) {
    return layer.dram_loops.empty() || layer.dram_loops.front().loop != kBatLoop
               ? 1
               : layer.dram_loops.front().factor;
  }

  /// Layers that take turns: two places for what the next one reads, two copies of what comes, and
  /// what is left for what the last one hands to others.
  Holds holds_in_turns(int index) const {
    const auto& layers = document_.layers;
    int first = index, last = index;
    while (first > 0 && layers[first - 1].turns == layers[index].turns) --first;
    while (last + 1 < static_cast<int>(layers.size()) &&
           layers[last + 1].turns == layers[index].turns)
      ++last;
    const bool folds = layers[first].turns_by_rows;
    const auto pieces = pieces_of_channels(layers[folds ? first + 1 : first]);
    if (index == first && folds) return holds_by_rows(layers[index]);
    std::int64_t left = document_.hardware.room_words() - resident_words(first);
    if (folds) left -= holds_by_rows(layers[first]).ring_words + held_words(layers[first], kFilter);
    for (int member = folds ? first + 1 : first; member < last; ++member) {
      left -= 2 * piece_words(layers[member], pieces, false);
      left -= 2 * piece_words(layers[member + 1], pieces, true);
    }
    const auto& layer = layers[index];
    Holds holds;
    holds.turn_channels = layer.shares.front().ofmap.channels.size() / pieces;
    holds.in_buffer = {false, layer.shape.is_convolution && layer.in_gbuf[kIfmap], true};
    if (holds.in_buffer[kIfmap]) left -= held_words(layer, kIfmap);
    if (left < 0 && !layer.reads_dram) holds.in_buffer[kIfmap] = false;
    if (!layer.shape.is_convolution) holds.in_buffer[kIfmap] = true;
    holds.twice = {false, !layer.shape.is_convolution, layer.writes_dram};
    const auto piece = piece_words(layer, pieces, false);
    if (index < last)
      holds.ring_words = 2 * piece;
    else if (!layer.writes_dram)
      holds.ring_words = std::max(piece, left);
    return holds;
  }

  Holds holds_of(int index) const {
    const auto& layer = document_.layers[index];
    Holds holds;
    find_kept(index, holds);
    holds.in_buffer = layer.in_gbuf;
    holds.output_may_leave = leaves(layer);
    const bool on_chip = (!layer.writes_dram && !holds.output_may_leave) || holds.output_on_chip;
    if (on_chip || holds.output_may_leave) holds.in_buffer[kOfmap] = true;
    std::int64_t left = document_.hardware.room_words() - resident_words(index);
    PerDatum<std::int64_t> words{};
    for (const Datum datum : kAllData) {
      words[datum] = datum == kOfmap && on_chip ? output_words(layer) : held_words(layer, datum);
      if (holds.in_buffer[datum]) left -= words[datum];
    }
    if (left < 0 && !layer.reads_dram && holds.in_buffer[kIfmap]) {
      holds.in_buffer[kIfmap] = false;
      holds.in_staging[kIfmap] = stays_in_staging(layer);
      left += words[kIfmap];
    }
    if (left < 0 && hands_over_pieces(layer) && !rotates(layer, kOfmap)) {
      holds.ring_words = ring_words(layer, left + words[kOfmap]);
      left += words[kOfmap] - holds.ring_words;
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
  void check_shares(const Node& tree, const LayerDecisions& layer,
                    const workloads::Layer& target) const {
    const auto plan = read_stage(tree, result_.schedule, result_.network, grid());
    const auto dealt = deal_shares(plan, target, grid());
    for (std::size_t i = 0; i < dealt.tiles.size(); ++i) {
      const hw::Coordinate at{dealt.tiles[i] / grid().columns, dealt.tiles[i] % grid().columns};
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
  std::map<int, std::int64_t> ring_words_;  ///< by layer: where outputs pass through a ring
};

}  // namespace

Import import_document(const Document& document, const std::string& name,
                       const std::string& origin) {
  return Importer(in_turns(document), name, origin).import();
}

}  // namespace tessera::mapping::tangram
