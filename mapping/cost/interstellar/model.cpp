#include "mapping/cost/interstellar/model.h"

#include <algorithm>
#include <cmath>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::interstellar {

namespace {

enum Tensor : int { kInput = 0, kOutput = 1, kFilter = 2 };

using workloads::Layer;
using workloads::Operand;
using workloads::OperandRole;

const Operand& operand_of(const Layer& layer, int tensor) {
  if (tensor == kOutput) return layer.output;
  const auto role = tensor == kInput ? OperandRole::kInput : OperandRole::kWeight;
  for (const auto& operand : layer.inputs)
    if (operand.role == role) return operand;
  throw UserError("layer '", layer.name,
                  "': the Interstellar model needs one input and one weight");
}

/// Elements of the operand's block when the ranks have these extents.
std::int64_t elements_of(const Operand& operand, const std::vector<std::int64_t>& extents) {
  std::int64_t elements = 1;
  for (const auto& access : operand.dimensions) {
    std::int64_t span = 1;
    for (const auto& term : access.terms) span += (extents[term.rank] - 1) * term.coefficient;
    elements *= span;
  }
  return elements;
}

class Model {
 public:
  Model(const Layer& layer, const std::vector<BlockingLevel>& levels,
        const Architecture& architecture, Faults faults)
      : layer_(layer), levels_(levels), architecture_(architecture), faults_(faults) {
    check_levels();
    for (int tensor = 0; tensor < kTensors; ++tensor)
      for (std::size_t rank = 0; rank < layer.ranks.size(); ++rank)
        relevant_[tensor].push_back(indexes(tensor, static_cast<int>(rank)));
    for (const auto& access : operand_of(layer, kInput).dimensions)
      if (access.terms.size() == 2) stride_area_ *= access.terms.front().coefficient;
  }

  InterstellarResult predict() {
    InterstellarResult result;
    const auto extents = layer_.extents();
    for (int tensor = 0; tensor < kTensors; ++tensor)
      tensor_elements_[tensor] = elements_of(operand_of(layer_, tensor), extents);
    result.tensor_elements = tensor_elements_;
    result.macs = layer_.macs();
    result.units_total = architecture_.units();
    result.ideal_cycles = ceil_div(result.macs, result.units_total);
    result.units_used = units_used();
    result.exact_tiling = tiles_exactly();
    for (std::size_t level = 0; level < levels_.size(); ++level) add_level(level, result);
    return result;
  }

 private:
  void check_levels() const {
    if (levels_.size() != architecture_.levels.size())
      throw UserError("schedule of layer '", layer_.name, "': ", levels_.size(),
                      " memory levels where the architecture has ", architecture_.levels.size());
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      std::int64_t units = 1;
      for (const auto& axis : levels_[level].axes) units *= axis.near.trips * axis.far.trips;
      if (units > architecture_.levels[level].parallel_count)
        throw UserError("schedule of layer '", layer_.name, "': unrolls over ", units,
                        " units at memory level ", level, ", which has ",
                        architecture_.levels[level].parallel_count);
    }
  }

  /// Filter loops are irrelevant to the input although they shift its window.
  bool indexes(int tensor, int rank) const {
    for (const auto& access : operand_of(layer_, tensor).dimensions)
      if (access.terms.front().rank == rank) return true;
    return false;
  }

  std::int64_t units_used() const {
    std::int64_t units = 1;
    for (const auto& level : levels_)
      for (const auto& axis : level.axes) units *= axis.near.trips * axis.far.trips;
    return units;
  }

  bool tiles_exactly() const {
    std::vector<std::int64_t> product(layer_.ranks.size(), 1);
    for (const auto& level : levels_) {
      for (const auto& loop : level.loops) product[loop.rank] *= loop.trips;
      for (const auto& axis : level.axes) {
        product[axis.near.rank] *= axis.near.trips;
        product[axis.far.rank] *= axis.far.trips;
      }
    }
    for (std::size_t rank = 0; rank < product.size(); ++rank)
      if (product[rank] != layer_.ranks[rank].extent) return false;
    return true;
  }

