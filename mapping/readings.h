// How often a group receives the elements of a feature map that is handed over granule by granule.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "mapping/program.h"

namespace tessera::mapping {

/// What one group takes of an operand over a whole stage. A region is a product of ranges, and each
/// loop moves one of them at most, so that ranges are counted dimension by dimension.
class Readings {
 public:
  /// Every element once.
  explicit Readings(const workloads::Region& region);

  /// As often as the loops around the receives of a load queue bring it: without a window every
  /// receive brings its whole region, also what the one before had. UserError naming the layer when
  /// a rank moves two dimensions of the operand.
  Readings(const workloads::Layer& layer, int operand, const CodeBlock& load,
           const TileShare& share);

  /// Elements of a piece that the group receives, each as often as it does.
  std::int64_t of(const workloads::Region& piece) const;

 private:
  /// How often each range comes.
  using Ranges = std::vector<std::pair<workloads::IndexRange, std::int64_t>>;
  struct Receive {
    std::int64_t repetitions = 1;  ///< by loops that leave the region alone
    std::vector<Ranges> dimensions;
  };

  void visit(const workloads::Layer& layer, int operand, const CodeBlock& block,
             const TileShare& share, std::vector<const CodeNode*>& around);
  void add(const workloads::Operand& operand, const TileShare& share,
           const std::vector<const CodeNode*>& around);

  std::vector<Receive> receives_;
};

}  // namespace tessera::mapping
