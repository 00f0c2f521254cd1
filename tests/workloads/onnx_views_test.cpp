// Rearrangements, constants that only compute shapes, rules of the graph and error messages.
#include "onnx_import.h"

namespace tessera::workloads {

TEST(OnnxViews, SliceGatherSqueezeExpandEqualArrays) {
  const OnnxGraph graph = OnnxGraph()
                              .input("x", {2, 6, 4})
                              .integers("st", {1})
                              .integers("en", {-1})
                              .integers("ax", {1})
                              .integers("sp", {2})
                              .integer("i", 2)
                              .integers("u", {1})
                              .integers("e", {2, 3, 2})
                              .node("Relu", {"x"}, {"r"})
                              .node("Slice", {"r", "st", "en", "ax", "sp"}, {"s"})
                              .node("Gather", {"s", "i"}, {"g"})
                              .set("axis", 2)
                              .node("Unsqueeze", {"g", "u"}, {"q"})
                              .node("Squeeze", {"q", "u"}, {"w"})
                              .node("Transpose", {"w"}, {"t"})
                              .node("Unsqueeze", {"t", "u"}, {"v"})
                              .node("Expand", {"v", "e"}, {"x2"})
                              .node("Tanh", {"x2"}, {"y"})
                              .output("y");
  const Network network = import(graph);
  Array a = apply(Function::kRelu, seeded_array("x", {2, 6, 4}));
  a = oracle::slice(a, 1, 1, 2, 2);  // 1, 3 of [1, 5)
  a = oracle::slice(a, 2, 2, 1, 1);
  a.shape = {2, 2};
  a = oracle::transpose(a, {1, 0});
  a.shape = {2, 1, 2};
  a = apply(Function::kTanh, oracle::broadcast(a, {2, 3, 2}));
  EXPECT_EQ(run(network), a.data);
  EXPECT_EQ(network.layers.size(), 2u);
}

TEST(OnnxViews, SplitSizesByAttributeInputOrCount) {
  const auto sizes = [](OnnxGraph graph) {
    const Network network =
        import(graph.node("Relu", {"a"}, {"y"}).node("Relu", {"b"}, {"z"}).output("y").output("z"));
    return std::pair(network.layers[0].ranks[1].extent, network.layers[1].ranks[1].extent);
  };
  EXPECT_EQ(sizes(OnnxGraph(11)
                      .input("x", {1, 6})
                      .node("Split", {"x"}, {"a", "b"})
                      .set("axis", 1)
                      .set("split", {2, 4})),
            std::pair(std::int64_t{2}, std::int64_t{4}));
  EXPECT_EQ(sizes(OnnxGraph()
                      .input("x", {1, 6})
                      .integers("s", {5, 1})
                      .node("Split", {"x", "s"}, {"a", "b"})
                      .set("axis", 1)),
            std::pair(std::int64_t{5}, std::int64_t{1}));
  EXPECT_EQ(sizes(OnnxGraph().input("x", {1, 6}).node("Split", {"x"}, {"a", "b"}).set("axis", 1)),
            std::pair(std::int64_t{3}, std::int64_t{3}));
}

TEST(OnnxResize, NearestByScalesSizesOrAttribute) {
  const Array x = seeded_array("x", {1, 1, 2, 2});
  const auto expected = oracle::repeat(oracle::repeat(x, 2, 2), 3, 3).data;
  const auto result = [&](OnnxGraph graph) {
    return run(import(graph.node("Identity", {"u"}, {"y"}).output("y")));
  };
  EXPECT_EQ(result(OnnxGraph()
                       .input("x", {1, 1, 2, 2})
                       .reals("s", {1, 1, 2, 3})
                       .node("Resize", {"x", "", "s"}, {"u"})
                       .set("mode", "nearest")),
            expected);
  EXPECT_EQ(result(OnnxGraph()
                       .input("x", {1, 1, 2, 2})
                       .integers("n", {1, 1, 4, 6})
                       .node("Resize", {"x", "", "", "n"}, {"u"})),
            expected);
  EXPECT_EQ(result(OnnxGraph(9)
                       .input("x", {1, 1, 2, 2})
                       .reals("s", {1, 1, 2, 3})
                       .node("Upsample", {"x", "s"}, {"u"})),
            expected);
  EXPECT_EQ(result(OnnxGraph(7)
                       .input("x", {1, 1, 2, 2})
                       .node("Upsample", {"x"}, {"u"})
                       .set_reals("scales", {1, 1, 2, 3})),
            expected);
  EXPECT_EQ(complaint(OnnxGraph()
                          .input("x", {1, 1, 2, 2})
                          .reals("s", {1, 1, 2, 3})
                          .node("Resize", {"x", "", "s"}, {"y"})
                          .set("mode", "linear")
                          .output("y")),
            "model: Resize node 'y' (operator set 13): mode is linear; only nearest is supported");
}

TEST(OnnxConstants, ShapeChainsFold) {
  // y = x viewed as [batch, -1], the way exporters write it, and weights by ConstantOfShape.
  const OnnxGraph graph = OnnxGraph()
                              .input("x", {0, 3, 4, 4})
                              .integer("zero", 0)
                              .integers("ax", {0})
                              .integers("minus", {-1})
                              .integers("ws", {48, 10})
                              .node("Shape", {"x"}, {"s"})
                              .node("Gather", {"s", "zero"}, {"b"})
                              .node("Unsqueeze", {"b", "ax"}, {"bu"})
                              .node("Concat", {"bu", "minus"}, {"target"})
                              .set("axis", 0)
                              .node("Reshape", {"x", "target"}, {"f"})
                              .node("ConstantOfShape", {"ws"}, {"w"})
                              .node("Gemm", {"f", "w"}, {"y"})
                              .output("y");
  for (const std::int64_t batch : {0, 5}) {
    const Network network = OnnxImporter(graph.model(), "model", batch).import();
    ASSERT_EQ(network.layers.size(), 1u);
    EXPECT_EQ(network.macs(), std::max<std::int64_t>(1, batch) * 480);
    EXPECT_EQ(network.weights(), 480);
  }
}

TEST(OnnxConstants, ArithmeticOnShapes) {
  const OnnxGraph graph = OnnxGraph()
                              .input("x", {2, 12})
                              .integer("one", 1)
                              .integer("three", 3)
                              .integers("ax", {0})
                              .integers("front", {0, 3})
                              .node("Shape", {"x"}, {"s"})
                              .node("Gather", {"s", "one"}, {"c"})
                              .node("Div", {"c", "three"}, {"d"})
                              .node("Cast", {"d"}, {"di"})
                              .set("to", onnx::TensorProto::INT64)
                              .node("Unsqueeze", {"di", "ax"}, {"du"})
                              .node("Concat", {"front", "du"}, {"t"})
                              .set("axis", 0)
                              .node("Reshape", {"x", "t"}, {"r"})
                              .node("Relu", {"r"}, {"y"})
                              .output("y");
  EXPECT_EQ(rank_names(last(OnnxImporter(graph.model(), "model", 0).import())), "N2 M3 K4 ");
}

TEST(OnnxConstants, SharedWeightIsOneTensor) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 2, 4})
                                     .weight("w", {4, 4})
                                     .node("MatMul", {"x", "w"}, {"a"})
                                     .node("MatMul", {"a", "w"}, {"y"})
                                     .output("y"));
  EXPECT_EQ(network.weights(), 16);
  EXPECT_EQ(network.layers[0].inputs[1].tensor, network.layers[1].inputs[1].tensor);
}

