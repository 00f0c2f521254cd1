// From logical loops (a channel, a row) to the ranks of a Layer. A loop is split into several ranks
// where an operand's storage needs it, for example the channels of merged attention heads.
#pragma once

#include <string>
#include <vector>

#include "workloads/layer.h"
#include "workloads/view.h"

namespace tessera::workloads {

/// How one logical dimension of an operand follows from the loops. Either a composition of loops,
/// outermost first (channel = group x channels per group + channel in group), or a window over two
/// loops: stride x position + dilation x tap - pad.
struct DimensionUse {
  std::vector<int> loops;
  bool window = false;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad = 0;

  static DimensionUse of(std::vector<int> loops) { return {std::move(loops), false, 1, 1, 0}; }
  static DimensionUse sliding(int position, int tap, std::int64_t stride, std::int64_t dilation,
                              std::int64_t pad) {
    return {{position, tap}, true, stride, dilation, pad};
  }
};
using OperandUse = std::vector<DimensionUse>;

class IterationSpace {
 public:
  /// `part_names` are given to the ranks when the loop is split into exactly so many.
  int add_loop(const std::string& name, std::int64_t extent, bool reduced = false,
               std::vector<std::string> part_names = {});

  /// Splits loops so that the view can be addressed; false, without effect, when no split does.
  bool accommodate(const View& view, const OperandUse& use);

  /// Final ranks, in the order of the loops.
  std::vector<Rank> ranks() const;
  /// Ranks that a loop became, outermost first.
  std::vector<RankId> ranks_of(int loop) const;
  /// The view, addressed by the final ranks. `extents` are those of the stored tensor.
  Operand operand(const View& view, const OperandUse& use, OperandRole role,
                  const std::vector<std::int64_t>& extents) const;

 private:
  struct Loop {
    std::string name;
    std::int64_t extent = 1;
    bool reduced = false;
    std::vector<std::string> part_names;
    std::vector<std::int64_t>
        cuts;  ///< places where it is split, as products of the inner parts, ascending
  };
  struct Part {
    RankId rank;
    std::int64_t extent;
  };

  bool add_cuts(const Digits& digits, const DimensionUse& use);
  bool add_cut(const DimensionUse& use, std::int64_t position);
  std::vector<std::int64_t> part_extents(const Loop& loop) const;
  std::vector<Part> parts(const DimensionUse& use) const;
  void address_window(const Digits& digits, const DimensionUse& use, Operand& operand) const;
  void address_digits(const Digits& digits, const DimensionUse& use, Operand& operand) const;

  std::vector<Loop> loops_;
};

}  // namespace tessera::workloads
