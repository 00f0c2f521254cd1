#include "mapping/importers/tangram/layer_tree.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "mapping/importers/tangram/pass.h"
#include "mapping/importers/tangram/sharing.h"
#include "mapping/stage_plan.h"
#include "mapping/tree_path.h"
#include "sim/base/error.h"

namespace tessera::mapping::tangram {

namespace {

using workloads::LayerKind;

/// Dimensions of a feature map.
enum Dimension : int { kBatch, kChannel, kRow, kColumn };

class LayerTree {
 public:
  LayerTree(const LayerDecisions& layer, const workloads::Layer& target, const Document& document,
            const Holds& holds)
      : layer_(layer), target_(target), document_(document), holds_(holds) {
    for (const auto& share : layer.shares) {
      images_ = std::max(images_, share.ofmap.batch.size());
      outputs_ = std::max(outputs_, share.ofmap.channels.size());
      rows_ = std::max(rows_, share.ofmap.rows.size());
      columns_ = std::max(columns_, share.ofmap.columns.size());
      inputs_ = std::max(inputs_, share.filter.inputs.size());
    }
    pass_ = pass_shape(layer, document.hardware, inputs_, outputs_, rows_);
    const auto counts = pass_counts(layer);
    left_ = {counts.input, counts.output, std::gcd(counts.batch, images_)};
    folds_left_ = counts.batch / left_[kBatLoop];
  }

  Node write() {
    path_.place(ordered_tiles());
    add_shares();
    add_homes();
    if (holds_.turn_channels > 0) return write_in_turns();
    add_loops(layer_.dram_loops);
    if (layer_.turns_by_rows) path_.giving_turn();
    path_.store("buffer", stored(true));
    path_.store("staging", kept_streams());
    add_buffer_loops();
    if (target_.kind == LayerKind::kMatrix)
      add_array();
    else
      add_vector_pieces();
    return path_.finish(layer_.name);
  }

 private:
  void add_homes() {
    if (layer_.writes_dram) path_.store("dram", {{.tensor = "O"}});
    std::vector<StoredTensor> on_chip;
    if (!layer_.writes_dram || holds_.output_on_chip)
      on_chip.push_back({.tensor = "O",
                         .double_buffered = holds_.output_twice,
                         .or_dram = holds_.output_may_leave});
    if (holds_.input_on_chip)
      for (const auto& name : operands(kIfmap)) on_chip.push_back({.tensor = name});
    path_.store("tiles", std::move(on_chip));
  }

  /// Inputs that bypass the buffer and stay in the staging FIFO, some from piece to piece.
  std::vector<StoredTensor> kept_streams() const {
    std::vector<StoredTensor> tensors;
    for (const Datum datum : {kFilter, kIfmap})
      if (!holds_.in_buffer[datum] &&
          (holds_.in_staging[datum] || !holds_.kept_from[datum].empty()))
        for (const auto& name : operands(datum))
          tensors.push_back({.tensor = name, .kept_from = holds_.kept_from[datum]});
    return tensors;
  }

  /// A piece of channels in every turn, as the outermost loops of a convolution make it. Layers
  /// behind it hold all of a piece.
  Node write_in_turns() {
    if (target_.kind != LayerKind::kMatrix) {
      path_.loop(rank_of(kChannel), holds_.turn_channels).giving_turn(layer_.turns_later);
      auto all = stored(kIfmap);
      for (auto& tensor : stored(kOfmap)) all.push_back(std::move(tensor));
      path_.store("buffer", std::move(all));
      return path_.finish(layer_.name);
    }
    for (const Datum datum : {kFilter, kIfmap})
      if (holds_.in_buffer[datum]) path_.store("buffer", stored(datum));
    std::vector<LoopFactor> inside;
    for (const auto* level : {&layer_.dram_loops, &layer_.sharing_loops, &layer_.gbuf_loops})
      for (const auto& loop : *level)
        if (std::ranges::count(inside, kIfmLoop, &LoopFactor::loop) == 0 && loop.loop == kOfmLoop)
          left_[kOfmLoop] /= loop.factor;
        else
          inside.push_back(loop);
    path_.loop(rank_of(kChannel), holds_.turn_channels).giving_turn(layer_.turns_later);
    path_.store("buffer", stored(kOfmap));
    add_loops(inside);
    add_array();
    return path_.finish(layer_.name);
  }

