#include "sim/machine/child_run.h"

#include <string>

#include "sim/base/child_process.h"
#include "sim/machine/machine.h"

namespace tessera::sim {

Cycle cycles_in_child(const hw::Accelerator& accelerator, const mapping::Program& program,
                      MachineOptions options) {
  const auto result = in_child([&] {
    Machine machine(accelerator, program, std::move(options));
    return std::to_string(machine.run());
  });
  return std::stoull(result.value());
}

namespace {

/// Ends a simulation that has become too long.
struct PastLimit {};

}  // namespace

std::optional<Cycle> cycles_up_to(const hw::Accelerator& accelerator,
                                  const mapping::Program& program, Cycle limit) {
  if (limit == 0) return cycles_in_child(accelerator, program, {});
  constexpr Cycle kEvery = 1024;
  MachineOptions options;
  options.progress_every = kEvery;
  options.progress = [limit](const Progress& now) {
    if (now.cycle > limit) throw PastLimit();
  };
  const auto result = in_child([&] {
    try {
      Machine machine(accelerator, program, options);
      return std::to_string(machine.run());
    } catch (const PastLimit&) {
      return std::string();
    }
  });
  const auto& text = result.value();
  if (text.empty() || std::stoull(text) > limit) return std::nullopt;
  return std::stoull(text);
}

}  // namespace tessera::sim
