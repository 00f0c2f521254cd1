// Runs a network in plain integers, the judge of the simulator's functional mode. No scheduling, no
// tiles: loops over the rank space using the projections. The tile functions do the same for a part
// of a layer, so that a simulated machine can compute its pieces from the data it has actually
// moved.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "workloads/integer_functions.h"
#include "workloads/network.h"

namespace tessera::workloads {

/// Per stored tensor its elements, row-major in its extents; empty where nothing has been computed
/// yet.
using TensorValues = std::vector<std::vector<Element>>;

/// Inputs and weights filled with eight-bit values. Element i of a tensor is the top byte, as a
/// signed number, of splitmix64's output function at FNV-1a-64(name) + seed + (i + 1) x
/// 0x9e3779b97f4a7c15 (modulo 2^64): a function of seed, name and index only, so any part can be
/// recomputed anywhere.
TensorValues seeded_values(const Network& network, std::uint64_t seed);
Element seeded_element(std::uint64_t seed, const std::string& tensor, std::int64_t index);

/// Computes one layer from the values of its operands, which must be present.
void execute_layer(const Network& network, LayerId layer, TensorValues& values);

/// Computes all layers in order.
void execute(const Network& network, TensorValues& values);

/// Element of operand number `operand` of a layer at an index of its stored tensor; never asked for
/// padding.
using ReadElement =
    std::function<Element(std::size_t operand, std::span<const std::int64_t> index)>;
/// Receives a finished output element and its index in the stored tensor.
using WriteElement = std::function<void(std::span<const std::int64_t> index, Element value)>;

/// Partial results of a kMatrix or kPool layer: one 32-bit accumulator for each output point of a
/// tile, row-major in the tile's ranks that are not reduced.
struct Accumulators {
  RankTile tile;
  std::vector<Element> values;
};

/// Fresh accumulators for the outputs of a tile; its reduced ranks do not matter.
Accumulators start_accumulators(const Layer& layer, const RankTile& tile);

/// Adds the terms of `tile`, whose output points must lie in the accumulators' tile.
void accumulate_tile(const Layer& layer, const RankTile& tile, const ReadElement& read,
                     Accumulators& accumulators);

/// The accumulators of those output points that lie in `tile`.
Accumulators part_of(const Layer& layer, const Accumulators& whole, const RankTile& tile);

/// Adds partial results computed elsewhere, for the same outputs or for some of them.
void merge_accumulators(const Layer& layer, const Accumulators& partial, Accumulators& into);

/// After all terms: requantise or divide, saturate, activate, and hand over each output. The result
/// does not depend on how the reduction was split.
void finish_output(const Layer& layer, const Accumulators& accumulators, const WriteElement& write);

/// A tile of a vector layer that needs no accumulators: kMap, kMove, kSoftmax, kNormalise.
/// `whole_ranks` must be complete in the tile.
void compute_vector_tile(const Layer& layer, const RankTile& tile, const ReadElement& read,
                         const WriteElement& write);

/// True for the kinds that go through accumulators.
bool accumulates(const Layer& layer);

}  // namespace tessera::workloads
