// MAESTRO's clusters on the axes of an array: sums along both, diagonals.
#include <gtest/gtest.h>

#include "mapping/importers/machine/array_axes.h"
#include "mapping/importers/maestro/import.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::importers {
namespace {

constexpr std::int64_t kPes = 54;

maestro::Import import(const std::string& dataflow, int stride = 1, int window = 3) {
  const std::string size = std::to_string(window);
  const std::string text =
      "Network n { Layer l { Type: CONV Stride { X: " + std::to_string(stride) +
      ", Y: " + std::to_string(stride) + " } Dimensions { K: 6, C: 2, R: " + size + ", S: " + size +
      ", Y: 9, X: 9 } Dataflow { " + dataflow + " } } }";
  std::string spaced;
  for (const char c : text)
    spaced += c == '{' || c == '}' ? std::string(" ") + c + " " : std::string(1, c);
  return maestro::import_mapping(maestro::parse_mapping(spaced, "t.m"), "t.m", kPes);
}

const std::string kFilter = "TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S; ";
/// A filter per cluster of rows of columns.
const std::string kMaeri =
    "TemporalMap(1,1) C; SpatialMap(1,1) K; TemporalMap(1,1) Y'; TemporalMap(1,1) X'; " + kFilter +
    "Cluster(Sz(R),P); SpatialMap(1,1) Y; SpatialMap(1,1) R; "
    "Cluster(Sz(S),P); SpatialMap(1,1) X; SpatialMap(1,1) S;";
const std::string kRowStationary =
    "SpatialMap(1,1) Y'; TemporalMap(1,1) X'; TemporalMap(1,1) C; TemporalMap(6,6) K; " + kFilter +
    "Cluster(Sz(R),P); SpatialMap(1,1) Y; SpatialMap(1,1) R; TemporalMap(Sz(S),Sz(S)) S;";

std::string settled(maestro::Import import) {
  auto& schedule = import.schedules.front();
  settle_diagonals(schedule, import.network);
  return to_text(schedule);
}

// Filter rows over three PEs, input rows with them: three rows of one output.
TEST(Diagonal, OverOneOutputIsASplitOfTheFilter) {
  const auto text = settled(import(kRowStationary));
  EXPECT_NE(text.find("split R size 1 ways 3 over array_x"), std::string::npos) << text;
  EXPECT_EQ(text.find("I0's"), std::string::npos) << text;
}

TEST(Diagonal, OfOneUnitIsNone) {
  const auto text = settled(import(kRowStationary, 1, 1));
  EXPECT_NE(text.find("split P size 1 ways 1 over array_x"), std::string::npos) << text;
}

TEST(Diagonal, OverSeveralOutputsIsRefused) {
  std::string two_rows = kRowStationary;
  two_rows.replace(two_rows.find("SpatialMap(1,1) Y'"), 18, "SpatialMap(2,2) Y'");
  EXPECT_EQ(test::refusal_of([&] { settled(import(two_rows)); }),
            "t.m: layer l: ranks P, R advance together over one axis of the array: the units have "
            "2 outputs along P between them; one works");
}

// Windows of 1 x 1 with stride 2: inside a PE one row of inputs is one output, wherever the next
// is.
TEST(InputRows, OfOneOutputAreThatOutput) {
  const auto text =
      settled(import("TemporalMap(1,1) K; TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X; " +
                         kFilter + "SpatialMap(2,2) C; Cluster(2,P); SpatialMap(1,1) C;",
                     2, 1));
  EXPECT_EQ(text.find("of I0"), std::string::npos) << text;
}

// Clusters of 3 x 3 add along rows and columns: six filters' worth are 6 x 3 x 3 rows in one
// column.
TEST(SumsToRows, ColumnsThatAddBecomeRows) {
  auto maeri = import(kMaeri);
  auto& schedule = maeri.schedules.front();
  settle_diagonals(schedule, maeri.network);
  EXPECT_EQ(array_ways(schedule, Axis::kArrayX), 3);
  EXPECT_EQ(sums_to_rows(schedule, maeri.network), SumAxes::kFolded);
  EXPECT_EQ(array_ways(schedule, Axis::kArrayY), 54);
  EXPECT_EQ(array_ways(schedule, Axis::kArrayX), 1);
}

// Channels along the inner axis, filters along the outer one: turned, so that channels are rows.
TEST(SumsToRows, ColumnsAloneAreTurned) {
  auto turned = import(
      "SpatialMap(1,1) K; TemporalMap(2,2) C; TemporalMap(Sz(R),1) Y; "
      "TemporalMap(Sz(S),1) X; " +
      kFilter + "Cluster(2,P); SpatialMap(1,1) C;");
  auto& schedule = turned.schedules.front();
  EXPECT_EQ(sums_to_rows(schedule, turned.network), SumAxes::kTurned);
  EXPECT_EQ(array_ways(schedule, Axis::kArrayY), 2);
  EXPECT_EQ(array_ways(schedule, Axis::kArrayX), 27);
  EXPECT_EQ(sums_to_rows(schedule, turned.network), SumAxes::kAsWritten);
}

}  // namespace
}  // namespace tessera::mapping::importers
