#include "mapping/refine/referee.h"

#include <algorithm>

#include "mapping/lowering.h"
#include "mapping/program_io.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::LayerSpan;
using workloads::Network;

namespace {

/// What decides how long a program takes: everything but names.
std::string key_of(Program program) {
  program.accelerator.clear();
  program.schedule.clear();
  program.network.name.clear();
  for (auto& tensor : program.network.tensors) tensor.name.clear();
  for (auto& layer : program.network.layers) {
    layer.name.clear();
    layer.origin.clear();
  }
  for (auto& stage : program.stages) stage.name.clear();
  return to_program_bytes(program);
}

bool is_read_inside(const Network& network, workloads::LayerId layer, LayerSpan span) {
  return std::ranges::any_of(network.consumers(network.layers[layer].output.tensor),
                             [&](workloads::LayerId reader) { return span.holds(reader); });
}

}  // namespace

Referee::Referee(const Network& network, const hw::Accelerator& accelerator, Simulate simulate)
    : network_(network), accelerator_(accelerator), simulate_(std::move(simulate)) {}

std::optional<Cycle> Referee::run(const Program& program, Cycle limit) {
  auto& verdict = known_[key_of(program)];
  const bool decided = verdict.cycles || (limit > 0 && verdict.more_than >= limit);
  if (!decided) {
    verdict.cycles = simulate_(program, limit);
    verdict.more_than = limit;
    simulated_ += verdict.cycles.value_or(limit);
  }
  const bool within = verdict.cycles && (limit == 0 || *verdict.cycles <= limit);
  return within ? verdict.cycles : std::nullopt;
}

std::optional<Cycle> Referee::cycles(const Arrangement& pieces, LayerSpan span, Cycle limit) {
  Arrangement inside;
  for (const auto& piece : pieces)
    if (piece.span.last >= span.first && piece.span.first <= span.last) inside.push_back(piece);
  const LayerSpan whole{inside.front().span.first, inside.back().span.last};
  std::vector<bool> on_chip(network_.layers.size(), false);
  for (auto& piece : inside) {
    if (!is_read_inside(network_, piece.span.last, whole)) send_to_dram(piece);
    on_chip[static_cast<std::size_t>(piece.span.last)] = stays_on_chip(piece);
  }
  const auto window = workloads::window_of(network_, whole, on_chip);
  if (!window) return std::nullopt;
  try {
    return run(lower(schedule_of(inside, "refined"), *window, accelerator_), limit);
  } catch (const UserError&) {
    return std::nullopt;  // what cannot be executed is no candidate
  }
}

Cycle Referee::cycles(const Arrangement& pieces) {
  return run(lower(schedule_of(pieces, "refined"), network_, accelerator_), 0).value();
}

std::size_t Referee::fastest(const std::vector<Schedule>& whole) {
  std::size_t best = 0;
  Cycle least = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const auto cycles = run(lower(whole[i], network_, accelerator_), least);
    if (!cycles || (least > 0 && *cycles >= least)) continue;
    least = *cycles;
    best = i;
  }
  return best;
}

}  // namespace tessera::mapping
