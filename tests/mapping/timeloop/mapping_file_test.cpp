#include "mapping/importers/timeloop/mapping_file.h"

#include <gtest/gtest.h>

#include "example.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::timeloop {
namespace {

std::string tree_of(const std::string& mapping) {
  return to_text(Example(kArray, convolution(4, 2, 3, 3), mapping).schedule);
}

std::string error_of(const std::string& mapping) {
  return test::refusal_of([&] { tree_of(mapping); });
}

// Permutations are innermost first; the first `split` of a spatial one are on x, inside those on y.
TEST(TimeloopMapping, BecomesATreeOutermostFirst) {
  EXPECT_EQ(tree_of(R"(mapping:
- {target: REG, type: temporal, factors: [S=3]}
- {target: PE, type: spatial, factors: [P=4, R=3], permutation: [P, R], split: 1}
- {target: GLB, type: dataspace, keep: [Inputs, Outputs], bypass: [Weights]}
- {target: DRAM, type: temporal, factors: [Q=2], permutation: [Q, P]}
)"),
            R"(store dram DRAM: Weights (neighbour) Inputs (neighbour) Outputs (neighbour)
  loop Q tile 1
    store buffer GLB: Inputs (neighbour) Outputs (neighbour)
      split R size 1 ways 3 over array_y of PE
        split P size 1 ways 4 over array_x of PE
          store registers REG: Weights (neighbour) Inputs (neighbour) Outputs (neighbour)
            loop S tile 1
              layer conv
)");
}

TEST(TimeloopMapping, TilesAreWhatTheLoopsInsideCover) {
  const std::string tree = tree_of(R"(mapping:
- {target: DRAM, type: temporal, factors: "P=2 R=3", permutation: PR}
- {target: GLB, type: temporal, factors: "P=2, Q = 2 S3"}
)");
  EXPECT_NE(tree.find("  loop R tile 1\n    loop P tile 2\n"), std::string::npos) << tree;
  EXPECT_NE(tree.find("loop S tile 1\n"), std::string::npos) << tree;
}

TEST(TimeloopMapping, ZeroStandsForTheWholeDimension) {
  EXPECT_EQ(tree_of("mapping:\n- {target: DRAM, type: temporal, factors: \"P=0 Q0 R=3 S=3\"}\n"),
            tree_of("mapping:\n- {target: DRAM, type: temporal, factors: \"P=4 Q=2 R=3 S=3\"}\n"));
}

TEST(TimeloopMapping, SpatialDirectivesMayNameTheStorageAboveTheMesh) {
  const std::string loops =
      ", type: spatial, factors: [P=4]}\n"
      "- {target: REG, type: temporal, factors: [Q=2, R=3, S=3]}\n";
  EXPECT_EQ(tree_of("mapping:\n- {target: GLB" + loops),
            tree_of("mapping:\n- {target: PE" + loops));
}

TEST(TimeloopMapping, ErrorsNamePlaceTokenAndWhatIsAllowed) {
  const std::string rest = "- {target: REG, type: temporal, factors: [Q=2, R=3, S=3]}\n";
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: temporal, factors: [P=3]}\n" + rest),
            "mapping.yaml:2:1: factors of dimension 'P' multiply to 3, the problem's is 4");
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: temporal, factors: [X=4]}\n"),
            "mapping.yaml:2:43: 'X' is no dimension of the problem; did you mean P or Q or R?");
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: temporal, factors: [P=x]}\n"),
            "mapping.yaml:2:43: 'x' is no factor; write DIMENSION=NUMBER or "
            "DIMENSION=NUMBER,RESIDUAL");
  EXPECT_EQ(error_of("mapping:\n- {target: PE, type: spatial, factors: [P=5]}\n"),
            "mapping.yaml:2:3: factors on x multiply to 5, mesh x of 'PE' is 4");
  EXPECT_EQ(error_of("mapping:\n- {target: REG, type: spatial, factors: [P=4]}\n"),
            "mapping.yaml:2:12: 'REG' has no fan-out; did you mean PE?");
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: dataspace, bypass: [Weight]}\n"),
            "mapping.yaml:2:42: 'Weight' is no data space of the problem; did you mean Weights?");
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: skew}\n"),
            "mapping.yaml:2:3: skewed fan-outs are not modelled");
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: temporal, factor: [P=4]}\n"),
            "mapping.yaml:2:33: 'factor' is not a known key; did you mean factors?");
  EXPECT_EQ(
      error_of("mapping:\n- {target: GLB, type: temporal}\n- {target: GLB, type: temporal}\n"),
      "mapping.yaml:3:3: a second temporal directive for 'GLB'");
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: temporal, permutation: [P, Q, P]}\n"),
            "mapping.yaml:2:46: 'P' is in the permutation twice");
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: temporal, factors: \"P=2,3\"}\n"),
            "mapping.yaml:2:42: residual 3 of 'P' has to be between 1 and 2");
}

TEST(TimeloopMapping, BrokenYamlNamesLineAndColumn) {
  EXPECT_EQ(error_of("mapping:\n- {target: GLB, type: temporal\n").substr(0, 15),
            "mapping.yaml:3:");
  EXPECT_EQ(error_of("mapping:\n- {target: {{level}}}\n"),
            "mapping.yaml:2:12: '{{' opens a template; templates are not evaluated, write the "
            "result");
  EXPECT_EQ(error_of("mappings: []\n"), "mapping.yaml:1:1: 'mapping' is missing here");
}

TEST(TimeloopMapping, ATensorKeptNowhereIsRefused) {
  std::string text = "mapping:\n- {target: REG, type: temporal, factors: [P=4, Q=2, R=3, S=3]}\n";
  for (const char* level : {"DRAM", "GLB", "REG"})
    text += std::string("- {target: ") + level + ", type: dataspace, bypass: [Inputs]}\n";
  EXPECT_EQ(error_of(text), "mapping.yaml:2:1: 'Inputs' is kept nowhere");
}

}  // namespace
}  // namespace tessera::mapping::timeloop
