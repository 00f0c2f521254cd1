// Networks for tests, written straight into the plain structs: every rank, stride and padding is
// visible here, so a test does not depend on the builders and importers that other tests check.
#pragma once

#include <string>

#include "workloads/network.h"

namespace tessera::test {

/// One window over rows and columns of a feature map.
struct Window {
  std::int64_t kernel[2] = {1, 1};
  std::int64_t stride[2] = {1, 1};
  std::int64_t dilation[2] = {1, 1};
  std::int64_t pad_begin[2] = {0, 0};
  std::int64_t pad_end[2] = {0, 0};

  std::int64_t extent(int axis) const { return dilation[axis] * (kernel[axis] - 1) + 1; }
  /// Outputs along an axis of `size` stored elements; 0 or less when the window does not fit.
  std::int64_t outputs(int axis, std::int64_t size) const {
    const std::int64_t room = size + pad_begin[axis] + pad_end[axis] - extent(axis);
    return room < 0 ? 0 : room / stride[axis] + 1;
  }
};

/// Adds tensors and layers; the last layer's output becomes the network's when `finish` is called.
class PlainNetwork {
 public:
  explicit PlainNetwork(const std::string& name, std::int64_t batch = 1);

  workloads::TensorId input(const std::vector<std::int64_t>& extents);
  /// N, C, H, W to N, filters, P, Q; with groups, each reads its share of the channels.
  workloads::TensorId convolution(workloads::TensorId input, std::int64_t filters,
                                  const Window& window, std::int64_t groups = 1);
  /// All dimensions but the first are reduced.
  workloads::TensorId fully_connected(workloads::TensorId input, std::int64_t outputs);
  /// N, M, C times N, C, K, both computed: neither operand is a weight.
  workloads::TensorId matrix_product(workloads::TensorId a, workloads::TensorId b);
  workloads::TensorId pool(workloads::TensorId input, workloads::Function function,
                           const Window& window, bool count_padding = false);
  workloads::TensorId add(workloads::TensorId a, workloads::TensorId b);
  /// Over the last dimension.
  workloads::TensorId softmax(workloads::TensorId input);

  workloads::Network finish();

 private:
  const std::vector<std::int64_t>& extents(workloads::TensorId tensor) const {
    return network_.tensors[tensor].extents;
  }
  workloads::TensorId tensor(const std::string& name, workloads::TensorKind kind,
                             const std::vector<std::int64_t>& extents);
  workloads::TensorId append(workloads::Layer layer, const std::vector<std::int64_t>& extents);

  workloads::Network network_;
};

}  // namespace tessera::test
