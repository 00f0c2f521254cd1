#include "mapping/cost/interstellar/blocking_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "sim/base/error.h"
#include "sim/base/types.h"

namespace tessera::mapping::interstellar {

namespace {

/// Ranks of an Interstellar layer in their order.
enum Rank : int { kN, kK, kC, kP, kQ, kR, kS };
constexpr int kRanks = 7;
using Extents = std::array<std::int64_t, kRanks>;
using Costs = std::array<double, kTensors>;

enum Tensor : int { kInput, kOutput, kFilter };

/// Loops that do not index a tensor (a filter's loops move the input's window). Each loop belongs
/// to exactly one.
constexpr std::array<int, kRanks> kIdleFor = {kFilter, kInput,  kOutput, kFilter,
                                              kFilter, kOutput, kOutput};

/// What crosses into one tile from the level above, before any tile stays where it is.
struct Candidate {
  Extents tile{};         ///< of one unit, or of all where the memory is shared
  Costs energy{};         ///< per tensor, of all crossings, in pJ
  Costs idle{1, 1, 1};    ///< product of the tile's extents along the loops idle for each tensor
  double fixed = 0;       ///< spent further inside, less the first visit's read-back of outputs
  double least = 0;       ///< bound: as if the best tensor stayed for good
  int inner_choice = -1;  ///< index of the tile inside, where there are two levels of registers
};

class Search {
 public:
  Search(const workloads::Layer& layer, const Architecture& architecture,
         const std::vector<ArrayAxis>& axes)
      : layer_(layer), architecture_(architecture), axes_(axes) {
    check();
    for (int r = 0; r < kRanks; ++r) extents_[r] = layer.ranks[r].extent;
    units_.fill(1);
    for (const auto& axis : axes)
      for (const auto& factor : {axis.near, axis.far}) units_[factor.rank] *= factor.trips;
    for (int r = 0; r < kRanks; ++r) rest_[r] = ceil_div(extents_[r], units_[r]);
    const auto& dimensions = layer.inputs.front().dimensions;
    stride_rows_ = dimensions[2].terms.front().coefficient;
    stride_columns_ = dimensions[3].terms.front().coefficient;
  }

  Blocking find() {
    const std::size_t array = architecture_.levels.size() - 3;
    auto registers = candidates(array, {});
    if (array == 1) add_inner_registers(registers);
    std::ranges::stable_sort(registers, {}, &Candidate::least);
    auto buffers = candidates(array + 1, {});
    for (auto& buffer : buffers) buffer.least = with_best_tensor_held(buffer, rest_).energy;
    std::ranges::stable_sort(buffers, {}, &Candidate::least);
    if (registers.empty() || buffers.empty())
      throw UserError("layer '", layer_.name, "': not even one element of each tensor fits");
    choose(registers, buffers);
    return blocking(array);
  }

 private:
  struct Held {
    double energy = 0;
    int tensor = 0;
  };

  void check() const {
    const auto levels = architecture_.levels.size();
    if (levels < 3 || levels > 4)
      throw UserError("blocking search: an architecture of ", levels,
                      " memory levels; it knows 3 and 4");
    for (const auto& level : architecture_.levels)
      for (int t = 0; t < kTensors; ++t)
        if (!level.holds[t] || level.capacity_elements[t] != level.capacity_elements[0])
          throw UserError("blocking search: tensors with memories of their own are not known");
  }

  std::int64_t elements(int tensor, const Extents& t) const {
    if (tensor == kFilter) return t[kK] * t[kC] * t[kR] * t[kS];
    if (tensor == kOutput) return t[kN] * t[kK] * t[kP] * t[kQ];
    return t[kN] * t[kC] * ((t[kP] - 1) * stride_rows_ + t[kR]) *
           ((t[kQ] - 1) * stride_columns_ + t[kS]);
  }

  bool fits(const Extents& tile, std::int64_t capacity) const {
    std::int64_t sum = 0;
    for (int t = 0; t < kTensors; ++t) sum += elements(t, tile);
    return sum <= capacity;
  }