TEST(OnnxPassOn, DropoutIdentityAndCastVanish) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 4})
                                     .weight("w", {4, 4})
                                     .node("MatMul", {"x", "w"}, {"a"})
                                     .node("Dropout", {"a"}, {"b"})
                                     .node("Identity", {"b"}, {"c"})
                                     .node("Cast", {"c"}, {"d"})
                                     .set("to", onnx::TensorProto::FLOAT)
                                     .node("Relu", {"d"}, {"y"})
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 1u);
  EXPECT_EQ(last(network).activation, Function::kRelu);
}

TEST(OnnxGraphRules, DeadNodesAreLeftOut) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 4})
                                     .node("Relu", {"x"}, {"y"})
                                     .node("NonZero", {"x"}, {"unused"})
                                     .output("y"));
  EXPECT_EQ(network.layers.size(), 1u);
}

TEST(OnnxGraphRules, LayerOfWhichOnlyTheShapeIsUsedIsLeftOut) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 4})
                                     .input("z", {4, 1})
                                     .node("Relu", {"x"}, {"r"})
                                     .node("Shape", {"r"}, {"s"})
                                     .node("Reshape", {"z", "s"}, {"q"})
                                     .node("Tanh", {"q"}, {"y"})
                                     .output("y"));
  EXPECT_EQ(functions(network), (std::vector<Function>{Function::kTanh}));
}