  /// Name of the rank that moves along a dimension of the outputs; "" when nothing does.
  std::string rank_of(Dimension dimension) const {
    const auto& terms = target_.output.dimensions[dimension].terms;
    return terms.empty() ? "" : target_.ranks[terms.front().rank].name;
  }

  std::vector<std::string> operands(Datum datum) const {
    if (datum == kOfmap) return {"O"};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < target_.inputs.size(); ++i)
      if ((target_.inputs[i].role == workloads::OperandRole::kWeight) == (datum == kFilter))
        names.push_back(operand_name(target_, static_cast<int>(i)));
    return names;
  }

  /// Tensors that every part of a split fetches for itself.
  std::vector<std::string> unshared(Parallelism kind) const {
    std::vector<std::string> names;
    const auto add = [&](Datum datum) {
      for (auto& name : operands(datum)) names.push_back(name);
    };
    if (!document_.hardware.forwards) {
      add(kFilter);
      add(kIfmap);
      return names;
    }
    // Weights are passed on along batch and rows when those are neighbours in the order, else
    // along the lower of the two.
    const auto& order = layer_.partition.order;
    const auto batch = std::ranges::find(order, kBatp) - order.begin();
    const auto rows = std::ranges::find(order, kOfmp) - order.begin();
    const Parallelism upper = batch < rows ? kBatp : kOfmp;
    if (std::abs(batch - rows) > 1 && kind == upper) add(kFilter);
    return names;
  }

  std::string split_rank(Parallelism kind) const {
    return kind == kOutp ? rank_of(kChannel) : kind == kBatp ? rank_of(kBatch) : "C";
  }

  /// Parts of a kind that has ways along rows and columns of the region are numbered across both,
  /// so the tiles are listed kind by kind, and rows before columns within a kind.
  std::vector<int> ordered_tiles() const {
    std::vector<int> tiles;
    add_tiles(0, 0, 0, tiles);
    return tiles;
  }

  void add_tiles(std::size_t kind, int row, int column, std::vector<int>& tiles) const {
    if (kind == layer_.partition.order.size()) {
      int columns = 1;
      for (const auto& ways : layer_.partition.ways) columns *= ways[1];
      const auto at = layer_.region.at(static_cast<std::size_t>(row * columns + column));
      tiles.push_back(at.row * document_.hardware.columns + at.column);
      return;
    }
    const auto& ways = layer_.partition.ways[layer_.partition.order[kind]];
    for (int h = 0; h < ways[0]; ++h)
      for (int w = 0; w < ways[1]; ++w)
        add_tiles(kind + 1, row * ways[0] + h, column * ways[1] + w, tiles);
  }

  void add_shares() {
    for (const Parallelism kind : layer_.partition.order) {
      const auto& ways = layer_.partition.ways[kind];
      if (kind == kOfmp) {
        add_share(rank_of(kRow), ways[0], kind);
        add_share(rank_of(kColumn), ways[1], kind);
      } else {
        add_share(split_rank(kind), ways[0] * ways[1], kind);
      }
    }
  }

  void add_share(const std::string& rank, int ways, Parallelism kind) {
    if (ways > 1) path_.split(rank, ways, Axis::kTiles, 0, unshared(kind));
  }

  std::vector<StoredTensor> stored(bool kept) const {
    std::vector<StoredTensor> tensors;
    for (const Datum datum : {kFilter, kIfmap, kOfmap}) {
      if (holds_.in_buffer[datum] != kept || (kept && held_in_pieces(datum))) continue;
      for (auto& tensor : stored(datum)) tensors.push_back(std::move(tensor));
    }
    return tensors;
  }

