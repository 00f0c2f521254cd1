#include "mapping/cost/timeloop/data_movement.h"

#include <algorithm>
#include <array>
#include <memory>

#include "mapping/cost/timeloop/fanout_sharing.h"

namespace tessera::mapping::timeloop {

namespace {

/// One iteration that is walked. `epochs`: how many the walk below stands for; `weight`: how many
/// the delta it returns stands for; `skipped`: iterations passed over since the last one walked.
struct Sample {
  std::int64_t index = 0;
  std::int64_t epochs = 1;
  std::int64_t weight = 1;
  std::int64_t skipped = 0;
};

struct Samples {
  std::array<Sample, 4> list;
  std::size_t count = 0;

  void add(const Sample& sample) { list[count++] = sample; }
};

/// As shipped, without residuals the last iterations are not walked, and with residuals the delta
/// of the last but one, taken after a jump, is replaced by that of iteration one.
Samples shipped_samples(std::int64_t iterations, bool imperfect) {
  Samples samples;
  samples.add({0, 1, 1, 0});
  if (!imperfect) {
    if (iterations >= 2) samples.add({1, iterations - 1, iterations - 1, 0});
    return samples;
  }
  if (iterations >= 4) samples.add({1, iterations - 3, iterations - 2, 0});
  if (iterations >= 3) samples.add({iterations - 2, 1, iterations >= 4 ? 0 : 1, 0});
  if (iterations >= 2) samples.add({iterations - 1, 1, 1, 0});
  return samples;
}

/// The last iteration may differ from iteration one; it is walked from the position that the ones
/// passed over would have left.
Samples exact_samples(std::int64_t iterations) {
  Samples samples;
  samples.add({0, 1, 1, 0});
  if (iterations >= 3) samples.add({1, iterations - 2, iterations - 2, 0});
  if (iterations >= 2)
    samples.add({iterations - 1, 1, 1, std::max<std::int64_t>(iterations - 3, 0)});
  return samples;
}

/// Extents of the data below a point of the nest: in general, and in the globally last iteration.
struct Mold {
  std::vector<std::int64_t> full;
  std::vector<std::int64_t> last;
};

/// What one instance remembers between two visits, per tensor.
struct Held {
  bool any = false;
  Tile tile;
  bool moving = false;  ///< `move` is the last move, nothing having reset it since
  Vector move{};
};

struct Previous {
  bool any = false;
  Delta delta;
};

class Walk {
 public:
  Walk(const LoopNest& nest, Faults faults)
      : nest_(nest),
        fixed_(faults == Faults::kFixed),
        projections_(projections_of(*nest.network)),
        offset_(nest.layer().ranks.size(), 0),
        extent_(offset_.size(), 1),
        last_(offset_.size(), true),
        ones_(offset_.size(), 1) {
    const std::size_t levels = nest.levels.size();
    result_.levels.resize(levels);
    held_.assign(levels, std::vector<Held>(nest.tensors()));
    previous_.assign(levels, std::vector<Previous>(nest.tensors()));
    deltas_.assign(levels, std::vector<Delta>(nest.tensors()));
    sharing_.resize(levels);
    make_molds();
    count_instances();
  }

  DataMovement run() {
    visit(0);
    return std::move(result_);
  }

 private:
  void make_molds() {
    whole_.resize(nest_.levels.size());
    children_.resize(nest_.levels.size());
    Mold mold{ones_, ones_};
    const auto grow = [&mold](const std::vector<NestLoop>& loops) {
      for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) {
        mold.last[loop->rank] += loop->stride * (loop->residual - 1);
        mold.full[loop->rank] = loop->stride * loop->end;
      }
    };
    for (std::size_t level = nest_.levels.size(); level-- > 0;) {
      grow(nest_.levels[level].spatial);
      children_[level] = mold;
      grow(nest_.levels[level].temporal);
      whole_[level] = mold;
    }
  }

  void count_instances() {
    std::int64_t instances = 1;
    for (std::size_t level = 0; level < nest_.levels.size(); ++level) {
      auto& movement = result_.levels[level];
      movement.instances = instances;
      movement.tensors.resize(nest_.tensors());
      for (const auto& loop : nest_.levels[level].spatial) movement.fanout *= loop.end;
      instances *= movement.fanout;
    }
    result_.compute_instances = instances;
  }

  Tile tile_at(std::size_t tensor, const Mold& mold) {
    if (!nest_.imperfect) return projections_[tensor].tile(offset_, mold.full);
    for (std::size_t rank = 0; rank < extent_.size(); ++rank)
      extent_[rank] = last_[rank] ? mold.last[rank] : mold.full[rank];
    return projections_[tensor].tile(offset_, extent_);
  }

