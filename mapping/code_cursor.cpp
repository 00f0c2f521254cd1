#include "mapping/code_cursor.h"

#include <algorithm>

#include "mapping/rotation.h"

namespace tessera::mapping {

CodeCursor::CodeCursor(const CodeBlock& code, workloads::RankTile share)
    : ranks_(std::move(share)) {
  for (const auto& range : ranks_) origins_.push_back(range.begin);
  frames_.push_back({&code});
  settle();
}

CodeCursor::CodeCursor(const CodeBlock& code, const TileShare& share)
    : ranks_(share.ranks), origins_(share.origins), rotation_(share.rotation) {
  if (origins_.empty())
    for (const auto& range : ranks_) origins_.push_back(range.begin);
  frames_.push_back({&code});
  settle();
}

void CodeCursor::next() {
  ++frames_.back().position;
  settle();
}

workloads::RankRange trip_range(const CodeNode& loop, workloads::RankRange outer,
                                std::int64_t origin, std::int64_t trip) {
  if (loop.first == 0) {
    const std::int64_t begin = std::min(outer.begin + trip * loop.step, outer.end);
    return {begin, std::min(begin + loop.step, outer.end)};
  }
  const std::int64_t end = origin + loop.first + trip * loop.step;
  const std::int64_t begin = trip == 0 ? origin : end - loop.step - loop.overlap;
  const auto inside = [&](std::int64_t index) { return std::clamp(index, outer.begin, outer.end); };
  return {inside(begin), inside(end)};
}

std::int64_t turned_trip(const CodeNode& loop, const TileShare::Rotation& rotation,
                         std::int64_t iteration) {
  if (!loop.rotates) return iteration;
  return (iteration + first_turn(loop.count, rotation.place, rotation.places)) % loop.count;
}

std::int64_t CodeCursor::first_index(workloads::RankId rank, std::int64_t outer) const {
  for (const auto& frame : frames_)
    if (frame.loop != nullptr && frame.loop->rotates && frame.loop->rank == rank)
      return trip_range(*frame.loop, frame.outer, origins_[rank],
                        turned_trip(*frame.loop, rotation_, 0))
          .begin;
  return outer;
}

CodeCursor::Visit CodeCursor::visit(const workloads::Layer& layer) const {
  Visit visit;
  for (const auto& frame : frames_) {
    if (frame.loop == nullptr || frame.loop->rank < 0 || !layer.ranks[frame.loop->rank].reduced)
      continue;
    visit.number = visit.number * frame.loop->count + frame.iteration;
    visit.visits *= frame.loop->count;
  }
  return visit;
}

std::int64_t CodeCursor::trips(const std::vector<bool>& marked) const {
  std::int64_t product = 1;
  for (const Frame& frame : frames_)
    if (frame.loop != nullptr && frame.loop->rank >= 0 &&
        marked[static_cast<std::size_t>(frame.loop->rank)])
      product *= frame.loop->count;
  return product;
}

void CodeCursor::enter(const CodeNode& loop) {
  Frame frame{&loop.body, 0, &loop, 0, {}};
  if (loop.rank >= 0) frame.outer = ranks_[loop.rank];
  set_range(frame);
  frames_.push_back(frame);
}

void CodeCursor::set_range(const Frame& frame) {
  if (frame.loop->rank < 0) return;
  ranks_[frame.loop->rank] = trip_range(*frame.loop, frame.outer, origins_[frame.loop->rank],
                                        turned_trip(*frame.loop, rotation_, frame.iteration));
}

/// Moves on from loop heads and block ends until the cursor stands on an instruction or has
/// finished.
void CodeCursor::settle() {
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.position < frame.block->size()) {
      if (!node().is_loop) return;
      if (node().count > 0 && !node().body.empty())
        enter(node());
      else
        ++frame.position;
    } else if (frame.loop != nullptr && ++frame.iteration < frame.loop->count) {
      frame.position = 0;
      set_range(frame);
    } else {
      if (frame.loop != nullptr && frame.loop->rank >= 0) ranks_[frame.loop->rank] = frame.outer;
      frames_.pop_back();
      if (!frames_.empty()) ++frames_.back().position;
    }
  }
}

}  // namespace tessera::mapping
