// What computing a rank tile costs on a tile: the same for every tile of a machine, so it is worked
// out once per distinct tile shape.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <vector>

#include "hw_models/array/array_timing_cache.h"
#include "hw_models/array/pe_array.h"
#include "hw_models/description/accelerator.h"
#include "hw_models/vector/vector_unit.h"
#include "mapping/program.h"

namespace tessera::hw {

/// The array loop nest that an array mapping makes of a tile with these extents per rank.
ArrayWork array_work(const workloads::Layer& layer, const mapping::ArrayMapping& mapping,
                     const std::vector<std::int64_t>& extents, const PeArrayDescription& array,
                     bool accumulate_in_buffer);

/// Every array instruction of a program on the largest rank tile that its loops leave: the extents
/// of that tile and the nest they make.
using VisitArrayWork = std::function<void(
    const mapping::Stage& stage, const std::vector<std::int64_t>& extents, const ArrayWork& work)>;
void for_each_array_work(const Accelerator& accelerator, const mapping::Program& program,
                         const VisitArrayWork& visit);

/// UserError naming the layer when an instruction of the program does not fit the machine's PE
/// arrays.
void check_array_instructions(const Accelerator& accelerator, const mapping::Program& program);

/// Cycles and counts of the computing instructions of one program on one machine. Remembers
/// instructions by their extents and the phase of their start, so that equal tiles are worked out
/// once.
class ComputeModel {
 public:
  ComputeModel(const Accelerator& accelerator, const mapping::Program& program);

  /// kArray on a rank tile of a stage's layer, started at `start`. The reference holds until the
  /// next call.
  const ArrayTiming& array(int stage, const workloads::RankTile& tile, bool accumulate_in_buffer,
                           Cycle start);

  /// kVector on a rank tile.
  VectorTiming vector(int stage, const workloads::RankTile& tile, Cycle start);

  /// Adding so many partial sums to the outputs, element by element.
  VectorTiming add_sums(std::int64_t elements, Cycle start);

  /// kArray on a rank tile: words of both inputs as Timeloop counts them. The reference holds until
  /// the next call.
  const std::array<std::int64_t, 2>& tool_words(int stage, const workloads::RankTile& tile);

  /// The array's nest for a rank tile of a stage's layer.
  const ArrayWork& work_of(int stage, const workloads::RankTile& tile, bool accumulate_in_buffer);

 private:
  const Accelerator& accelerator_;
  const mapping::Program& program_;
  PeArray array_;
  ArrayTimingCache timings_;
  VectorUnit vector_unit_;
  std::map<std::vector<std::int64_t>, std::array<std::int64_t, 2>>
      tool_words_;                                        ///< by stage and extents
  std::map<std::vector<std::int64_t>, ArrayWork> works_;  ///< by stage, accumulation and extents
};

}  // namespace tessera::hw
