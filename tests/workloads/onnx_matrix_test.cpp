// Convolutions, matrix products and the patterns networks build from them.
#include "onnx_import.h"
#include "workloads/text_network.h"

namespace tessera::workloads {

TEST(OnnxConv, AttributesBecomeTheWindow) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 4, 9, 9})
                                     .weight("w", {6, 2, 3, 2})
                                     .weight("b", {6})
                                     .node("Conv", {"x", "w", "b"}, {"y"})
                                     .set("strides", {2, 1})
                                     .set("pads", {1, 0, 2, 1})
                                     .set("dilations", {2, 1})
                                     .set("group", 2)
                                     .output("y"));
  // Height (9 + 1 + 2 - 5) / 2 + 1 = 4; width 9 + 0 + 1 - 2 + 1 = 9.
  EXPECT_EQ(rank_names(last(network)), "N1 G2 K3 C2 P4 Q9 R3 S2 ");
  EXPECT_EQ(network.weights(), 6 * 2 * 3 * 2);  // the bias is not stored
}

TEST(OnnxConv, SamePaddingPutsTheOddOneAsItSays) {
  for (const char* mode : {"SAME_UPPER", "SAME_LOWER"}) {
    const Network network = import(OnnxGraph()
                                       .input("x", {1, 1, 6, 6})
                                       .weight("w", {1, 1, 4, 4})
                                       .node("Conv", {"x", "w"}, {"y"})
                                       .set("auto_pad", mode)
                                       .output("y"));
    // Output 6 needs 6 - 1 + 4 - 6 = 3 pads: 1 above for UPPER, 2 for LOWER.
    EXPECT_EQ(last(network).inputs[0].dimensions[2].offset,
              mode == std::string("SAME_UPPER") ? -1 : -2);
    EXPECT_EQ(rank_names(last(network)), "N1 K1 C1 P6 Q6 R4 S4 ");
  }
}

TEST(OnnxConv, OneDimensionalAndDepthwise) {
  EXPECT_EQ(rank_names(last(import(OnnxGraph()
                                       .input("x", {1, 3, 10})
                                       .weight("w", {5, 3, 3})
                                       .node("Conv", {"x", "w"}, {"y"})
                                       .output("y")))),
            "N1 K5 C3 P8 R3 ");
  EXPECT_EQ(rank_names(last(import(OnnxGraph()
                                       .input("x", {1, 3, 4, 4})
                                       .weight("w", {3, 1, 3, 3})
                                       .node("Conv", {"x", "w"}, {"y"})
                                       .set("group", 3)
                                       .output("y")))),
            "N1 G3 K1 C1 P2 Q2 R3 S3 ");
}

TEST(OnnxConv, BatchNormAndReluVanishIntoIt) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 3, 4, 4})
                                     .weight("w", {5, 3, 1, 1})
                                     .weight("s", {5})
                                     .weight("b", {5})
                                     .weight("m", {5})
                                     .weight("v", {5})
                                     .node("Conv", {"x", "w"}, {"c"})
                                     .node("BatchNormalization", {"c", "s", "b", "m", "v"}, {"n"})
                                     .node("Relu", {"n"}, {"y"})
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 1u);
  EXPECT_EQ(last(network).activation, Function::kRelu);
}

TEST(OnnxConv, SecondReaderKeepsReluApart) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 3, 4, 4})
                                     .weight("w", {3, 3, 1, 1})
                                     .node("Conv", {"x", "w"}, {"c"})
                                     .node("Relu", {"c"}, {"r"})
                                     .node("Add", {"c", "r"}, {"y"})
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 3u);
  EXPECT_EQ(network.layers[0].activation, Function::kNone);
  EXPECT_EQ(network.layers[1].function, Function::kRelu);
}

TEST(OnnxConv, OutputOfTheGraphKeepsReluApart) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 3, 4, 4})
                                     .weight("w", {3, 3, 1, 1})
                                     .node("Conv", {"x", "w"}, {"c"})
                                     .node("Relu", {"c"}, {"y"})
                                     .output("c")
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 2u);
  EXPECT_EQ(network.layers[0].activation, Function::kNone);
}

