// What computing a rank tile costs on a tile: the same for every tile of a machine, so it is worked out once
// per distinct tile shape.
#pragma once

#include <map>
#include <vector>

#include "hw_models/array/pe_array.h"
#include "hw_models/description/accelerator.h"
#include "hw_models/vector/vector_unit.h"
#include "mapping/program.h"

namespace tessera::hw {

/// The array loop nest that an array mapping makes of a tile with these extents per rank. `lines` are the
/// buffer lines at which the operands' granules start.
ArrayWork array_work(const workloads::Layer& layer, const mapping::ArrayMapping& mapping,
                     const std::vector<std::int64_t>& extents, SpatialReduction reduction,
                     bool accumulate_in_buffer);

class ComputeModel {
 public:
  ComputeModel(const Accelerator& accelerator, const mapping::Program& program);

  /// Work of kArray on a rank tile of a stage's layer.
  const ArrayWork& array_work_of(int stage, const workloads::RankTile& tile, bool accumulate_in_buffer);
  const ArrayTiming& array(int stage, const workloads::RankTile& tile, bool accumulate_in_buffer, Cycle start);

  /// Work of kVector on a rank tile, or of adding partial sums elementwise.
  VectorTiming vector(int stage, const workloads::RankTile& tile, Cycle start);
  VectorTiming add_sums(std::int64_t elements, Cycle start);

 private:
  using Key = std::vector<std::int64_t>;

  const Accelerator& accelerator_;
  const mapping::Program& program_;
  PeArray array_;
  VectorUnit vector_unit_;
  std::map<Key, ArrayWork> works_;
  std::map<Key, ArrayTiming> timings_;
};

}  // namespace tessera::hw
