#include "mapping/cost/timeloop/tile.h"

#include <algorithm>

#include "sim/base/error.h"

namespace tessera::mapping::timeloop {

Projection::Projection(const workloads::Operand& operand) : dimensions_(operand.dimensions.size()) {
  if (dimensions_ > kMaxDimensions)
    throw UserError("a tensor has ", dimensions_, " dimensions; the model takes up to ",
                    kMaxDimensions);
  for (std::size_t dimension = 0; dimension < dimensions_; ++dimension)
    for (const auto& term : operand.dimensions[dimension].terms)
      terms_.push_back({static_cast<std::uint32_t>(dimension),
                        static_cast<std::uint32_t>(term.rank), term.coefficient});
}

Tile Projection::tile(const std::vector<std::int64_t>& offset,
                      const std::vector<std::int64_t>& extent) const {
  Tile tile;
  for (std::size_t i = 0; i < dimensions_; ++i) tile.high[i] = 1;
  for (const auto& term : terms_) {
    const std::int64_t low = term.coefficient * offset[term.rank];
    tile.low[term.dimension] += low;
    tile.high[term.dimension] += low + term.coefficient * (extent[term.rank] - 1);
  }
  return tile;
}

Vector Projection::move(int rank, std::int64_t distance) const {
  Vector move{};
  for (const auto& term : terms_)
    if (term.rank == static_cast<std::uint32_t>(rank))
      move[term.dimension] += term.coefficient * distance;
  return move;
}

std::int64_t Projection::words(const Tile& tile) const {
  std::int64_t words = 1;
  for (std::size_t i = 0; i < dimensions_; ++i) words *= tile.high[i] - tile.low[i];
  return words;
}

void Projection::translate(Tile& tile, const Vector& by) const {
  for (std::size_t i = 0; i < dimensions_; ++i) {
    tile.low[i] += by[i];
    tile.high[i] += by[i];
  }
}

Vector Projection::difference(const Tile& from, const Tile& to) const {
  Vector difference{};
  for (std::size_t i = 0; i < dimensions_; ++i) difference[i] = to.low[i] - from.low[i];
  return difference;
}

std::vector<Projection> projections_of(const workloads::Network& network) {
  const auto& layer = network.layers.front();
  std::vector<const workloads::Operand*> operands(network.tensors.size(), nullptr);
  for (const auto& input : layer.inputs) operands[input.tensor] = &input;
  operands[layer.output.tensor] = &layer.output;
  std::vector<Projection> projections;
  for (const auto* operand : operands) projections.emplace_back(*operand);
  return projections;
}

Delta subtract_along_one_axis(const Projection& projection, const Tile& now, const Tile& before) {
  const Delta whole{now, projection.words(now), false, {}};
  std::size_t axis = 0;
  std::size_t differing = 0;
  for (std::size_t i = 0; i < projection.dimensions(); ++i) {
    if (before.high[i] <= now.low[i] || before.low[i] >= now.high[i]) return whole;
    if (before.low[i] == now.low[i] && before.high[i] == now.high[i]) continue;
    axis = i;
    ++differing;
  }
  if (differing == 0) return {};
  if (differing > 1) return whole;
  Delta rest = whole;
  if (before.low[axis] <= now.low[axis]) {
    if (before.high[axis] >= now.high[axis]) return {};
    rest.tile.low[axis] = before.high[axis];
  } else {
    if (before.high[axis] < now.high[axis]) return whole;
    rest.tile.high[axis] = before.low[axis];
  }
  rest.words = projection.words(rest.tile);
  return rest;
}

Delta subtract_exactly(const Projection& projection, const Tile& now, const Tile& before) {
  std::int64_t common = 1;
  for (std::size_t i = 0; i < projection.dimensions(); ++i) {
    const std::int64_t overlap =
        std::min(now.high[i], before.high[i]) - std::max(now.low[i], before.low[i]);
    common *= std::max<std::int64_t>(overlap, 0);
  }
  const std::int64_t words = projection.words(now);
  if (common == 0) return {now, words, false, {}};
  if (common == words) return {};
  const Delta box = subtract_along_one_axis(projection, now, before);
  return box.words == words - common ? box : Delta{now, words - common, true, before};
}

}  // namespace tessera::mapping::timeloop
