#include "workloads/reference_executor.h"

#include <algorithm>

#include "sim/base/error.h"
#include "workloads/tile_walk.h"

namespace tessera::workloads {

namespace {

constexpr const char* kModule = "reference_executor";

std::vector<std::int64_t> row_major_strides(const std::vector<std::int64_t>& extents) {
  std::vector<std::int64_t> strides(extents.size(), 1);
  for (std::size_t i = extents.size(); i-- > 1;) strides[i - 1] = strides[i] * extents[i];
  return strides;
}

/// The accumulators as if they were a tensor of one dimension that the layer writes.
Operand accumulator_operand(const Layer& layer, const RankTile& tile) {
  DimensionAccess access;
  std::int64_t stride = 1;
  for (std::size_t i = layer.ranks.size(); i-- > 0;) {
    if (layer.ranks[i].reduced) continue;
    access.terms.push_back({static_cast<RankId>(i), stride});
    access.offset -= stride * tile[i].begin;
    stride *= tile[i].size();
  }
  access.valid_end = stride;
  return {-1, OperandRole::kOutput, {access}};
}

std::vector<RankId> reduced_last(const Layer& layer) {
  return ranks_with_last(layer, [&](RankId id) { return layer.ranks[id].reduced; });
}

std::int64_t reduction_size(const Layer& layer) {
  std::int64_t terms = 1;
  for (const auto& rank : layer.ranks)
    if (rank.reduced) terms *= rank.extent;
  return terms;
}

/// `fetch(operand number, walk)` gives the element at the walk's point.
template <typename Fetch>
void accumulate(const Layer& layer, TileWalk& walk, std::size_t accumulator, const Fetch& fetch,
                std::vector<Element>& sums) {
  if (walk.empty()) return;
  const bool pool = layer.kind == LayerKind::kPool;
  do {
    Element& sum = sums[static_cast<std::size_t>(walk.offset(accumulator))];
    if (!walk.is_inside(0)) continue;
    if (pool)
      sum = pool_step(layer.function, sum, fetch(0, walk));
    else if (walk.is_inside(1))
      sum = wrapping_add(sum, fetch(0, walk) * fetch(1, walk));
  } while (walk.advance());
}

void require_accumulating(const Layer& layer) {
  if (!accumulates(layer)) throw InvariantViolation(kModule, 0, layer.name, " has no accumulators");
}

/// Taps that the average of the output point at the walk's position divides by; for a maximum, taps
/// there are.
class TapCount {
 public:
  explicit TapCount(const Layer& layer)
      : layer_(layer), full_(layer.count_padding ? reduction_size(layer) : 0) {}

  std::int64_t at(const RankTile& point) const {
    if (full_ > 0 || layer_.kind == LayerKind::kMatrix) return full_;
    RankTile taps = point;
    for (std::size_t i = 0; i < taps.size(); ++i)
      if (layer_.ranks[i].reduced) taps[i] = {0, layer_.ranks[i].extent};
    TileWalk walk(taps, reduced_last(layer_));
    walk.follow(layer_.inputs[0], {});
    std::int64_t inside = 0;
    do inside += walk.is_inside(0) ? 1 : 0;
    while (walk.advance());
    return inside;
  }

