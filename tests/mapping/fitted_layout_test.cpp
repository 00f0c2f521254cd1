// Layouts made for the pieces in which a schedule moves a tensor. Bursts of 32 bytes, words of 2.
#include "mapping/fitted_layout.h"

#include <gtest/gtest.h>

#include "mapping/dram_runs.h"

namespace tessera::mapping {
namespace {

using Extents = std::vector<std::int64_t>;

const Extents kMap = {1, 32, 16, 16};  // batch, channels, rows, columns
const Blocking kUsual{{0, 2, 3, 1}, kMap};

double cost(const Blocking& blocking, const DramAccess& access) {
  return burst_bytes(blocking, kMap, {access}, 2, 32);
}

/// What the estimate says of pieces that begin with a burst, from the runs themselves.
Bytes bursts_of(const Blocking& blocking, const Extents& piece) {
  DramLayout layout;
  layout.order = blocking.order;
  layout.block = blocking.block;
  workloads::Region region;
  for (const auto extent : piece) region.dimensions.push_back({0, extent, 1});
  Bytes bytes = 0;
  for (const auto& run : runs_of(layout, kMap, region, 2))
    bytes += (ceil_div<Bytes>(run.address + run.bytes, 32) - run.address / 32) * 32;
  return bytes;
}

TEST(BurstBytes, OneChannelOfManyPixelsWastesMostOfEveryBurst) {
  // 256 runs of two bytes; a run of two bytes at any even place of a burst is taken as one and a
  // half bursts of 32.
  EXPECT_EQ(cost(kUsual, {{1, 1, 16, 16}, 1}), 256 * 48);
  // The same channel as a plane is one run of 512 bytes, sixteen bursts.
  EXPECT_EQ(cost({{0, 1, 2, 3}, kMap}, {{1, 1, 16, 16}, 1}), 512);
}

TEST(BurstBytes, BlocksOfChannelsFillBursts) {
  const Blocking sixteen{{0, 2, 3, 1}, {1, 16, 16, 16}};
  // Sixteen channels of all pixels are a whole block: one run of 8 KiB.
  EXPECT_EQ(cost(sixteen, {{1, 16, 16, 16}, 1}), 8192);
  // Of two columns of a row: 2 x 16 channels side by side, 64 bytes.
  EXPECT_EQ(cost(sixteen, {{1, 16, 1, 2}, 1}), 64);
  // All 32 channels of a row: 512 bytes from each of the two blocks.
  EXPECT_EQ(cost(sixteen, {{1, 32, 1, 16}, 3}), 3 * 1024);
}

TEST(BurstBytes, AgreesWithTheRunsOfPiecesThatFillBursts) {
  for (const auto& block : {Extents{1, 16, 16, 16}, Extents{1, 32, 16, 16}, Extents{1, 32, 4, 16}})
    for (const auto& piece : {Extents{1, 16, 16, 16}, Extents{1, 32, 4, 16}, Extents{1, 32, 16, 16},
                              Extents{1, 16, 4, 16}})
      for (const auto& order : {std::vector<int>{0, 2, 3, 1}, std::vector<int>{0, 1, 2, 3}})
        EXPECT_EQ(cost({order, block}, {piece, 1}),
                  static_cast<double>(bursts_of({order, block}, piece)))
            << block[1] << " " << block[2] << " " << piece[1] << " " << piece[2] << " " << order[1];
}

TEST(FitBlocking, KeepsTheUsualOrderWhenNothingIsGained) {
  const auto fitted = fit_blocking(kUsual, kMap, {{{1, 32, 4, 16}, 4}}, 2, 32);
  EXPECT_EQ(fitted.order, kUsual.order);
  EXPECT_EQ(fitted.block, kUsual.block);
}

TEST(FitBlocking, PlanesForAWriterOfSingleChannels) {
  // Written a channel at a time, read whole: planes cost the reader nothing.
  const auto fitted =
      fit_blocking(kUsual, kMap, {{{1, 1, 16, 16}, 32}, {{1, 32, 16, 16}, 1}}, 2, 32);
  EXPECT_EQ(burst_bytes(fitted, kMap, {{{1, 1, 16, 16}, 1}}, 2, 32), 512);
  EXPECT_EQ(burst_bytes(fitted, kMap, {{{1, 32, 16, 16}, 1}}, 2, 32), 16384);
}

TEST(FitBlocking, WeighsReadersAgainstWriters) {
  // One channel at a time of all pixels against all channels of one pixel: whoever comes more often
  // decides.
  const DramAccess channel{{1, 1, 16, 16}, 1}, pixel{{1, 32, 1, 1}, 1};
  const auto for_channels =
      fit_blocking(kUsual, kMap, {{channel.piece, 32}, {pixel.piece, 1}}, 2, 32);
  EXPECT_EQ(burst_bytes(for_channels, kMap, {channel}, 2, 32), 512);
  const auto for_pixels =
      fit_blocking(kUsual, kMap, {{channel.piece, 1}, {pixel.piece, 4096}}, 2, 32);
  EXPECT_EQ(burst_bytes(for_pixels, kMap, {pixel}, 2, 32), 64);
}

}  // namespace
}  // namespace tessera::mapping
