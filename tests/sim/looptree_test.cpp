// The LoopTree reference cases executed: what the tool predicts without a machine, word for word.
#include <gtest/gtest.h>

#include <sstream>

#include "hw_models/description/convert.h"
#include "mapping/lowering.h"
#include "mapping/program_checker.h"
#include "sim/app/looptree_inputs.h"
#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "tests/support/simulation.h"

namespace tessera::test {
namespace {

const std::string kFolder = std::string(TESSERA_SOURCE_DIR) + "/validation/reference/looptree";

struct Measured {
  std::int64_t macs = 0, read_words = 0, written_words = 0, reserved_words = 0;
};

std::ostream& operator<<(std::ostream& out, const Measured& measured) {
  return out << measured.macs << " MACs, " << measured.read_words << " words read, "
             << measured.written_words << " written, " << measured.reserved_words << " reserved";
}

Measured measure(const hw::Accelerator& machine, const mapping::Program& program) {
  std::istringstream found(after_run(machine, program, [&](const sim::Machine& whole, Cycle) {
    Measured sum;
    for (const auto& tile : whole.tiles()) {
      for (const auto& counts : tile->counts()) sum.macs += counts.macs;
      sum.reserved_words += tile->peak_reserved_words();
    }
    for (const auto& interface : whole.dram()) {
      sum.read_words +=
          static_cast<std::int64_t>(interface->counts().read_bytes) / program.word_bytes;
      sum.written_words +=
          static_cast<std::int64_t>(interface->counts().written_bytes) / program.word_bytes;
    }
    std::ostringstream text;
    text << sum.macs << " " << sum.read_words << " " << sum.written_words << " "
         << sum.reserved_words;
    return text.str();
  }));
  Measured measured;
  found >> measured.macs >> measured.read_words >> measured.written_words >>
      measured.reserved_words;
  return measured;
}

/// A tensor between pipeline stages lies in the consumer's window, as the tool counts it, and once
/// more where it was computed.
std::int64_t hand_over_words(const mapping::Program& program) {
  std::int64_t words = 0;
  for (const auto& stage : program.stages) {
    const auto& slot = stage.slots[stage.output_slot];
    if (!slot.streams) continue;
    std::int64_t granule = 1;
    for (const auto extent : slot.extents) granule *= extent;
    words += granule * slot.granules;
  }
  return words;
}

std::string text_of(const Measured& measured) {
  std::ostringstream text;
  text << measured;
  return text.str();
}

TEST(LoopTreeSimulation, CasesEqualThePredictedWordsMacsAndTrueCapacity) {
  const CsvTable cases = CsvTable::load(kFolder + "/cases.csv");
  int compared = 0;
  for (std::size_t row = 0; row < cases.rows(); ++row) {
    const bool pipelined = cases.at(row, "branch") == "pipeline";
    const auto architecture = kFolder + "/arch/" + cases.at(row, "arch") + ".yaml";
    const auto network =
        app::load_looptree_network(kFolder + "/workloads/" + cases.at(row, "workload") + ".yaml");
    const auto schedule = app::load_looptree_schedule(
        kFolder + "/mappings/" + cases.at(row, "case") + ".yaml", architecture, network);
    const auto machine = hw::to_accelerator(
        app::looptree_machine(architecture, app::tiles_of_mapping(schedule)), architecture);
    const auto program = mapping::lower(schedule, network, machine);
    mapping::check(program, limits_of(machine));
    const auto number = [&](const char* column) { return std::stoll(cases.at(row, column)); };
    const Measured expected{
        number("macs_executed"), number("dram_reads_words"), number("dram_writes_words"),
        number("glb_capacity_words_max") + (pipelined ? hand_over_words(program) : 0)};
    EXPECT_EQ(text_of(measure(machine, program)), text_of(expected)) << cases.at(row, "case");
    ++compared;
  }
  EXPECT_EQ(compared, 44);
}

}  // namespace
}  // namespace tessera::test