TEST(OnnxBatchNorm, AfterAConcatenationIsALayer) {
  // DenseNet: normalisation reads a concatenation, so it cannot fold into one convolution.
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 4, 4, 4})
                                     .weight("w", {2, 4, 1, 1})
                                     .weight("u", {2, 4, 1, 1})
                                     .weight("p", {4})
                                     .node("Conv", {"x", "w"}, {"a"})
                                     .node("Conv", {"x", "u"}, {"b"})
                                     .node("Concat", {"a", "b"}, {"c"})
                                     .set("axis", 1)
                                     .node("BatchNormalization", {"c", "p", "p", "p", "p"}, {"n"})
                                     .node("Relu", {"n"}, {"y"})
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 3u);
  EXPECT_EQ(last(network).function, Function::kBatchNorm);
  EXPECT_EQ(last(network).activation, Function::kRelu);
}

TEST(OnnxDenseBlock, GrowingConcatenationsShareTheirStorage) {
  // c1 = [x, a], c2 = [x, a, b]: c1 lies in c2, only the network's input x is copied.
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 4, 4, 4})
                                     .weight("wa", {2, 4, 3, 3})
                                     .weight("wb", {2, 6, 3, 3})
                                     .node("Conv", {"x", "wa"}, {"a"})
                                     .set("pads", {1, 1, 1, 1})
                                     .node("Concat", {"x", "a"}, {"c1"})
                                     .set("axis", 1)
                                     .node("Conv", {"c1", "wb"}, {"b"})
                                     .set("pads", {1, 1, 1, 1})
                                     .node("Concat", {"x", "a", "b"}, {"c2"})
                                     .set("axis", 1)
                                     .node("MaxPool", {"c2"}, {"y"})
                                     .set("kernel_shape", {2, 2})
                                     .output("y"));
  EXPECT_EQ(kinds(network), (std::vector<LayerKind>{LayerKind::kMatrix, LayerKind::kMove,
                                                    LayerKind::kMatrix, LayerKind::kPool}));
  EXPECT_EQ(network.layers[2].inputs[0].tensor, network.layers[3].inputs[0].tensor);
  EXPECT_EQ(rank_names(last(network)), "N1 C8 P3 Q3 R2 S2 ");
}

TEST(OnnxFireModule, ExpandBranchesWriteOneTensor) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 4, 4, 4})
                                     .weight("s", {2, 4, 1, 1})
                                     .weight("e1", {3, 2, 1, 1})
                                     .weight("e3", {3, 2, 3, 3})
                                     .node("Conv", {"x", "s"}, {"q"})
                                     .node("Relu", {"q"}, {"qr"})
                                     .node("Conv", {"qr", "e1"}, {"a"})
                                     .node("Relu", {"a"}, {"ar"})
                                     .node("Conv", {"qr", "e3"}, {"b"})
                                     .set("pads", {1, 1, 1, 1})
                                     .node("Relu", {"b"}, {"br"})
                                     .node("Concat", {"ar", "br"}, {"c"})
                                     .set("axis", 1)
                                     .node("GlobalAveragePool", {"c"}, {"y"})
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 4u);
  EXPECT_EQ(network.layers[1].output.tensor, network.layers[2].output.tensor);
  EXPECT_EQ(network.layers[2].output.dimensions[1].offset, 3);
  EXPECT_EQ(rank_names(last(network)), "N1 C6 P1 Q1 R4 S4 ");
}

TEST(OnnxGemm, FlattenedInputKeepsChannelRowAndColumn) {
  const auto graph = [] {
    return OnnxGraph().input("x", {1, 4, 3, 2}).weight("w", {5, 24}).weight("b", {5});
  };
  const Network flatten = import(graph()
                                     .node("Flatten", {"x"}, {"f"})
                                     .node("Gemm", {"f", "w", "b"}, {"y"})
                                     .set("transB", 1)
                                     .output("y"));
  EXPECT_EQ(rank_names(last(flatten)), "N1 K5 C4 R3 S2 ");
  EXPECT_EQ(flatten.tensors[last(flatten).inputs[1].tensor].extents, (OnnxShape{5, 4, 3, 2}));
  const Network reshape = import(graph()
                                     .integers("s", {1, -1})
                                     .node("Reshape", {"x", "s"}, {"f"})
                                     .node("Gemm", {"f", "w", "b"}, {"y"})
                                     .set("transB", 1)
                                     .output("y"));
  EXPECT_EQ(rank_names(last(reshape)), "N1 K5 C4 R3 S2 ");
}