 private:
  const Layer& layer_;
  std::int64_t full_;
};

/// Moves a one-point tile over the output ranks of `tile`, in the order of the accumulators.
bool next_point(const Layer& layer, const RankTile& tile, RankTile& point) {
  for (std::size_t i = tile.size(); i-- > 0;) {
    if (layer.ranks[i].reduced) continue;
    if (++point[i].begin < tile[i].end) {
      point[i].end = point[i].begin + 1;
      return true;
    }
    point[i] = {tile[i].begin, tile[i].begin + 1};
  }
  return false;
}

bool is_row_function(const Layer& layer) {
  return layer.kind == LayerKind::kSoftmax ||
         (layer.kind == LayerKind::kNormalise && layer.function == Function::kLayerNorm);
}

bool is_whole(const Layer& layer, RankId id) {
  return std::ranges::find(layer.whole_ranks, id) != layer.whole_ranks.end();
}

using Index = std::vector<std::int64_t>;

/// Softmax and layer normalisation: gathers one row over the whole ranks, computes it, scatters it.
void compute_rows(const Layer& layer, TileWalk& walk, std::size_t output, std::size_t length,
                  const ReadElement& read, const WriteElement& write) {
  std::vector<Element> row, result(length);
  std::vector<Index> places;
  bool more = !walk.empty();
  while (more) {
    row.clear();
    places.clear();
    for (std::size_t i = 0; i < length; ++i) {
      row.push_back(read(0, walk.index(0)));
      const auto place = walk.index(output);
      places.emplace_back(place.begin(), place.end());
      more = walk.advance();
    }
    if (layer.kind == LayerKind::kSoftmax)
      softmax_row(row, result);
    else
      layer_norm_row(row, result);
    for (std::size_t i = 0; i < length; ++i)
      write(places[i], apply_function(layer.activation, result[i]));
  }
}

/// Local response normalisation: the window's channels run innermost; the middle one is the element
/// itself.
void compute_windows(const Layer& layer, TileWalk& walk, std::size_t output, std::size_t length,
                     const ReadElement& read, const WriteElement& write) {
  bool more = !walk.empty();
  while (more) {
    Element middle = 0;
    std::int64_t squares = 0;
    const auto span = walk.index(output);
    const Index place(span.begin(), span.end());
    for (std::size_t i = 0; i < length; ++i) {
      const Element x = walk.is_inside(0) ? read(0, walk.index(0)) : 0;
      if (i == (length - 1) / 2) middle = x;
      squares += std::int64_t{x} * x;
      more = walk.advance();
    }
    write(place, apply_function(layer.activation, local_response(middle, squares)));
  }
}

void compute_elements(const Layer& layer, TileWalk& walk, std::size_t output,
                      const ReadElement& read, const WriteElement& write) {
  if (walk.empty()) return;
  std::vector<Element> operands(layer.inputs.size());
  do {
    for (std::size_t i = 0; i < operands.size(); ++i) operands[i] = read(i, walk.index(i));
    write(walk.index(output),
          apply_function(layer.activation, map_elements(layer.function, operands)));
  } while (walk.advance());
}

std::uint64_t name_hash(const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

Element mixed_byte(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<std::int8_t>(z >> 56);
}

/// Flat offset of an index in a tensor.
std::size_t offset_of(std::span<const std::int64_t> index, const Index& strides) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < index.size(); ++i) offset += index[i] * strides[i];
  return static_cast<std::size_t>(offset);
}

/// Strides of the operands' tensors, output last.
std::vector<Index> operand_strides(const Network& network, const Layer& layer) {
  std::vector<Index> strides;
  for (const auto& input : layer.inputs)
    strides.push_back(row_major_strides(network.tensors[input.tensor].extents));
  strides.push_back(row_major_strides(network.tensors[layer.output.tensor].extents));
  return strides;
}

/// The whole of a matrix or pooling layer, with operands addressed directly.
void execute_accumulating(const Layer& layer, const std::vector<Index>& strides,
                          const TensorValues& values, const WriteElement& write) {
  Accumulators accumulators = start_accumulators(layer, layer.whole());
  TileWalk walk(layer.whole(), reduced_last(layer));
  std::vector<const Element*> data;
  for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
    walk.follow(layer.inputs[i], strides[i]);
    data.push_back(values[layer.inputs[i].tensor].data());
  }
  const auto sums = walk.follow(accumulator_operand(layer, accumulators.tile), {1});
  const auto fetch = [&](std::size_t operand, const TileWalk& at) {
    return data[operand][at.offset(operand)];
  };
  accumulate(layer, walk, sums, fetch, accumulators.values);
  finish_output(layer, accumulators, write);
}

}  // namespace

bool accumulates(const Layer& layer) {
  return layer.kind == LayerKind::kMatrix || layer.kind == LayerKind::kPool;
}

Element seeded_element(std::uint64_t seed, const std::string& tensor, std::int64_t index) {
  return mixed_byte(name_hash(tensor) + seed +
                    (static_cast<std::uint64_t>(index) + 1) * 0x9e3779b97f4a7c15u);
}

TensorValues seeded_values(const Network& network, std::uint64_t seed) {
  TensorValues values(network.tensors.size());
  for (std::size_t id = 0; id < values.size(); ++id) {
    const Tensor& tensor = network.tensors[id];
    if (tensor.kind != TensorKind::kInput && tensor.kind != TensorKind::kWeight) continue;
    values[id].resize(static_cast<std::size_t>(tensor.elements()));
    const std::uint64_t base = name_hash(tensor.name) + seed;
    for (std::size_t i = 0; i < values[id].size(); ++i)
      values[id][i] = mixed_byte(base + (i + 1) * 0x9e3779b97f4a7c15u);
  }
  return values;
}

namespace {

/// Visits the output points of `small`, which lie in `large`, with their positions in both.
template <typename Visit>
void for_each_common(const Layer& layer, const RankTile& small, const RankTile& large,
                     Visit visit) {
  std::vector<RankRange> inner, outer;
  for (std::size_t r = 0; r < small.size(); ++r) {
    if (layer.ranks[r].reduced) continue;
    if (small[r].size() == 0) return;
    if (small[r].begin < large[r].begin || small[r].end > large[r].end)
      throw InvariantViolation(kModule, 0, layer.name, ": partial results of other outputs");
    inner.push_back(small[r]);
    outer.push_back(large[r]);
  }
  const auto walk = [&](const auto& self, std::size_t r, std::size_t at, std::size_t in) -> void {
    if (r == inner.size()) return visit(at, in);
    for (std::int64_t i = 0; i < inner[r].size(); ++i)
      self(self, r + 1,
           at * static_cast<std::size_t>(inner[r].size()) + static_cast<std::size_t>(i),
           in * static_cast<std::size_t>(outer[r].size()) +
               static_cast<std::size_t>(inner[r].begin - outer[r].begin + i));
  };
  walk(walk, 0, 0, 0);
}

}  // namespace

