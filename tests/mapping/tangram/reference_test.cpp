// The tool's own numbers for 46 schedules with 660 layers; see validation/reference/tangram.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "mapping/cost/tangram/predictor.h"
#include "sim/base/csv.h"
#include "tests/support/reference_archive.h"

namespace tessera::mapping {

namespace {

using Json = nlohmann::ordered_json;

/// The tool's hop counts of these layers are those of another placement: it remembers them under a
/// key that leaves out which tile holds what. Their `memory_once_exact` is right.
constexpr int kLayersWithForeignHops = 21;

void erase(Json& object, const std::vector<std::string>& keys) {
  for (const auto& key : keys) object.erase(key);
}

/// The schedule without anything that the tool predicted.
std::string without_predictions(const std::string& text) {
  auto file = Json::parse(text);
  file.erase("totals");
  for (auto& segment : file["segments"])
    erase(segment, {"critical_time_full_batch", "node_time", "dram_time", "time", "time_overhead"});
  for (auto& layer : file["layers"]) {
    erase(layer, {"timing", "accesses", "noc_word_hops", "energy", "macs"});
    erase(layer["blocking"], {"fetch_gbuf", "fetch_regf", "gbuf_words_per_tile",
                              "regf_words_per_pe", "unit_count_gbuf", "unit_count_regf"});
    erase(layer["sharing"],
          {"fetch_divisor", "group_size", "rotation_hops_per_word", "wide_fetch_hops_per_word"});
  }
  return file.dump();
}

struct Predicted {
  std::map<std::string, CsvTable> tables;
  std::map<std::string, Json> schedules;  ///< with the tool's numbers, by case
  CsvTable summary;
};

Predicted predict_all() {
  auto files = test::load_reference("tangram");
  Predicted predicted;
  predicted.summary = CsvTable::parse(files.at("summary.csv"), "summary");
  files["summary.csv"] =
      test::keep_columns(files.at("summary.csv"), {"case", "network", "variant", "schedule_file"});
  for (auto& [name, text] : files) {
    if (!name.ends_with(".json")) continue;
    const auto stem = std::filesystem::path(name).stem().string();
    predicted.schedules[stem] = Json::parse(text);
    text = without_predictions(text);
  }
  const auto folder = test::unpack(files, "tangram_cases");
  for (const auto& table : make_tangram_predictor()->predict_cases(folder, {}))
    predicted.tables.emplace(table.name, CsvTable::parse(to_csv(table), table.name));
  return predicted;
}

void expect_number(const CsvTable& table, std::size_t row, const std::string& column,
                   const Json& want, const std::string& where) {
  const double value = want.get<double>();
  // Ten significant digits are printed; counts below 2^53 print whole.
  EXPECT_NEAR(table.number(row, column), value, 1e-9 * std::abs(value)) << where << " " << column;
}

/// The tool multiplies in floating point and leaves 1e-16 of dust on some counts.
std::int64_t whole(const Json& count) { return std::llround(count.get<double>()); }

void expect_layer(const CsvTable& table, std::size_t row, const Json& layer,
                  const std::string& where) {
  for (const char* column :
       {"time", "compute_time", "dram_time", "start_full_batch", "done_full_batch", "ofm_groups"})
    EXPECT_EQ(table.integer(row, column), layer["timing"][column]) << where << " " << column;
  EXPECT_EQ(table.integer(row, "macs"), layer["macs"]) << where;
  for (const std::string datum : {"fil", "ifm", "ofm"}) {
    for (const std::string level : {"dram", "gbuf", "itcn", "regf", "remote_gbuf"})
      EXPECT_EQ(table.integer(row, level + "_" + datum), whole(layer["accesses"][level][datum]))
          << where << level << datum;
    EXPECT_EQ(table.integer(row, "gbuf_words_per_tile_" + datum),
              layer["blocking"]["gbuf_words_per_tile"][datum])
        << where << datum;
    EXPECT_EQ(table.integer(row, "memory_once_exact_" + datum),
              layer["noc_word_hops"]["memory_once_exact"][datum])
        << where << datum;
    expect_number(table, row, "sharing_" + datum, layer["noc_word_hops"]["sharing"][datum], where);
    if (datum == "fil" && layer["kind"] != "conv") continue;  // there are no weights to fetch
    for (const std::string level : {"fetch_gbuf", "fetch_regf"})
      EXPECT_EQ(table.integer(row, level + "_" + datum), layer["blocking"][level][datum])
          << where << level << datum;
  }
  for (const std::string part : {"mac", "access", "static"})
    expect_number(table, row, "energy_" + part, layer["energy"][part], where);
}

TEST(TangramReference, EveryLayerEqualsTheTool) {
  const auto predicted = predict_all();
  const auto& table = predicted.tables.at("layers");
  ASSERT_EQ(table.rows(), 660u);
  std::map<std::string, std::size_t> next;
  int foreign_hops = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto& name = table.at(row, "case");
    const Json& layer = predicted.schedules.at(name)["layers"][next[name]++];
    const std::string where = name + " " + table.at(row, "layer") + " ";
    ASSERT_EQ(table.at(row, "layer"), layer["name"]);
    expect_layer(table, row, layer, where);
    if (layer["noc_word_hops"]["memory_once"] != layer["noc_word_hops"]["memory_once_exact"]) {
      ++foreign_hops;
      continue;
    }
    expect_number(table, row, "energy_noc", layer["energy"]["noc"], where);
    expect_number(table, row, "energy_total", layer["energy"]["total"], where);
  }
  EXPECT_EQ(foreign_hops, kLayersWithForeignHops);
}

TEST(TangramReference, EverySegmentEqualsTheTool) {
  const auto predicted = predict_all();
  const auto& table = predicted.tables.at("segments");
  std::size_t segments = 0;
  for (const auto& [name, schedule] : predicted.schedules) segments += schedule["segments"].size();
  ASSERT_EQ(table.rows(), segments);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const Json& segment =
        predicted.schedules.at(table.at(row, "case"))["segments"][table.integer(row, "segment")];
    for (const char* column : {"critical_time_full_batch", "node_time", "dram_time", "time"})
      EXPECT_EQ(table.integer(row, column), segment[column])
          << table.at(row, "case") << " " << row << column;
  }
}

