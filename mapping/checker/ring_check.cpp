#include "mapping/checker/ring_check.h"

#include <algorithm>
#include <deque>
#include <set>

#include "mapping/checker/fusion_check.h"
#include "mapping/checker/tile_run.h"

namespace tessera::mapping::checker {

namespace {

Slot& ring_of(Program& program, int stage) {
  auto& owner = program.stages[stage];
  return owner.slots[owner.output_slot];
}

/// Part that a stage writes.
const Part& part_of(const Program& program, int stage) {
  return *std::ranges::find(program.parts, stage, &Part::producer_stage);
}

bool has_ring(const Program& program, int stage) {
  const Stage& owner = program.stages[stage];
  return owner.slots[owner.output_slot].streams;
}

bool rotates(const CodeBlock& load, const std::vector<Slot>& slots, int operand) {
  return std::ranges::any_of(load, [&](const CodeNode& node) {
    if (node.is_loop) return rotates(node.body, slots, operand);
    const auto& instruction = node.instruction;
    return instruction.op == Op::kReceive && instruction.operand == operand &&
           slots[instruction.slot].rotating;
  });
}

/// A ring counts every receive; pieces that tiles take over from each other do not ask for it.
void check_readers(const Program& program, int first, int last) {
  for (int s = first; s <= last; ++s) {
    if (!has_ring(program, s)) continue;
    const auto tensor = part_of(program, s).tensor;
    for (int reader = s + 1; reader <= last; ++reader) {
      const StageView view(program, reader);
      for (std::size_t i = 0; i < view.layer.inputs.size(); ++i)
        for (const auto& code : view.stage.codes)
          if (view.layer.inputs[i].tensor == tensor &&
              rotates(code.load, view.stage.slots, static_cast<int>(i)))
            view.refuse("tensor ", program.network.tensors[tensor].name,
                        " comes from a ring of stage ", program.stages[s].name,
                        " and rotates here; hold it without sharing it");
    }
  }
}

/// All tiles of the stages, until nothing moves.
class Together {
 public:
  Together(const Program& program, int first, int last)
      : index_(program), exchanges_{{program, index_, first, last}, {}} {
    std::set<TileId> tiles;
    for (int s = first; s <= last; ++s)
      for (const auto& share : program.stages[s].shares) tiles.insert(share.tile);
    for (const TileId tile : tiles) runs_.emplace_back(program, first, last, tile, exchanges_);
    for (bool progress = true; progress;) {
      progress = false;
      for (auto& run : runs_) progress |= run.advance();
    }
  }

  bool done() {
    return std::ranges::all_of(runs_, [](TileRun& run) { return run.done(); });
  }
  std::map<int, std::int64_t> points() {
    std::map<int, std::int64_t> points;
    for (auto& run : runs_)
      for (const auto& [stage, computed] : run.finish()) points[stage] += computed;
    return points;
  }

 private:
  ProgramIndex index_;
  Exchanges exchanges_;
  std::deque<TileRun> runs_;
};

/// Outputs that an owner completes.
int granules_of(const Program& program, int stage) {
  std::int64_t most = 0;
  const StageView view(program, stage);
  for (const auto& share : view.stage.shares) {
    if (!view.owns(share)) continue;
    std::int64_t granules = 0;
    for (CodeCursor at(view.stage.codes[share.code].compute, share); !at.done(); at.next())
      granules += at.instruction().op == Op::kCommit;
    most = std::max(most, granules);
  }
  return static_cast<int>(most);
}

/// Fewest places of one ring with which all go on, the other rings as they are; 0: none suffice.
int fewest_places(Program& program, int stage, int first, int last) {
  Slot& ring = ring_of(program, stage);
  const int given = ring.granules;
  int few = given, enough = granules_of(program, stage);
  ring.granules = enough;
  const bool helps = Together(program, first, last).done();
  while (helps && few + 1 < enough) {
    ring.granules = (few + enough) / 2;
    (Together(program, first, last).done() ? enough : few) = ring.granules;
  }
  ring.granules = given;
  return helps ? enough : 0;
}

}  // namespace

std::vector<int> ends_of_rings(const Program& program, const std::vector<int>& last_reader) {
  std::vector<int> ends;
  for (int s = 0; s < static_cast<int>(program.stages.size()); ++s) {
    int end = s;
    if (has_ring(program, s))
      for (std::size_t p = 0; p < program.parts.size(); ++p)
        if (program.parts[p].producer_stage == s) end = last_reader[p];
    while (program.stages[end].fusion >= 0 && end + 1 < static_cast<int>(program.stages.size()) &&
           program.stages[end + 1].fusion == program.stages[end].fusion)
      ++end;
    ends.push_back(end);
  }
  for (std::size_t s = 0; s < ends.size(); ++s)
    for (int inside = static_cast<int>(s) + 1; inside <= ends[s]; ++inside)
      ends[s] = std::max(ends[s], ends[inside]);
  return ends;
}

void check_rings(const Program& program, int first, int last) {
  check_readers(program, first, last);
  Together together(program, first, last);
  if (together.done()) return check_points(program, together.points());
  Program wider = program;
  for (int s = first; s <= last; ++s) {
    if (!has_ring(program, s)) continue;
    const int places = fewest_places(wider, s, first, last);
    if (places == 0) continue;
    const Slot& ring = ring_of(wider, s);
    StageView(program, s)
        .refuse("slot ", ring.name, ": a ring of ", ring.granules, " x ", ring.granule_bytes,
                " bytes is too small for those who read from "
                "it, which wait for each other; allowed: ",
                places, " or more");
  }
  check_points(program, together.points());
}

}  // namespace tessera::mapping::checker
