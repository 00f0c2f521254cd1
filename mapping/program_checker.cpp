#include "mapping/program_checker.h"

#include "mapping/checker/code_check.h"
#include "mapping/checker/fusion_check.h"
#include "mapping/checker/group_check.h"
#include "mapping/checker/keep_check.h"
#include "mapping/checker/layer_check.h"
#include "mapping/checker/memory_check.h"
#include "mapping/checker/part_check.h"
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

int last_of_fusion(const Program& program, int first) {
  int last = first;
  while (last + 1 < static_cast<int>(program.stages.size()) &&
         program.stages[last + 1].fusion == program.stages[first].fusion)
    ++last;
  return last;
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
  }
  checker::check_keeps(program);
  for (std::size_t s = 0; s < program.stages.size(); ++s)
    checker::check_rotations(StageView(program, static_cast<int>(s)));
  checker::check_layers(program);
  const auto parts = checker::check_parts(program, limits);
  checker::check_memory(program, appended, parts, limits);
  for (int s = 0; s < static_cast<int>(program.stages.size()); ++s) {
    const StageView view(program, s);
    if (view.stage.fusion >= 0) {
      const int last = last_of_fusion(program, s);
      checker::check_fusion(program, s, last);
      s = last;
      continue;
    }
    check_progress(view);
    checker::walk_shares(view, program.parts[parts.part_of_stage[s]]);
  }
}

}  // namespace tessera::mapping