  void add_level(std::size_t level, InterstellarResult& result) {
    result.memories.push_back(memory(level, result.input_floor_zero));
    result.picojoules += result.memories.back().picojoules;
    result.blocks.push_back(block_sizes(level));
    if (architecture_.levels[level].parallel_count > 1 && level + 1 < levels_.size()) {
      result.arrays.push_back(array(level));
      result.picojoules += result.arrays.back().picojoules;
    }
  }

  MemoryAccesses memory(std::size_t level, bool& floor_zero) const {
    MemoryAccesses accesses;
    const MemoryLevel& memory = architecture_.levels[level];
    const bool free_of_cost = memory.cost_forgotten && faults_ == Faults::kAsShipped;
    for (int tensor = 0; tensor < kTensors; ++tensor) {
      const double touches = touches_of(tensor, level);
      floor_zero |= tensor == kInput && touches == 0;
      accesses.per_element[tensor] = tensor == kOutput ? 2 * touches - 1 : touches;
      accesses.total[tensor] = total(accesses.per_element[tensor], tensor);
      if (memory.holds[tensor] && !free_of_cost)
        accesses.picojoules +=
            static_cast<double>(accesses.total[tensor]) * memory.access_picojoules[tensor];
    }
    return accesses;
  }

  std::int64_t total(double per_element, int tensor) const {
    return std::llround(per_element * static_cast<double>(tensor_elements_[tensor]));
  }

  /// Times an element crosses from this level inwards (partial sums: is written).
  double touches_of(int tensor, std::size_t level) const {
    const bool every_product = level == 0 && !architecture_.has_mac_registers;
    const auto product = every_product ? all_irrelevant(tensor) : refetches(tensor, level);
    if (tensor != kInput) return static_cast<double>(product);
    if (faults_ == Faults::kAsShipped) return static_cast<double>(product / stride_area_);
    const auto words = every_product ? layer_.macs() : fetched_input(level);
    return static_cast<double>(words) / static_cast<double>(tensor_elements_[kInput]);
  }

  /// Blocks of the level below, halo included, as often as their place changes: what the tool's
  /// division by the stride and its sharing of halos between blocks stand for.
  std::int64_t fetched_input(std::size_t level) const {
    const Operand& input = operand_of(layer_, kInput);
    std::int64_t fetches = 1;
    bool held = true;
    for (std::size_t i = level; i < levels_.size(); ++i) {
      for (const auto& loop : levels_[i].loops) {
        if (loop.trips > 1 && Layer::indexes(input, loop.rank)) held = false;
        if (!held) fetches *= loop.trips;
      }
      for (const auto& axis : levels_[i].axes) fetches *= axis.near.trips * axis.far.trips;
    }
    return fetches * elements_of(input, inner_extents(level, true));
  }

  /// Without registers at the multiplier every multiply-accumulate reads its operands.
  std::int64_t all_irrelevant(int tensor) const {
    std::int64_t product = 1;
    for (std::size_t rank = 0; rank < layer_.ranks.size(); ++rank)
      if (!relevant_[tensor][rank]) product *= layer_.ranks[rank].extent;
    return product;
  }

  /// Trips of the loops that fetch a block again which the level had before. As shipped, a block
  /// stays where it is during irrelevant loops of its own level inside the innermost relevant one;
  /// mended, it stays until a relevant loop of any level has moved.
  std::int64_t refetches(int tensor, std::size_t level) const {
    const bool shipped = faults_ == Faults::kAsShipped;
    std::int64_t product = 1;
    bool held = true;
    for (std::size_t i = level; i < levels_.size(); ++i) {
      if (shipped && i > level) held = false;
      for (const auto& loop : levels_[i].loops) {
        const bool relevant = relevant_[tensor][loop.rank];
        if (relevant && (shipped || loop.trips > 1)) held = false;
        if (!relevant && !held) product *= loop.trips;
      }
      product *= irrelevant_units(tensor, i);
    }
    return product;
  }

  std::int64_t irrelevant_units(int tensor, std::size_t level) const {
    std::int64_t product = 1;
    for (const auto& axis : levels_[level].axes)
      for (const auto& factor : {axis.near, axis.far})
        if (!relevant_[tensor][factor.rank]) product *= factor.trips;
    return product;
  }

