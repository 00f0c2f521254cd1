#include <gtest/gtest.h>

#include "example.h"
#include "tests/support/refusal.h"

namespace tessera::mapping::looptree {
namespace {

std::string workload_error(const std::string& text) {
  return test::refusal_of([&] { importers::parse_looptree_workload(text, "workload.yaml"); });
}

std::string mapping_error(const std::string& nodes) {
  return test::refusal_of(
      [&] { Example(matrix_products(4, 2, 3, 5), "mapping:\n  type: fused\n  nodes:\n" + nodes); });
}

std::string one_einsum(const std::string& projection, const std::string& instance) {
  return "problem:\n- shape:\n    name: A\n    dimensions: [P, R]\n    data_spaces:\n"
         "    - {name: X, projection: '" +
         projection +
         "'}\n    - {name: Y, projection: '[ P ]', read_write: True}\n  instance: " + instance +
         "\n";
}

TEST(LoopTreeWorkload, ReadsProjectionsAndExtents) {
  const auto network = importers::parse_looptree_workload(
      one_einsum("[ 2*P + 3R - 1, P ]", "0 <= P < 4 and 0 <= R <= 2"), "workload.yaml");
  const auto& layer = network.layers.front();
  EXPECT_EQ(layer.ranks[0].extent, 4);
  EXPECT_EQ(layer.ranks[1].extent, 3);
  EXPECT_TRUE(layer.ranks[1].reduced);
  const auto& rows = layer.inputs[0].dimensions[0];
  EXPECT_EQ(rows.offset, -1);
  EXPECT_EQ(rows.terms[0].coefficient, 2);
  EXPECT_EQ(rows.terms[1].coefficient, 3);
  EXPECT_EQ(rows.valid_end, 3 * 2 + 2 * 3);  // last index 6 + 6 - 1
}

TEST(LoopTreeWorkload, TensorsConnectTheEinsums) {
  const auto network =
      importers::parse_looptree_workload(matrix_products(4, 2, 3, 5), "workload.yaml");
  ASSERT_EQ(network.tensors.size(), 5u);
  EXPECT_EQ(network.tensors[2].name, "Y");
  EXPECT_EQ(network.tensors[2].kind, workloads::TensorKind::kIntermediate);
  EXPECT_EQ(network.tensors[4].kind, workloads::TensorKind::kOutput);
  EXPECT_EQ(network.layers[1].inputs[0].tensor, 2);
}

TEST(LoopTreeWorkload, ErrorsNamePlaceAndToken) {
  const std::string bounds = "0 <= P < 4 and 0 <= R < 3";
  EXPECT_EQ(workload_error(one_einsum("[ P + Q ]", bounds)),
            "workload.yaml:6:29: 'Q' is no dimension of 'A'; did you mean P or R?");
  EXPECT_EQ(workload_error(one_einsum("[ P + ]", bounds)),
            "workload.yaml:6:29: expected a dimension, found ']'");
  EXPECT_EQ(workload_error(one_einsum("[ P % 2 ]", bounds)),
            "workload.yaml:6:29: '%' does not belong here");
  EXPECT_EQ(workload_error(one_einsum("[ -P ]", bounds)),
            "workload.yaml:6:29: coefficient -1 of 'P' has to be at least 1");
  EXPECT_EQ(workload_error(one_einsum("[ P", bounds)),
            "workload.yaml:6:29: expected ']', found 'the end'");
  EXPECT_EQ(workload_error(one_einsum("[ P ]", "0 <= P < 4")),
            "workload.yaml:8:13: 'R' is not bounded here");
  EXPECT_EQ(workload_error(one_einsum("[ P ]", bounds + " or R < 2")),
            "workload.yaml:8:13: 'or' does not belong here");
  EXPECT_EQ(workload_error(one_einsum("[ P ]", "1 <= P < 4 and 0 <= R < 3")),
            "workload.yaml:8:13: lower bound 1 is not read, only 0");
  EXPECT_EQ(workload_error(one_einsum("[ P ]", bounds) + "- shape: {name: A}\n  instance: x\n"),
            "workload.yaml:9:17: 'A' is given twice");
}

constexpr const char* kNodes = R"(  - {type: storage, target: 0, dspace: [X, V, W, Z]}
  - {type: temporal, rank: P2, tile_shape: 2}
  - {type: storage, target: 1, dspace: [Y], exploits_reuse: False}
  - type: pipeline
    branches:
    - - {type: spatial, rank: M1, tile_shape: 1}
      - {type: compute, einsum: A, target: 4}
    - - {type: temporal, rank: C2, tile_shape: 1}
      - {type: spatial, rank: C2, tile_shape: 1}
      - {type: spatial, rank: M2, tile_shape: 2}
      - {type: compute, einsum: B, target: 4}
)";

TEST(LoopTreeMapping, BecomesTheSameTree) {
  const Example example(matrix_products(4, 2, 3, 5),
                        std::string("mapping:\n  type: fused\n  nodes:\n") + kNodes);
  EXPECT_EQ(to_text(example.schedule),
            R"(store dram DRAM: X (neighbour) V (neighbour) W (neighbour) Z (neighbour)
  loop B.P2 tile 2
    store buffer GLB: Y (no reuse) (neighbour)
      pipeline
        split A.M1 size 1 ways 3 over array_y
          layer A
        loop B.C2 tile 1
          split B.C2 size 1 ways 1 over array_y
            split B.M2 size 2 ways 3 over array_x
              layer B
)");
}

TEST(LoopTreeMapping, ErrorsNamePlaceAndToken) {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kNodes;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_EQ(mapping_error(kNodes), "accepted");
  EXPECT_EQ(mapping_error(with("rank: P2", "rank: P3")),
            "mapping.yaml:5:28: 'P3' is no dimension of the workload; did you mean P1 or P2?");
  EXPECT_EQ(mapping_error(with("target: 1", "target: 7")),
            "mapping.yaml:6:29: target 7 is no component; the architecture has 0 to 4");
  EXPECT_EQ(mapping_error(with("target: 1", "target: 4")),
            "mapping.yaml:6:29: 'MAC' is no storage");
  EXPECT_EQ(mapping_error(with("tile_shape: 2}", "factor: 2}")),
            "mapping.yaml:5:40: factor is not analysed by the tool; give tile_shape");
  EXPECT_EQ(mapping_error(with("type: pipeline", "type: parallel")).substr(0, 59),
            "mapping.yaml:7:5: a list has to end in a compute, sequentia");
  EXPECT_EQ(mapping_error(with("einsum: B", "einsum: A")),
            "mapping.yaml:14:33: 'A' has two compute nodes");
  EXPECT_EQ(mapping_error(with("dspace: [Y]", "dspace: [T]")).substr(0, 59),
            "mapping.yaml:6:40: 'T' is no data space of the workload; di");
  EXPECT_EQ(mapping_error(with("tile_shape: 2}", "tile_shape: 0}")),
            "mapping.yaml:5:44: '0' has to be at least 1");
  EXPECT_EQ(mapping_error("  - {type: compute, einsum: A, target: 4}\n"),
            "mapping.yaml:2:3: no compute node runs 'B'");
}

}  // namespace
}  // namespace tessera::mapping::looptree
