// Improves a schedule piece by piece: finalists of a scheduler's analysis, decided by simulation.
#pragma once

#include <functional>
#include <vector>

#include "mapping/refine/referee.h"

namespace tessera::mapping {

/// One way to execute a run of layers.
struct Finalist {
  Piece piece;
  double expected = 0;  ///< cycles by analysis
};

/// Finalists that begin at a layer, best first. Asked once for every layer at which a piece begins,
/// front to back.
using Offers = std::function<std::vector<Finalist>(workloads::LayerId first)>;

/// Other ways to execute a run of layers that was taken, best first.
using Variants = std::function<std::vector<Finalist>(workloads::LayerSpan span)>;

struct Refined {
  Schedule schedule;
  /// Of the whole network; 0: nothing was exchanged and nobody was a rival.
  Cycle before = 0, after = 0;
  int candidates = 0;
  int exchanged = 0;
  Cycle simulated = 0;
};

/// Walks through the layers. The first `finalists` offers at each are simulated, each against what
/// stands there; the one that saves most cycles per layer is taken and the walk goes on behind it.
/// Then the whole is simulated, and as long as it is not faster than `base`, the half of the
/// exchanges that saved least is taken back. When the budget is used up, the rest stays as in
/// `base`. At the very end whole schedules of `rivals` take part, such as the one that analysis
/// alone arrives at; one that is faster than all else is the result.
Refined refine(const Schedule& base, const std::string& name, const workloads::Network& network,
               const hw::Accelerator& accelerator, const Offers& offers, const Simulate& simulate,
               const RefineOptions& options, const std::vector<Schedule>& rivals = {});

/// The same with a referee that has simulated for this network before: what it knows is not
/// simulated again, and what that took counts against the budget. Before the rivals take part,
/// what was taken is exchanged for variants of it that are faster, unless the whole is no faster
/// then.
Refined refine(const Schedule& base, const std::string& name, const workloads::Network& network,
               const hw::Accelerator& accelerator, const Offers& offers, Referee& referee,
               const RefineOptions& options, const std::vector<Schedule>& rivals = {},
               const Variants& variants = {});

}  // namespace tessera::mapping
