// Where concatenated maps come from: the four branches of GoogLeNet's first inception module have
// 64, 128, 32 and 32 of 256 channels.
#include "mapping/input_source.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "workloads/network.h"

namespace tessera::mapping {
namespace {

using workloads::LayerId;

class Concatenated : public testing::Test {
 protected:
  LayerId layer(const std::string& name) const {
    const auto found = std::ranges::find(network_.layers, name, &workloads::Layer::name);
    return static_cast<LayerId>(found - network_.layers.begin());
  }

  OutputPlace& place(const std::string& branch) {
    return places_[static_cast<std::size_t>(layer("inc3a_" + branch))];
  }

  InputSource source() const {
    return source_of(network_, network_.layers[layer("inc3b_3x3r")].inputs[0].tensor, places_);
  }

  const workloads::Network network_ = workloads::load_network("googlenet", 0);
  std::vector<OutputPlace> places_ =
      std::vector<OutputPlace>(network_.layers.size(), {Home::kTiles, {{1, 4, Axis::kMeshX}}});
};

TEST_F(Concatenated, InTilesAsItsLastProducerDealtIt) {
  place("proj").signature = {{2, 8, Axis::kMeshY}};
  EXPECT_EQ(source().home, Home::kTiles);
  EXPECT_EQ(source().share, 1);
  EXPECT_EQ(source().signature, place("proj").signature);
}

TEST_F(Concatenated, ItsFarthestPartDecides) {
  place("3x3") = {Home::kShared, {}};
  EXPECT_EQ(source().home, Home::kShared);
  EXPECT_EQ(source().share, 128.0 / 256);
  place("1x1") = {Home::kDram, {}};  // beside a part in shared buffers and two in tiles
  EXPECT_EQ(source().home, Home::kDram);
  EXPECT_EQ(source().share, 64.0 / 256);
  place("5x5") = {Home::kDram, {}};
  EXPECT_EQ(source().share, 96.0 / 256);
  EXPECT_TRUE(source().signature.empty());
}

TEST_F(Concatenated, InputsOfTheNetworkLieInDram) {
  const auto image = source_of(network_, network_.layers.front().inputs[0].tensor, places_);
  EXPECT_EQ(image.home, Home::kDram);
  EXPECT_EQ(image.share, 1);
}

}  // namespace
}  // namespace tessera::mapping
