// Interstellar's cost model: accesses per element and level from the loops that do not index a
// tensor. Source: xuanyoya/Interstellar-CNN-scheduler at ed38e1e, cost_model.py; see README.md.
#pragma once

#include <cstdint>
#include <vector>

#include "mapping/cost/interstellar/blocking.h"
#include "mapping/cost/predictor.h"
#include "mapping/importers/interstellar/architecture.h"
#include "workloads/layer.h"

namespace tessera::mapping::interstellar {

/// Input, output, filter.
template <typename T>
struct PerTensor {
  T values[kTensors] = {};
  T& operator[](int tensor) { return values[tensor]; }
  const T& operator[](int tensor) const { return values[tensor]; }
};

/// Accesses of one memory level. `per_element` is whole as shipped; mended, an input element may be
/// read less than once on average where a stride skips it.
struct MemoryAccesses {
  PerTensor<double> per_element;
  PerTensor<std::int64_t> total;
  double picojoules = 0;
};

/// Hops of words between the units of a level.
struct ArrayHops {
  int level = 0;
  PerTensor<double> near_per_element;
  PerTensor<std::int64_t> near_total;
  /// Per axis, words that jump over a repeated block.
  std::vector<PerTensor<double>> far_per_element;
  std::vector<PerTensor<std::int64_t>> far_total;
  double picojoules = 0;
};

/// Elements of the blocks that one unit and all units of a level hold.
struct BlockSizes {
  PerTensor<std::int64_t> unit;
  PerTensor<std::int64_t> all_units;
};

struct InterstellarResult {
  double picojoules = 0;  ///< accesses and hops; no multiply-accumulates
  std::int64_t macs = 0;
  std::int64_t ideal_cycles = 0;
  std::int64_t units_used = 0;
  std::int64_t units_total = 0;
  PerTensor<std::int64_t> tensor_elements;
  bool exact_tiling = true;              ///< factors multiply to the layer's extents
  bool input_floor_zero = false;         ///< the tool rounds some input traffic to none
  std::vector<MemoryAccesses> memories;  ///< innermost first
  std::vector<ArrayHops> arrays;
  std::vector<BlockSizes> blocks;
};

/// UserError when the schedule has other levels or more units than the architecture.
InterstellarResult predict(const workloads::Layer& layer, const std::vector<BlockingLevel>& levels,
                           const Architecture& architecture, Faults faults);

}  // namespace tessera::mapping::interstellar
