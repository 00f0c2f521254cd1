// Some neighbouring layers of a network as a network of their own.
#pragma once

#include <optional>
#include <vector>

#include "workloads/network.h"

namespace tessera::workloads {

/// Layers first .. last in the network's order.
struct LayerSpan {
  LayerId first = 0;
  LayerId last = 0;
  bool holds(LayerId layer) const { return layer >= first && layer <= last; }
};

/// The layers of the span. What they read from layers outside becomes an input; what layers outside
/// read becomes an output, unless `on_chip` (per layer of the whole network) says that a layer's
/// result never leaves the chip and a layer inside reads it. A tensor that layers inside and
/// outside write together counts as an input for its readers, and each writer inside gets an output
/// of its own: the order between them is lost. None when such a writer leaves gaps.
std::optional<Network> window_of(const Network& network, LayerSpan span,
                                 const std::vector<bool>& on_chip);

}  // namespace tessera::workloads
