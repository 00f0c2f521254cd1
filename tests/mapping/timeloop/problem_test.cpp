#include "mapping/importers/timeloop/problem.h"

#include <gtest/gtest.h>

#include "example.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::importers {
namespace {

std::string error_of(const std::string& text) {
  return test::refusal_of([&] { parse_timeloop_problem(text, "problem.yaml"); });
}

// Rows (P - 1) x 2 + R - 1 + 1 = 3 x 2 + 3 = 9, columns 2 + 2 = 1 x 2 + 3 = 5.
TEST(TimeloopProblem, TensorsExtendAsFarAsTheRanksReach) {
  const auto network = parse_timeloop_problem(timeloop::convolution(4, 2, 3, 3, 2), "problem.yaml");
  ASSERT_EQ(network.tensors.size(), 3u);
  EXPECT_EQ(network.tensors[0].name, "Weights");
  EXPECT_EQ(network.tensors[1].extents, (std::vector<std::int64_t>{9, 5}));
  EXPECT_EQ(network.tensors[2].kind, workloads::TensorKind::kOutput);
  const auto& layer = network.layers.front();
  EXPECT_EQ(layer.macs(), 4 * 2 * 3 * 3);
  EXPECT_FALSE(layer.ranks[0].reduced);
  EXPECT_TRUE(layer.ranks[2].reduced);
  EXPECT_EQ(layer.inputs[1].dimensions[0].terms[0].coefficient, 2);
}

TEST(TimeloopProblem, ShortProjectionsNameOneDimensionEach) {
  const auto network = parse_timeloop_problem(R"(problem:
  shape:
    name: gemm
    dimensions: [M, N, K]
    data_spaces:
    - {name: A, projection: [M, K]}
    - {name: B, projection: [[K], [N]]}
    - {name: Z, projection: [M, N], read_write: True}
  instance: {M: 2, N: 3, K: 5}
)",
                                              "problem.yaml");
  EXPECT_EQ(network.tensors[0].extents, (std::vector<std::int64_t>{2, 5}));
  EXPECT_EQ(network.tensors[1].extents, (std::vector<std::int64_t>{5, 3}));
}

TEST(TimeloopProblem, ErrorsNamePlaceAndToken) {
  const auto problem = [](const std::string& spaces, const std::string& instance) {
    return "problem:\n  shape:\n    name: s\n    dimensions: [M, K]\n    data_spaces:\n" + spaces +
           "  instance: {" + instance + "}\n";
  };
  const std::string out = "    - {name: Z, projection: [M], read_write: True}\n";
  EXPECT_EQ(error_of(problem(out, "M: 2")), "problem.yaml:7:13: 'K' is missing here");
  EXPECT_EQ(error_of(problem(out, "M: 2, K: 0")), "problem.yaml:7:23: '0' has to be at least 1");
  EXPECT_EQ(error_of(problem(out, "M: 2, K: 3, L: 4")),
            "problem.yaml:7:29: 'L' is neither a dimension nor a coefficient of the shape");
  EXPECT_EQ(error_of(problem("    - {name: A, projection: [L]}\n" + out, "M: 2, K: 3")),
            "problem.yaml:6:30: 'L' is no dimension; did you mean M or K?");
  EXPECT_EQ(error_of(problem("    - {name: A, projection: [[[M, -1]]]}\n" + out, "M: 2, K: 3")),
            "problem.yaml:6:35: coefficient -1 is -1; it has to be at least 1");
  EXPECT_EQ(error_of(problem("    - {name: A, projection: [M]}\n", "M: 2, K: 3")),
            "problem.yaml:3:5: no data space is read_write; one has to be");
  EXPECT_EQ(error_of(problem(out + out, "M: 2, K: 3")),
            "problem.yaml:7:7: data space 'Z' is given twice");
  EXPECT_EQ(error_of("problem: {shape: cnn-layer, instance: {}}\n"),
            "problem.yaml:1:18: 'cnn-layer' names a stock shape; write the shape out");
}

}  // namespace
}  // namespace tessera::mapping::importers