Accumulators start_accumulators(const Layer& layer, const RankTile& tile) {
  require_accumulating(layer);
  std::int64_t outputs = 1;
  for (std::size_t i = 0; i < tile.size(); ++i)
    if (!layer.ranks[i].reduced) outputs *= tile[i].size();
  const Element start = layer.kind == LayerKind::kPool ? pool_start(layer.function) : 0;
  return {tile, std::vector<Element>(static_cast<std::size_t>(outputs), start)};
}

void accumulate_tile(const Layer& layer, const RankTile& tile, const ReadElement& read,
                     Accumulators& accumulators) {
  require_accumulating(layer);
  for (std::size_t i = 0; i < tile.size(); ++i)
    if (!layer.ranks[i].reduced && tile[i].size() > 0 &&
        (tile[i].begin < accumulators.tile[i].begin || tile[i].end > accumulators.tile[i].end))
      throw InvariantViolation(kModule, 0, layer.name, ": rank ", layer.ranks[i].name,
                               " of the tile lies outside the accumulators");
  TileWalk walk(tile, reduced_last(layer));
  for (const auto& input : layer.inputs) walk.follow(input, {});
  const auto sums = walk.follow(accumulator_operand(layer, accumulators.tile), {1});
  const auto fetch = [&](std::size_t operand, const TileWalk& at) {
    return read(operand, at.index(operand));
  };
  accumulate(layer, walk, sums, fetch, accumulators.values);
}

Accumulators part_of(const Layer& layer, const Accumulators& whole, const RankTile& tile) {
  Accumulators part = start_accumulators(layer, tile);
  for_each_common(layer, part.tile, whole.tile, [&](std::size_t small, std::size_t large) {
    part.values[small] = whole.values[large];
  });
  return part;
}

void merge_accumulators(const Layer& layer, const Accumulators& partial, Accumulators& into) {
  require_accumulating(layer);
  for_each_common(layer, partial.tile, into.tile, [&](std::size_t small, std::size_t large) {
    auto& sum = into.values[large];
    sum = layer.kind == LayerKind::kPool ? pool_step(layer.function, sum, partial.values[small])
                                         : wrapping_add(sum, partial.values[small]);
  });
}

void finish_output(const Layer& layer, const Accumulators& accumulators,
                   const WriteElement& write) {
  require_accumulating(layer);
  if (accumulators.values.empty()) return;
  const int shift = requantise_shift(reduction_size(layer));
  const TapCount taps(layer);
  RankTile point = accumulators.tile;
  for (auto& range : point) range.end = range.begin + 1;
  for (const Element sum : accumulators.values) {
    const Element plain = layer.kind == LayerKind::kPool
                              ? pool_finish(layer.function, sum, taps.at(point))
                              : requantise(sum, shift);
    const Region place = region_of(layer.output, point);
    Index index;
    for (const auto& range : place.dimensions) index.push_back(range.begin);
    write(index, apply_function(layer.activation, plain));
    next_point(layer, accumulators.tile, point);
  }
}

void compute_vector_tile(const Layer& layer, const RankTile& tile, const ReadElement& read,
                         const WriteElement& write) {
  std::size_t length = 1;
  for (const RankId id : layer.whole_ranks) {
    if (tile[id] != RankRange{0, layer.ranks[id].extent})
      throw InvariantViolation(kModule, 0, layer.name, ": rank ", layer.ranks[id].name,
                               " must be whole in a tile");
    length *= static_cast<std::size_t>(layer.ranks[id].extent);
  }
  TileWalk walk(tile, ranks_with_last(layer, [&](RankId id) { return is_whole(layer, id); }));
  for (const auto& input : layer.inputs) walk.follow(input, {});
  const auto output = walk.follow(layer.output, {});
  if (is_row_function(layer))
    compute_rows(layer, walk, output, length, read, write);
  else if (layer.function == Function::kLrn)
    compute_windows(layer, walk, output, length, read, write);
  else
    compute_elements(layer, walk, output, read, write);
}

void execute_layer(const Network& network, LayerId id, TensorValues& values) {
  const Layer& layer = network.layers.at(id);
  for (const auto& input : layer.inputs)
    if (values.at(input.tensor).empty())
      throw InvariantViolation(kModule, 0, layer.name, ": tensor ",
                               network.tensors[input.tensor].name, " has no values yet");
  const auto strides = operand_strides(network, layer);
  auto& result = values.at(layer.output.tensor);
  result.resize(static_cast<std::size_t>(network.tensors[layer.output.tensor].elements()));
  const WriteElement write = [&](std::span<const std::int64_t> index, Element value) {
    result[offset_of(index, strides.back())] = value;
  };
  if (accumulates(layer)) return execute_accumulating(layer, strides, values, write);
  const ReadElement read = [&](std::size_t operand, std::span<const std::int64_t> index) {
    return values[layer.inputs[operand].tensor][offset_of(index, strides[operand])];
  };
  compute_vector_tile(layer, layer.whole(), read, write);
}

void execute(const Network& network, TensorValues& values) {
  for (LayerId id = 0; id < static_cast<LayerId>(network.layers.size()); ++id)
    execute_layer(network, id, values);
}

}  // namespace tessera::workloads