TEST(OnnxGemm, TransposedOperandsAndDynamicBias) {
  const Network network = import(OnnxGraph()
                                     .input("a", {3, 2})
                                     .input("b", {5, 3})
                                     .input("c", {2, 5})
                                     .node("Gemm", {"a", "b", "c"}, {"y"})
                                     .set("transA", 1)
                                     .set("transB", 1)
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 2u);
  EXPECT_EQ(rank_names(network.layers[0]), "M2 K5 C3 ");
  EXPECT_EQ(last(network).function, Function::kAdd);
}

TEST(OnnxMatMul, BatchedWeightAndVectorForms) {
  EXPECT_EQ(rank_names(last(import(OnnxGraph()
                                       .input("x", {2, 7, 3})
                                       .weight("w", {3, 5})
                                       .node("MatMul", {"x", "w"}, {"y"})
                                       .output("y")))),
            "N2 M7 K5 C3 ");
  EXPECT_EQ(rank_names(last(import(OnnxGraph()
                                       .input("x", {2, 4, 7, 3})
                                       .input("z", {2, 4, 3, 5})
                                       .node("MatMul", {"x", "z"}, {"y"})
                                       .output("y")))),
            "N2 H4 M7 K5 C3 ");
  EXPECT_EQ(import(OnnxGraph()
                       .input("x", {2, 7, 3})
                       .weight("w", {3})
                       .node("MatMul", {"x", "w"}, {"y"})
                       .output("y"))
                .macs(),
            42);
  EXPECT_EQ(import(OnnxGraph()
                       .input("x", {3})
                       .weight("w", {3, 5})
                       .node("MatMul", {"x", "w"}, {"y"})
                       .output("y"))
                .macs(),
            15);
  EXPECT_EQ(import(OnnxGraph()
                       .input("x", {2, 4, 7, 3})
                       .input("z", {1, 1, 3, 5})
                       .node("MatMul", {"x", "z"}, {"y"})
                       .output("y"))
                .macs(),
            2 * 4 * 7 * 3 * 5);
}

TEST(OnnxMatMul, BiasAndScaleOfAPlainProductVanish) {
  const Network network = import(OnnxGraph()
                                     .input("x", {1, 7, 3})
                                     .weight("w", {3, 5})
                                     .weight("b", {5})
                                     .reals("half", {0.5F}, true)
                                     .node("MatMul", {"x", "w"}, {"m"})
                                     .node("Add", {"b", "m"}, {"a"})
                                     .node("Mul", {"a", "half"}, {"s"})
                                     .node("Relu", {"s"}, {"y"})
                                     .output("y"));
  ASSERT_EQ(network.layers.size(), 1u);
  EXPECT_EQ(last(network).activation, Function::kRelu);
}

TEST(OnnxAttention, HeadsFoldIntoTheProductsAndEqualTheTextForm) {
  OnnxGraph graph;
  graph.input("x", {1, 6, 8})
      .integers("split", {0, 0, 2, 4})
      .integers("merge", {0, 0, 8})
      .reals("scale", {0.5F}, true);
  for (const std::string p : {"q", "k", "v", "o"}) graph.weight(p + ".weights", {8, 8});
  for (const std::string p : {"q", "k", "v"}) {
    using Order = std::vector<std::int64_t>;
    graph.node("MatMul", {"x", p + ".weights"}, {p})
        .node("Reshape", {p, "split"}, {p + "r"})
        .node("Transpose", {p + "r"}, {p + "t"})
        .set("perm", p == "k" ? Order{0, 2, 3, 1} : Order{0, 2, 1, 3});
  }
  graph.node("MatMul", {"qt", "kt"}, {"qk"})
      .node("Mul", {"qk", "scale"}, {"scaled"})
      .node("Softmax", {"scaled"}, {"s"})
      .set("axis", -1)
      .node("MatMul", {"s", "vt"}, {"av"})
      .node("Transpose", {"av"}, {"avt"})
      .set("perm", {0, 2, 1, 3})
      .node("Reshape", {"avt", "merge"}, {"avm"})
      .node("MatMul", {"avm", "o.weights"}, {"y"})
      .output("y");
  const Network network = import(graph);
  ASSERT_EQ(network.layers.size(),
            7u);  // four by weights, two of activations, one softmax; no moves
  EXPECT_EQ(rank_names(network.layers[3]), "N1 H2 M6 K6 C4 ");
  EXPECT_EQ(network.layers[4].kind, LayerKind::kSoftmax);
  EXPECT_EQ(rank_names(last(network)), "N1 M6 K8 C02 C14 ");
  EXPECT_EQ(network.macs(), 4 * 6 * 64 + 2 * 2 * 6 * 6 * 4);

  // The same block in text stores the heads merged. Seeded values depend on names and flat
  // positions only, and the weights' extra dimensions keep the flat order, so the results must
  // agree.
  const Network text = parse_text_network(R"(
    name: "attention" input { name: "x" shape: [1, 6, 8] }
    layer { name: "q" input: "x" matrix_product { k: 8 } }
    layer { name: "k" input: "x" matrix_product { k: 8 } }
    layer { name: "v" input: "x" matrix_product { k: 8 } }
    layer { name: "qk" input: "q" input: "k" matrix_product { heads: 2 transpose_b: true } }
    layer { name: "s" input: "qk" softmax { axis: -1 } }
    layer { name: "av" input: "s" input: "v" matrix_product { heads: 2 merge_heads: true } }
    layer { name: "o" input: "av" matrix_product { k: 8 } }
  )",
                                          "text", 0);
  EXPECT_EQ(run(network), run(text));
}