  bool shared(std::size_t level) const { return level + 2 >= architecture_.levels.size(); }

  /// All tiles of a memory that fit, made of divisors of what a unit has to do (of `within` where
  /// that is given).
  std::vector<Candidate> candidates(std::size_t level, const Extents& within) const {
    std::vector<Candidate> found;
    Extents tile{};
    enumerate(level, within[0] == 0 ? rest_ : within, 0, tile, found);
    return found;
  }

  void enumerate(std::size_t level, const Extents& within, int rank, Extents& tile,
                 std::vector<Candidate>& found) const {
    if (rank == kRanks) {
      found.push_back(candidate(level, tile));
      return;
    }
    for (std::int64_t divisor = 1; divisor <= within[rank]; ++divisor) {
      if (within[rank] % divisor != 0) continue;
      tile[rank] = divisor;
      Extents smallest = tile;
      for (int later = rank + 1; later < kRanks; ++later) smallest[later] = 1;
      if (!fits(shared(level) ? of_all_units(smallest) : smallest,
                architecture_.levels[level].capacity_elements[0]))
        break;
      enumerate(level, within, rank + 1, tile, found);
    }
  }

  Extents of_all_units(Extents tile) const {
    for (int r = 0; r < kRanks; ++r) tile[r] *= units_[r];
    return tile;
  }

  /// Crossings from the level above `level` into its tiles, each paid there and on the wires of the
  /// array when it is what feeds the units.
  Candidate candidate(std::size_t level, const Extents& tile) const {
    Candidate result;
    result.tile = tile;
    const auto& above = architecture_.levels[level + 1];
    const bool feeds_units = level + 3 == architecture_.levels.size();
    const bool inside_units = level + 3 < architecture_.levels.size();
    double trips = 1;
    for (int r = 0; r < kRanks; ++r) {
      trips *= static_cast<double>(rest_[r] / tile[r]);
      result.idle[kIdleFor[r]] *= static_cast<double>(tile[r]);
    }
    if (inside_units)
      for (const auto units : units_) trips *= static_cast<double>(units);
    const Extents whole = inside_units ? tile : of_all_units(tile);
    for (int t = 0; t < kTensors; ++t) {
      const double words = trips * static_cast<double>(elements(t, whole));
      const double access = above.access_picojoules[t] * (t == kOutput ? 2 : 1);
      result.energy[t] = words * (access + (feeds_units ? hops(t) : 0));
    }
    result.fixed =
        -static_cast<double>(elements(kOutput, extents_)) * above.access_picojoules[kOutput];
    result.least = with_best_tensor_held(result, rest_).energy;
    return result;
  }

  static bool indexes(int tensor, int rank) {
    if (tensor == kInput) return rank != kK && rank != kR && rank != kS;
    return kIdleFor[rank] != tensor;
  }

  /// Picojoules that a word spends between the units.
  double hops(int tensor) const {
    const auto& array = architecture_.levels[architecture_.levels.size() - 3];
    double near = 1, far = 0;
    for (const auto& axis : axes_) {
      const bool repeats = axis.repeats && axis.far.trips > 1 && !indexes(tensor, axis.far.rank);
      if (!indexes(tensor, axis.near.rank)) near *= static_cast<double>(axis.near.trips);
      if (repeats && array.parallel_mode == ParallelMode::kBroadcast)
        near *= static_cast<double>(axis.far.trips);
      else if (repeats)
        far += static_cast<double>(axis.far.trips * axis.near.trips);
    }
    return array.parallel_mode == ParallelMode::kNone ? 0 : array.hop_picojoules * (near + far);
  }

  /// The loops between a tile and the one around it run with one tensor's idle loops innermost: its
  /// tile stays meanwhile.
  Held with_best_tensor_held(const Candidate& inner, const Extents& outer) const {
    Costs idle = {1, 1, 1};
    for (int r = 0; r < kRanks; ++r) idle[kIdleFor[r]] *= static_cast<double>(outer[r]);
    return held(inner, idle);
  }

