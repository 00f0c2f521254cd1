#include "mapping/reuse_holding.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "mapping/rotation.h"
#include "mapping/staging_fit.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::Layer;
using workloads::Operand;

namespace {

class ReuseHolder {
 public:
  ReuseHolder(StagePlan& plan, const workloads::Network& network,
              const hw::Accelerator& accelerator)
      : plan_(plan),
        network_(network),
        layer_(network.layers[plan.layer]),
        accelerator_(accelerator),
        nominal_(deal_shares(plan, layer_, {accelerator.rows, accelerator.columns}).nominal) {}

  bool hold() {
    if (stays_as_it_is()) return false;
    bool any = false;
    while (hold_one()) any = true;
    if (any) add_copies();
    return any;
  }

 private:
  /// An operand that passes by the buffer: its number among the inputs; the output comes after.
  using Number = std::size_t;

  template <typename Plan>
  static auto& holding(Plan& plan, Number x) {
    return x < plan.inputs.size() ? plan.inputs[x] : plan.output;
  }

  bool stays_as_it_is() const {
    const auto kept = [](const Holding& input) { return input.kept_from >= 0; };
    return plan_.output.shared_by > 1 || std::ranges::any_of(plan_.inputs, kept);
  }

  int loop_count() const { return static_cast<int>(plan_.loops.size()); }

  /// Blocks go inside the tile's loops, but outside of those that turn shared pieces.
  int place_of_blocks() const {
    int place = loop_count();
    for (const auto& input : plan_.inputs)
      if (input.shared_by > 1) place = std::min(place, input.turn);
    return place;
  }

  /// Pieces of shared inputs, and what goes by them, are dealt as they are.
  bool is_dealt(workloads::RankId rank, int place) const {
    for (int i = place; i < loop_count(); ++i)
      if (plan_.loops[i].rank == rank) return true;
    for (Number x = 0; x < plan_.inputs.size(); ++x)
      if (plan_.inputs[x].shared_by > 1 && moves(x, rank)) return true;
    return false;
  }

  bool hold_one() {
    StagePlan streaming = plan_;
    fit_staging(streaming, network_, accelerator_);
    std::vector<Number> wanted;
    for (Number x = 0; x <= plan_.inputs.size(); ++x)
      if (holding(plan_, x).staging && refetches(streaming, x) > 1) wanted.push_back(x);
    std::ranges::stable_sort(wanted, std::greater{}, [&](Number x) {
      return refetches(streaming, x) * nominal_elements(operand(x), nominal_);
    });
    return std::ranges::any_of(wanted, [&](Number x) { return hold(x); });
  }

  const Operand& operand(Number x) const {
    return x < layer_.inputs.size() ? layer_.inputs[x] : layer_.output;
  }
  bool moves(Number x, workloads::RankId rank) const { return Layer::indexes(operand(x), rank); }

  /// Trips of the loops that turn shared pieces, and of those that streaming moved into the tile's
  /// code, past which the operand is needed again after other pieces of it.
  std::int64_t refetches(const StagePlan& streaming, Number x) const {
    const auto counts = trip_counts(streaming.loops, nominal_);
    const auto& held = holding(streaming, x);
    std::int64_t again = 1, past = 1;
    for (int i = place_of_blocks(); i < held.depth; ++i) {
      if (counts[i] == 1) continue;
      if (moves(x, streaming.loops[i].rank))
        again = past;
      else
        past *= counts[i];
    }
    return again;
  }

  /// Around it the loops that move it, up to the first one that does not, and blocks. Second copies
  /// of others give way.
  bool hold(Number x) {
    const StagePlan before = plan_;
    for (Number other = 0; other <= plan_.inputs.size(); ++other)
      if (!holding(plan_, other).staging) holding(plan_, other).double_buffered = false;
    if (place_of_blocks() == loop_count()) move_loops(leading_loops(x));
    const auto room = room_beside(x);
    const int inside = cut_to(room, x);
    Holding& held = holding(plan_, x);
    held.depth = inside;
    held.staging = held.double_buffered = false;
    plan_.sums_in_pieces |= &held == &plan_.output && plan_.splits_sums(layer_);
    if (bytes_of(x, held.depth) <= room && streams_fit()) return true;
    plan_ = before;
    return false;
  }

  bool streams_fit() const {
    try {
      StagePlan streaming = plan_;
      fit_staging(streaming, network_, accelerator_);
      return true;
    } catch (const UserError&) {
      return false;
    }
  }

  int leading_loops(Number x) const {
    auto extents = extents_inside(plan_.loops, static_cast<int>(plan_.loops.size()), nominal_);
    int count = 0;
    for (const auto& loop : plan_.array.loops) {
      const bool turns = extents[loop.rank] > loop.tile;
      if (turns && !moves(x, loop.rank)) break;
      extents[loop.rank] = std::min(extents[loop.rank], loop.tile);
      ++count;
    }
    return count;
  }

