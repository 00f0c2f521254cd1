// Pooling, element-wise functions and normalisations, alone and behind matrix layers.
#include "onnx_import.h"

namespace tessera::workloads {

TEST(OnnxPool, WindowsAndGlobalForms) {
  const auto graph = [](const char* type) {
    OnnxGraph g;
    g.input("x", {1, 3, 7, 7})
        .node(type, {"x"}, {"y"})
        .set("kernel_shape", {3, 2})
        .set("strides", {2, 2})
        .set("pads", {1, 0, 1, 1})
        .output("y");
    return g;
  };
  EXPECT_EQ(rank_names(last(import(graph("MaxPool")))), "N1 C3 P4 Q4 R3 S2 ");
  EXPECT_EQ(last(import(graph("AveragePool"))).count_padding, false);
  EXPECT_EQ(last(import(graph("AveragePool").set("count_include_pad", 1))).count_padding, true);
  EXPECT_EQ(rank_names(last(import(OnnxGraph()
                                       .input("x", {1, 3, 6, 6})
                                       .node("MaxPool", {"x"}, {"y"})
                                       .set("kernel_shape", {3, 3})
                                       .set("strides", {2, 2})
                                       .set("ceil_mode", 1)
                                       .output("y")))),
            "N1 C3 P3 Q3 R3 S3 ");
  const Network global =
      import(OnnxGraph().input("x", {1, 3, 6, 5}).node("GlobalMaxPool", {"x"}, {"y"}).output("y"));
  EXPECT_EQ(rank_names(last(global)), "N1 C3 P1 Q1 R6 S5 ");
  EXPECT_EQ(last(global).function, Function::kMaxPool);
}

TEST(OnnxReduceMean, SpatialIsPoolingAndLastAxisIsAReduction) {
  const Network spatial = import(OnnxGraph()
                                     .input("x", {1, 3, 6, 5})
                                     .node("ReduceMean", {"x"}, {"y"})
                                     .set("axes", {2, 3})
                                     .set("keepdims", 0)
                                     .output("y"));
  EXPECT_EQ(rank_names(last(spatial)), "N1 C3 P1 Q1 R6 S5 ");
  const Network inner = import(OnnxGraph()
                                   .input("x", {1, 3, 5})
                                   .node("ReduceMean", {"x"}, {"y"})
                                   .set("axes", {-1})
                                   .output("y"));
  EXPECT_EQ(rank_names(last(inner)), "N1 M3 K5 ");
  EXPECT_TRUE(last(inner).ranks[2].reduced);
}

TEST(OnnxPad, FoldsIntoConvolutionAndPooling) {
  const auto graph = [] {
    return OnnxGraph()
        .input("x", {1, 2, 5, 5})
        .weight("w", {2, 2, 3, 3})
        .integers("p", {0, 0, 1, 2, 0, 0, 0, 1})
        .node("Pad", {"x", "p"}, {"px"});
  };
  const Network conv =
      import(graph().node("Conv", {"px", "w"}, {"y"}).set("pads", {1, 0, 1, 0}).output("y"));
  // Rows 5 + 1 + 1 + 0 + 1 = 8: 6 outputs; columns 5 + 2 + 1 = 8: 6 outputs.
  EXPECT_EQ(rank_names(last(conv)), "N1 K2 C2 P6 Q6 R3 S3 ");
  EXPECT_EQ(last(conv).inputs[0].dimensions[2].offset, -2);
  EXPECT_EQ(last(conv).inputs[0].dimensions[3].offset, -2);
  EXPECT_TRUE(
      last(import(
               graph().node("AveragePool", {"px"}, {"y"}).set("kernel_shape", {2, 2}).output("y")))
          .count_padding);
  EXPECT_EQ(rank_names(last(import(
                graph().node("MaxPool", {"px"}, {"y"}).set("kernel_shape", {2, 2}).output("y")))),
            "N1 C2 P5 Q7 R2 S2 ");
  EXPECT_EQ(complaint(graph().node("Relu", {"px"}, {"y"}).output("y")),
            "model: Relu node 'y' (operator set 13): reads the result of a Pad; only convolution "
            "and pooling can take padding");
}

TEST(OnnxElementwise, FunctionsFuseOrStand) {
  const std::pair<const char*, Function> fused[] = {{"Relu", Function::kRelu},
                                                    {"LeakyRelu", Function::kLeakyRelu},
                                                    {"Sigmoid", Function::kSigmoid},
                                                    {"Tanh", Function::kTanh}};
  for (const auto& [type, function] : fused) {
    const Network behind = import(OnnxGraph()
                                      .input("x", {1, 3, 4, 4})
                                      .weight("w", {3, 3, 1, 1})
                                      .node("Conv", {"x", "w"}, {"c"})
                                      .node(type, {"c"}, {"y"})
                                      .output("y"));
    ASSERT_EQ(behind.layers.size(), 1u) << type;
    EXPECT_EQ(last(behind).activation, function) << type;
    const Network alone =
        import(OnnxGraph().input("x", {1, 3, 4, 4}).node(type, {"x"}, {"y"}).output("y"));
    EXPECT_EQ(last(alone).function, function) << type;
  }
  for (const char* type : {"Erf", "Exp", "Sqrt"})
    EXPECT_EQ(import(OnnxGraph()
                         .input("x", {1, 3})
                         .weight("w", {3, 3})
                         .node("MatMul", {"x", "w"}, {"c"})
                         .node(type, {"c"}, {"y"})
                         .output("y"))
                  .layers.size(),
              2u)
        << type;
  EXPECT_EQ(
      last(import(OnnxGraph(14).input("x", {1, 3}).node("HardSwish", {"x"}, {"y"}).output("y")))
          .function,
      Function::kHardSwish);
}

TEST(OnnxElementwise, ClipBoundsDecideTheFunction) {
  const auto bounded = [](float low, float high) {
    return last(import(OnnxGraph(11)
                           .input("x", {1, 3})
                           .reals("l", {low}, true)
                           .reals("h", {high}, true)
                           .node("Clip", {"x", "l", "h"}, {"y"})
                           .output("y")))
        .function;
  };
  EXPECT_EQ(bounded(0, 6), Function::kRelu6);
  EXPECT_EQ(bounded(-1, 1), Function::kClip);
  EXPECT_EQ(last(import(OnnxGraph(11)
                            .input("x", {1, 3})
                            .reals("l", {0}, true)
                            .node("Clip", {"x", "l"}, {"y"})
                            .output("y")))
                .function,
            Function::kRelu);
  OnnxGraph attributes(6);
  attributes.input("x", {1, 3})
      .node("Clip", {"x"}, {"y"})
      .set("min", 0.0F)
      .set("max", 6.0F)
      .output("y");
  EXPECT_EQ(last(import(attributes)).function, Function::kRelu6);
}

TEST(OnnxElementwise, BroadcastConstantsAndWeights) {
  const Network sum = import(OnnxGraph()
                                 .input("x", {2, 3, 4})
                                 .input("z", {3, 1})
                                 .node("Add", {"x", "z"}, {"y"})
                                 .output("y"));
  EXPECT_EQ(rank_names(last(sum)), "N2 M3 K4 ");
  EXPECT_EQ(last(sum).inputs[1].dimensions[1].terms.size(), 0u);
  // A positional embedding is traffic, a per-channel scale is not.
  const Network position = import(OnnxGraph()
                                      .input("x", {2, 3, 4})
                                      .weight("p", {1, 3, 4})
                                      .node("Add", {"x", "p"}, {"y"})
                                      .output("y"));
  EXPECT_EQ(last(position).inputs.size(), 2u);
  EXPECT_EQ(position.weights(), 12);
  const Network scale = import(OnnxGraph()
                                   .input("x", {2, 3, 4})
                                   .weight("s", {4})
                                   .node("Mul", {"x", "s"}, {"y"})
                                   .output("y"));
  EXPECT_EQ(last(scale).inputs.size(), 1u);
  EXPECT_EQ(scale.weights(), 0);
  const Network many = import(OnnxGraph()
                                  .input("a", {1, 3})
                                  .input("b", {1, 3})
                                  .input("c", {1, 3})
                                  .node("Sum", {"a", "b", "c"}, {"y"})
                                  .output("y"));
  EXPECT_EQ(last(many).inputs.size(), 3u);
  for (const char* type : {"Sub", "Mul", "Div"})
    EXPECT_EQ(import(OnnxGraph()
                         .input("a", {1, 3})
                         .input("b", {1, 3})
                         .node(type, {"a", "b"}, {"y"})
                         .output("y"))
                  .layers.size(),
              1u);
}

TEST(OnnxDecomposed, GeluAndLayerNormRunAsTheirParts) {
  const Network gelu = import(OnnxGraph()
                                  .input("x", {1, 4, 8})
                                  .reals("r", {1.41F}, true)
                                  .reals("one", {1.0F}, true)
                                  .reals("half", {0.5F}, true)
                                  .node("Div", {"x", "r"}, {"d"})
                                  .node("Erf", {"d"}, {"e"})
                                  .node("Add", {"e", "one"}, {"a"})
                                  .node("Mul", {"x", "a"}, {"m"})
                                  .node("Mul", {"m", "half"}, {"y"})
                                  .output("y"));
  EXPECT_EQ(functions(gelu),
            (std::vector<Function>{Function::kDivide, Function::kErf, Function::kAdd,
                                   Function::kMultiply, Function::kMultiply}));
  const Network norm = import(OnnxGraph()
                                  .input("x", {1, 4, 8})
                                  .reals("two", {2.0F}, true)
                                  .reals("eps", {1e-5F}, true)
                                  .weight("g", {8})
                                  .weight("b", {8})
                                  .node("ReduceMean", {"x"}, {"mu"})
                                  .set("axes", {-1})
                                  .node("Sub", {"x", "mu"}, {"c"})
                                  .node("Pow", {"c", "two"}, {"p"})
                                  .node("ReduceMean", {"p"}, {"v"})
                                  .set("axes", {-1})
                                  .node("Add", {"v", "eps"}, {"ve"})
                                  .node("Sqrt", {"ve"}, {"sd"})
                                  .node("Div", {"c", "sd"}, {"n"})
                                  .node("Mul", {"n", "g"}, {"s"})
                                  .node("Add", {"s", "b"}, {"y"})
                                  .output("y"));
  EXPECT_EQ(functions(norm),
            (std::vector<Function>{Function::kAveragePool, Function::kSubtract, Function::kPow,
                                   Function::kAveragePool, Function::kAdd, Function::kSqrt,
                                   Function::kDivide, Function::kMultiply, Function::kAdd}));
  EXPECT_EQ(run(norm).size(), 32u);
}

TEST(OnnxNormalisation, WholeRanksAreTheNormalisedOnes) {
  EXPECT_EQ(last(import(OnnxGraph(17)
                            .input("x", {1, 4, 8})
                            .weight("g", {8})
                            .node("LayerNormalization", {"x", "g"}, {"y"})
                            .output("y")))
                .whole_ranks,
            (std::vector<RankId>{2}));
  EXPECT_EQ(last(import(OnnxGraph()
                            .input("x", {1, 4, 8, 8})
                            .weight("g", {4})
                            .node("InstanceNormalization", {"x", "g", "g"}, {"y"})
                            .output("y")))
                .whole_ranks,
            (std::vector<RankId>{2, 3}));
  EXPECT_EQ(last(import(OnnxGraph()
                            .input("x", {1, 4, 8})
                            .node("Softmax", {"x"}, {"y"})
                            .set("axis", 1)
                            .output("y")))
                .whole_ranks,
            (std::vector<RankId>{1}));
  EXPECT_EQ(
      last(import(OnnxGraph(9).input("x", {1, 4, 8}).node("Softmax", {"x"}, {"y"}).output("y")))
          .whole_ranks,
      (std::vector<RankId>{1, 2}));
  const Network lrn = import(
      OnnxGraph().input("x", {1, 8, 3, 3}).node("LRN", {"x"}, {"y"}).set("size", 5).output("y"));
  EXPECT_EQ(rank_names(last(lrn)), "N1 C8 P3 Q3 R5 ");
  EXPECT_EQ(last(lrn).whole_ranks, (std::vector<RankId>{4}));
}

TEST(OnnxGroupNorm, NormalisesWithinGroups) {
  // Not in this ONNX's schema list, so shapes are checked here only.
  OnnxGraph graph(18);
  graph.input("x", {2, 6, 3, 3})
      .weight("g", {2})
      .node("GroupNormalization", {"x", "g", "g"}, {"y"})
      .set("num_groups", 2)
      .output("y");
  const Network network = OnnxImporter(graph.model(), "model", 0).import();
  EXPECT_EQ(rank_names(last(network)), "d02 d12 d23 d33 d43 ");
  EXPECT_EQ(last(network).whole_ranks, (std::vector<RankId>{2, 3, 4}));
}

}  // namespace tessera::workloads
