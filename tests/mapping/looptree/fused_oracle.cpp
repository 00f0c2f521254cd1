#include "fused_oracle.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>

namespace tessera::mapping::looptree {

namespace {

using Point = std::vector<std::int64_t>;
using Points = std::set<Point>;
using Index = std::vector<std::int64_t>;

struct Dim {
  char tag;
  int target;            ///< spatial
  std::size_t position;  ///< among the nodes of the path
};

struct Store {
  int level;
  std::vector<int> tensors;
  std::size_t position;
};

struct Way {
  std::vector<Dim> dims;
  std::vector<Store> stores;
  std::size_t nodes = 0;
};

struct Iteration {
  Index index;
  std::map<int, Points> operations;  ///< per layer
};

class SlowAnalysis {
 public:
  explicit SlowAnalysis(const FusedTree& tree) : tree_(tree), network_(*tree.network) {}

  SlowResult run() {
    Iteration all;
    for (const int layer : layers_below(tree_.root)) all.operations[layer] = every_operation(layer);
    walk(tree_.root, {all}, {});
    return std::move(result_);
  }

 private:
  Points every_operation(int layer) const {
    Points points{{}};
    for (const auto& rank : network_.layers[layer].ranks) {
      Points longer;
      for (const auto& point : points)
        for (std::int64_t i = 0; i < rank.extent; ++i) {
          Point next = point;
          next.push_back(i);
          longer.insert(next);
        }
      points = longer;
    }
    return points;
  }

  static Point touched(const workloads::Operand& operand, const Point& operation) {
    Point at;
    for (const auto& access : operand.dimensions) {
      at.push_back(access.offset);
      for (const auto& term : access.terms) at.back() += term.coefficient * operation[term.rank];
    }
    return at;
  }

  static Points touched(const workloads::Operand& operand, const Points& operations) {
    Points data;
    for (const auto& operation : operations) data.insert(touched(operand, operation));
    return data;
  }

  int head(const std::map<int, Points>& group) const {
    for (const auto& [layer, ops] : group) {
      bool read = false;
      for (const auto& [other, unused] : group)
        for (const auto& input : network_.layers[other].inputs)
          read = read || input.tensor == network_.layers[layer].output.tensor;
      if (!read) return layer;
    }
    return -1;
  }

  void walk(const Chain& chain, std::vector<Iteration> iterations, Way way) {
    for (const auto& step : chain) {
      const std::size_t position = way.nodes++;
      if (step.kind == StepKind::kStore) {
        way.stores.push_back({step.level, step.tensors, position});
        for (const int tensor : step.tensors)
          if (step.exploits_reuse) reuse_.try_emplace(tensor, way.dims.size());
      } else if (step.kind == StepKind::kTemporal || step.kind == StepKind::kSpatial) {
        iterations = split(step, iterations);
        way.dims.push_back({step.kind == StepKind::kSpatial ? 'S' : 'T', -1, position});
      } else if (step.kind == StepKind::kCompute) {
        finish(step.layer, iterations, way);
      } else {
        infer(iterations);
        way.dims.push_back({step.kind == StepKind::kPipeline ? 'P' : 'Q', -1, position});
        for (std::size_t branch = 0; branch < step.branches.size(); ++branch)
          walk(step.branches[branch], take(iterations, step.branches[branch], branch), way);
      }
    }
  }

  static std::vector<Iteration> take(const std::vector<Iteration>& iterations, const Chain& chain,
                                     std::size_t branch) {
    std::vector<Iteration> taken;
    for (const auto& iteration : iterations) {
      Iteration below;
      below.index = iteration.index;
      below.index.push_back(static_cast<std::int64_t>(branch));
      for (const int layer : layers_below(chain))
        below.operations[layer] = iteration.operations.at(layer);
      taken.push_back(below);
    }
    return taken;
  }

  std::vector<Iteration> split(const Step& loop, const std::vector<Iteration>& iterations) const {
    std::vector<Iteration> result;
    for (const auto& iteration : iterations) {
      const int layer = head(iteration.operations);
      const Points& operations = iteration.operations.at(layer);
      if (operations.empty()) continue;
      std::int64_t low = operations.begin()->at(loop.rank);
      for (const auto& operation : operations) low = std::min(low, operation[loop.rank]);
      std::map<std::int64_t, Points> parts;
      for (const auto& operation : operations)
        parts[(operation[loop.rank] - low) / loop.tile].insert(operation);
      for (const auto& [number, part] : parts) {
        Iteration next = iteration;
        next.index.push_back(number);
        next.operations[layer] = part;
        result.push_back(next);
      }
    }
    return result;
  }

