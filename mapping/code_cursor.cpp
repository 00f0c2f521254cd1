#include "mapping/code_cursor.h"

#include <algorithm>

namespace tessera::mapping {

CodeCursor::CodeCursor(const CodeBlock& code, workloads::RankTile share) : ranks_(std::move(share)) {
  frames_.push_back({&code});
  settle();
}

void CodeCursor::next() {
  ++frames_.back().position;
  settle();
}

CodeCursor::Visit CodeCursor::visit(const workloads::Layer& layer) const {
  Visit visit;
  for (const auto& frame : frames_) {
    if (frame.loop == nullptr || frame.loop->rank < 0 || !layer.ranks[frame.loop->rank].reduced) continue;
    visit.number = visit.number * frame.loop->count + frame.iteration;
    visit.visits *= frame.loop->count;
  }
  return visit;
}

void CodeCursor::enter(const CodeNode& loop) {
  Frame frame{&loop.body, 0, &loop, 0, {}};
  if (loop.rank >= 0) frame.outer = ranks_[loop.rank];
  set_range(frame);
  frames_.push_back(frame);
}

void CodeCursor::set_range(const Frame& frame) {
  if (frame.loop->rank < 0) return;
  const std::int64_t begin =
      std::min(frame.outer.begin + frame.iteration * frame.loop->step, frame.outer.end);
  ranks_[frame.loop->rank] = {begin, std::min(begin + frame.loop->step, frame.outer.end)};
}

/// Moves on from loop heads and block ends until the cursor stands on an instruction or has finished.
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
