// Interstellar's layers and mappings become a network and a schedule tree.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "mapping/importers/interstellar/architecture.h"
#include "mapping/schedule.h"
#include "workloads/network.h"

namespace tessera::mapping::interstellar {

/// Extents of the seven loops and strides; several layers of one shape that share no data (groups,
/// the channels of a depthwise layer) are counted in `copies`.
struct LayerShape {
  std::int64_t batch = 1, outputs = 1, inputs = 1;   ///< ON, OC, IC
  std::int64_t rows = 1, columns = 1;                ///< OY, OX
  std::int64_t window_rows = 1, window_columns = 1;  ///< FY, FX
  std::int64_t stride_rows = 1, stride_columns = 1;
  std::int64_t copies = 1;
  auto operator<=>(const LayerShape&) const = default;
};

/// A convolution, fully connected layer or matrix product with weights as the seven loops.
/// UserError naming the layer and what is none of them.
LayerShape shape_of(const workloads::Layer& layer);

/// One copy of the shape as a network of one layer.
workloads::Network network_of(const LayerShape& shape, const std::string& name,
                              const std::string& origin);

/// The layer of a layer file as a network of one. Loops FX FY OX OY OC IC ON become ranks S R Q P K
/// C N.
workloads::Network read_layer(const JsonValue& file, const std::string& name);

/// A mapping: per memory level from the inside, temporal loops and the spatial unroll of its units.
/// Reads `levels` only. Loops with one trip stay in the tree, since their place in the order counts
/// in the model. UserError with file, line and field, also when a loop's factors do not cover its
/// extent.
Schedule read_mapping(const JsonValue& mapping, const workloads::Layer& layer,
                      const Architecture& architecture);

/// A mapping file: JSON as above, or a Halide-style schedule (halide_text.h).
Schedule load_mapping(const std::string& path, const workloads::Layer& layer,
                      const Architecture& architecture);

}  // namespace tessera::mapping::interstellar