  static Held held(const Candidate& inner, const Costs& idle) {
    Held best{std::numeric_limits<double>::infinity(), 0};
    const double all = inner.energy[0] + inner.energy[1] + inner.energy[2] + inner.fixed;
    for (int t = 0; t < kTensors; ++t) {
      const double energy = all - inner.energy[t] * (1 - inner.idle[t] / idle[t]);
      if (energy < best.energy) best = {energy, t};
    }
    return best;
  }

  static bool divides(const Extents& inner, const Extents& outer) {
    for (int r = 0; r < kRanks; ++r)
      if (outer[r] % inner[r] != 0) return false;
    return true;
  }

  /// Registers inside registers: the best inner tile of a register tile does not depend on what is
  /// around it.
  void add_inner_registers(std::vector<Candidate>& registers) {
    inner_ = candidates(0, {});
    for (auto& outer : registers) {
      double best = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < inner_.size(); ++i) {
        if (!divides(inner_[i].tile, outer.tile)) continue;
        const double energy = held(inner_[i], outer.idle).energy;
        if (energy < best) {
          best = energy;
          outer.inner_choice = static_cast<int>(i);
        }
      }
      outer.fixed += best;
      outer.least += best;
    }
  }

  void choose(const std::vector<Candidate>& registers, const std::vector<Candidate>& buffers) {
    double best = std::numeric_limits<double>::infinity();
    for (const auto& buffer : buffers) {
      if (buffer.least + registers.front().least >= best) break;
      for (const auto& inside : registers) {
        if (buffer.least + inside.least >= best) break;
        if (!divides(inside.tile, buffer.tile)) continue;
        const double energy = buffer.least + held(inside, buffer.idle).energy;
        if (energy >= best) continue;
        best = energy;
        registers_ = inside;
        buffer_ = buffer;
      }
    }
  }

  /// Loops innermost first: those idle for the tensor that stays, then the others.
  BlockingLevel level_of(const Extents& inner, const Extents& outer, int held_tensor) const {
    BlockingLevel level;
    for (const bool first : {true, false})
      for (const int r : {kS, kR, kC, kQ, kP, kN, kK})
        if ((kIdleFor[r] == held_tensor) == first && outer[r] > inner[r])
          level.loops.push_back({r, outer[r] / inner[r]});
    return level;
  }

  Blocking blocking(std::size_t array) const {
    Blocking result;
    Extents one;
    one.fill(1);
    Extents innermost = registers_.tile;
    if (array == 1) {
      const Candidate& inner = inner_[static_cast<std::size_t>(registers_.inner_choice)];
      result.levels.push_back(level_of(one, inner.tile, kOutput));
      result.levels.push_back(
          level_of(inner.tile, registers_.tile, held(inner, registers_.idle).tensor));
    } else {
      result.levels.push_back(level_of(one, innermost, kOutput));
    }
    result.levels.back().axes = axes_;
    result.levels.push_back(
        level_of(registers_.tile, buffer_.tile, held(registers_, buffer_.idle).tensor));
    result.levels.push_back(
        level_of(buffer_.tile, rest_, with_best_tensor_held(buffer_, rest_).tensor));
    result.picojoules = predict(layer_, result.levels, architecture_, Faults::kFixed).picojoules;
    return result;
  }