TEST(OnnxShuffle, ReshapeTransposeReshapeFoldsIntoAGroupedConvolution) {
  const OnnxGraph graph = OnnxGraph()
                              .input("x", {1, 6, 3, 3})
                              .weight("w", {6, 1, 3, 3})
                              .integers("a", {1, 2, 3, 3, 3})
                              .integers("b", {1, 6, 3, 3})
                              .node("Relu", {"x"}, {"r"})
                              .node("Reshape", {"r", "a"}, {"s"})
                              .node("Transpose", {"s"}, {"t"})
                              .set("perm", {0, 2, 1, 3, 4})
                              .node("Reshape", {"t", "b"}, {"u"})
                              .node("Conv", {"u", "w"}, {"y"})
                              .set("group", 6)
                              .set("pads", {1, 1, 1, 1})
                              .output("y");
  const Network network = import(graph);
  EXPECT_EQ(kinds(network), (std::vector<LayerKind>{LayerKind::kMap, LayerKind::kMatrix}));
  EXPECT_EQ(rank_names(last(network)), "N1 G03 G12 K1 C1 P3 Q3 R3 S3 ");
}

TEST(OnnxShuffle, UnitWithSplitEqualsArrays) {
  // ShuffleNet v2: concatenate, shuffle, take the halves, add them up again.
  const OnnxGraph graph = OnnxGraph()
                              .input("x", {1, 4, 2, 2})
                              .input("z", {1, 4, 2, 2})
                              .integers("a", {1, 2, 4, 2, 2})
                              .integers("b", {1, 8, 2, 2})
                              .node("Relu", {"x"}, {"rx"})
                              .node("Relu", {"z"}, {"rz"})
                              .node("Concat", {"rx", "rz"}, {"c"})
                              .set("axis", 1)
                              .node("Reshape", {"c", "a"}, {"s"})
                              .node("Transpose", {"s"}, {"t"})
                              .set("perm", {0, 2, 1, 3, 4})
                              .node("Reshape", {"t", "b"}, {"u"})
                              .node("Split", {"u"}, {"h0", "h1"})
                              .set("axis", 1)
                              .node("Sub", {"h0", "h1"}, {"y"})
                              .output("y");
  const Network network = import(graph);
  EXPECT_EQ(kinds(network), (std::vector<LayerKind>(3, LayerKind::kMap)));
  Array c = oracle::concat({apply(Function::kRelu, seeded_array("x", {1, 4, 2, 2})),
                            apply(Function::kRelu, seeded_array("z", {1, 4, 2, 2}))},
                           1);
  c.shape = {1, 2, 4, 2, 2};
  Array u = oracle::transpose(c, {0, 2, 1, 3, 4});
  u.shape = {1, 8, 2, 2};
  const Array h0 = oracle::slice(u, 1, 0, 4, 1), h1 = oracle::slice(u, 1, 4, 4, 1);
  std::vector<Element> expected;
  for (std::size_t i = 0; i < h0.data.size(); ++i)
    expected.push_back(combine(Function::kSubtract, h0.data[i], h1.data[i]));
  EXPECT_EQ(run(network), expected);
}

}  // namespace tessera::workloads