bool has_foreign_hops(const Json& schedule) {
  return schedule["totals"]["noc_word_hops"] != schedule["totals"]["noc_word_hops_exact"];
}

/// Equal as far as the summary prints: nine digits, or four decimals for ratios and three for a
/// fraction.
void expect_summary_cell(const std::string& want, const std::string& have,
                         const std::string& column, const std::string& where) {
  if (want == have) return;
  ASSERT_FALSE(want.empty() || have.empty())
      << where << column << ": '" << have << "' for '" << want << "'";
  const double value = std::stod(want);
  const double tolerance = column.ends_with("_vs_baseline")   ? 5.1e-5
                           : column.starts_with("dram_bound") ? 5.1e-4
                                                              : 5.1e-9 * value;
  EXPECT_NEAR(std::stod(have), value, tolerance) << where << column;
}

TEST(TangramReference, SummaryEqualsTheTool) {
  const auto predicted = predict_all();
  const auto& table = predicted.tables.at("summary");
  ASSERT_EQ(table.rows(), predicted.summary.rows());
  int compared = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.at(row, "schedule_file").empty()) {
      EXPECT_EQ(table.at(row, "total_time_cycles"), "");
      continue;
    }
    const auto& name = table.at(row, "case");
    const bool foreign = has_foreign_hops(predicted.schedules.at(name));
    for (const auto& column : predicted.summary.columns()) {
      if (!table.has(column)) continue;
      const bool on_hops = column == "noc_word_hops" || column == "energy_noc" ||
                           column == "total_energy" || column == "energy_vs_baseline";
      if (on_hops && foreign) continue;
      expect_summary_cell(predicted.summary.at(row, column), table.at(row, column), column,
                          name + " ");
    }
    ++compared;
  }
  EXPECT_EQ(compared, 46);
}

}  // namespace

}  // namespace tessera::mapping
