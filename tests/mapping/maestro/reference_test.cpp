// The tool's own output on 1,672 layers, dataflows and machines; see validation/reference/maestro.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <set>

#include "mapping/cost/maestro/model.h"
#include "mapping/cost/maestro/predictor.h"
#include "mapping/importers/maestro/import.h"
#include "sim/base/csv.h"
#include "tests/support/reference_archive.h"

namespace tessera::mapping {

namespace {

constexpr std::size_t kRows = 1672;
constexpr std::size_t kRowsWithoutWork = 29;

/// The folder as a user has it who knows no answers.
std::map<std::string, std::string> questions(std::map<std::string, std::string> files) {
  files.erase("iteration_cases.csv");
  files["predictions.csv"] = test::keep_columns(
      files.at("predictions.csv"), {"layer", "type", "dataflow", "hw", "mapping_file"});
  return files;
}

CsvTable predict_all(const std::map<std::string, std::string>& files, Faults faults) {
  const auto folder = test::unpack(questions(files), "maestro_cases");
  const auto tables = make_maestro_predictor()->predict_cases(folder, {faults});
  return CsvTable::parse(to_csv(tables.front()), "predicted");
}

/// Printed with six significant digits by the tool.
void expect_printed_equal(const std::string& expected, const std::string& predicted,
                          const std::string& where) {
  if (expected == predicted) return;
  const double value = std::stod(expected);
  EXPECT_NEAR(value, std::stod(predicted), 5.1e-6 * std::abs(value)) << where;
}

const std::vector<std::string> kAlwaysEqual = {
    "macs_exact",      "macs_reported",  "consistent",      "ideal_cycles",   "runtime_cycles",
    "input_l1_read",   "input_l1_write", "input_l2_read",   "input_l2_write", "filter_l1_read",
    "filter_l1_write", "filter_l2_read", "filter_l2_write", "output_l1_read", "output_l1_write",
    "output_l2_read",  "output_l2_write"};

// Printed with six digits, or statistics over steps, which mean nothing where the tool dropped all
// steps.
const std::vector<std::string> kRounded = {"energy_mac_units", "avg_util_pes", "avg_noc_bw_req"};
const std::vector<std::string> kOverSteps = {
    "peak_noc_bw_req", "offchip_bw_req", "l1_size_req", "l2_size_req", "ingress_min",
    "ingress_max",     "ingress_avg",    "egress_min",  "egress_max",  "egress_avg",
    "compute_min",     "compute_max",    "compute_avg"};

TEST(MaestroReference, EveryRowEqualsTheTool) {
  const auto files = test::load_reference("maestro");
  const auto expected = CsvTable::parse(files.at("predictions.csv"), "expected");
  const auto predicted = predict_all(files, Faults::kAsShipped);
  ASSERT_EQ(expected.rows(), kRows);
  ASSERT_EQ(predicted.rows(), kRows);
  std::size_t without_work = 0;
  for (std::size_t row = 0; row < kRows; ++row) {
    const std::string where = expected.at(row, "mapping_file") + " on " + expected.at(row, "hw");
    for (const auto& column : kAlwaysEqual)
      EXPECT_EQ(predicted.at(row, column), expected.at(row, column)) << where << " " << column;
    expect_printed_equal(expected.at(row, "energy_mac_units"),
                         predicted.at(row, "energy_mac_units"), where);
    if (expected.at(row, "runtime_cycles") == "0") {
      ++without_work;
      continue;
    }
    for (const auto& column : kOverSteps)
      EXPECT_EQ(predicted.at(row, column), expected.at(row, column)) << where << " " << column;
    for (const auto& column : kRounded)
      expect_printed_equal(expected.at(row, column), predicted.at(row, column),
                           where + " " + column);
  }
  EXPECT_EQ(without_work, kRowsWithoutWork);
}

// 96 rows lose or repeat work as shipped; mended, none does.
TEST(MaestroReference, FixedCoversEveryLayerExactly) {
  const auto files = test::load_reference("maestro");
  const auto fixed = predict_all(files, Faults::kFixed);
  for (std::size_t row = 0; row < fixed.rows(); ++row)
    EXPECT_EQ(fixed.at(row, "macs_reported"), fixed.at(row, "macs_exact"))
        << fixed.at(row, "mapping_file");
}

std::string row_text(const CsvTable& table, std::size_t row) {
  std::string text;
  for (const auto& column : table.columns()) text += table.at(row, column) + ",";
  return text;
}

std::string record_text(const std::string& key, const maestro::CaseRecord& r) {
  std::string text = key;
  for (const auto value :
       {static_cast<std::int64_t>(r.level), static_cast<std::int64_t>(r.invocation),
        static_cast<std::int64_t>(r.index), r.occurrences})
    text += std::to_string(value) + ",";
  text += r.states + ",";
  if (r.skipped) return text + ",,,,,,,,1,";
  for (const auto value : {r.partial_products, r.traffic.input, r.traffic.weight, r.traffic.output,
                           r.ingress_delay, r.egress_delay, r.compute_delay, r.step_delay})
    text += std::to_string(value) + ",";
  return text + "0,";
}

std::vector<maestro::CaseRecord> analyse(const std::string& mapping,
                                         const std::string& hardware_text) {
  using namespace maestro;
  const auto text = parse_hardware(hardware_text, "hw");
  const Hardware hardware{text.num_pes, text.noc_bandwidth, text.noc_hops, text.offchip_bandwidth};
  const auto import = import_mapping(parse_mapping(mapping, "mapping"), "mapping", text.num_pes);
  const auto& layer = import.network.layers.front();
  const auto model = layer_model(layer);
  return iteration_cases(model, cluster_levels(import.schedules.front(), layer), hardware,
                         Faults::kAsShipped);
}

TEST(MaestroReference, EveryIterationCaseEqualsTheLog) {
  const auto files = test::load_reference("maestro");
  const auto expected = CsvTable::parse(files.at("iteration_cases.csv"), "expected");
  ASSERT_EQ(expected.rows(), 436u);
  for (std::size_t row = 0; row < expected.rows();) {
    const std::string layer = expected.at(row, "layer"), dataflow = expected.at(row, "dataflow"),
                      hw = expected.at(row, "hw");
    const std::string pes = hw.substr(1, hw.find('_') - 1);
    const auto records =
        analyse(files.at("mapping/" + layer + "__" + dataflow + "__p" + pes + ".m"),
                files.at("hw/" + hw + ".m"));
    for (const auto& record : records) {
      if (row == expected.rows()) break;
      EXPECT_EQ(record_text(layer + "," + dataflow + "," + hw + ",", record),
                row_text(expected, row));
      ++row;
    }
  }
}

// The tool itself makes about 2,900 layers a second.
TEST(MaestroReference, SpeedIsReported) {
  const auto folder = test::unpack(questions(test::load_reference("maestro")), "maestro_speed");
  const auto predictor = make_maestro_predictor();
  const auto start = std::chrono::steady_clock::now();
  const auto rows = predictor->predict_cases(folder, {}).front().rows.size();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::cout << static_cast<long>(static_cast<double>(rows) / seconds.count()) << " layers/s\n";
  EXPECT_EQ(rows, kRows);
}

}  // namespace

}  // namespace tessera::mapping
