// What a user can write, and what one line he gets when it is wrong.
#include "workloads/text_network.h"

#include <gtest/gtest.h>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "tests/support/refusal.h"

namespace tessera::workloads {

namespace {

using Shape = std::vector<std::int64_t>;

Network parse(const std::string& layers, std::int64_t batch = 0) {
  return parse_text_network("name: \"net\" input { name: \"in\" shape: [1, 8, 6, 6] }\n" + layers,
                            "file", batch);
}

std::string complaint(const std::string& layers) {
  return test::refusal_of([&] { parse(layers); }, "no error");
}

const Layer& last(const Network& network) { return network.layers.back(); }

std::string rank_names(const Layer& layer) {
  std::string names;
  for (const auto& rank : layer.ranks) names += rank.name + std::to_string(rank.extent) + " ";
  return names;
}

const Tensor& output_of(const Network& network) {
  return network.tensors[last(network).output.tensor];
}

}  // namespace

TEST(TextNetwork, ConvolutionHasTheFieldsRanks) {
  const Network network = parse(
      "layer { name: \"c\" input: \"in\" convolution { k: 4 r: 3 s: 1 stride: [2, 1] pad: [1, 0, "
      "0, 0] } }");
  // Height (6 + 1 + 0 - 3) / 2 + 1 = 3; width 6.
  EXPECT_EQ(rank_names(last(network)), "N1 K4 C8 P3 Q6 R3 S1 ");
  const auto& rows = last(network).inputs[0].dimensions[2];
  EXPECT_EQ(rows.offset, -1);
  EXPECT_EQ(rows.terms[0].coefficient, 2);
  EXPECT_EQ(output_of(network).kind, TensorKind::kOutput);
}

TEST(TextNetwork, GroupedAndDepthwiseConvolution) {
  EXPECT_EQ(rank_names(last(
                parse("layer { name: \"c\" input: \"in\" convolution { k: 4 r: 1 groups: 2 } }"))),
            "N1 G2 K2 C4 P6 Q6 R1 S1 ");
  const Network depthwise =
      parse("layer { name: \"c\" input: \"in\" convolution { depthwise: true r: 3 pad: 1 } }");
  EXPECT_EQ(rank_names(last(depthwise)), "N1 G8 K1 C1 P6 Q6 R3 S3 ");
  EXPECT_EQ(depthwise.macs(), 8 * 36 * 9);
  EXPECT_EQ(depthwise.weights(), 8 * 9);
}

TEST(TextNetwork, GroupedWeightsAreStoredPerGroup) {
  const Network network =
      parse("layer { name: \"c\" input: \"in\" convolution { k: 4 r: 3 pad: 1 groups: 2 } }");
  EXPECT_EQ(network.tensors[last(network).inputs[1].tensor].extents, (Shape{2, 2, 4, 3, 3}));
}

TEST(TextNetwork, DilationWidensTheWindow) {
  // Span 2 * 2 + 1 = 5: output (6 - 5) / 1 + 1 = 2.
  EXPECT_EQ(rank_names(last(parse(
                "layer { name: \"c\" input: \"in\" convolution { k: 1 r: 3 dilation: 2 } }"))),
            "N1 K1 C8 P2 Q2 R3 S3 ");
}

TEST(TextNetwork, FlattenedMapKeepsChannelRowAndColumn) {
  const std::string direct = "layer { name: \"f\" input: \"in\" fully_connected { k: 5 } }";
  const std::string flattened =
      "layer { name: \"x\" input: \"in\" flatten { axis: 1 } }"
      "layer { name: \"f\" input: \"x\" matrix_product { k: 5 } }";
  for (const auto& text : {direct, flattened}) {
    const Network network = parse(text);
    EXPECT_EQ(rank_names(last(network)), "N1 K5 C8 R6 S6 ");
    ASSERT_EQ(network.layers.size(), 1u);
    EXPECT_EQ(network.weights(), 5 * 288);
  }
  EXPECT_EQ(parse(flattened).tensors[1].extents, (Shape{8, 6, 6, 5}));
}

TEST(TextNetwork, AttentionHeadsFoldIntoTheMatrixProducts) {
  const Network network = parse_text_network(R"(
    name: "attention" input { name: "in" shape: [1, 5, 12] }
    layer { name: "q" input: "in" matrix_product { k: 12 } }
    layer { name: "k" input: "in" matrix_product { k: 12 } }
    layer { name: "v" input: "in" matrix_product { k: 12 } }
    layer { name: "qk" input: "q" input: "k" matrix_product { heads: 3 transpose_b: true } }
    layer { name: "s" input: "qk" softmax { axis: -1 } }
    layer { name: "av" input: "s" input: "v" matrix_product { heads: 3 merge_heads: true } }
  )",
                                             "file", 0);
  ASSERT_EQ(network.layers.size(), 6u);  // no moves
  const Layer& qk = network.layers[3];
  EXPECT_EQ(rank_names(qk), "N1 H3 M5 K5 C4 ");
  // Column of q = 4 h + c, ranks 1 and 4.
  ASSERT_EQ(qk.inputs[0].dimensions[2].terms.size(), 2u);
  EXPECT_EQ(qk.inputs[0].dimensions[2].terms[0].coefficient, 4);
  EXPECT_EQ(qk.inputs[0].dimensions[2].terms[1].rank, 4);
  EXPECT_EQ(network.layers[4].whole_ranks, (std::vector<RankId>{3}));
  EXPECT_EQ(rank_names(last(network)), "N1 H3 M5 K4 C5 ");
  EXPECT_EQ(output_of(network).extents, (Shape{1, 5, 12}));
}