  /// One visit of the first instance of a level: everything below, then the new part of its tile.
  void visit(std::size_t level) {
    run_temporal(level, 0);
    for (std::size_t tensor = 0; tensor < nest_.tensors(); ++tensor) {
      const Tile now = tile_at(tensor, whole_[level]);
      auto& movement = result_.levels[level].tensors[tensor];
      movement.tile_words = std::max(movement.tile_words, projections_[tensor].words(now));
      deltas_[level][tensor] = new_part(level, tensor, now);
    }
  }

  Delta new_part(std::size_t level, std::size_t tensor, const Tile& now) {
    const Projection& projection = projections_[tensor];
    Held& held = held_[level][tensor];
    const Delta whole{now, projection.words(now), false, {}};
    if (nest_.levels[level].no_reuse[tensor]) return whole;
    if (!held.any) {
      held.any = true;
      held.tile = now;
      return whole;
    }
    if (fixed_) {
      const Delta part = subtract_exactly(projection, now, held.tile);
      held.tile = now;
      return part;
    }
    return new_part_of_steady_move(projection, held, now, whole);
  }

  static Delta new_part_of_steady_move(const Projection& projection, Held& held, const Tile& now,
                                       const Delta& whole) {
    const Vector move = projection.difference(held.tile, now);
    const bool turned = move != Vector{} && held.moving && move != held.move;
    const Delta part = turned ? whole : subtract_along_one_axis(projection, now, held.tile);
    if (turned) {
      held.moving = false;
    } else if (move != Vector{}) {
      held.moving = true;
      held.move = move;
    }
    held.tile = now;
    return part;
  }

  void run_temporal(std::size_t level, std::size_t depth) {
    const auto& loops = nest_.levels[level].temporal;
    if (depth == loops.size()) return descend(level);
    const NestLoop& loop = loops[depth];
    const bool was_last = last_[loop.rank];
    const std::int64_t outer_epochs = epochs_;
    const std::int64_t start = offset_[loop.rank];
    const std::int64_t iterations = was_last ? loop.residual : loop.end;
    const Samples samples = samples_of(level, iterations);
    for (std::size_t i = 0; i < samples.count; ++i) {
      const Sample& sample = samples.list[i];
      if (fixed_ && sample.skipped > 0) skip(level, loop, sample.skipped);
      offset_[loop.rank] = start + sample.index * loop.stride;
      last_[loop.rank] = was_last && sample.index + 1 >= loop.residual;
      epochs_ = outer_epochs * sample.epochs;
      delta_epochs_ = outer_epochs * sample.weight;
      run_temporal(level, depth + 1);
    }
    offset_[loop.rank] = start;
    last_[loop.rank] = was_last;
    epochs_ = delta_epochs_ = outer_epochs;
  }

  Samples samples_of(std::size_t level, std::int64_t iterations) const {
    const bool nothing_below =
        level + 1 == nest_.levels.size() && nest_.levels[level].spatial.empty();
    if (nothing_below && !nest_.imperfect) return {{Sample{0, iterations, iterations, 0}}, 1};
    return fixed_ ? exact_samples(iterations) : shipped_samples(iterations, nest_.imperfect);
  }

  /// What is remembered below moves on as if the iterations had been walked.
  void skip(std::size_t level, const NestLoop& loop, std::int64_t iterations) {
    for (std::size_t tensor = 0; tensor < nest_.tensors(); ++tensor) {
      const Projection& projection = projections_[tensor];
      const Vector move = projection.move(loop.rank, iterations * loop.stride);
      for (std::size_t below = level; below < nest_.levels.size(); ++below) {
        if (below > level) projection.translate(held_[below][tensor].tile, move);
        projection.translate(previous_[below][tensor].delta.tile, move);
        projection.translate(previous_[below][tensor].delta.held, move);
      }
    }
  }

  void descend(std::size_t level) {
    const bool innermost = level + 1 == nest_.levels.size();
    const bool fans_out = !nest_.levels[level].spatial.empty();
    if (innermost) result_.compute_steps += epochs_;
    if (!innermost) visit_child(level);
    for (std::size_t tensor = 0; tensor < nest_.tensors(); ++tensor) {
      if (!fans_out) {
        const double words = innermost ? static_cast<double>(epochs_)
                                       : static_cast<double>(deltas_[level + 1][tensor].words) *
                                             static_cast<double>(delta_epochs_);
        deliver(level, tensor, 1, 1, words);
      } else {
        fan_out(level, tensor, innermost ? point(tensor) : deltas_[level + 1][tensor]);
      }
    }
  }