TEST(OnnxGraphRules, InitialisersThatAreInputsAreWeights) {
  OnnxGraph graph = OnnxGraph()
                        .input("w", {4, 4})
                        .input("x", {1, 4})
                        .weight("w", {4, 4})
                        .node("MatMul", {"x", "w"}, {"y"})
                        .output("y");
  EXPECT_EQ(import(graph).weights(), 16);
}

TEST(OnnxGraphRules, BatchReplacesOpenAndFixedOnes) {
  for (const std::int64_t built_in : {0, 1, 8}) {
    const auto graph = OnnxGraph()
                           .input("x", {built_in, 4})
                           .weight("w", {4, 4})
                           .node("MatMul", {"x", "w"}, {"y"})
                           .output("y");
    EXPECT_EQ(import(graph, 3).macs(), 48);
    EXPECT_EQ(OnnxImporter(graph.model(), "model", 0).import().batch,
              std::max<std::int64_t>(1, built_in));
  }
}

TEST(OnnxErrors, NameTheNodeAndTheOperatorSet) {
  EXPECT_EQ(
      complaint(OnnxGraph().input("x", {1, 4}).node("NonMaxSuppression", {"x"}, {"y"}).output("y")),
      "model: NonMaxSuppression node 'y' (operator set 13): this operator is not supported; "
      "docs/onnx.md lists what is");
  EXPECT_EQ(complaint(OnnxGraph().input("x", {1, 4}).node("Relu", {"z"}, {"y"}).output("y")),
            "model: Relu node 'y' (operator set 13): reads 'z', which no input, initialiser or "
            "earlier node defines");
  EXPECT_EQ(complaint(OnnxGraph().input("x", {1, 4, 0}).node("Relu", {"x"}, {"y"}).output("y")),
            "model: input 'x' leaves dimension 2 open ('N'); only the batch may be open, export "
            "with fixed sizes");
  EXPECT_EQ(complaint(OnnxGraph()
                          .input("x", {1, 4})
                          .integers("s", {3, 2})
                          .node("Reshape", {"x", "s"}, {"y"})
                          .output("y")),
            "model: Reshape node 'y' (operator set 13): Reshape: shape 3x2 does not hold the 4 "
            "elements of 1x4");
  EXPECT_EQ(complaint(OnnxGraph()
                          .input("x", {1, 4})
                          .input("s", {2})
                          .node("Reshape", {"x", "s"}, {"y"})
                          .output("y")),
            "model: Reshape node 'y' (operator set 13): 'shape' (input 's') depends on data; only "
            "constants are allowed");
  EXPECT_EQ(complaint(OnnxGraph()
                          .input("x", {1, 3, 4, 4})
                          .weight("w", {4, 2, 1, 1})
                          .node("Conv", {"x", "w"}, {"y"})
                          .output("y")),
            "model: Conv node 'y' (operator set 13): y: the weight has 2 channels per group; the "
            "input has 3");
  EXPECT_EQ(complaint(OnnxGraph()
                          .input("x", {1, 2, 4})
                          .input("z", {1, 3, 4})
                          .node("MatMul", {"x", "z"}, {"y"})
                          .output("y")),
            "model: MatMul node 'y' (operator set 13): y: the operands' inner extents are 4 and 3; "
            "they must agree");
}

TEST(OnnxErrors, BatchBuiltIntoAMergedDimension) {
  EXPECT_EQ(complaint(OnnxGraph()
                          .input("x", {1, 4, 6})
                          .integers("s", {2, -1, 3})
                          .node("Reshape", {"x", "s"}, {"r"})
                          .node("Relu", {"r"}, {"y"})
                          .output("y"),
                      4),
            "model: Reshape node 'r' (operator set 13): shape 2x16x3 has the file's batch of 1 "
            "built in; run with that batch or export with an open one");
}

}  // namespace tessera::workloads