TEST(TextNetwork, ChannelShuffleFoldsIntoADepthwiseConvolution) {
  const Network network = parse(
      "layer { name: \"c\" input: \"in\" convolution { k: 8 r: 1 groups: 2 } }"
      "layer { name: \"s\" input: \"c\" channel_shuffle { groups: 2 } }"
      "layer { name: \"d\" input: \"s\" convolution { depthwise: true r: 3 pad: 1 } }");
  ASSERT_EQ(network.layers.size(), 2u);
  EXPECT_EQ(rank_names(last(network)), "N1 G04 G12 K1 C1 P6 Q6 R3 S3 ");
  // Shuffled channel 2 j + i is stored channel 4 i + j.
  EXPECT_EQ(last(network).inputs[0].dimensions[1].terms[0].coefficient, 1);
  EXPECT_EQ(last(network).inputs[0].dimensions[1].terms[1].coefficient, 4);
}

TEST(TextNetwork, UpsampleFoldsIntoASumButIsMovedForAConvolution) {
  const std::string up =
      "layer { name: \"p\" input: \"in\" max_pool { r: 2 stride: 2 } }"
      "layer { name: \"u\" input: \"p\" upsample { factor: 2 } }";
  const Network sum = parse(up + "layer { name: \"a\" input: \"u\" input: \"in\" add {} }");
  EXPECT_EQ(rank_names(last(sum)), "N1 C8 P03 P12 Q03 Q12 ");
  EXPECT_EQ(sum.layers.size(), 2u);
  const Network conv =
      parse(up + "layer { name: \"c\" input: \"u\" convolution { k: 1 r: 3 pad: 1 } }");
  ASSERT_EQ(conv.layers.size(), 3u);
  EXPECT_EQ(conv.layers[1].kind, LayerKind::kMove);
  EXPECT_EQ(rank_names(last(conv)), "N1 K1 C8 P6 Q6 R3 S3 ");
}

TEST(TextNetwork, SeveralInputsAreConcatenatedOnce) {
  const Network network = parse(
      "layer { name: \"a\" input: \"in\" convolution { k: 2 r: 1 } }"
      "layer { name: \"b\" input: \"in\" convolution { k: 3 r: 1 } }"
      "layer { name: \"x\" input: \"a\" input: \"b\" convolution { k: 4 r: 1 } }"
      "layer { name: \"y\" input: \"a\" input: \"b\" max_pool { r: 2 } }");
  ASSERT_EQ(network.layers.size(), 4u);
  EXPECT_EQ(rank_names(network.layers[2]), "N1 K4 C5 P6 Q6 R1 S1 ");
  EXPECT_EQ(network.layers[2].inputs[0].tensor, network.layers[3].inputs[0].tensor);
}

TEST(TextNetwork, BatchReplacesTheFirstDimension) {
  const Network network = parse("layer { name: \"c\" input: \"in\" max_pool { r: 2 } }", 7);
  EXPECT_EQ(network.batch, 7);
  EXPECT_EQ(network.tensors[0].extents, (Shape{7, 8, 6, 6}));
}

TEST(TextNetwork, LstmCellWritesCellAndHiddenState) {
  const Network network = load_network("lstm_cell_1024", 0);
  ASSERT_EQ(network.layers.size(), 3u);
  EXPECT_EQ(network.layers[1].function, Function::kLstmCell);
  EXPECT_EQ(network.layers[1].inputs[2].dimensions[1].offset, 2048);  // gate g
  EXPECT_EQ(network.layers[2].function, Function::kLstmHidden);
  EXPECT_EQ(network.layers[2].inputs[0].dimensions[1].offset, 3072);  // gate o
}

