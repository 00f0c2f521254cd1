#include "sim/app/tool_figures.h"

#include <algorithm>

#include "sim/base/csv.h"
#include "sim/base/error.h"

namespace tessera::app {

namespace {

using Tables = std::vector<mapping::ResultTable>;

CsvTable table_named(const Tables& tables, const std::string& name) {
  for (const auto& table : tables)
    if (table.name == name) return CsvTable::parse(to_csv(table), "prediction, table " + name);
  throw UserError("the prediction has no table ", name);
}

/// MAESTRO: one network, accesses per tensor in columns. Words in registers and buffer include the
/// second copy.
ToolFigures maestro_figures(const Tables& tables) {
  const auto table = table_named(tables, "predictions");
  ToolFigures figures;
  figures.register_words = table.number(0, "l1_size_req");
  figures.buffer_words = table.number(0, "l2_size_req");
  figures.array_peak = table.number(0, "peak_noc_bw_req");
  figures.dram_rate = table.number(0, "offchip_bw_req");
  const char* inputs[] = {"input", "filter"};
  for (int x = 0; x < 2; ++x) {
    const std::string tensor = inputs[x];
    figures.words[x].array = table.number(0, tensor + "_l2_read");
    figures.words[x].buffer = figures.words[x].dram = table.number(0, tensor + "_l2_write");
  }
  figures.words[2].array = table.number(0, "output_l2_write");
  figures.words[2].buffer = figures.words[2].dram = table.number(0, "output_l2_read");
  const double cycles = table.number(0, "runtime_cycles");
  for (int x = 0; x < 3; ++x) figures.array_rate[x] = *figures.words[x].array / cycles;
  return figures;
}

/// Timeloop: rows by level from the inside, MAC first, then by tensor.
class TimeloopFigures {
 public:
  TimeloopFigures(const Tables& tables, const workloads::Network& network)
      : levels_(table_named(tables, "levels")),
        cycles_(table_named(tables, "cases").number(0, "compute_cycles")),
        network_(network) {
    for (std::size_t row = 0; row < levels_.rows(); ++row)
      if (names_.empty() || names_.back() != levels_.at(row, "level"))
        names_.push_back(levels_.at(row, "level"));
    if (names_.size() < 3) throw UserError("the prediction has no buffer between MAC and DRAM");
  }

  ToolFigures read() {
    figures_.register_words = figures_.buffer_words = figures_.dram_rate = 0;
    for (std::size_t row = 0; row < levels_.rows(); ++row)
      if (levels_.at(row, "tensor") != "-" && levels_.at(row, "kept") == "1") add(row);
    return figures_;
  }

 private:
  int operand_of(const std::string& tensor) const {
    const auto& inputs = network_.layers.front().inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (network_.tensors[inputs[i].tensor].name == tensor) return static_cast<int>(i);
    return 2;
  }

  void add(std::size_t row) {
    const auto& level = levels_.at(row, "level");
    const int x = operand_of(levels_.at(row, "tensor"));
    const double sent = levels_.number(row, x == 2 ? "updates_total" : "reads_total");
    const double tile = levels_.number(row, "tile_words_per_instance");
    if (level == names_.back()) {
      figures_.words[x].dram = sent;
      *figures_.dram_rate += sent / cycles_;
      if (x == 2) figures_.words[x].buffer = sent;
    } else if (level == names_[names_.size() - 2]) {
      *figures_.buffer_words += tile;
      figures_.words[x].array = sent;
      figures_.array_rate[x] = sent / levels_.number(row, "instances_used") / cycles_;
      if (x != 2) figures_.words[x].buffer = levels_.number(row, "fills_total");
    } else {
      *figures_.register_words += tile;
      if (x != 2 && !figures_.words[x].filled)
        figures_.words[x].filled = levels_.number(row, "fills_total");
    }
  }

  CsvTable levels_;
  double cycles_;
  const workloads::Network& network_;
  std::vector<std::string> names_;
  ToolFigures figures_;
};

/// Interstellar: mem0 registers, mem1 buffer, mem2 DRAM; outputs count 2n - 1 accesses of n
/// updates. It has no time; rates are at the fewest cycles that the work can take.
ToolFigures interstellar_figures(const Tables& tables) {
  const auto cases = table_named(tables, "cases");
  const auto access = table_named(tables, "access");
  const auto blocks = table_named(tables, "blocks");
  const double cycles = cases.number(0, "ideal_cycles");
  const char* names[] = {"if", "fl", "of"};
  ToolFigures figures;
  const auto held = [&](std::size_t level, const std::string& columns) {
    double words = 0;
    for (const char* name : names) words += blocks.number(level, columns + name);
    return words;
  };
  figures.register_words = held(0, "bank_");
  figures.buffer_words = held(1, "block_");
  figures.dram_rate = 0;
  for (std::size_t row = 0; row < access.rows(); ++row) {
    if (access.at(row, "part") != "all") continue;
    for (int x = 0; x < 3; ++x) {
      double words = access.number(row, std::string("total_") + names[x]);
      if (x == 2) words = (words + cases.number(0, "of_size")) / 2;
      if (access.at(row, "where") == "mem1") {
        figures.words[x].array = words;
        figures.array_rate[x] = words / cycles;
      } else if (access.at(row, "where") == "mem2") {
        figures.words[x].buffer = figures.words[x].dram = words;
        *figures.dram_rate += words / cycles;
      }
    }
  }
  return figures;
}

}  // namespace

ToolFigures figures_of(const std::string& model, const Tables& tables,
                       const workloads::Network& network) {
  if (tables.front().rows.size() != 1)
    throw UserError("--model ", model, ": ", tables.front().rows.size(),
                    " layers; needs and reuse are reported for one");
  if (model == "maestro") return maestro_figures(tables);
  if (model == "timeloop") return TimeloopFigures(tables, network).read();
  if (model == "interstellar") return interstellar_figures(tables);
  throw UserError("--model ", model,
                  ": needs and reuse are known of timeloop, interstellar, maestro");
}

}  // namespace tessera::app
