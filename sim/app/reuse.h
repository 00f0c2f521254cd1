// How often words are used where they have been brought: MAESTRO's vocabulary, predicted and
// counted.
#pragma once

#include <string>
#include <vector>

#include "mapping/importers/machine/tool_case.h"
#include "sim/app/tool_figures.h"

namespace tessera::app {

enum class ReuseKind {
  kTemporal,        ///< the same place uses a word again
  kSpatial,         ///< several places get it at once
  kSpatioTemporal,  ///< other places get it later
};

/// One factor of one operand. Along an operand temporal and spatial factors multiply to MACs per
/// word of the tensor; spatio-temporal says how much of the buffer's temporal factor serves other
/// PEs.
struct Reuse {
  int operand = 0;  ///< input, weight, output
  std::string level;
  ReuseKind kind = ReuseKind::kTemporal;
  std::optional<double> predicted;
  double counted = 0;
};

std::string_view name_of(ReuseKind kind);

/// Simulates the case on its own machine. Outputs count the other way: sums gathered instead of
/// words handed out.
std::vector<Reuse> reuse_of(const mapping::importers::ToolCase& loaded,
                            const ToolFigures& predicted);

}  // namespace tessera::app
