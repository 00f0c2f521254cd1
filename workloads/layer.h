// Layer algebra: a layer is a box of ranks, and every tensor dimension it touches is an affine sum
// of ranks. Halos, overlaps and footprints follow from that in one place (`region_of`).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera::workloads {

using TensorId = int;
using LayerId = int;
using RankId = int;

/// A named loop of a layer. Names follow the field: N, G, K, C, P, Q, R, S for convolution (K and C
/// per group), N, M, K, C for matrix products, N, C, P, Q, R, S for pooling, or d0, d1, ...
/// elsewhere.
struct Rank {
  std::string name;
  std::int64_t extent = 1;
  bool reduced = false;  ///< does not index the output: iterations accumulate
};

/// Half-open range of one rank.
struct RankRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end > begin ? end - begin : 0; }
  bool operator==(const RankRange&) const = default;
};

/// One range per rank of the layer: a tile of its iteration space.
using RankTile = std::vector<RankRange>;

struct AffineTerm {
  RankId rank = 0;
  std::int64_t coefficient = 1;  ///< stride of the output rank, dilation of the filter rank
};

/// Index into one dimension of a stored tensor: offset + sum of coefficient x rank. An index
/// outside [valid_begin, valid_end) is padding: it is never fetched and reads as the layer's
/// padding value.
struct DimensionAccess {
  std::vector<AffineTerm> terms;
  std::int64_t offset = 0;
  std::int64_t valid_begin = 0;
  std::int64_t valid_end = 0;
};

enum class OperandRole { kInput, kWeight, kOutput };

/// One tensor as the layer touches it; one DimensionAccess per dimension of the stored tensor.
/// Views (concatenation, slice, transpose, aligned reshape) are folded into offsets and terms.
struct Operand {
  TensorId tensor = -1;
  OperandRole role = OperandRole::kInput;
  std::vector<DimensionAccess> dimensions;
};

/// Indices begin, begin + step, ..., `count` of them, in one tensor dimension.
struct IndexRange {
  std::int64_t begin = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  std::int64_t last() const { return begin + (count - 1) * step; }
  bool operator==(const IndexRange&) const = default;
};

/// Product of index ranges in a stored tensor.
struct Region {
  std::vector<IndexRange> dimensions;
  std::int64_t elements() const;
  bool empty() const { return elements() == 0; }
  bool operator==(const Region&) const = default;
};

/// Elements of the operand's tensor that a rank tile touches, clipped to the valid range. With a
/// window (more than one rank in a sum) it is the bounding range; a stride without window keeps its
/// step.
Region region_of(const Operand& operand, const RankTile& tile);

/// Common elements of two regions; exact when at least one has step 1 in each dimension or the
/// steps are equal.
Region intersect(const Region& a, const Region& b);

/// False when the bounding ranges are disjoint in some dimension: a cheap test before intersecting.
bool overlap(const Region& a, const Region& b);

enum class LayerKind {
  kMatrix,   ///< multiply-accumulate of two operands: convolution, fully connected, matrix product
  kPool,     ///< max or average over a window
  kMap,      ///< element-wise function of one or more operands, broadcast allowed
  kSoftmax,  ///< over one rank, in passes
  kNormalise,  ///< layer, batch, group or local response normalisation
  kMove,  ///< data movement that no view can express (general transpose, shuffle, upsample into
          ///< storage)
};

/// Functions applied while an output is written (fused activation) or by a kMap layer.
enum class Function {
  kNone,
  kRelu,
  kRelu6,
  kClip,
  kSigmoid,
  kTanh,
  kGelu,
  kSwish,
  kHardSwish,
  kLeakyRelu,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kExp,
  kSqrt,
  kErf,
  kPow,
  kLstmCell,    ///< c' = sigmoid(f) c + sigmoid(i) tanh(g); operands i, f, g, c
  kLstmHidden,  ///< h' = sigmoid(o) tanh(c'); operands o, c'
  kMaxPool,
  kAveragePool,
  kLayerNorm,
  kBatchNorm,
  kLrn,
};

struct Layer {
  std::string name;
  LayerKind kind = LayerKind::kMatrix;
  Function function = Function::kNone;    ///< what a vector layer computes
  Function activation = Function::kNone;  ///< fused into the write of the output
  std::vector<Rank> ranks;
  std::vector<Operand> inputs;  ///< weights included, in operand order
  Operand output;
  int passes = 1;  ///< times a vector layer runs over its input (softmax 3, layer norm 3, ...)
  /// Ranks a softmax or normalisation needs complete before it can write one element: a mapping
  /// must not split them over tiles or over time.
  std::vector<RankId> whole_ranks;
  bool count_padding = false;  ///< average pooling divides by the full window at the border
  std::string origin;          ///< operator and node it came from, for messages

  /// Multiply-accumulates of the whole layer: product of all rank extents for kMatrix, 0 otherwise.
  std::int64_t macs() const;
  /// Element operations of a vector layer over its whole iteration space, all passes; 0 for
  /// kMatrix.
  std::int64_t vector_operations() const;
  RankTile whole() const;
  std::vector<std::int64_t> extents() const;      ///< of its ranks
  int rank_index(const std::string& name) const;  ///< -1 when absent
  /// True when the rank appears in the operand's index sums.
  static bool indexes(const Operand& operand, RankId rank);
};

std::int64_t volume(const RankTile& tile);

}  // namespace tessera::workloads