  const workloads::Layer& layer_;
  const Architecture& architecture_;
  const std::vector<ArrayAxis>& axes_;
  Extents extents_{}, units_{}, rest_{};
  std::int64_t stride_rows_ = 1, stride_columns_ = 1;
  std::vector<Candidate> inner_;
  Candidate registers_, buffer_;
};

/// Ranks after the first two fill what they leave.
const std::vector<Dataflow>& known_dataflows() {
  static const std::vector<Dataflow> list = {
      {"C|K", {{"C", "Q", "P", "N"}, {"K", "P", "N", "Q"}}},
      {"X|Y", {{"Q", "N", "C", "K"}, {"P", "K", "N", "C"}}},
      {"FY|Y", {{"R", "C", "K", "N"}, {"P", "K", "N", "C"}}},
      {"X|K", {{"Q", "N", "C", "P"}, {"K", "P", "N", "C"}}},
      {"C|X", {{"C", "R", "N", "K"}, {"Q", "P", "N", "K"}}},
  };
  return list;
}

/// Units that a split of `extent` over `ways` keeps busy on the mean.
double busy(std::int64_t extent, std::int64_t ways) {
  return static_cast<double>(extent) / static_cast<double>(ceil_div(extent, ways));
}

/// Widths that deal an extent in so many passes without idle places in all but the last, wide ones
/// first.
std::vector<std::int64_t> widths(std::int64_t extent, std::int64_t most) {
  std::vector<std::int64_t> widths;
  for (std::int64_t passes = ceil_div(extent, std::max<std::int64_t>(most, 1));; ++passes) {
    const std::int64_t width = ceil_div(extent, passes);
    if (widths.empty() || widths.back() != width) widths.push_back(width);
    if (width == 1) return widths;
  }
}

/// A dataflow keeps its name as long as this share of an axis works.
constexpr double kEnoughBusy = 0.75;

/// The axis with the widest near loop that, with the best block repeated beside it, keeps enough
/// units busy; failing that, the one that keeps most. A loop stands on one axis only: those `taken`
/// have theirs.
ArrayAxis best_axis(const workloads::Layer& layer, const std::vector<std::string>& ranks,
                    std::int64_t side, const std::vector<std::int64_t>& taken) {
  const auto extent = [&](int rank) {
    return taken[rank] > 1 ? std::int64_t{1} : layer.ranks[rank].extent;
  };
  const int near = layer.rank_index(ranks.front());
  ArrayAxis best{{near, 1}, {near, 1}, false};
  double most = 0;
  for (const auto n : widths(extent(near), side)) {
    for (std::size_t i = 1; i < ranks.size(); ++i) {
      const int far = layer.rank_index(ranks[i]);
      for (const auto f : widths(extent(far), side / n)) {
        const double units = busy(extent(near), n) * busy(extent(far), f);
        if (units <= most * (1 + 1e-9)) continue;
        most = units;
        best = {{near, n}, {f > 1 ? far : near, f}, f > 1};
      }
    }
    if (most >= kEnoughBusy * static_cast<double>(side)) break;
  }
  return best;
}

}  // namespace

Blocking search_blocking(const workloads::Layer& layer, const Architecture& architecture,
                         const std::vector<ArrayAxis>& axes) {
  return Search(layer, architecture, axes).find();
}

std::vector<std::string> dataflow_names() {
  std::vector<std::string> names;
  for (const auto& dataflow : known_dataflows()) names.push_back(dataflow.name);
  return names;
}

Dataflow dataflow_named(const std::string& name) {
  std::string known;
  for (const auto& dataflow : known_dataflows()) {
    if (dataflow.name == name) return dataflow;
    known += (known.empty() ? "" : ", ") + dataflow.name;
  }
  throw UserError("dataflow '", name, "': known are ", known);
}

std::vector<ArrayAxis> unroll(const workloads::Layer& layer, const Dataflow& dataflow,
                              std::int64_t side) {
  std::vector<std::int64_t> taken(layer.ranks.size(), 1);
  std::vector<ArrayAxis> axes;
  for (const auto& ranks : dataflow.axes) {
    axes.push_back(best_axis(layer, ranks, side, taken));
    for (const auto& factor : {axes.back().near, axes.back().far})
      taken[factor.rank] *= factor.trips;
  }
  return axes;
}

double utilisation(const workloads::Layer& layer, const std::vector<ArrayAxis>& axes,
                   std::int64_t units) {
  std::vector<std::int64_t> ways(layer.ranks.size(), 1);
  for (const auto& axis : axes)
    for (const auto& factor : {axis.near, axis.far}) ways[factor.rank] *= factor.trips;
  double busy_units = 1;
  for (std::size_t r = 0; r < ways.size(); ++r) busy_units *= busy(layer.ranks[r].extent, ways[r]);
  return busy_units / static_cast<double>(units);
}

}  // namespace tessera::mapping::interstellar
