// Speed of the analytical models in cases predicted per second of processor time, so that load on
// the machine does not matter.
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>

#include "mapping/cost/predictor.h"
#include "mapping/cost/timeloop/timeloop_model.h"
#include "mapping/importers/timeloop/mapping_file.h"
#include "mapping/importers/timeloop/problem.h"
#include "sim/base/csv.h"
#include "tests/support/reference_archive.h"

namespace {

namespace fs = std::filesystem;
using namespace tessera;

/// Cases per second of work that does some at every call.
double rate(const std::function<std::size_t()>& work) {
  constexpr double kLeastSeconds = 1;
  const std::clock_t start = std::clock();
  std::size_t cases = 0;
  double seconds = 0;
  do {
    cases += work();
    seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  } while (seconds < kLeastSeconds);
  return static_cast<double>(cases) / seconds;
}

std::size_t predict_folder(const std::string& model, const fs::path& folder) {
  return mapping::make_predictor(model)->predict_cases(folder, {}).front().rows.size();
}

struct TimeloopCase {
  mapping::importers::TimeloopArchitecture architecture;
  workloads::Network network;
  mapping::Schedule schedule;
};

std::vector<TimeloopCase> timeloop_cases(const fs::path& folder) {
  const auto keys = CsvTable::load((folder / "cases.csv").string());
  std::vector<TimeloopCase> cases;
  for (std::size_t row = 0; row < keys.rows(); ++row) {
    const auto file = [&](const char* part, const std::string& name) {
      return (folder / part / (name + ".yaml")).string();
    };
    TimeloopCase one;
    one.architecture =
        mapping::importers::load_timeloop_architecture({file("arch", keys.at(row, "arch"))});
    one.network =
        mapping::importers::load_timeloop_problem(file("problems", keys.at(row, "problem")));
    one.schedule = mapping::importers::load_timeloop_mapping(file("mappings", keys.at(row, "case")),
                                                             one.architecture, one.network);
    cases.push_back(std::move(one));
  }
  return cases;
}

std::size_t predict_loaded(const std::vector<TimeloopCase>& cases) {
  std::int64_t cycles = 0;
  for (const auto& one : cases)
    cycles += mapping::timeloop::predict_timeloop(one.schedule, one.network, one.architecture,
                                                  mapping::Faults::kAsShipped)
                  .cycles;
  return cycles > 0 ? cases.size() : 0;
}

void print(const char* what, double rate, const char* tool) {
  std::printf("%-52s %9.0f /s   the tool: %s\n", what, rate, tool);
  std::fflush(stdout);
}

void measure() {
  const auto maestro = test::unpack(test::load_reference("maestro"), "bench_maestro");
  print("MAESTRO layers, hardware and mapping files read",
        rate([&] { return predict_folder("maestro", maestro); }), "2,900");
  const fs::path timeloop = fs::path(TESSERA_REFERENCE) / "timeloop";
  const auto cases = timeloop_cases(timeloop);
  print("Timeloop mappings", rate([&] { return predict_loaded(cases); }), "600 to 825");
  print("Timeloop mappings, YAML read", rate([&] { return predict_folder("timeloop", timeloop); }),
        "600 to 825");
}

}  // namespace

int main() {
  try {
    measure();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_models: %s\n", error.what());
    return 1;
  }
}
