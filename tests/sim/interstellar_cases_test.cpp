// Interstellar's mappings executed on the machine with all parts ideal and traffic in whole blocks:
// the words that leave DRAM and buffer, and the sums that come back, equal an exact walk over the
// blocks (exact_counts.csv) for every tensor.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "hw_models/description/convert.h"
#include "mapping/importers/machine/tool_case.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/base/child_process.h"
#include "sim/base/csv.h"
#include "sim/results/collect.h"
#include "tests/support/reference_archive.h"
#include "tests/support/refusal.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;
using mapping::importers::ToolCase;

/// A folder that goes with its scope.
struct Removed {
  fs::path folder;
  ~Removed() { fs::remove_all(folder); }
};

/// The reference data, read once per test process.
class Reference {
 public:
  Reference()
      : files_(load_reference("interstellar")),
        cases_(CsvTable::parse(files_.at("cases.csv"), "cases.csv")),
        exact_(CsvTable::parse(files_.at("exact_counts.csv"), "exact_counts.csv")) {}

  const CsvTable& exact() const { return exact_; }

  ToolCase load(const std::string& name) const {
    const std::size_t row = row_of(cases_, name);
    const auto mapping = mapping::JsonValue::parse(line_of(name), "schedules.jsonl");
    const auto layer = "layer/" + cases_.at(row, "layer") + ".json";
    const auto arch = "arch/" + cases_.at(row, "arch") + ".json";
    const auto folder =
        unpack({{layer, files_.at(layer)}, {arch, files_.at(arch)}}, "interstellar_" + name);
    const Removed removed{folder};
    return mapping::importers::load_interstellar_case((folder / layer).string(), mapping,
                                                      (folder / arch).string());
  }

 private:
  static std::size_t row_of(const CsvTable& table, const std::string& name) {
    for (std::size_t row = 0; row < table.rows(); ++row)
      if (table.at(row, "case") == name) return row;
    throw std::runtime_error("no case " + name);
  }

  std::string line_of(const std::string& name) const {
    std::istringstream in(files_.at("schedules.jsonl"));
    std::string line;
    while (std::getline(in, line))
      if (line.find("\"case\": \"" + name + "\"") != std::string::npos) return line;
    throw std::runtime_error("no mapping of " + name);
  }

  std::map<std::string, std::string> files_;
  CsvTable cases_, exact_;
};

const Reference& reference() {
  static const Reference reference;
  return reference;
}

/// mem1 is the buffer, mem2 DRAM; operands are input, filter, output.
std::string expected(const std::string& name) {
  std::string text[2];
  const auto& exact = reference().exact();
  for (std::size_t row = 0; row < exact.rows(); ++row) {
    if (exact.at(row, "case") != name) continue;
    text[exact.at(row, "where") == "mem1"] =
        exact.at(row, "where") + " if " + exact.at(row, "exact_if") + " fl " +
        exact.at(row, "exact_fl") + " of " + exact.at(row, "exact_of_write") + " back " +
        exact.at(row, "exact_of_read") + "\n";
  }
  return text[0] + text[1];
}

std::string counted(const sim::Machine& machine, Cycle cycles) {
  const auto result = sim::collect(machine, cycles);
  const auto& layer = result.layers(0);
  const auto &input = layer.words(0), &filter = layer.words(1), &output = layer.words(2);
  std::ostringstream text;
  text << "mem2 if " << input.dram_read() << " fl " << filter.dram_read() << " of "
       << output.dram_written() << " back " << output.dram_read() << "\nmem1 if "
       << input.array_delivered() << " fl " << filter.array_delivered() << " of "
       << output.array_collected() << " back " << output.array_delivered() << "\n";
  return text.str();
}

std::string simulated(const std::string& name) {
  const auto loaded = reference().load(name);
  auto accelerator = hw::to_accelerator(loaded.machine, name);
  hw::idealise(accelerator, hw::IdealSet::all());
  const auto program = mapping::lower(loaded.schedule, loaded.network, accelerator);
  mapping::check(program, limits_of(accelerator));
  SCOPED_TRACE(name);
  sim::MachineOptions how;
  how.whole_blocks = true;
  return after_run(accelerator, program, counted, how);
}

/// Cases of two levels of registers, which our PEs do not have.
const std::set<std::string> kRefused = {"g229", "g387"};

/// Cases that take more than 3.3 s each, 23 s together; they are equal too and left to
/// `tessera validate`.
const std::set<std::string> kSlow = {"g240", "g364", "g432"};

/// The cases of the walk, in its order.
std::vector<std::string> names() {
  std::vector<std::string> names;
  const auto& exact = reference().exact();
  for (std::size_t row = 0; row < exact.rows(); ++row)
    if (names.empty() || names.back() != exact.at(row, "case"))
      names.push_back(exact.at(row, "case"));
  return names;
}

std::vector<std::string> names_to_run() {
  auto kept = names();
  std::erase_if(kept,
                [](const auto& name) { return kRefused.contains(name) || kSlow.contains(name); });
  return kept;
}

class InterstellarCases : public testing::TestWithParam<std::string> {};

TEST_P(InterstellarCases, MoveTheWordsOfTheExactWalk) {
  EXPECT_EQ(simulated(GetParam()), expected(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All, InterstellarCases, testing::ValuesIn(names_to_run()),
                         [](const auto& one) { return one.param; });

TEST(InterstellarCaseList, AllButTheNamedOnesRun) {
  EXPECT_EQ(names().size(), 93u);
  EXPECT_EQ(names_to_run().size(), 93u - 2u - 3u);
}

TEST(InterstellarCaseList, TwoLevelsOfRegistersAreRefused) {
  for (const auto& name : kRefused) {
    expect_refused([&] { reference().load(name); },
                   "an architecture of 4 memory levels; ours has three");
  }
}

}  // namespace
}  // namespace tessera::test
