// Last passes over a network that has just been built.
#pragma once

#include "workloads/network.h"

namespace tessera::workloads {

/// Stores each weight dimension that its layers address through several ranks (group and channel;
/// channel, row and column of a flattened map) as several dimensions, so that tiles of weights are
/// boxes. Free to choose: weights are laid out offline.
void split_weight_dimensions(Network& network);

/// Removes layers whose result is neither read nor an output, and those that only fed them.
void drop_unread_layers(Network& network);

/// Removes tensors that no layer touches and renumbers the others.
void drop_unused_tensors(Network& network);

}  // namespace tessera::workloads