  void visit_child(std::size_t level) {
    const std::int64_t epochs = epochs_;
    const std::int64_t delta_epochs = delta_epochs_;
    for (const auto& loop : nest_.levels[level].spatial) enter_first(loop);
    delta_epochs_ = epochs_;
    visit(level + 1);
    const auto& loops = nest_.levels[level].spatial;
    for (auto loop = loops.rbegin(); loop != loops.rend(); ++loop) leave_first(*loop);
    epochs_ = epochs;
    delta_epochs_ = delta_epochs;
  }

  /// The first child is the last one, too, where only one iteration is left.
  void enter_first(const NestLoop& loop) {
    was_last_.push_back(last_[loop.rank]);
    last_[loop.rank] = last_[loop.rank] && loop.residual <= 1;
  }
  void leave_first(const NestLoop& loop) {
    last_[loop.rank] = was_last_.back();
    was_last_.pop_back();
  }

  /// Compute units below a fan-out take one word of every tensor per step and keep nothing.
  Delta point(std::size_t tensor) {
    return {projections_[tensor].tile(offset_, ones_), 1, false, {}};
  }

  FanoutSharing& sharing_of(std::size_t level, std::size_t tensor) {
    auto& known = sharing_[level];
    known.resize(nest_.tensors());
    std::vector<std::int64_t> ends;
    for (const auto& loop : nest_.levels[level].spatial)
      ends.push_back(last_[loop.rank] ? loop.residual : loop.end);
    for (auto& sharing : known[tensor])
      if (sharing->ends() == ends) return *sharing;
    known[tensor].push_back(
        std::make_unique<FanoutSharing>(nest_.levels[level], std::move(ends), projections_[tensor],
                                        !nest_.levels[level].no_multicast[tensor]));
    return *known[tensor].back();
  }

  void fan_out(std::size_t level, std::size_t tensor, const Delta& delta) {
    const auto& hardware = nest_.levels[level];
    auto& movement = result_.levels[level].tensors[tensor];
    movement.children_words = std::max(
        movement.children_words, projections_[tensor].words(tile_at(tensor, children_[level])));
    Previous& previous = previous_[level][tensor];
    FanoutSharing& sharing = sharing_of(level, tensor);
    const Deliveries* deliveries = &sharing.without_neighbours();
    if (!hardware.no_neighbour[tensor] && previous.any && alike(tensor, previous.delta, delta)) {
      const auto& passed =
          sharing.with_neighbours(projections_[tensor].difference(previous.delta.tile, delta.tile));
      if (passed.pieces < deliveries->pieces) deliveries = &passed;
    }
    previous = {true, delta};
    if (delta.words == 0) return;
    const double words = static_cast<double>(delta.words) * static_cast<double>(epochs_);
    for (const auto& group : deliveries->groups)
      deliver(level, tensor, group.multicast, group.count,
              words * static_cast<double>(group.count));
    movement.passed_on += deliveries->passed_on * delta.words * epochs_;
  }

  /// Same shape, so that one is a translation of the other.
  bool alike(std::size_t tensor, const Delta& a, const Delta& b) const {
    if (a.words == 0 || a.words != b.words || a.ragged != b.ragged) return false;
    const Projection& projection = projections_[tensor];
    const Vector move = projection.difference(a.tile, b.tile);
    Tile tile = a.tile;
    projection.translate(tile, move);
    if (tile != b.tile || !a.ragged) return tile == b.tile;
    Tile held = a.held;
    projection.translate(held, move);
    return held == b.held;
  }

  void deliver(std::size_t level, std::size_t tensor, std::int64_t multicast, std::int64_t scatter,
               double words) {
    auto& delivered = result_.levels[level].tensors[tensor].delivered;
    for (auto& entry : delivered) {
      if (entry.multicast != multicast || entry.scatter != scatter) continue;
      entry.words += words;
      return;
    }
    delivered.push_back({multicast, scatter, words});
  }

  const LoopNest& nest_;
  bool fixed_;
  std::vector<Projection> projections_;
  std::vector<std::int64_t> offset_;  ///< per rank: where the walk stands
  std::vector<std::int64_t> extent_;  ///< scratch
  std::vector<char> last_;            ///< per rank: all loops so far are in their last iteration
  std::vector<std::int64_t> ones_;
  std::vector<char> was_last_;
  std::vector<Mold> whole_;     ///< per level: all its loops
  std::vector<Mold> children_;  ///< per level: its spatial loops and everything inside
  std::vector<std::vector<Held>> held_;
  std::vector<std::vector<Previous>> previous_;
  std::vector<std::vector<Delta>> deltas_;
  std::vector<std::vector<std::vector<std::unique_ptr<FanoutSharing>>>> sharing_;
  std::int64_t epochs_ = 1;
  std::int64_t delta_epochs_ = 1;
  DataMovement result_;
};

}  // namespace

DataMovement data_movement_of(const LoopNest& nest, Faults faults) {
  return Walk(nest, faults).run();
}

}  // namespace tessera::mapping::timeloop