  void infer(std::vector<Iteration>& iterations) const {
    if (iterations.front().operations.size() < 2) return;
    std::deque<int> queue{head(iterations.front().operations)};
    for (; !queue.empty(); queue.pop_front())
      for (const auto& input : network_.layers[queue.front()].inputs)
        for (const auto& [producer, unused] : iterations.front().operations)
          if (network_.layers[producer].output.tensor == input.tensor) {
            infer(iterations, queue.front(), producer, input);
            queue.push_back(producer);
          }
  }

  void infer(std::vector<Iteration>& iterations, int consumer, int producer,
             const workloads::Operand& read) const {
    const auto& written = network_.layers[producer].output;
    for (std::size_t i = 0; i < iterations.size(); ++i) {
      Points missing = touched(read, iterations[i].operations.at(consumer));
      for (std::size_t j = 0; j < i; ++j)
        if (still_there(iterations[j].index, iterations[i].index, read.tensor))
          for (const auto& point : touched(read, iterations[j].operations.at(consumer)))
            missing.erase(point);
      Points& operations = iterations[i].operations.at(producer);
      std::erase_if(operations, [&](const Point& operation) {
        return !missing.contains(touched(written, operation));
      });
    }
  }

  bool still_there(const Index& earlier, const Index& now, int tensor) const {
    const auto reuse = reuse_.find(tensor);
    if (reuse == reuse_.end()) return false;
    const auto top = static_cast<std::ptrdiff_t>(reuse->second);
    const auto equal_up_to = [&](std::ptrdiff_t count) {
      return std::equal(now.begin(), now.begin() + count, earlier.begin());
    };
    if (equal_up_to(top)) return true;  // the iterations come in order
    return top > 0 && equal_up_to(top - 1) && earlier[top - 1] == now[top - 1] - 1;
  }

  void finish(int layer, const std::vector<Iteration>& iterations, Way way) {
    const int compute = tree_.compute_level();
    for (auto& dim : way.dims) {
      dim.target = compute;
      for (auto store = way.stores.rbegin(); store != way.stores.rend(); ++store)
        if (store->position > dim.position) dim.target = store->level;
    }
    std::set<Index> steps;
    for (const auto& iteration : iterations) {
      const auto& operations = iteration.operations.at(layer);
      if (operations.empty()) continue;
      result_.operations[layer] += static_cast<std::int64_t>(operations.size());
      Index time;
      for (std::size_t i = 0; i < way.dims.size(); ++i)
        if (way.dims[i].tag != 'S') time.push_back(iteration.index[i]);
      steps.insert(time);
    }
    result_.steps[layer] = static_cast<std::int64_t>(steps.size());
    std::vector<const workloads::Operand*> operands{&network_.layers[layer].output};
    for (const auto& input : network_.layers[layer].inputs) operands.push_back(&input);
    for (const auto* operand : operands) {
      for (const auto& store : way.stores)
        if (std::ranges::find(store.tensors, operand->tensor) != store.tensors.end())
          result_.movements.try_emplace({store.level, operand->tensor, layer},
                                        at_store(*operand, layer, store, iterations, way));
      result_.movements[{compute, operand->tensor, layer}] =
          move(held(*operand, layer, iterations, std::vector<bool>(way.dims.size(), true)),
               way.dims, compute, false);
    }
  }

  SlowMovement at_store(const workloads::Operand& operand, int layer, const Store& store,
                        const std::vector<Iteration>& iterations, const Way& way) const {
    std::size_t last = 0;
    for (const auto& other : way.stores)
      if (other.level == store.level) last = std::max(last, other.position);
    std::vector<bool> keep;
    std::vector<Dim> dims;
    for (const auto& dim : way.dims) {
      keep.push_back(dim.position < store.position || (dim.position < last && dim.tag != 'T'));
      if (keep.back()) dims.push_back(dim);
    }
    return move(held(operand, layer, iterations, keep), dims, store.level, true);
  }

  using Held = std::map<Index, Points>;

