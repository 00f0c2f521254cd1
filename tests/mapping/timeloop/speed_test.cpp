// Mappings predicted per second of processor time, so that load on the machine does not matter.
#include <gtest/gtest.h>

#include <ctime>

#include "mapping/cost/timeloop/timeloop_model.h"
#include "mapping/importers/timeloop/mapping_file.h"
#include "mapping/importers/timeloop/problem.h"
#include "sim/base/csv.h"

namespace tessera::mapping::timeloop {
namespace {

const std::string kFolder = std::string(TESSERA_SOURCE_DIR) + "/validation/reference/timeloop";

struct Case {
  importers::TimeloopArchitecture architecture;
  workloads::Network network;
  Schedule schedule;
};

std::vector<Case> reference_cases() {
  const CsvTable keys = CsvTable::load(kFolder + "/cases.csv");
  std::vector<Case> cases;
  for (std::size_t row = 0; row < keys.rows(); ++row) {
    Case one;
    one.architecture = importers::load_timeloop_architecture(
        {kFolder + "/arch/" + keys.at(row, "arch") + ".yaml"});
    one.network = importers::load_timeloop_problem(kFolder + "/problems/" +
                                                   keys.at(row, "problem") + ".yaml");
    one.schedule = importers::load_timeloop_mapping(
        kFolder + "/mappings/" + keys.at(row, "case") + ".yaml", one.architecture, one.network);
    cases.push_back(std::move(one));
  }
  return cases;
}

double mappings_per_second(const std::vector<Case>& cases, int rounds) {
  const std::clock_t start = std::clock();
  std::int64_t cycles = 0;
  for (int round = 0; round < rounds; ++round)
    for (const auto& one : cases)
      cycles +=
          predict_timeloop(one.schedule, one.network, one.architecture, Faults::kAsShipped).cycles;
  EXPECT_GT(cycles, 0);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  return rounds * static_cast<double>(cases.size()) / seconds;
}

/// Required of optimised builds only; others run it for the record.
TEST(Speed, FiveThousandMappingsPerSecond) {
  const double rate = mappings_per_second(reference_cases(), 20);
  RecordProperty("mappings_per_second", static_cast<int>(rate));
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
  EXPECT_GE(rate, 5000);
#endif
}

}  // namespace
}  // namespace tessera::mapping::timeloop
