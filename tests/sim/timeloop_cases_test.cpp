// Timeloop's cases executed on the machine with all parts ideal: the words that cross every level
// equal the tool's, and where the factors are perfect so do the cycles.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "hw_models/description/convert.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/base/child_process.h"
#include "sim/base/csv.h"
#include "sim/results/collect.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

fs::path folder() { return fs::path(TESSERA_REFERENCE) / "timeloop"; }

/// Steps of the array that finished last.
Cycle array_steps(const sim::Machine& machine) {
  Cycle most = 0;
  for (const auto& tile : machine.tiles())
    most = std::max(most, tile->stack().of(hw::Cause::kCompute));
  return most;
}

/// "macs steps" and per operand: DRAM reads and writes, buffer fills, array reads and updates.
std::string simulated(const std::string& name, const std::string& problem,
                      const std::string& arch) {
  auto loaded = mapping::importers::load_tool_case(
      "timeloop", (folder() / "problems" / (problem + ".yaml")).string(),
      (folder() / "mappings" / (name + ".yaml")).string(),
      (folder() / "arch" / (arch + ".yaml")).string());
  auto machine = hw::to_accelerator(loaded.machine, arch);
  hw::idealise(machine, hw::IdealSet::all());
  const auto program = mapping::lower(loaded.schedule, loaded.network, machine);
  mapping::check(program, limits_of(machine));
  SCOPED_TRACE(name);
  return after_run(machine, program, [](const sim::Machine& whole, Cycle cycles) {
    const auto result = sim::collect(whole, cycles);
    std::ostringstream text;
    text << result.macs() << " " << array_steps(whole) << "\n";
    for (const auto& words : result.layers(0).words()) {
      text << words.operand() << " " << words.dram_read() << " " << words.dram_written();
      if (!words.bypasses_buffer())
        text << " " << words.buffer_received() << " " << words.array_delivered() << " "
             << words.array_collected();
      text << "\n";
    }
    return text.str();
  });
}

class Levels {
 public:
  Levels() : table_(CsvTable::load((folder() / "levels.csv").string())) {}

  std::string count(const std::string& name, const std::string& level, const std::string& tensor,
                    const std::string& column) const {
    for (std::size_t row = 0; row < table_.rows(); ++row)
      if (table_.at(row, "case") == name && table_.at(row, "level") == level &&
          table_.at(row, "tensor") == tensor)
        return table_.at(row, column).empty() ? "0" : table_.at(row, column);
    return "no such row";
  }

 private:
  CsvTable table_;
};

std::string expected(const Levels& levels, const std::string& name, const std::string& arch,
                     const std::string& macs, const std::string& steps,
                     const std::vector<std::string>& tensors) {
  const std::string buffer = arch == "tiles4x4" ? "TSRAM" : "GLB";
  std::ostringstream text;
  text << macs << " " << steps << "\n";
  for (const auto& tensor : tensors) {
    const bool output = tensor == "Outputs";
    text << tensor << " " << levels.count(name, "DRAM", tensor, "reads_total") << " "
         << (output ? levels.count(name, "DRAM", tensor, "updates_total") : "0");
    if (levels.count(name, buffer, tensor, "kept") == "1")
      text << " " << levels.count(name, buffer, tensor, "fills_total") << " "
           << levels.count(name, buffer, tensor, "reads_total") << " "
           << (output ? levels.count(name, buffer, tensor, "updates_total") : "0");
    text << "\n";
  }
  return text.str();
}

/// Operands in the order of the layer, as the simulation names them.
std::vector<std::string> tensors_in(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> tensors;
  std::string line;
  for (std::getline(in, line); std::getline(in, line);)
    tensors.push_back(line.substr(0, line.find(' ')));
  return tensors;
}

class TimeloopCases : public testing::TestWithParam<std::size_t> {};

TEST_P(TimeloopCases, MoveTheToolsWordsAndTakeItsSteps) {
  const CsvTable cases = CsvTable::load((folder() / "cases.csv").string());
  const std::size_t row = GetParam();
  ASSERT_EQ(cases.rows(), 38u);
  const auto& name = cases.at(row, "case");
  const auto text = simulated(name, cases.at(row, "problem"), cases.at(row, "arch"));
  EXPECT_EQ(text, expected(Levels(), name, cases.at(row, "arch"), cases.at(row, "macs"),
                           cases.at(row, "compute_cycles"), tensors_in(text)))
      << name;
}

/// One case fetches every weight 128 times and takes a minute and a half; it is left to `tessera
/// validate`.
std::vector<std::size_t> all_but_the_slowest() {
  const CsvTable cases = CsvTable::load((folder() / "cases.csv").string());
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < cases.rows(); ++row)
    if (cases.at(row, "case") != "tiles4x4__gemm_bert_ffn__cm_os_bypassW") rows.push_back(row);
  return rows;
}

INSTANTIATE_TEST_SUITE_P(All, TimeloopCases, testing::ValuesIn(all_but_the_slowest()));

}  // namespace
}  // namespace tessera::test
