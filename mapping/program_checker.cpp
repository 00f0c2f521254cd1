#include "mapping/program_checker.h"

#include <algorithm>

#include "mapping/checker/code_check.h"
#include "mapping/checker/fusion_check.h"
#include "mapping/checker/group_check.h"
#include "mapping/checker/layer_check.h"
#include "mapping/checker/memory_check.h"
#include "mapping/checker/part_check.h"
#include "mapping/checker/ring_check.h"
#include "mapping/checker/rotation_check.h"
#include "mapping/checker/tile_walk.h"
#include "mapping/checker/untimed_run.h"
#include "mapping/program_io.h"

namespace tessera::mapping {

namespace {

using checker::AppendedSlots;
using checker::StageView;
using checker::UntimedRun;

std::vector<AppendedSlots> check_codes(const StageView& view) {
  std::vector<AppendedSlots> appended(view.stage.codes.size());
  for (std::size_t code = 0; code < appended.size(); ++code)
    if (view.first_tile_of(static_cast<int>(code)) >= 0)
      appended[code] = checker::check_code(view, static_cast<int>(code));
  return appended;
}

void check_progress(const StageView& view) {
  if (auto folded = UntimedRun::folded(view))
    if (!folded->run()) return;
  if (const auto waiting = UntimedRun::full(view).run())
    view.refuse("queues wait for each other: ", *waiting);
}

/// Stages that run at the same time: a fusion whose members meet in windows or have tiles of their
/// own, or what rings tie together.
void check_together(const Program& program, int first, int last) {
  const auto fusion = program.stages[first].fusion;
  const auto begin = program.stages.begin() + first, end = program.stages.begin() + last + 1;
  const bool fused =
      std::all_of(begin, end, [&](const Stage& stage) { return stage.fusion == fusion; });
  const bool handed_over = std::any_of(begin, end - 1, [&](const Stage& stage) {
    return (stage.slots[stage.output_slot].readers & checker::bit(SlotReader::kServer)) != 0 &&
           stage.shares.front().tile == program.stages[last].shares.front().tile;
  });
  if (fused && fusion >= 0 && !handed_over)
    checker::check_fusion(program, first, last);
  else
    checker::check_rings(program, first, last);
}

}  // namespace

ProgramLimits limits_of(const hw::Accelerator& accelerator) {
  const auto& tile = accelerator.tile;
  return {accelerator.tiles(),
          tile.buffer.bytes,
          tile.buffer.line_bytes,
          tile.interface.staging_bytes,
          static_cast<int>(accelerator.dram.size()),
          accelerator.shared_bytes(),
          static_cast<int>(accelerator.shared_buffers.size())};
}

void check(const Program& program, const ProgramLimits& limits) {
  check_ids(program, "program");
  if (program.tiles > limits.tiles)
    throw UserError("program: number of tiles is ", program.tiles, "; the machine has ",
                    limits.tiles);
  if (program.dram_channels > 0 && limits.dram_channels > 0 &&
      program.dram_channels != limits.dram_channels)
    throw UserError("program: made for ", program.dram_channels, " DRAM channels; the machine has ",
                    limits.dram_channels, "; compile it again");
  std::vector<std::vector<AppendedSlots>> appended;
  for (std::size_t s = 0; s < program.stages.size(); ++s) {
    const StageView view(program, static_cast<int>(s));
    appended.push_back(check_codes(view));
    checker::check_groups(view);
    checker::check_rotations(view);
  }
  checker::check_layers(program);
  const auto parts = checker::check_parts(program, limits);
  checker::check_memory(program, appended, parts, limits);
  const auto ends = checker::ends_of_rings(program, parts.last_reader);
  for (int s = 0, checked = -1; s < static_cast<int>(program.stages.size()); ++s) {
    const StageView view(program, s);
    const bool alone = ends[s] == s && s > checked;
    if (s > checked && (!alone || view.stage.fusion >= 0)) check_together(program, s, ends[s]);
    checked = std::max(checked, ends[s]);
    if (view.stage.fusion >= 0) continue;
    if (alone) check_progress(view);
    checker::walk_shares(view, program.parts[parts.part_of_stage[s]].home);
  }
}

}  // namespace tessera::mapping
