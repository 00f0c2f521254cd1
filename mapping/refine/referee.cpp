#include "mapping/refine/referee.h"

#include <algorithm>

#include "mapping/lowering.h"
#include "mapping/refine/program_key.h"
#include "sim/base/error.h"

namespace tessera::mapping {

using workloads::LayerSpan;
using workloads::Network;

namespace {

bool is_read_inside(const Network& network, workloads::LayerId layer, LayerSpan span) {
  return std::ranges::any_of(network.consumers(network.layers[layer].output.tensor),
                             [&](workloads::LayerId reader) { return span.holds(reader); });
}

}  // namespace

Referee::Referee(const Network& network, const hw::Accelerator& accelerator, Simulate simulate,
                 Settings settings)
    : network_(network),
      accelerator_(accelerator),
      simulate_(std::move(simulate)),
      settings_(std::move(settings)) {}

std::optional<Cycle> Referee::run(const Schedule& schedule, const Network& network, Cycle limit) {
  const auto program = lower(settings_ ? settings_(schedule) : schedule, network, accelerator_);
  auto& verdict = known_[key_of(program)];
  if (!verdict.decides(limit)) {
    verdict = {simulate_(program, limit), limit};
    simulated_ += verdict.cycles.value_or(limit);
  }
  return verdict.within(limit);
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
    return run(schedule_of(inside, "refined"), *window, limit);
  } catch (const UserError&) {
    return std::nullopt;  // what cannot be executed is no candidate
  }
}

Cycle Referee::cycles(const Arrangement& pieces) {
  return run(schedule_of(pieces, "refined"), network_, 0).value();
}

std::size_t Referee::fastest(const std::vector<Schedule>& whole) {
  std::size_t best = 0;
  Cycle least = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const auto cycles = run(whole[i], network_, least);
    if (!cycles || (least > 0 && *cycles >= least)) continue;
    least = *cycles;
    best = i;
  }
  return best;
}

}  // namespace tessera::mapping