  /// Units that hold the same elements. Filter loops shift the input's window and make no copies of
  /// it.
  std::int64_t copies(int tensor, std::size_t level) const {
    std::int64_t product = 1;
    for (const auto& axis : levels_[level].axes)
      for (const auto& factor : {axis.near, axis.far})
        if (!Layer::indexes(operand_of(layer_, tensor), factor.rank)) product *= factor.trips;
    return product;
  }

  ArrayHops array(std::size_t level) const {
    ArrayHops hops;
    hops.level = static_cast<int>(level);
    const MemoryLevel& units = architecture_.levels[level];
    const bool broadcast = units.parallel_mode == ParallelMode::kBroadcast;
    if (units.parallel_mode == ParallelMode::kNeighbour) {
      hops.far_per_element.resize(units.array_dimensions);
      hops.far_total.resize(units.array_dimensions);
    }
    for (int tensor = 0; tensor < kTensors; ++tensor) {
      const double touches = touches_of(tensor, level + 1);
      double near = touches;
      for (const auto& axis : levels_[level].axes) {
        if (!relevant_[tensor][axis.near.rank]) near *= static_cast<double>(axis.near.trips);
        if (broadcast && !relevant_[tensor][axis.far.rank])
          near *= static_cast<double>(axis.far.trips);
      }
      hops.near_per_element[tensor] = near;
      hops.near_total[tensor] = total(near, tensor);
      hops.picojoules += static_cast<double>(hops.near_total[tensor]) * units.hop_picojoules;
    }
    for (std::size_t i = 0; i < hops.far_total.size() && i < levels_[level].axes.size(); ++i)
      add_far_hops(levels_[level].axes[i], i, level, hops);
    return hops;
  }

  void add_far_hops(const ArrayAxis& axis, std::size_t i, std::size_t level,
                    ArrayHops& hops) const {
    if (!axis.repeats || axis.far.trips == 1) return;
    for (int tensor = 0; tensor < kTensors; ++tensor) {
      if (relevant_[tensor][axis.far.rank]) continue;
      const double far = touches_of(tensor, level + 1) * static_cast<double>(axis.far.trips);
      hops.far_per_element[i][tensor] = far;
      hops.far_total[i][tensor] = total(far, tensor);
      hops.picojoules += static_cast<double>(hops.far_total[i][tensor] * axis.near.trips) *
                         architecture_.levels[level].hop_picojoules;
    }
  }

  /// Extents that the innermost `levels` levels cover, in one unit of each or in all of them.
  std::vector<std::int64_t> inner_extents(std::size_t levels, bool all_units) const {
    std::vector<std::int64_t> extents(layer_.ranks.size(), 1);
    for (std::size_t i = 0; i < levels; ++i) {
      for (const auto& loop : levels_[i].loops) extents[loop.rank] *= loop.trips;
      if (!all_units) continue;
      for (const auto& axis : levels_[i].axes) {
        extents[axis.near.rank] *= axis.near.trips;
        extents[axis.far.rank] *= axis.far.trips;
      }
    }
    return extents;
  }

  BlockSizes block_sizes(std::size_t level) const {
    const auto unit = inner_extents(level + 1, false), all = inner_extents(level + 1, true);
    BlockSizes sizes;
    for (int tensor = 0; tensor < kTensors; ++tensor) {
      sizes.unit[tensor] = elements_of(operand_of(layer_, tensor), unit);
      sizes.all_units[tensor] =
          elements_of(operand_of(layer_, tensor), all) * copies(tensor, level);
    }
    return sizes;
  }

  const Layer& layer_;
  const std::vector<BlockingLevel>& levels_;
  const Architecture& architecture_;
  Faults faults_;
  std::vector<bool> relevant_[kTensors];
  std::int64_t stride_area_ = 1;
  PerTensor<std::int64_t> tensor_elements_;
};

}  // namespace

InterstellarResult predict(const workloads::Layer& layer, const std::vector<BlockingLevel>& levels,
                           const Architecture& architecture, Faults faults) {
  return Model(layer, levels, architecture, faults).predict();
}

}  // namespace tessera::mapping::interstellar
