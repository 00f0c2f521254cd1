#include "sim/base/names.h"

#include <gtest/gtest.h>

namespace tessera {

TEST(Suggest, OffersTheClosestNames) {
  EXPECT_EQ(suggest("resnet5", {"alexnet", "resnet50", "vgg16"}), "did you mean resnet50?");
}

TEST(Suggest, ListsAllWhenNothingIsClose) {
  EXPECT_EQ(suggest("zzz", {"alexnet", "vgg16"}), "known: alexnet, vgg16");
}

TEST(DidYouMean, IsSilentWhenNothingIsClose) {
  EXPECT_EQ(did_you_mean("--colour", {"--network", "--batch"}), "");
  EXPECT_EQ(did_you_mean("--bach", {"--network", "--batch"}), "did you mean --batch?");
}

}  // namespace tessera
