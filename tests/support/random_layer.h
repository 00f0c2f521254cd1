// Seeded random layers and small networks for property tests. Same seed, same network on every
// machine.
#pragma once

#include <cstdint>

#include "workloads/network.h"

namespace tessera::test {

enum class LayerForm {
  kConvolution,  ///< with stride, dilation and padding that differ per axis and side
  kGrouped,      ///< the same in 2 to 4 groups
  kDepthwise,    ///< one channel per group, one or two filters each
  kFullyConnected,
  kMatrixProduct,  ///< both operands computed
  kMaxPool,
  kAveragePool,  ///< with and without padding in the divisor
  kAdd,
};
inline constexpr int kLayerForms = 8;

/// A network of one layer of the given form. Small: some ten thousand multiply-accumulates at most.
workloads::Network random_layer(LayerForm form, std::uint64_t seed);

/// The form is drawn too.
workloads::Network random_layer(std::uint64_t seed);

/// A chain of `layers` convolutions, depthwise convolutions, pools and residual additions that ends
/// in a fully connected layer.
workloads::Network random_network(int layers, std::uint64_t seed);

}  // namespace tessera::test