  std::vector<StoredTensor> stored(Datum datum) const {
    std::vector<StoredTensor> tensors;
    for (const auto& name : operands(datum))
      tensors.push_back({.tensor = name,
                         .double_buffered = holds_.twice[datum],
                         .shared_by = rotates(datum) ? layer_.sharing.subgroup[datum] : 1,
                         .distribution = document_.hardware.forwards ? Distribution::kMulticast
                                                                     : Distribution::kUnicast,
                         .partial_sums = PartialSums::kToOwnerInPieces,
                         .kept_from = holds_.kept_from[datum]});
    return tensors;
  }

  bool shared(Datum datum) const {
    return holds_.in_buffer[datum] && layer_.sharing.subgroup[datum] > 1;
  }

  /// A shared datum that does not go round: each piece is held while it is in use. What passes
  /// through a ring does so in pieces as small as loops over nothing else make them.
  bool held_in_pieces(Datum datum) const {
    if (shared(datum)) return !tangram::rotates(layer_, datum);
    const Run run = run_of(layer_, datum, buffer_loops(layer_));
    return datum == kOfmap && holds_.ring_words > 0 && run.begin == 0 && run.end > 0;
  }

  bool rotates(Datum datum) const { return shared(datum) && tangram::rotates(layer_, datum); }

  /// Loops between buffer and array, with what sharing needs of them.
  void add_buffer_loops() {
    const auto loops = buffer_loops(layer_);
    for (std::size_t i = 0; i <= loops.size(); ++i) {
      for (const Datum datum : {kFilter, kIfmap, kOfmap})
        if (held_in_pieces(datum) && run_of(layer_, datum, loops).end == i)
          path_.store("buffer", stored(datum));
      if (i == loops.size()) return;
      turning_.clear();
      for (const Datum datum : {kFilter, kIfmap, kOfmap}) {
        const Run run = run_of(layer_, datum, loops);
        if (rotates(datum) && i >= run.begin && i < run.end) turning_ = operands(datum).front();
      }
      add_loop(loops[i]);
      turning_.clear();
    }
  }

  void add_loops(const std::vector<LoopFactor>& loops) {
    for (const auto& loop : loops) add_loop(loop);
  }

  void add_loop(const LoopFactor& loop) {
    if (loop.factor == 1) return;
    const std::int64_t whole =
        loop.loop == kBatLoop ? std::gcd(loop.factor, left_[kBatLoop]) : loop.factor;
    left_[loop.loop] /= whole;
    if (whole > 1) switch (loop.loop) {
        case kIfmLoop:
          add_loop("C", left_[kIfmLoop] * pass_.input_channels, inputs_);
          break;
        case kOfmLoop:
          add_loop(rank_of(kChannel), left_[kOfmLoop] * pass_.output_channels, outputs_);
          break;
        case kBatLoop:
          add_loop(rank_of(kBatch), left_[kBatLoop], images_);
          break;
      }
    const std::int64_t folds = loop.factor / whole;
    if (folds == 1) return;
    folds_left_ /= folds;
    add_loop(rank_of(kRow), folds_left_ * pass_.output_rows, rows_);
  }

  void add_loop(const std::string& rank, std::int64_t tile, std::int64_t extent) {
    if (!rank.empty() && tile < extent) path_.loop(rank, tile, turning_);
  }

