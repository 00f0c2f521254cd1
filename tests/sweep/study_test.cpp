// What a study expands to, what it refuses, and numbers picked out of results.
#include "sim/sweep/study.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sim/base/scratch_folder.h"
#include "sim/sweep/metric.h"
#include "tests/support/refusal.h"

namespace tessera::sweep {
namespace {

namespace fs = std::filesystem;

const RunOptions kOptions = {{"network", "batch", "accelerator"}, {"functional"}};

class StudyText : public testing::Test {
 protected:
  Study load(const std::string& text, const std::string& version = "1") {
    std::ofstream(path_) << text;
    return load_study(path_.string(), kOptions, version);
  }
  /// What is said of the study, without the file's name in front.
  std::string refusal(const std::string& text) {
    const auto front = path_.string() + ": ";
    return test::refusal_of([&] { load(text); }, front + "accepted").substr(front.size());
  }

 private:
  ScratchFolder folder_;
  fs::path path_ = folder_ / "study.textproto";
};

using Words = std::vector<std::string>;

TEST_F(StudyText, ExpandsEveryCombinationTheLastParameterFastest) {
  const auto study = load(R"(
    name: "s" fixed { key: "--network" value: "n" } fixed { key: "--functional" value: "true" }
    parameter { key: "rows" value: "1" value: "2" }
    parameter { key: "--batch" value: "3" value: "4" })");
  EXPECT_EQ(study.keys, (Words{"rows", "--batch"}));
  ASSERT_EQ(study.points.size(), 4u);
  EXPECT_EQ(study.points[0].values, (Words{"1", "3"}));
  EXPECT_EQ(study.points[1].values, (Words{"1", "4"}));
  EXPECT_EQ(study.points[2].values, (Words{"2", "3"}));
  EXPECT_EQ(study.points[2].arguments,
            (Words{"--network=n", "--functional", "--set=rows=2", "--batch=3"}));
}

TEST_F(StudyText, CombinesListedPointsWithParameters) {
  const auto study = load(R"(
    parameter { key: "rows" value: "1" value: "2" }
    point { setting { key: "a" value: "5" } setting { key: "b" value: "6" } }
    point { setting { key: "a" value: "7" } setting { key: "b" value: "8" } })");
  EXPECT_EQ(study.keys, (Words{"a", "b", "rows"}));
  ASSERT_EQ(study.points.size(), 4u);
  EXPECT_EQ(study.points[2].values, (Words{"7", "8", "1"}));
}

TEST_F(StudyText, HashIsThatOfTheConfiguration) {
  const std::string text = R"(parameter { key: "rows" value: "1" value: "2" })";
  const auto study = load(text);
  EXPECT_NE(study.points[0].hash, study.points[1].hash);
  EXPECT_EQ(load(text).points[1].hash, study.points[1].hash);
  EXPECT_NE(load(text, "2").points[1].hash, study.points[1].hash);
  // The order of points does not matter, nor what else is in the study.
  EXPECT_EQ(load(R"(parameter { key: "rows" value: "3" value: "1" })").points[1].hash,
            study.points[0].hash);
  // What a named file holds does.
  const ScratchFolder folder;
  const auto file = folder / "network.textproto";
  const std::string named =
      "fixed { key: '--network' value: '" + file.string() + "' } parameter { key: 'a' value: '1' }";
  std::ofstream(file) << "one";
  const auto before = load(named).points[0].hash;
  std::ofstream(file) << "two";
  EXPECT_NE(load(named).points[0].hash, before);
}

TEST_F(StudyText, RefusalsNameKeyAndWhatIsAllowed) {
  EXPECT_EQ(refusal(""), "has no parameter and no listed point");
  EXPECT_EQ(refusal("parameter { key: 'a' }"), "parameter a: has no values");
  EXPECT_EQ(refusal("parameter { value: 'a' }"), "a setting has no key");
  EXPECT_EQ(refusal("fixed { key: 'a' value: '1' } parameter { key: 'a' value: '2' }"),
            "a is set twice");
  EXPECT_EQ(refusal("parameter { key: '--batsh' value: '1' }"),
            "--batsh: no option of tessera run that a study may set; did you mean batch?");
  EXPECT_EQ(refusal("parameter { key: '--functional' value: '1' }"),
            "--functional: '1'; allowed: true, false");
  EXPECT_EQ(refusal("parameter { key: 'a' value: '1' value: '1' }"),
            "two points are alike: --set=a=1");
  EXPECT_EQ(refusal("point { setting { key: 'a' value: '1' } } point { setting { key: 'b' } }"),
            "a listed point sets b; allowed: the keys of the first point, in its order");
  EXPECT_EQ(refusal("parameter { key: 'c' value: '1' } point { setting { key: 'a' value: '1' } } "
                    "point { }"),
            "a listed point sets 1 keys; allowed: 2 with the parameters");
  const std::string rest = " parameter { key: 'a' value: '1' }";
  EXPECT_EQ(refusal("metric: 'cycels'" + rest),
            "metric cycels: a result has no field 'cycels'; did you mean cycles?");
  EXPECT_EQ(refusal("metric: 'network'" + rest), "metric network: is no number");
  EXPECT_EQ(refusal("metric: 'layers.cycles'" + rest),
            "metric layers.cycles: layers is a list; write layers[] or layers[0]");
  EXPECT_EQ(refusal("metric: 'layers[x].cycles'" + rest),
            "metric layers[x].cycles: 'layers[x]'; allowed: field, field[0], field[]");
  EXPECT_EQ(refusal("metric: 'cycles.total'" + rest),
            "metric cycles.total: cycles has no fields of its own");
}

TEST_F(StudyText, CostsAreWeightedSumsOfKeys) {
  const auto study = load(R"(
    metric: "cycles"
    parameter { key: "buffer" value: "1024" value: "2048" }
    parameter { key: "channels" value: "2" value: "4" }
    cost { name: "area" constant: 5 term { key: "buffer" weight: 0.25 }
           term { key: "channels" weight: 100 } })");
  EXPECT_EQ(study.columns(), (Words{"cycles", "area"}));
  ASSERT_EQ(study.costs.size(), 1u);
  // 5 + 1024 / 4 + 2 x 100 = 461; 5 + 2048 / 4 + 4 x 100 = 917.
  EXPECT_EQ(cost_of(study.costs[0], study.points[0]), 461);
  EXPECT_EQ(cost_of(study.costs[0], study.points[3]), 917);
}

TEST_F(StudyText, CostsChangeNoHash) {
  const std::string text = R"(parameter { key: "rows" value: "1" value: "2" })";
  const auto before = load(text).points[1].hash;
  EXPECT_EQ(load(text + "cost { name: 'c' constant: 1 }").points[1].hash, before);
}

TEST_F(StudyText, RefusesCostsThatAreNoNumbers) {
  const std::string keys = "parameter { key: 'rows' value: '1' value: 'two' } metric: 'cycles' ";
  EXPECT_EQ(refusal(keys + "cost { }"), "a cost has no name");
  EXPECT_EQ(refusal(keys + "cost { name: 'cycles' }"),
            "cost cycles: there is a metric or cost of this name");
  EXPECT_EQ(refusal(keys + "cost { name: 'c' term { key: 'row' weight: 1 } }"),
            "cost c: row is no parameter; did you mean rows?");
  EXPECT_EQ(refusal(keys + "cost { name: 'c' term { key: 'rows' weight: 1 } }"),
            "cost c: rows = two: is no number");
}

TEST(Metric, PicksFieldsEntriesAndSums) {
  const auto json = nlohmann::json::parse(
      R"({"cycles": 7, "energy_pj": {"total": 1.5}, "layers": [{"cycles": 3}, {"cycles": 4}, {}]})");
  EXPECT_EQ(metric_of(json, "cycles"), 7);
  EXPECT_EQ(metric_of(json, "energy_pj.total"), 1.5);
  EXPECT_EQ(metric_of(json, "layers[1].cycles"), 4);
  EXPECT_EQ(metric_of(json, "layers[].cycles"), 7);
  EXPECT_EQ(metric_of(json, "layers[9].cycles"), 0);
  EXPECT_EQ(metric_of(json, "network_on_chip.packets"), 0);
}

}  // namespace
}  // namespace tessera::sweep
