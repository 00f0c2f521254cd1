// What an annotated nn_dataflow schedule says: decisions of the scheduler, layers and hardware.
// Fields that the tool predicted (times, accesses, hops, energy, totals, fetch counts) are not
// here.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hw_models/description/accelerator.h"

namespace tessera::mapping::tangram {

/// The tool's data kinds.
enum Datum : int { kFilter = 0, kIfmap = 1, kOfmap = 2 };
inline constexpr int kData = 3;

/// The tool's loops over passes of the PE array.
enum Loop : int { kIfmLoop = 0, kOfmLoop = 1, kBatLoop = 2 };
inline constexpr int kLoops = 3;

/// Ways to divide a layer over tiles: output channels, output rows and columns, batch, input
/// channels.
enum Parallelism : int { kOutp = 0, kOfmp = 1, kBatp = 2, kInpp = 3 };
inline constexpr int kParallelisms = 4;

template <typename T>
using PerDatum = std::array<T, kData>;

struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end > begin ? end - begin : 0; }
  auto operator<=>(const Span&) const = default;
};

/// Batch, channels, rows, columns of a feature map.
struct FmapRange {
  Span batch, channels, rows, columns;
  std::int64_t words() const;
  auto operator<=>(const FmapRange&) const = default;
};

/// Words that two ranges share.
std::int64_t common_words(const FmapRange& a, const FmapRange& b);

/// Input and output channels of a filter.
struct FilterRange {
  Span inputs, outputs;
  auto operator<=>(const FilterRange&) const = default;
};

/// A part of a feature map at a tile, or at the DRAM node of a tile.
struct Piece {
  hw::Coordinate at;
  FmapRange range;
};

struct Costs {
  double mac = 0;
  double dram_word = 0, gbuf_word = 0, itcn_word = 0, regf_word = 0;
  double noc_word_hop = 0;
  double static_cycle = 0;  ///< of all tiles together
};

struct HardwareFacts {
  int rows = 0, columns = 0;  ///< tiles
  int array_rows = 0, array_columns = 0;
  std::int64_t gbuf_words = 0;  ///< per tile
  /// Layers are imported as though a tile's buffer had room for all that the tool puts there.
  bool unlimited_gbuf = false;
  std::int64_t regf_words = 0;  ///< per PE
  std::int64_t word_bits = 16;
  double dram_words_per_cycle = 0;  ///< whole chip
  std::vector<hw::Coordinate> dram_nodes;
  bool forwards = false;  ///< words needed by several tiles are read once and passed on
  bool shares_buffers = false;

  /// Words of a tile's buffer, for those who ask whether something fits.
  std::int64_t room_words() const { return unlimited_gbuf ? std::int64_t{1} << 40 : gbuf_words; }
};

struct LayerShape {
  bool is_convolution = true;  ///< fully-connected included; otherwise pooling or element-wise
  std::int64_t input_channels = 0, input_rows = 0, input_columns = 0;  ///< padding included
  std::int64_t output_channels = 0, output_rows = 0, output_columns = 0;
  std::int64_t row_stride = 1, column_stride = 1;
  std::int64_t filter_rows = 1, filter_columns = 1;
  std::int64_t region_channels = 1;  ///< inputs that an element-wise layer takes together
};

struct LoopFactor {
  Loop loop = kIfmLoop;
  std::int64_t factor = 1;
};

/// A tile's share in the layer.
struct TileShare {
  hw::Coordinate at;
  FmapRange ofmap, ifmap;
  FilterRange filter;
};

struct Partition {
  std::vector<Parallelism> order;  ///< top to bottom; the last has the nearest neighbours
  std::array<std::array<int, 2>, kParallelisms> ways{};  ///< rows, columns
};

/// One pass of a tile's array: the row-stationary mapping with folds and replicas.
struct ArrayPass {
  std::array<int, 2> fold{1, 1}, replicate{1, 1};
  std::int64_t cycles = 0;
  double operations = 0;               ///< with the part of the pass that is really used
  PerDatum<std::int64_t> gbuf_unit{};  ///< words held in the buffer for a pass
  /// Words of a pass per level; fractions where the last pass of a loop is partly empty.
  PerDatum<double> dram_access{}, gbuf_access{}, itcn_access{};
};

struct Sharing {
  PerDatum<int> subgroup{1, 1, 1};  ///< tiles that hold one copy between them
  PerDatum<std::int64_t> rotation_rounds{};
  PerDatum<std::int64_t> rotation_units{1, 1, 1};
  PerDatum<double> wide_fetch_width{};
};

/// What a piece is a part of.
enum class PieceAxis : int { kBatch = 0, kChannels = 1 };

/// One of several equal pieces of a layer of the file.
struct Slice {
  std::string whole;  ///< name in the file; "" when the layer is not cut
  PieceAxis axis = PieceAxis::kChannels;
  std::int64_t index = 0;
  std::int64_t count = 1;
};

struct LayerDecisions {
  std::string name;
  Slice slice;
  /// Takes turns with its neighbours that have the same number, a channel piece at a time, or a
  /// fold of the rows; -1: no.
  int turns = -1;
  bool turns_by_rows = false;
  int turns_later = 0;  ///< computes so many turns after the first layer begins
  LayerShape shape;
  std::vector<std::string> producers, consumers;
  int segment = 0, stage = 0, position = 0;  ///< position: place among the stage's layers
  std::vector<hw::Coordinate> region;        ///< tiles of the stage in logical order
  std::vector<std::string> sources;          ///< producers on chip, or "dram"
  bool reads_dram = true;                    ///< the input comes from DRAM
  bool writes_dram = true;
  bool weights_pinned = false;
  std::int64_t pinned_weight_words = 0;  ///< per tile, when pinned
  Partition partition;
  std::vector<TileShare> shares;
  ArrayPass pass;
  std::vector<LoopFactor> dram_loops, sharing_loops, gbuf_loops, regf_loops;  ///< outer to inner
  PerDatum<bool> in_gbuf{};
  Sharing sharing;
  std::vector<Piece> ifmap_layout, ofmap_layout;

  /// As producers and consumers call it.
  const std::string& name_in_file() const { return slice.whole.empty() ? name : slice.whole; }
};

struct SegmentDecisions {
  std::vector<std::vector<int>> stages;  ///< layers by index, in order
  std::int64_t batch_groups = 1;
};

struct Document {
  std::string case_name, variant, network;
  std::int64_t batch = 1;
  HardwareFacts hardware;
  Costs costs;
  std::vector<LayerDecisions> layers;  ///< in execution order
  std::vector<SegmentDecisions> segments;
  std::map<std::string, FmapRange> externals;  ///< inputs of the network, "__INPUT__" among them
  int layer_index(const std::string& name) const;  ///< -1 when absent
};

/// UserError with file, line and field.
Document load_document(const std::string& path);
Document parse_document(const std::string& text, const std::string& origin);

}  // namespace tessera::mapping::tangram
