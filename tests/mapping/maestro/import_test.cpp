#include "mapping/importers/maestro/import.h"

#include <gtest/gtest.h>

#include "sim/base/error.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::maestro {

namespace {

constexpr char kSmall[] =
    "Type: CONV Stride { X: 1, Y: 1 } Dimensions { K: 4, C: 6, R: 3, S: 3, Y: 8, X: 8 }\n";

std::string file(const std::string& layer) {
  return "Network n {\nLayer l {\n" + layer + "\n}\n}\n";
}

Import import(const std::string& text, std::int64_t pes = 64) {
  return import_mapping(parse_mapping(text, "a.m"), "a.m", pes);
}

std::string tree(const std::string& text, std::int64_t pes = 64) {
  return to_text(import(text, pes).schedules.front());
}

std::string message_of(const std::string& text, std::int64_t pes = 64) {
  return test::refusal_of([&] { import(text, pes); });
}

// Row stationary: the diagonal of input rows and filter rows is one split, and output maps Y'
// become maps of input rows.
TEST(Tree, RowStationaryDiagonalIsOneSplit) {
  const auto text = tree(file(std::string(kSmall) + R"(Dataflow {
      SpatialMap(1,1) Y'; TemporalMap(1,1) X'; TemporalMap(1,1) C; TemporalMap(4,4) K;
      TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S;
      Cluster(Sz(R),P);
      SpatialMap(1,1) Y; SpatialMap(1,1) R; TemporalMap(Sz(S),Sz(S)) S; })"));
  // 64 PEs in clusters of 3: 21 clusters. Inherited maps stand in front in reverse order.
  EXPECT_EQ(
      text,
      "store dram: W I0 O\n"
      "  store buffer: W (double) (multicast) I0 (double) (multicast) O (double)\n"
      "    split P size 1 ways 21 over array_y\n"
      "      loop Q tile 1\n"
      "        loop C tile 1\n"
      "          loop K tile 4\n"
      "            loop R tile 3\n"
      "              loop S tile 3\n"
      "                store group: W (double) (multicast) I0 (double) (multicast) O (double)\n"
      "                  loop K tile 4\n"
      "                    loop C tile 1\n"
      "                      loop Q tile 1\n"
      "                        split I0[P]+R size 1 ways 3 over array_x\n"
      "                          loop S tile 3\n"
      "                            store registers: W (double) (multicast) I0 (double) "
      "(multicast) O (double)\n"
      "                              layer l\n");
}

// Two spatial maps apart from each other keep their places and advance together.
TEST(Tree, SeparateSpatialMapsAreJoint) {
  const auto text = tree(
      "Network n { Layer g { Type: GEMM Dimensions { M: 8, K: 4, N: 6 } Dataflow {"
      " SpatialMap(2,3) M; TemporalMap(1,1) K; SpatialMap(1,1) N; } } }",
      4);
  EXPECT_NE(text.find("split M size 2 step 3 ways 4 over array_x\n"), std::string::npos) << text;
  EXPECT_NE(text.find("loop C tile 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("split K size 1 ways 4 over array_x joint\n"), std::string::npos) << text;
}

// Sizes are written as if the stride were one: (Sz(R),1) is one output row, so at stride 2 it is
// (R,2). A map that is no whole number of outputs keeps input rows: 4 rows at step 1 are one output
// (the tool shrinks size 4 to (4+2-3)/2 = 1 output, 3 rows, step 2).
TEST(Tree, StrideAdjustsMapsOfTheInput) {
  const auto text = tree(
      "Network n { Layer l { Type: CONV Stride { X: 2 Y: 2 } Dimensions { K: 2 C: 2 R: 3 S: 3 Y: 9 "
      "X: 9 }"
      " Dataflow { SpatialMap(1,1) K; TemporalMap(Sz(R),1) Y; TemporalMap(4,1) X; } } }");
  EXPECT_NE(text.find("loop P tile 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("loop Q tile 1\n"), std::string::npos) << text;
}

TEST(Tree, MapsThatAreNoWholeOutputsKeepInputRows) {
  const auto text =
      tree(file(std::string(kSmall) +
                "Dataflow { SpatialMap(1,1) K; TemporalMap(5,2) Y; TemporalMap(3,4) X; }"));
  EXPECT_NE(text.find("loop I0[P] tile 5 step 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("loop I0[Q] tile 3 step 4\n"), std::string::npos) << text;
}

TEST(Layers, FirstConvolutionDecidesWhetherBatchExists) {
  const std::string flow = " Dataflow { SpatialMap(1,1) K; } }\n";
  const std::string first = "Layer a { Type: CONV Dimensions { K 2 C 2 R 1 S 1 Y 4 X 4 }";
  const std::string second = "Layer b { Type: CONV Dimensions { N 5 K 2 C 2 R 1 S 1 Y 4 X 4 }";
  const auto without = import("Network n {\n" + first + flow + second + flow + "}");
  EXPECT_EQ(without.network.layers[1].rank_index("N"), -1);
  EXPECT_EQ(without.network.layers[1].macs(), 2 * 2 * 16);
  const auto with = import("Network n {\n" + second + flow + first + flow + "}");
  EXPECT_EQ(with.network.layers[0].macs(), 5 * 2 * 2 * 16);
}

TEST(Layers, OutputExtentsGiveInputsWithoutStride) {
  const auto imported = import(
      "Network n { Layer l { Type CONV Stride { X 2 Y 2 } Dimensions { K 1 C 1 R 3 S 3 Y' 7 X' 7 }"
      " Dataflow { SpatialMap(1,1) K; } } }");
  // Y = 7 + 3 - 1 = 9, hence (9 - 3) / 2 + 1 = 4 outputs.
  EXPECT_EQ(imported.network.layers[0].ranks[imported.network.layers[0].rank_index("P")].extent, 4);
}

TEST(Layers, ConstantsNamesAndAcceleratorBlocksAreRead) {
  const auto imported = import(
      "Constant kTile 2\nAccelerator a { PE { count 4 } }\n"
      "Network my-net {\nLayer Conv2d-1 { Type: CONV Dimensions { K kTile C 2 R 1 S 1 Y 4 X 4 }"
      " Dataflow { SpatialMap(kTile,kTile) K; } } }");
  EXPECT_EQ(imported.network.name, "net");
  EXPECT_EQ(imported.network.layers[0].name, "1");
  EXPECT_EQ(imported.network.layers[0].macs(), 2 * 2 * 16);
}

struct Bad {
  std::string text, message;
};

TEST(Errors, NameFileLineAndToken) {
  const std::string flow = "Dataflow { SpatialMap(1,1) K; }";
  const std::vector<Bad> cases = {
      {"Network n {\nLayer l {\nType: FC\n", "a.m:3: 'FC': no layer type; known: CONV, DSCONV"},
      {"Network n {\nLayer X{\nType: CONV\n", "a.m:3: the file ends where '{' is expected"},
      {file("Type: CONV Dimensions { K: x }"),
       "a.m:3: 'x': expected a whole number >= 1 or a Constant"},
      {file("Type: CONV Dimensions { K: 4\r\n C: 4 }"), "a.m:3: '4\\r': expected a whole number"},
      {file("Type: CONV Dataflow { SpatialMap(Sz(R),1) Y; }"), "a.m:3: 'R': Sz() of a dimension"},
      {file("Type: CONV Dimensions { K: 0 }"), "a.m:3: '0': expected a whole number >= 1"},
      {file("Type: CONV Dimensions { K: 4 K: 4 }"), "a.m:3: 'K': given twice"},
      {file(kSmall), "a.m:2: layer 'l' has no Dataflow"},
      {file("Type: CONV Dimensions { K: 4 C: 4 R: 3 S: 3 Y: 8 } " + flow),
       "a.m:2: layer 'l': Dimensions lack X"},
      {file(kSmall + std::string("Dataflow { SpatialMap(1,1) Q; }")), "a.m:4: 'Q': no dimension"},
      {file(kSmall + std::string("Dataflow { Spatial(1,1) K; }")),
       "a.m:4: 'Spatial': no directive"},
      {file(kSmall + std::string("Dataflow { TemporalMap(1,1) K; }")),
       "no SpatialMap; one or two are needed"},
      {file(kSmall +
            std::string("Dataflow { SpatialMap(1,1) K; SpatialMap(1,1) C; SpatialMap(1,1) R; }")),
       "a.m:4: layer 'l': a cluster level has 3 SpatialMaps; at most two are allowed"},
      {file(kSmall + std::string("Dataflow { SpatialMap(1,1) K; TemporalMap(1,1) R; }")),
       "a.m:4: layer 'l': TemporalMap(1,1) R: a temporal filter map covers the whole filter, "
       "(3,3)"},
      {file(kSmall + std::string("Dataflow { SpatialMap(1,1) Y'; }")),
       "a.m:4: layer 'l': SpatialMap(1,1) Y': needs a map of R at the same cluster level"},
      {file(kSmall +
            std::string("Dataflow { SpatialMap(1,1) K; Cluster(128,P); SpatialMap(1,1) C; }")),
       "clusters of 128 PEs on hardware with 64"},
      {file(kSmall + std::string("Dataflow { SpatialMap(1,1) K; TemporalMap(2,2) K; }")),
       "a.m:4: layer 'l': SpatialMap(1,1) K: this cluster level maps the dimension twice"},
      {"", "a.m: no Layer in the file"},
  };
  for (const auto& bad : cases)
    EXPECT_NE(message_of(bad.text).find(bad.message), std::string::npos)
        << message_of(bad.text) << "\nexpected " << bad.message;
}

TEST(Errors, FourthClusterIsRefused) {
  std::string flow = "SpatialMap(1,1) K;";
  for (int i = 0; i < 4; ++i) flow += " Cluster(2,P); SpatialMap(1,1) C;";
  EXPECT_NE(message_of(file(kSmall + ("Dataflow { " + flow + " }"))).find("a fourth Cluster"),
            std::string::npos);
}

TEST(HardwareFile, HasDefaultsAndRefusesUnknownKeys) {
  const auto hardware = parse_hardware("num_pes: 256\nNoC_NumHops: 0\n", "h.m");
  EXPECT_EQ(hardware.num_pes, 256);
  EXPECT_EQ(hardware.noc_hops, 0);
  EXPECT_EQ(hardware.noc_bandwidth, 2147483647);
  const auto text = test::refusal_of([] { parse_hardware("num_pes: 4\nnoc_bw: 3\n", "h.m"); });
  EXPECT_TRUE(text.starts_with("h.m:2: 'noc_bw': no hardware key;")) << text;
  EXPECT_THROW(parse_hardware("num_pes: 0\n", "h.m"), UserError);
}

}  // namespace

}  // namespace tessera::mapping::maestro
