// What the three tools' result tables say about needs and reuse, in one vocabulary.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "mapping/cost/predictor.h"
#include "workloads/network.h"

namespace tessera::app {

/// Words of one operand that cross a border, all units together; none where the tool has no count.
struct ToolWords {
  std::optional<double>
      filled;                   ///< into registers; a word that several PEs receive counts for each
  std::optional<double> array;  ///< from the buffer; outputs: into it
  std::optional<double> buffer;  ///< into the buffers; outputs: out of them
  std::optional<double> dram;    ///< from DRAM; outputs: into it
};

/// Input, weight, output. Capacities in words, all copies that the tool counts; rates in words per
/// cycle, of one buffer.
struct ToolFigures {
  std::optional<double> register_words;
  std::optional<double> buffer_words;
  std::array<std::optional<double>, 3> array_rate;  ///< mean over the tool's cycles
  std::optional<double> array_peak;  ///< busier direction of one network for all operands
  std::optional<double> dram_rate;
  std::array<ToolWords, 3> words;
};

/// UserError when the model has no such figures or predicts several layers.
ToolFigures figures_of(const std::string& model, const std::vector<mapping::ResultTable>& tables,
                       const workloads::Network& network);

}  // namespace tessera::app
