// How the row-stationary dataflow runs a convolution on one PE array: the parameters that Eyeriss
// was configured with, found from storage sizes and traffic.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw_models/description/accelerator.h"
#include "workloads/layer.h"

namespace tessera::mapping {

/// Ranks of a convolution by their role; -1 where the layer does not have the rank.
struct ConvolutionRanks {
  workloads::RankId n = -1, g = -1, k = -1, c = -1, p = -1, q = -1, r = -1, s = -1;
};

/// Nothing when the layer is not a convolution or fully connected layer with weights.
std::optional<ConvolutionRanks> convolution_ranks(const workloads::Layer& layer);

/// The parameters as Chen et al. name them (JSSC 2017). A PE keeps `q` rows of `p` filters and the
/// window of `q` ifmap rows that slides under them; R x e PEs form a set; r x t sets stand on the
/// array. One processing pass works on p t filters, q r channels, n ifmaps and a strip of e output
/// rows; the buffer keeps the sums of m filters. Layers with one channel and one filter per group
/// deal their groups as others deal filters.
struct RowStationaryMapping {
  std::int64_t m = 1, n = 1, e = 1, p = 1, q = 1, r = 1, t = 1;
  int pieces = 1;       ///< a set wider than the array is cut into so many that stand on each other
  int sets_down = 1;    ///< of the t sets, those on top of each other
  int sets_across = 1;  ///< of the t sets, those side by side
  bool deals_groups = false;
  std::int64_t dram_words = 0;    ///< inputs and weights, of one group
  std::int64_t buffer_words = 0;  ///< inputs to the array, sums there and back, of one group
  std::int64_t steps = 0;         ///< of one group
};

/// Least DRAM traffic, an access of which costs as much as dozens of the buffer; then least traffic
/// between buffer and array; then fewest steps; then fewest passes. All parameters are factors of
/// what they divide, strips of output rows are balanced. Nothing when no choice fits.
/// `extents` are those of one tile's share.
std::optional<RowStationaryMapping> search_row_stationary(const workloads::Layer& layer,
                                                          const std::vector<std::int64_t>& extents,
                                                          const hw::Accelerator& accelerator);

}  // namespace tessera::mapping
