// A MAESTRO layer as ranks and tensors.
#pragma once

#include <string>

#include "mapping/importers/maestro/file.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::maestro {

/// Input extents, strides and the dimensions that exist, with Y' and X' resolved.
struct LayerShape {
  bool is_gemm = false;
  std::map<std::string, std::int64_t>
      extents;  ///< N G K C R S Y X, or M K N; only those that exist
  std::int64_t stride_of(const std::string& dimension) const;  ///< 1 except for Y and X
  std::map<std::string, std::int64_t> strides;
};

/// Extent of the filter that slides over this input dimension: R for Y, S for X; "" for others.
std::string window_of(const std::string& dimension);

/// `with_batch`: the first convolution of a file decides for all whether N exists.
LayerShape shape_of(const LayerText& text, const std::string& origin, bool with_batch);

/// Adds the layer and its tensors. Depthwise layers have no rank K. Y and X become the output ranks
/// P and Q; a GEMM's M, N, K become M, K, C.
void add_layer(const LayerText& text, const LayerShape& shape, workloads::Network& network);

/// Rank that a MAESTRO dimension is called by in the tree. Y and X count rows and columns of the
/// input.
RankReference rank_of(const std::string& dimension, const LayerShape& shape);

}  // namespace tessera::mapping::maestro
