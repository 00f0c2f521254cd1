// check() on networks that are damaged one invariant at a time.
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "workloads/network.h"

namespace tessera::workloads {

namespace {

/// in (1x4) -> a -> b, element by element.
Network chain() {
  Network network;
  network.name = std::string("chain");
  network.tensors = {{"in", TensorKind::kInput, {1, 4}},
                     {"mid", TensorKind::kIntermediate, {1, 4}},
                     {"out", TensorKind::kOutput, {1, 4}}};
  for (int i = 0; i < 2; ++i) {
    Layer layer;
    layer.name = std::string(1, i == 0 ? 'a' : 'b');
    layer.kind = LayerKind::kMap;
    layer.function = Function::kRelu;
    layer.ranks = {{"N", 1, false}, {"C", 4, false}};
    layer.inputs = {{i, OperandRole::kInput, {{{{0, 1}}, 0, 0, 1}, {{{1, 1}}, 0, 0, 4}}}};
    layer.output = layer.inputs[0];
    layer.output.tensor = i + 1;
    layer.output.role = OperandRole::kOutput;
    network.layers.push_back(layer);
  }
  return network;
}

std::string complaint(const Network& network) {
  return test::refusal_of([&] { check(network); }, "");
}

}  // namespace

TEST(Check, SoundNetworkPasses) { EXPECT_EQ(complaint(chain()), ""); }

TEST(Check, TensorIdOutOfRange) {
  Network network = chain();
  network.layers[1].inputs[0].tensor = 3;
  EXPECT_EQ(complaint(network), "b: tensor id 3; the network has 3 tensors");
}

TEST(Check, RankIdOutOfRange) {
  Network network = chain();
  network.layers[1].inputs[0].dimensions[1].terms[0].rank = 2;
  EXPECT_EQ(complaint(network), "b: rank id 2 with coefficient 1; the layer has 2 ranks");
}

TEST(Check, ElementsNobodyWrites) {
  Network network = chain();
  network.layers[0].ranks[1].extent = 3;
  EXPECT_EQ(complaint(network),
            "a: 3 of 4 elements of tensor mid are written; each must be written once");
}

TEST(Check, ElementsWrittenTwiceByOneLayer) {
  Network network = chain();
  // Ranks C0 (2) and C1 (2) with the same coefficient hit index 1 twice.
  network.layers[0].ranks = {{"N", 1, false}, {"C0", 2, false}, {"C1", 2, false}};
  network.layers[0].output.dimensions[1].terms = {{1, 1}, {2, 1}};
  network.layers[0].inputs[0].dimensions[1].terms = {{1, 2}, {2, 1}};
  EXPECT_EQ(complaint(network),
            "a: the output's index sum over rank C1 leaves gaps or writes elements twice");
}

TEST(Check, ElementsWrittenByTwoLayers) {
  Network network = chain();
  network.layers.insert(network.layers.begin(), network.layers[0]);
  network.layers[0].name = std::string("twin");
  EXPECT_EQ(complaint(network), "a: writes elements of tensor mid that layer twin also writes");
}

TEST(Check, InterleavedWritersCoverATensor) {
  // Even elements from one layer, odd ones from another: stepped regions that do not meet.
  Network network = chain();
  network.layers[0].ranks[1].extent = 2;
  network.layers[0].output.dimensions[1].terms[0].coefficient = 2;
  network.layers.insert(network.layers.begin(), network.layers[0]);
  network.layers[1].name = std::string("odd");
  network.layers[1].output.dimensions[1].offset = 1;
  EXPECT_EQ(complaint(network), "");
  network.layers[1].output.dimensions[1].offset = 0;
  EXPECT_EQ(complaint(network), "odd: writes elements of tensor mid that layer a also writes");
}

TEST(Check, ReaderBeforeItsProducer) {
  Network network = chain();
  std::swap(network.layers[0], network.layers[1]);
  EXPECT_EQ(complaint(network), "b: reads tensor mid before layer a writes it");
}

TEST(Check, AccessBeyondTheTensor) {
  Network network = chain();
  network.layers[1].inputs[0].dimensions[1].offset = 1;
  network.layers[1].inputs[0].dimensions[1].valid_end = 5;
  EXPECT_EQ(complaint(network),
            "b: reaches indices 1 to 4 of dimension 1 of tensor mid, which has 4");
}

TEST(Check, OutputIntoPadding) {
  Network network = chain();
  network.layers[1].output.dimensions[1].offset = -1;
  EXPECT_EQ(complaint(network),
            "b: reaches indices -1 to 2 of dimension 1 of tensor out, which has 4");
}

TEST(Check, ReducedRankThatIndexesTheOutput) {
  Network network = chain();
  network.layers[0].ranks[1].reduced = true;
  EXPECT_EQ(complaint(network), "a: rank C is reduced but indexes the output");
}

TEST(Check, RankThatReachesNoOutput) {
  Network network = chain();
  network.layers[0].ranks.push_back({"X", 2, false});
  EXPECT_EQ(complaint(network), "a: rank X does not index the output");
}

TEST(Check, LayerThatWritesAnInput) {
  Network network = chain();
  network.tensors[1].kind = TensorKind::kInput;
  EXPECT_EQ(complaint(network), "a: writes tensor mid, which is no result");
}

TEST(Check, ResultThatNobodyReads) {
  Network network = chain();
  network.layers[1].inputs[0].tensor = 0;
  EXPECT_EQ(complaint(network), "a: its result mid is neither read nor an output");
}

TEST(Check, LayerNamesMustDiffer) {
  Network network = chain();
  network.layers[1].name = std::string("a");
  EXPECT_EQ(complaint(network), "a: is the name of two layers; names must differ");
}

TEST(Check, NetworkWithoutLayers) {
  Network network = chain();
  network.layers.clear();
  EXPECT_EQ(complaint(network), "chain: has no layers; at least 1 is needed");
}

}  // namespace tessera::workloads
