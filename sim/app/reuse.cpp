#include "sim/app/reuse.h"

#include "hw_models/tile/compute_model.h"
#include "mapping/pe_sharing.h"
#include "sim/app/measured_needs.h"
#include "sim/base/error.h"
#include "sim/results/child_result.h"

namespace tessera::app {

namespace {

using mapping::importers::ToolCase;

/// PEs that share a word of an operand at once and ever, in the largest tile.
struct Geometry {
  double at_once[3] = {1, 1, 1};
  double ever[3] = {1, 1, 1};
};

Geometry geometry_of(const ReadyRun& run) {
  Geometry geometry;
  hw::for_each_array_work(
      run.accelerator, run.program,
      [&](const mapping::Stage& stage, const std::vector<std::int64_t>& extents,
          const hw::ArrayWork& work) {
        const auto& layer = run.program.network.layers[stage.layer];
        for (int x = 0; x < hw::kOperands; ++x) {
          const auto& operand =
              x == hw::kOutputOperand ? layer.output : layer.inputs[static_cast<std::size_t>(x)];
          geometry.at_once[x] = static_cast<double>(work.operand[x].multicast);
          geometry.ever[x] = mapping::pe_sharing(layer, operand, stage.array, extents);
        }
      });
  return geometry;
}

/// Words of an operand at every border, from the registers outwards, and the tensor itself.
struct Borders {
  double macs = 0;
  std::optional<double> filled, array, buffer, dram;
  double tensor = 0;
};

Borders counted_borders(const sim::proto::Layer& layer, int x, double sharing, double tensor) {
  const auto& words = layer.words(x);
  Borders borders;
  borders.macs = static_cast<double>(layer.macs());
  borders.tensor = tensor;
  const bool output = x == hw::kOutputOperand;
  borders.array = static_cast<double>(output ? words.array_collected() : words.array_delivered());
  borders.dram = static_cast<double>(output ? words.dram_written() : words.dram_read());
  borders.buffer = output ? *borders.dram : static_cast<double>(words.buffer_received());
  // An operand that no register keeps is delivered for every multiply-accumulate.
  if (output)
    borders.filled = std::min(borders.macs, *borders.array * sharing);
  else
    borders.filled =
        words.registers_filled() > 0 ? static_cast<double>(words.registers_filled()) : borders.macs;
  return borders;
}

Borders predicted_borders(const ToolWords& words, const Borders& counted, double sharing) {
  Borders borders{counted.macs, words.filled, words.array,
                  words.buffer, words.dram,   counted.tensor};
  if (!borders.filled && borders.array)
    borders.filled = std::min(borders.macs, *borders.array * sharing);
  return borders;
}

std::optional<double> ratio(std::optional<double> uses, std::optional<double> words) {
  if (!uses || !words || *words == 0) return std::nullopt;
  return *uses / *words;
}

class Report {
 public:
  void add(int operand, const Borders& predicted, const Borders& counted,
           std::optional<double> later) {
    operand_ = operand;
    row("registers", ReuseKind::kTemporal, ratio(predicted.macs, predicted.filled),
        ratio(counted.macs, counted.filled));
    row("array", ReuseKind::kSpatial, ratio(predicted.filled, predicted.array),
        ratio(counted.filled, counted.array));
    row("array", ReuseKind::kSpatioTemporal, std::nullopt, later);
    row("buffer", ReuseKind::kTemporal, ratio(predicted.array, predicted.buffer),
        ratio(counted.array, counted.buffer));
    row("tiles", ReuseKind::kSpatial, ratio(predicted.buffer, predicted.dram),
        ratio(counted.buffer, counted.dram));
    row("dram", ReuseKind::kTemporal, ratio(predicted.dram, predicted.tensor),
        ratio(counted.dram, counted.tensor));
  }

  std::vector<Reuse> take() { return std::move(rows_); }

 private:
  void row(const char* level, ReuseKind kind, std::optional<double> predicted,
           std::optional<double> counted) {
    rows_.push_back({operand_, level, kind, predicted, counted.value_or(0)});
  }

  int operand_ = 0;
  std::vector<Reuse> rows_;
};

}  // namespace

std::string_view name_of(ReuseKind kind) {
  switch (kind) {
    case ReuseKind::kTemporal:
      return "temporal";
    case ReuseKind::kSpatial:
      return "spatial";
    default:
      return "spatio-temporal";
  }
}

std::vector<Reuse> reuse_of(const ToolCase& loaded, const ToolFigures& predicted) {
  const ReadyRun run = ready(loaded, {});
  const auto result = sim::result_in_child(run.accelerator, run.program, run.options);
  if (result.layers_size() != 1)
    throw UserError(loaded.schedule.origin, ": ", result.layers_size(),
                    " layers; reuse is reported for one");
  const Geometry geometry = geometry_of(run);
  const auto& layer = run.program.network.layers.front();
  Report report;
  for (int x = 0; x < hw::kOperands; ++x) {
    const auto& operand =
        x == hw::kOutputOperand ? layer.output : layer.inputs[static_cast<std::size_t>(x)];
    const auto tensor = static_cast<double>(run.program.network.tensors[operand.tensor].elements());
    const Borders counted = counted_borders(result.layers(0), x, geometry.at_once[x], tensor);
    const Borders tool = predicted_borders(predicted.words[static_cast<std::size_t>(x)], counted,
                                           geometry.at_once[x]);
    // Sums that idle PEs have no part in would look as if others added to them later.
    const auto at_once = x == hw::kOutputOperand ? std::optional(geometry.at_once[x])
                                                 : ratio(counted.filled, counted.array);
    report.add(x, tool, counted,
               at_once ? std::optional(geometry.ever[x] / *at_once) : std::nullopt);
  }
  return report.take();
}

}  // namespace tessera::app
