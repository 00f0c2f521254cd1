#include "nest_oracle.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace tessera::mapping::timeloop {

namespace {

using Point = std::vector<std::int64_t>;
using Points = std::set<Point>;
using Path = std::vector<std::int64_t>;  ///< child numbers from the top

const workloads::Operand& operand_of(const workloads::Layer& layer, int tensor) {
  for (const auto& input : layer.inputs)
    if (input.tensor == tensor) return input;
  return layer.output;
}

class SlowWalk {
 public:
  SlowWalk(const LoopNest& nest, Faults faults)
      : nest_(nest), fixed_(faults == Faults::kFixed), offset_(nest.layer().ranks.size(), 0) {
    result_.levels.resize(nest.levels.size());
    for (auto& level : result_.levels) level.tensors.resize(nest.tensors());
  }

  DataMovement run() {
    visit(0, {});
    return std::move(result_);
  }

 private:
  /// Lowest and highest index per dimension of what the loops at and inside the level touch.
  std::pair<Point, Point> corners(std::size_t level, std::size_t tensor) const {
    std::vector<std::int64_t> extent(offset_.size(), 1);
    std::vector<std::int64_t> last(offset_.size(), 1);
    for (std::size_t i = nest_.levels.size(); i-- > level;) {
      const auto& at = nest_.levels[i];
      for (const auto* loops : {&at.spatial, &at.temporal})
        for (auto loop = loops->rbegin(); loop != loops->rend(); ++loop) {
          last[loop->rank] += loop->stride * (loop->residual - 1);
          extent[loop->rank] *= loop->end;
        }
    }
    for (std::size_t rank = 0; rank < extent.size(); ++rank)
      if (is_last(rank)) extent[rank] = last[rank];
    Point low, high;
    for (const auto& dimension : operand_of(nest_.layer(), static_cast<int>(tensor)).dimensions) {
      low.push_back(0);
      high.push_back(0);
      for (const auto& term : dimension.terms) {
        low.back() += term.coefficient * offset_[term.rank];
        high.back() += term.coefficient * (offset_[term.rank] + extent[term.rank] - 1);
      }
    }
    return {low, high};
  }

  /// All loops of the rank that are under way stand at their last iteration.
  bool is_last(std::size_t rank) const {
    return std::ranges::all_of(under_way_, [&](const auto& entry) {
      return entry.first->rank != static_cast<int>(rank) ||
             entry.second + 1 >= entry.first->residual;
    });
  }

  static Points box(const Point& low, const Point& high) {
    Points points;
    Point at = low;
    for (;;) {
      points.insert(at);
      std::size_t d = 0;
      while (d < at.size() && at[d] == high[d]) at[d] = low[d], ++d;
      if (d == at.size()) return points;
      ++at[d];
    }
  }

  struct Memory {
    std::optional<std::pair<Point, Point>> tile;
    std::optional<Point> move;
  };

  Points minus(const Points& a, const Points& b) const {
    Points rest;
    std::ranges::set_difference(a, b, std::inserter(rest, rest.end()));
    return rest;
  }

  Points new_part(std::size_t level, std::size_t tensor, const Path& path) {
    const auto now = corners(level, tensor);
    Memory& memory = memory_[{level, tensor, path}];
    const auto before = memory.tile;
    memory.tile = now;
    const Points all = box(now.first, now.second);
    if (!before || nest_.levels[level].no_reuse[tensor]) return all;
    const Points rest = minus(all, box(before->first, before->second));
    if (fixed_) return rest;
    Point move;
    std::size_t axes = 0;
    for (std::size_t d = 0; d < now.first.size(); ++d) {
      move.push_back(now.first[d] - before->first[d]);
      if (move.back() != 0) ++axes;
    }
    if (axes == 0) return rest;
    if (memory.move && *memory.move != move) {
      memory.move.reset();
      return all;
    }
    memory.move = move;
    return axes == 1 ? rest : all;
  }

  std::vector<Points> visit(std::size_t level, const Path& path) {
    run_temporal(level, 0, path);
    std::vector<Points> deltas;
    for (std::size_t tensor = 0; tensor < nest_.tensors(); ++tensor)
      deltas.push_back(new_part(level, tensor, path));
    return deltas;
  }

  void run_temporal(std::size_t level, std::size_t depth, const Path& path) {
    const auto& loops = nest_.levels[level].temporal;
    if (depth == loops.size()) return descend(level, path);
    const auto& loop = loops[depth];
    const std::int64_t epochs = epochs_;
    const std::int64_t start = offset_[loop.rank];
    const std::int64_t end = is_last(loop.rank) ? loop.residual : loop.end;
    const std::int64_t walked = fixed_ ? end : std::min<std::int64_t>(end, 2);
    for (std::int64_t i = 0; i < walked; ++i) {
      offset_[loop.rank] = start + i * loop.stride;
      if (!fixed_ && i == 1) epochs_ = epochs * (end - 1);
      under_way_.emplace_back(&loop, i);
      run_temporal(level, depth + 1, path);
      under_way_.pop_back();
    }
    offset_[loop.rank] = start;
    epochs_ = epochs;
  }

