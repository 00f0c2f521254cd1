// Sliding windows and broadcasting: shape rules shared by the layer builders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/graph_builder.h"

namespace tessera::workloads {

/// UserError naming the layer when the input is not N, C and one or two spatial dimensions, or a
/// field of the window has another number of entries or is out of range.
void check_window(const std::string& name, const std::vector<std::int64_t>& input,
                  const WindowSpec& window);

/// floor or ceiling of (input + pads - dilated kernel) / stride, plus 1. In ceil mode a last window
/// that would start beyond the input and its leading pad is dropped (PyTorch's rule).
std::vector<std::int64_t> output_extents(const std::string& name,
                                         const std::vector<std::int64_t>& spatial,
                                         const WindowSpec& window);

/// Adds loops P, Q for the output and R, S (reduced) for the taps and extends the uses of the
/// operands.
void add_window_loops(IterationSpace& space, const std::vector<std::int64_t>& output,
                      const WindowSpec& window, OperandUse& reads, OperandUse& filters,
                      OperandUse& writes);

/// NumPy's rule; UserError naming the layer when the shapes do not agree.
std::vector<std::int64_t> broadcast_shape(const std::string& name, std::vector<std::int64_t> a,
                                          std::vector<std::int64_t> b);

/// Fills in a reshape's 0 (copy the input's dimension) and -1 (what remains); UserError naming the
/// layer when the sizes do not agree.
void resolve_shape(const std::string& name, const std::vector<std::int64_t>& input,
                   std::vector<std::int64_t>& shape);

/// Product of the extents.
std::int64_t volume_of(const std::vector<std::int64_t>& shape);

/// 1x28x28 for messages.
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace tessera::workloads