  /// Pooling and element-wise layers have no registers to stream into: what bypasses the buffer is
  /// held there in pieces of a pass as small as the room that is left asks for.
  void add_vector_pieces() {
    auto channels = left_[kOfmLoop] * pass_.output_channels;
    auto images = left_[kBatLoop];
    auto rows = std::min(rows_, folds_left_ * pass_.output_rows);
    const auto& shape = layer_.shape;
    const auto words = [&] {
      const auto in_rows = shape.filter_rows + (rows - 1) * shape.row_stride;
      const auto in_columns = shape.filter_columns + (columns_ - 1) * shape.column_stride;
      return channels * images * (rows * columns_ + shape.region_channels * in_rows * in_columns);
    };
    const auto cut = [&](Dimension dimension, std::int64_t& extent) {
      if (words() <= holds_.streamed_words || extent == 1) return;
      while (words() > holds_.streamed_words && extent > 1)
        extent = std::min(extent - 1,
                          std::max<std::int64_t>(1, extent * holds_.streamed_words / words()));
      add_loop(rank_of(dimension), extent, extent + 1);
    };
    cut(kBatch, images);
    cut(kChannel, channels);
    cut(kRow, rows);
    path_.store("buffer", stored(false));
  }

  /// A pass slides along the rows of the outputs: its weights stay, the window of inputs and the
  /// sums of one column of outputs move.
  void add_array() {
    const auto& shape = layer_.shape;
    if (pass_.filter_rows < shape.filter_rows) path_.loop("R", pass_.filter_rows);
    path_.store("registers", {{.tensor = "W", .double_buffered = registers_twice(kFilter)}});
    if (columns_ > 1) path_.loop("Q", 1);
    path_.store("registers", {{.tensor = "I0", .double_buffered = registers_twice(kIfmap)},
                              {.tensor = "O", .double_buffered = registers_twice(kOfmap)}});
    add_loops(layer_.regf_loops);
    if (shape.filter_columns > 1) path_.loop("S", 1);
    add_split("C", pass_.input_channels, Axis::kArrayY, 1);
    add_split("K", pass_.replicas_below, Axis::kArrayY,
              pass_.output_channels / pass_.replicas_below);
    add_split("P", pass_.stacks, Axis::kArrayY, pass_.columns);
    add_split("R", pass_.filter_rows, Axis::kArrayY, 1);
    add_split("K", pass_.output_channels / pass_.replicas_below, Axis::kArrayX, 1);
    add_split("P", pass_.columns, Axis::kArrayX, 1);
  }

  void add_split(const std::string& rank, std::int64_t ways, Axis axis, std::int64_t size) {
    if (ways > 1) path_.split(rank, ways, axis, size);
  }

  std::int64_t register_words(Datum datum) const {
    std::int64_t factor[kLoops] = {1, 1, 1};
    for (const auto& loop : layer_.regf_loops) factor[loop.loop] *= loop.factor;
    if (datum == kFilter) return layer_.shape.filter_columns * factor[kIfmLoop] * factor[kOfmLoop];
    if (datum == kIfmap) return layer_.shape.filter_columns * factor[kIfmLoop] * factor[kBatLoop];
    return factor[kOfmLoop] * factor[kBatLoop];
  }

  /// A second copy where the file has room for it: of outputs and inputs first, which change most
  /// often.
  bool registers_twice(Datum wanted) const {
    std::int64_t left = document_.hardware.regf_words;
    for (const Datum datum : {kFilter, kIfmap, kOfmap}) left -= register_words(datum);
    for (const Datum datum : {kOfmap, kIfmap, kFilter}) {
      const bool fits = register_words(datum) <= left;
      if (datum == wanted) return fits;
      if (fits) left -= register_words(datum);
    }
    return false;
  }

  const LayerDecisions& layer_;
  const workloads::Layer& target_;
  const Document& document_;
  const Holds& holds_;
  std::int64_t images_ = 1, outputs_ = 1, rows_ = 1, columns_ = 1, inputs_ = 1;  ///< largest share
  PassShape pass_;
  std::array<std::int64_t, kLoops> left_{};  ///< passes inside the loops so far
  std::int64_t folds_left_ = 1;
  std::string turning_;  ///< shared operand that the loops being added rotate
  TreePath path_;
};

}  // namespace

Node layer_tree(const LayerDecisions& layer, const workloads::Layer& target,
                const Document& document, const Holds& holds) {
  return LayerTree(layer, target, document, holds).write();
}

}  // namespace tessera::mapping::tangram