  /// From the array's nest, outermost first, into the tile's code.
  void move_loops(int count) {
    auto& array = plan_.array;
    for (int i = 0; i < count; ++i)
      plan_.loops.push_back({array.loops[i].rank, array.loops[i].tile});
    array.loops.erase(array.loops.begin(), array.loops.begin() + count);
    for (auto& depth : array.store_depth) depth = std::max(0, depth - count);
  }

  /// Blocks of the ranks over which the array still goes, in whole trips of its outermost loops.
  /// Loops around a block.
  int cut_to(Bytes room, Number x) {
    int place = place_of_blocks();
    for (const auto& loop : plan_.array.loops) {
      const auto extent = extents_inside(plan_.loops, place, nominal_)[loop.rank];
      if (bytes_of(x, place) <= room) break;
      if (extent <= loop.tile || !moves(x, loop.rank) || is_dealt(loop.rank, place)) continue;
      insert(place, {loop.rank, loop.tile});
      ++place;
      for (std::int64_t blocks = 2; blocks <= ceil_div(extent, loop.tile); ++blocks) {
        plan_.loops[place - 1].tile = round_up(ceil_div(extent, blocks), loop.tile);
        if (bytes_of(x, place) <= room) return place;
      }
    }
    return place;
  }

  void insert(int place, const BufferLoop& loop) {
    plan_.loops.insert(plan_.loops.begin() + place, loop);
    for (Number x = 0; x <= plan_.inputs.size(); ++x) {
      Holding& held = holding(plan_, x);
      if (held.depth > place) ++held.depth;
      if (held.stays_from > place) ++held.stays_from;
      if (held.shared_by > 1 && held.turn >= place) ++held.turn;
    }
  }

  Bytes bytes_of(Number x, int depth) const {
    const auto words = static_cast<Bytes>(
        nominal_elements(operand(x), extents_inside(plan_.loops, depth, nominal_)));
    return round_up<Bytes>(words * static_cast<Bytes>(accelerator_.word_bytes()),
                           accelerator_.tile.buffer.line_bytes);
  }

  /// What the layer's other operands leave of the buffer.
  Bytes room_beside(Number x) const {
    Bytes taken = 0;
    for (Number other = 0; other <= plan_.inputs.size(); ++other) {
      const Holding& held = holding(plan_, other);
      if (other != x && !held.staging)
        taken += bytes_of(other, held.depth) * static_cast<Bytes>(copies(held));
    }
    const Bytes bytes = accelerator_.tile.buffer.bytes;
    return bytes - std::min(bytes, taken);
  }

  /// Granules in the buffer: of a shared operand the largest part, and one on its way.
  std::int64_t copies(const Holding& held) const {
    if (held.shared_by == 1) return held.double_buffered ? 2 : 1;
    const auto counts = trip_counts(plan_.loops, nominal_);
    Slot slot;
    slot.turns = slot.round = counts[held.turn];
    for (int i = held.turn + 1; i < held.depth; ++i) slot.round *= counts[i];
    return largest_part(slot, held.shared_by) + 1;
  }

  void add_copies() {
    for (Number x = 0; x <= plan_.inputs.size(); ++x) {
      Holding& held = holding(plan_, x);
      if (!held.staging && held.shared_by == 1 && held.depth > 0 &&
          2 * bytes_of(x, held.depth) <= room_beside(x))
        held.double_buffered = true;
    }
  }

  StagePlan& plan_;
  const workloads::Network& network_;
  const Layer& layer_;
  const hw::Accelerator& accelerator_;
  std::vector<std::int64_t> nominal_;
};

}  // namespace

bool hold_reused(StagePlan& plan, const workloads::Network& network,
                 const hw::Accelerator& accelerator) {
  return ReuseHolder(plan, network, accelerator).hold();
}

ReusedOperands::ReusedOperands(bool hold, std::vector<StagePlan>& plans,
                               const workloads::Network& network,
                               const hw::Accelerator& accelerator)
    : plans_(plans), network_(network), accelerator_(accelerator) {
  for (int number = 0; hold && number < static_cast<int>(plans_.size()); ++number) {
    auto& plan = plans_[number];
    StagePlan before = plan;
    if (plan.turn_depth == 0 && !stays_for_others(plan.layer) &&
        hold_reused(plan, network_, accelerator_))
      streaming_.emplace(number, std::move(before));
  }
}

bool ReusedOperands::give_way(int plan) {
  const auto before = streaming_.find(plan);
  if (before == streaming_.end()) return false;
  plans_[plan] = std::move(before->second);
  fit_staging(plans_[plan], network_, accelerator_);
  streaming_.erase(before);
  return true;
}

/// A later piece goes on with its granules, which then have to stay as they are.
bool ReusedOperands::stays_for_others(workloads::LayerId layer) const {
  return std::ranges::any_of(plans_, [&](const StagePlan& other) {
    return std::ranges::any_of(other.inputs,
                               [&](const Holding& input) { return input.kept_from == layer; });
  });
}

}  // namespace tessera::mapping
