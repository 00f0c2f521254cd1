// Some layers of a network as a network of their own.
#include "workloads/network_window.h"

#include <gtest/gtest.h>

#include "workloads/text_network.h"

namespace tessera::workloads {
namespace {

/// a -> b -> c, the sum of a and c, and a convolution of the concatenation of b and the sum.
Network skips() {
  return parse_text_network(R"(
name: "net"
input { name: "in" shape: [1, 8, 6, 6] }
layer { name: "a" input: "in" convolution { k: 8 r: 3 pad: 1 } }
layer { name: "b" input: "a" convolution { k: 4 r: 3 pad: 1 } }
layer { name: "c" input: "b" convolution { k: 8 r: 3 pad: 1 } }
layer { name: "sum" input: "a" input: "c" add {} }
layer { name: "d" input: "b" input: "sum" convolution { k: 2 r: 1 } }
)",
                            "file", 0);
}

TensorKind kind_of_output(const Network& network, int layer) {
  return network.tensors[network.layers[layer].output.tensor].kind;
}

std::vector<bool> nowhere(const Network& network) {
  return std::vector<bool>(network.layers.size(), false);
}

int index_of(const Network& network, const std::string& name) {
  for (std::size_t l = 0; l < network.layers.size(); ++l)
    if (network.layers[l].name == name) return static_cast<int>(l);
  throw std::runtime_error("no layer " + name);
}

TEST(NetworkWindow, TurnsWhatCrossesItsBordersIntoInputsAndOutputs) {
  const auto network = skips();
  const int a = index_of(network, "a");
  const auto window = window_of(network, {a, a}, nowhere(network));
  ASSERT_TRUE(window);
  check(*window);
  EXPECT_EQ(window->layers.size(), 1u);
  EXPECT_EQ(kind_of_output(*window, 0), TensorKind::kOutput);
  EXPECT_EQ(window->macs(), network.layers[a].macs());
}

TEST(NetworkWindow, WritesWhatIsReadInsideAndOutsideUnlessItStaysOnChip) {
  const auto network = skips();
  const int a = index_of(network, "a");
  const int b = index_of(network, "b");
  auto on_chip = nowhere(network);
  EXPECT_EQ(kind_of_output(*window_of(network, {a, b}, on_chip), 0), TensorKind::kOutput);
  on_chip[a] = true;
  EXPECT_EQ(kind_of_output(*window_of(network, {a, b}, on_chip), 0), TensorKind::kIntermediate);
  // Nobody inside reads it: it has to go somewhere.
  EXPECT_EQ(kind_of_output(*window_of(network, {a, a}, on_chip), 0), TensorKind::kOutput);
}

TEST(NetworkWindow, EveryWindowIsALegalNetwork) {
  const auto network = skips();
  const int layers = static_cast<int>(network.layers.size());
  for (int first = 0; first < layers; ++first)
    for (int last = first; last < layers; ++last) {
      const auto window = window_of(network, {first, last}, nowhere(network));
      ASSERT_TRUE(window) << first << " to " << last;
      EXPECT_NO_THROW(check(*window)) << first << " to " << last;
      std::int64_t macs = 0;
      for (int l = first; l <= last; ++l) macs += network.layers[l].macs();
      EXPECT_EQ(window->macs(), macs);
    }
}

TEST(NetworkWindow, SplitsConcatenationsAtItsBorder) {
  // b and the sum write one stored tensor; a window that ends at b has b's part only.
  const auto network = skips();
  const int b = index_of(network, "b");
  const auto writers = network.producers(network.layers[b].output.tensor);
  ASSERT_GT(writers.size(), 1u);
  const auto window = window_of(network, {b, b}, nowhere(network));
  ASSERT_TRUE(window);
  EXPECT_EQ(window->tensors[window->layers[0].output.tensor].extents,
            (std::vector<std::int64_t>{1, 4, 6, 6}));
}

TEST(NetworkWindow, OfEverythingIsTheNetwork) {
  const auto network = skips();
  const auto window =
      window_of(network, {0, static_cast<int>(network.layers.size()) - 1}, nowhere(network));
  ASSERT_TRUE(window);
  EXPECT_EQ(window->macs(), network.macs());
  EXPECT_EQ(window->weights(), network.weights());
}

}  // namespace
}  // namespace tessera::workloads
