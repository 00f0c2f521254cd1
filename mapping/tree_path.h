// Builds one path of a schedule tree from the outermost node to its layer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/schedule.h"

namespace tessera::mapping {

/// Nodes are added from the outside inwards; `finish` chains them. Loops and splits that would not
/// do anything (one iteration, one way) are the caller's to leave out.
class TreePath {
 public:
  TreePath& place(std::vector<int> tiles);
  /// `rotates`: shared operand whose pieces the loop passes on; "" for ordinary loops.
  TreePath& loop(const std::string& rank, std::int64_t tile, const std::string& rotates = "");
  /// The loop added last gives its layer's turn away. Precondition: a loop was added last.
  TreePath& giving_turn(int turns_later = 0);
  /// `size` 0: balanced shares. `no_multicast`: tensors sent to every part by itself.
  TreePath& split(const std::string& rank, std::int64_t ways, Axis axis, std::int64_t size = 0,
                  std::vector<std::string> no_multicast = {});
  /// Nothing when there are no tensors.
  TreePath& store(const std::string& level, std::vector<StoredTensor> tensors);

  /// The whole path; the builder is empty afterwards.
  Node finish(const std::string& layer);

 private:
  Node& add(NodeKind kind);

  std::vector<Node> path_;
};

}  // namespace tessera::mapping