TEST(TextNetwork, OutputsMayBeNamed) {
  const Network network = parse(
      "layer { name: \"a\" input: \"in\" max_pool { r: 2 } }"
      "layer { name: \"b\" input: \"a\" max_pool { r: 2 } }"
      "output: \"a\" output: \"b\"");
  EXPECT_EQ(network.tensors[network.layers[0].output.tensor].kind, TensorKind::kOutput);
  EXPECT_EQ(network.tensors[network.layers[1].output.tensor].kind, TensorKind::kOutput);
}

TEST(TextNetwork, TransposedOutputIsMoved) {
  const Network network = parse(
      "layer { name: \"a\" input: \"in\" max_pool { r: 2 } }"
      "layer { name: \"t\" input: \"a\" transpose { order: [0, 2, 3, 1] } } output: \"t\"");
  ASSERT_EQ(network.layers.size(), 2u);
  EXPECT_EQ(last(network).kind, LayerKind::kMove);
  EXPECT_EQ(output_of(network).extents, (Shape{1, 5, 5, 8}));
}

TEST(TextNetworkError, UnknownFieldGivesLineAndColumn) {
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" max_pool { rr: 2 } }").substr(0, 8),
            "file:2:4");
}

TEST(TextNetworkError, UnknownInputSuggestsNames) {
  EXPECT_EQ(complaint("layer { name: \"conv1\" input: \"in\" max_pool { r: 2 } }"
                      "layer { name: \"b\" input: \"conv2\" max_pool { r: 2 } }"),
            "file: b: reads 'conv2', which is not defined above; did you mean conv1?");
}

TEST(TextNetworkError, OneLineNamesTheLayerAndTheField) {
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" convolution { r: 3 } }"),
            "file: c: k is 0; at least 1 is allowed");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" convolution { k: 4 } }"),
            "file: c: kernel is 0; at least 1 is allowed");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" convolution { k: 4 r: 7 } }"),
            "file: c: a window of 7 does not fit into 6 elements with padding 0 and 0");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" convolution { k: 4 r: 1 groups: 3 } }"),
            "file: c: groups is 3; it must divide 8 input channels");
  EXPECT_EQ(
      complaint("layer { name: \"c\" input: \"in\" convolution { k: 4 r: 1 pad: [1, 1, 1] } }"),
      "file: c: pad has 3 values; 1 or 2 are allowed");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" softmax { axis: 4 } }"),
            "file: c: axis is 4; -4 to 3 is allowed");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" }"), "file: c: has no operation");
  EXPECT_EQ(complaint("layer { name: \"in\" input: \"in\" max_pool { r: 1 } }"),
            "file: in: is defined twice; names must differ");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" add {} }"),
            "file: c: has 1 inputs; 2 to 16 needed");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" reshape { shape: [1, 5, -1] } }"),
            "file: c: shape 1x5x-1 does not hold the 288 elements of 1x8x6x6");
  EXPECT_EQ(complaint("layer { name: \"c\" input: \"in\" dropout {} activation: RELU }"),
            "file: c: activation RELU cannot be fused into this operation; write a layer with "
            "'function'");
}

TEST(LoadNetwork, UnknownZooNameSuggestsANearOne) {
  test::expect_refused([&] { load_network("resnet51", 0); }, "did you mean resnet50");
}

TEST(LoadNetwork, UnknownKindOfFileIsRefused) {
  EXPECT_THROW(load_network("net.prototxt", 0), UserError);
  EXPECT_THROW(load_network("missing.textproto", 0), UserError);
}

TEST(Readme, ExampleLoads) {
  const std::string readme = read_file(TESSERA_SOURCE_DIR "/workloads/README.md");
  const auto begin = readme.find("name: \"example\"");
  ASSERT_NE(begin, std::string::npos);
  const Network network =
      parse_text_network(readme.substr(begin, readme.find("```", begin) - begin), "README", 0);
  EXPECT_EQ(network.layers.size(), 3u);
  // 16 * 3 * 9 * 1024 + 16 * 16 * 9 * 1024
  EXPECT_EQ(network.macs(), 2801664);
}

TEST(ListZoo, EveryEntryHasASummary) {
  const auto entries = list_zoo();
  EXPECT_GE(entries.size(), 26u);
  for (const auto& entry : entries) EXPECT_FALSE(entry.summary.empty()) << entry.name;
}

}  // namespace tessera::workloads
