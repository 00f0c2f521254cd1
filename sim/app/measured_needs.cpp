#include "sim/app/measured_needs.h"

#include <algorithm>

#include "hw_models/array/array_plan.h"
#include "hw_models/description/convert.h"
#include "hw_models/tile/compute_model.h"
#include "mapping/cost/tangram/tool_layers.h"
#include "mapping/importers/machine/tool_machine.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/machine/child_run.h"
#include "sim/results/child_result.h"
#include "validation/smallest_width.h"

namespace tessera::app {

namespace {

using mapping::importers::ToolCase;

constexpr double kSlack = 0.01;

ToolCase with_dram(ToolCase loaded, std::int64_t words_per_cycle) {
  const auto bytes = words_per_cycle * loaded.machine.word_bits() / 8;
  mapping::importers::set_dram(loaded.machine, static_cast<double>(bytes));
  return loaded;
}

std::int64_t widest_dram(const ToolCase& loaded) {
  return static_cast<std::int64_t>(mapping::importers::kMostDramBytesPerCycle) * 8 /
         loaded.machine.word_bits();
}

std::int64_t register_words(const ReadyRun& run) {
  std::int64_t most = 0;
  hw::for_each_array_work(
      run.accelerator, run.program,
      [&](const mapping::Stage&, const std::vector<std::int64_t>&, const hw::ArrayWork& work) {
        std::int64_t words = 0;
        for (int x = 0; x < hw::kOperands; ++x)
          if (!hw::is_streaming(work, x))
            words += work.operand[x].register_words * (work.operand[x].double_buffered ? 2 : 1);
        most = std::max(most, words);
      });
  return most;
}

class Search {
 public:
  explicit Search(const ToolCase& loaded)
      : loaded_(loaded), widest_(widest_dram(loaded)), ideal_(hw::IdealSet::all()) {
    ideal_.set(hw::Ideal::kToolwords, false);
    run_ = ready(with_dram(loaded, widest_), ideal_);
    unlimited_ = cycles(run_);
  }

  Cycle unlimited() const { return unlimited_; }

  /// A bus is never of more use than the words of a whole array.
  std::int64_t bus(int operand) {
    const auto& array = run_.accelerator.tile.array;
    const std::int64_t widest = std::int64_t{array.rows} * array.columns * array.macs_per_pe;
    return validation::smallest_width(unlimited_, kSlack, widest, [&](std::int64_t width) {
      ReadyRun narrow = run_;
      narrow.accelerator.tile.array.bus_words_per_cycle[operand] = static_cast<int>(width);
      return cycles(narrow);
    });
  }

  std::int64_t dram() {
    return validation::smallest_width(unlimited_, kSlack, widest_, [&](std::int64_t width) {
      return cycles(ready(with_dram(loaded_, width), ideal_));
    });
  }

 private:
  static Cycle cycles(const ReadyRun& run) {
    return sim::cycles_in_child(run.accelerator, run.program, run.options);
  }

  const ToolCase& loaded_;
  std::int64_t widest_;
  hw::IdealSet ideal_;
  ReadyRun run_;
  Cycle unlimited_ = 0;
};

}  // namespace

ReadyRun ready(const ToolCase& loaded, hw::IdealSet ideal) {
  ReadyRun run;
  run.accelerator = hw::to_accelerator(loaded.machine, loaded.machine.name());
  hw::idealise(run.accelerator, ideal);
  run.program = mapping::lower(loaded.schedule, loaded.network, run.accelerator);
  mapping::check(run.program, mapping::limits_of(run.accelerator));
  run.options.whole_blocks = loaded.tool == "interstellar";
  if (loaded.tool == "tangram" && ideal.any())
    run.options.tool_layers = mapping::tangram::load_tool_layers(
        loaded.schedule.origin, run.program, loaded.unlimited_buffers);
  return run;
}

MeasuredNeeds measure_needs(const ToolCase& loaded) {
  const ReadyRun real = ready(loaded, {});
  MeasuredNeeds needs;
  needs.register_words = register_words(real);
  needs.buffer_words =
      sim::result_in_child(real.accelerator, real.program, real.options).peak_reserved_words();
  Search search(loaded);
  needs.unlimited_cycles = search.unlimited();
  for (int x = 0; x < hw::kOperands; ++x) needs.bus[static_cast<std::size_t>(x)] = search.bus(x);
  needs.dram = search.dram();
  return needs;
}

}  // namespace tessera::app
