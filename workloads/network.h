// A network: stored tensors and the layers that read and write them, in an order that can be
// executed.
#pragma once

#include <string>
#include <vector>

#include "workloads/layer.h"

namespace tessera::workloads {

enum class TensorKind { kInput, kWeight, kIntermediate, kOutput };

/// A tensor that occupies memory. Concatenated tensors are one stored tensor that several layers
/// write.
struct Tensor {
  std::string name;
  TensorKind kind = TensorKind::kIntermediate;
  std::vector<std::int64_t> extents;  ///< outermost first, for example N, C, H, W
  std::int64_t elements() const;
};

struct Network {
  std::string name;
  std::int64_t batch = 1;
  std::vector<Tensor> tensors;
  std::vector<Layer> layers;  ///< topological order

  std::int64_t macs() const;
  std::int64_t weights() const;  ///< elements of all weight tensors, biases not included
  std::vector<LayerId> producers(TensorId tensor) const;
  std::vector<LayerId> consumers(TensorId tensor) const;
};

/// Invariants every builder and importer must leave behind: ids in range, every element of an
/// intermediate or output written exactly once, producers before consumers, accesses inside the
/// tensor, every intermediate read. UserError naming the layer when one does not hold.
void check(const Network& network);

/// Zoo name, .textproto in the schema of network.proto, or .onnx. `batch` 0 keeps the file's own.
Network load_network(const std::string& name_or_path, std::int64_t batch);

/// Names and one-line summaries of the networks installed with the program.
struct ZooEntry {
  std::string name;
  std::string summary;
};
std::vector<ZooEntry> list_zoo();

}  // namespace tessera::workloads
