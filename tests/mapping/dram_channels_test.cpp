// How a tensor's bytes are dealt to channels: by hand, and every byte against division and
// remainder.
#include "mapping/dram_channels.h"

#include <gtest/gtest.h>

#include "sim/base/random.h"

namespace tessera::mapping {
namespace {

using Runs = std::vector<Run>;

DramLayout layout_of(Bytes stripe, std::uint64_t base = 0, int first = 0, int channels = 0) {
  DramLayout layout;
  layout.base_address = base;
  layout.stripe_bytes = stripe;
  layout.first_channel = first;
  layout.channels = channels;
  return layout;
}

TEST(Deal, StripesInTurn) {
  // Stripes of 64 bytes over 3 channels: bytes 100..299 are 100..127 (stripe 1, channel 1, offset
  // 36), 128..191 (stripe 2, channel 2), 192..255 (stripe 3, channel 0, its second stripe),
  // 256..299 (stripe 4, channel 1, its second stripe).
  const auto dealt = deal(layout_of(64), {{100, 200}}, 3);
  EXPECT_EQ(dealt[0], (Runs{{64, 64}}));
  EXPECT_EQ(dealt[1], (Runs{{36, 28 + 44}}));  // neighbours inside the channel: one run
  EXPECT_EQ(dealt[2], (Runs{{0, 64}}));
}

TEST(Deal, BeginsAtTheBaseInTheFirstChannelAndWrapsRound) {
  // Two of four channels, from channel 3 on: bytes 0..63 of the tensor in channel 3, 64..127 in
  // channel 0, 128..159 in channel 3 again; both from address 1000 on.
  const auto dealt = deal(layout_of(64, 1000, 3, 2), {{1000, 160}}, 4);
  EXPECT_EQ(dealt[3], (Runs{{1000, 64 + 32}}));
  EXPECT_EQ(dealt[0], (Runs{{1000, 64}}));
  EXPECT_TRUE(dealt[1].empty());
  EXPECT_TRUE(dealt[2].empty());
}

TEST(Deal, HashingSpreadsStridesOfAllChannels) {
  // Four channels, stripes of 64: stripes 0, 4, 8, 12 are 256 bytes apart and all channel 0's
  // without hashing; with it 0, 0^1, 0^2, 0^3. Stripe 5 is 1 in its low and 1 in its high bits: 0.
  DramLayout layout = layout_of(64);
  layout.hashed = true;
  const auto dealt = deal(layout, {{0, 64}, {256, 64}, {512, 64}, {768, 64}}, 4);
  for (std::uint64_t c = 0; c < 4; ++c) EXPECT_EQ(dealt[c], (Runs{{64 * c, 64}}));
  EXPECT_TRUE(holds(layout, 5 * 64, 0, 4));
}

TEST(Deal, HashedStripesOfARowStillLieInAllChannels) {
  DramLayout layout = layout_of(64);
  layout.hashed = true;
  for (const std::size_t channels : {2, 8}) {
    const auto dealt = deal(layout, {{0, 64 * channels * 100}}, channels);
    for (const auto& runs : dealt) EXPECT_EQ(runs, (Runs{{0, 6400}}));
  }
}

TEST(Deal, EveryByteHasOnePlace) {
  Random random(3);
  for (int round = 0; round < 300; ++round) {
    const std::size_t channels = 1 + random.below(5);
    const std::size_t ways = 1 + random.below(channels);
    const std::size_t first = random.below(channels);
    const Bytes stripe = Bytes{8} << random.below(4);
    const std::uint64_t base = random.below(1000);
    DramLayout layout = layout_of(stripe, base, static_cast<int>(first), static_cast<int>(ways));
    Runs runs;
    std::vector<std::vector<std::uint64_t>> expected(channels);
    std::uint64_t next = 0;
    for (int i = 0; i < 5; ++i) {
      next += random.below(40);
      runs.push_back({base + next, 1 + random.below(100)});
      for (Bytes b = 0; b < runs.back().bytes; ++b, ++next)
        expected[(first + next / stripe % ways) % channels].push_back(
            base + next / (stripe * ways) * stripe + next % stripe);
    }
    layout.footprint_bytes = next;
    const auto dealt = deal(layout, runs, channels);
    ASSERT_EQ(dealt.size(), channels);
    for (std::size_t c = 0; c < channels; ++c) {
      std::vector<std::uint64_t> found;
      for (const auto& run : dealt[c])
        for (Bytes b = 0; b < run.bytes; ++b) found.push_back(run.address + b);
      ASSERT_EQ(found, expected[c]) << "round " << round << " channel " << c;
      if (found.empty()) continue;
      EXPECT_TRUE(holds_part(layout, c, channels));
      EXPECT_LT(found.back(), base + bytes_per_channel(layout, channels));
    }
    for (std::uint64_t byte = 0; byte < next; ++byte) {
      const std::size_t holder = (first + byte / stripe % ways) % channels;
      for (std::size_t c = 0; c < channels; ++c)
        ASSERT_EQ(holds(layout, base + byte, c, channels), c == holder);
    }
  }
}

TEST(Deal, SpaceIsWholeStripesOfEachChannelOrTheTensorItself) {
  DramLayout layout = layout_of(64);
  layout.footprint_bytes = 65;
  EXPECT_EQ(bytes_per_channel(layout, 2), 64u);  // one stripe each
  layout.footprint_bytes = 129;
  EXPECT_EQ(bytes_per_channel(layout, 2), 128u);  // the third stripe begins a second row
  EXPECT_EQ(bytes_per_channel(layout, 1), 129u);
  layout.copies = Copies::kNearest;
  EXPECT_EQ(bytes_per_channel(layout, 2), 129u);
  EXPECT_TRUE(holds(layout, 128, 0, 2));
  EXPECT_TRUE(holds(layout, 128, 1, 2));
}

}  // namespace
}  // namespace tessera::mapping