  void descend(std::size_t level, const Path& path) {
    const bool first = std::ranges::all_of(path, [](std::int64_t child) { return child == 0; });
    std::vector<std::vector<Points>> children;  // per child, per tensor
    walk_children(level, 0, 0, path, children);
    if (!first) return;
    if (level + 1 == nest_.levels.size()) result_.compute_steps += epochs_;
    for (std::size_t tensor = 0; tensor < nest_.tensors(); ++tensor) share(level, tensor, children);
  }

  void walk_children(std::size_t level, std::size_t depth, std::int64_t number, const Path& path,
                     std::vector<std::vector<Points>>& children) {
    const auto& loops = nest_.levels[level].spatial;
    if (depth == loops.size()) {
      Path child = path;
      child.push_back(number);
      children.push_back(level + 1 < nest_.levels.size() ? visit(level + 1, child) : point());
      return;
    }
    const auto& loop = loops[depth];
    const std::int64_t start = offset_[loop.rank];
    for (std::int64_t i = 0; i < loop.end; ++i) {
      offset_[loop.rank] = start + i * loop.stride;
      walk_children(level, depth + 1, number * loop.end + i, path, children);
    }
    offset_[loop.rank] = start;
  }

  std::vector<Points> point() const {
    std::vector<Points> points;
    for (std::size_t tensor = 0; tensor < nest_.tensors(); ++tensor)
      points.push_back({corners(nest_.levels.size(), tensor).first});
    return points;
  }

  void share(std::size_t level, std::size_t tensor,
             const std::vector<std::vector<Points>>& children) {
    std::vector<Points> now;
    for (const auto& child : children) now.push_back(child[tensor]);
    std::vector<bool> passed(now.size(), false);
    auto& before = before_[{level, tensor}];
    if (!nest_.levels[level].spatial.empty() && !nest_.levels[level].no_neighbour[tensor])
      passed = found_next_door(nest_.levels[level], now, before);
    before = now;
    const auto alone = group(level, tensor, now, std::vector<bool>(now.size(), false));
    const auto helped = group(level, tensor, now, passed);
    const bool pays = total(helped) < total(alone);
    auto& movement = result_.levels[level].tensors[tensor];
    for (const auto& words : pays ? helped : alone) add(movement.delivered, words);
    for (std::size_t i = 0; pays && i < now.size(); ++i)
      if (passed[i]) movement.passed_on += static_cast<std::int64_t>(now[i].size()) * epochs_;
  }

  static std::vector<bool> found_next_door(const NestLevel& level, const std::vector<Points>& now,
                                           const std::vector<Points>& before) {
    std::int64_t columns = 1, rows = 1;
    for (const auto& loop : level.spatial) (loop.on_x ? columns : rows) *= loop.end;
    columns = std::max(columns, level.mesh_x);
    rows = std::max(rows, level.mesh_y);
    std::vector<bool> found(now.size(), false);
    for (std::size_t i = 0; i < now.size(); ++i)
      for (std::size_t j = 0; j < before.size(); ++j) {
        const auto a = static_cast<std::int64_t>(i), b = static_cast<std::int64_t>(j);
        const auto distance =
            std::abs(a % columns - b % columns) + std::abs(a / columns - b / columns);
        if (distance == 1 && a / columns < rows && b / columns < rows && !now[i].empty() &&
            now[i] == before[j])
          found[i] = true;
      }
    return found;
  }

  std::vector<DeliveredWords> group(std::size_t level, std::size_t tensor,
                                    const std::vector<Points>& now,
                                    const std::vector<bool>& skip) const {
    std::map<Points, std::int64_t> copies;
    std::vector<DeliveredWords> groups;
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (skip[i] || now[i].empty()) continue;
      if (nest_.levels[level].no_multicast[tensor])
        count(groups, 1, now[i].size());
      else
        ++copies[now[i]];
    }
    for (const auto& [points, multicast] : copies) count(groups, multicast, points.size());
    return groups;
  }

  void count(std::vector<DeliveredWords>& groups, std::int64_t multicast, std::size_t words) const {
    const auto amount = static_cast<double>(words) * static_cast<double>(epochs_);
    for (auto& entry : groups) {
      if (entry.multicast != multicast) continue;
      ++entry.scatter;
      entry.words += amount;
      return;
    }
    groups.push_back({multicast, 1, amount});
  }

  static double total(const std::vector<DeliveredWords>& groups) {
    double words = 0;
    for (const auto& entry : groups) words += entry.words;
    return words;
  }

  static void add(std::vector<DeliveredWords>& sums, const DeliveredWords& words) {
    for (auto& entry : sums) {
      if (entry.multicast != words.multicast || entry.scatter != words.scatter) continue;
      entry.words += words.words;
      return;
    }
    sums.push_back(words);
  }

  const LoopNest& nest_;
  bool fixed_;
  std::vector<std::int64_t> offset_;
  std::int64_t epochs_ = 1;
  std::vector<std::pair<const NestLoop*, std::int64_t>> under_way_;
  std::map<std::tuple<std::size_t, std::size_t, Path>, Memory> memory_;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<Points>> before_;
  DataMovement result_;
};

}  // namespace

DataMovement walk_every_child(const LoopNest& nest, Faults faults) {
  return SlowWalk(nest, faults).run();
}

}  // namespace tessera::mapping::timeloop
