// Constants of an ONNX graph and the arithmetic exporters do with them: shapes taken apart,
// computed with and put together again for Reshape, Slice, Resize and the like.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/onnx/node.h"

namespace tessera::workloads {

/// A tensor known before the network runs. Values only where they are few: weights are shapes to
/// us. Doubles hold every integer that can be an extent or an index exactly.
struct Constant {
  std::vector<std::int64_t> shape;
  std::optional<std::vector<double>> values;

  std::int64_t elements() const;
  /// At most one dimension is larger than one: a scalar or a value per channel.
  bool is_parameter() const;
  /// The values as integers; nothing when they are not known.
  std::optional<std::vector<std::int64_t>> integers() const;
};

Constant constant_of(const onnx::TensorProto& tensor);

/// The value of a Constant node.
Constant constant_of_node(const OnnxNode& node);

/// Result of a node whose inputs are all constants, or nothing when the operator is none of those
/// that compute shapes. Elementwise functions of constants without values give a constant without
/// values.
std::optional<Constant> fold(const OnnxNode& node, const std::vector<const Constant*>& inputs);

}  // namespace tessera::workloads