  static Held held(const workloads::Operand& operand, int layer,
                   const std::vector<Iteration>& iterations, const std::vector<bool>& keep) {
    Held held;
    for (const auto& iteration : iterations) {
      const auto& operations = iteration.operations.at(layer);
      if (operations.empty()) continue;
      Index index;
      for (std::size_t i = 0; i < keep.size(); ++i)
        if (keep[i]) index.push_back(iteration.index[i]);
      held[index].merge(touched(operand, operations));
    }
    return held;
  }

  static Index erase(Index index, std::size_t at) {
    index.erase(index.begin() + static_cast<std::ptrdiff_t>(at));
    return index;
  }

  static bool temporal(const Dim& dim) { return dim.tag == 'T' || dim.tag == 'Q'; }

  static void drop_constant(Held& held, std::vector<Dim>& dims) {
    for (std::size_t i = dims.size(); i-- > 0;) {
      if (!temporal(dims[i])) continue;
      Held fewer;
      for (const auto& [index, points] : held)
        if (const auto place = fewer.try_emplace(erase(index, i), points);
            place.first->second != points)
          return;
      held = fewer;
      dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  static Points without(const Points& points, const Points& gone) {
    Points rest;
    std::ranges::set_difference(points, gone, std::inserter(rest, rest.end()));
    return rest;
  }

  static SlowMovement move(Held held, std::vector<Dim> dims, int level, bool keeps) {
    if (keeps) drop_constant(held, dims);
    SlowMovement result;
    for (const auto& dim : dims) result.tags += dim.tag;
    if (dims.empty()) result.tags.push_back('-');
    std::map<Index, Points> sent;
    for (const auto& [index, points] : held) {
      result.tile_words_max =
          std::max(result.tile_words_max, static_cast<std::int64_t>(points.size()));
      const Points fresh = keeps ? without(points, before(held, dims, index)) : points;
      const Points rest = without(fresh, next_door(held, dims, level, index));
      result.fills += static_cast<std::int64_t>(fresh.size());
      result.from_peers += static_cast<std::int64_t>(fresh.size() - rest.size());
      Index parent;
      for (std::size_t i = 0; i < dims.size(); ++i)
        if (dims[i].tag != 'S' || dims[i].target != level) parent.push_back(index[i]);
      sent[parent].insert(rest.begin(), rest.end());
    }
    for (const auto& [parent, points] : sent)
      result.from_parent += static_cast<std::int64_t>(points.size());
    return result;
  }

  /// Held in the same place at the time before.
  static Points before(const Held& held, const std::vector<Dim>& dims, const Index& index) {
    const auto time_of = [&](const Index& at) {
      Index time;
      for (std::size_t i = 0; i < dims.size(); ++i)
        if (temporal(dims[i])) time.push_back(at[i]);
      return time;
    };
    std::optional<Index> latest;
    for (const auto& [other, points] : held)
      if (time_of(other) < time_of(index) && (!latest || time_of(other) > *latest))
        latest = time_of(other);
    if (!latest) return {};
    for (const auto& [other, points] : held) {
      bool same_place = time_of(other) == *latest;
      for (std::size_t i = 0; i < dims.size(); ++i)
        same_place = same_place && (temporal(dims[i]) || other[i] == index[i]);
      if (same_place) return points;
    }
    return {};
  }

  /// Held by mesh neighbours one iteration of the innermost temporal dimension earlier.
  static Points next_door(const Held& held, const std::vector<Dim>& dims, int level,
                          const Index& index) {
    std::size_t innermost = dims.size();
    for (std::size_t i = 0; i < dims.size(); ++i)
      if (temporal(dims[i])) innermost = i;
    Points found;
    if (innermost == dims.size()) return found;
    for (const auto& [other, points] : held) {
      std::int64_t distance = 0;
      bool fits = other[innermost] == index[innermost] - 1;
      for (std::size_t i = 0; i < dims.size(); ++i) {
        if (i == innermost) continue;
        if (dims[i].tag == 'S' && dims[i].target == level)
          distance += std::abs(other[i] - index[i]);
        else
          fits = fits && other[i] == index[i];
      }
      if (fits && distance == 1) found.insert(points.begin(), points.end());
    }
    return found;
  }

  const FusedTree& tree_;
  const workloads::Network& network_;
  std::map<int, std::size_t> reuse_;
  SlowResult result_;
};

}  // namespace

SlowResult analyse_every_point(const FusedTree& tree) { return SlowAnalysis(tree).run(); }

}  // namespace tessera::mapping::looptree
