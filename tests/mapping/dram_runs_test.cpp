// Where regions lie in DRAM: the runs against every element's address, and addresses against an
// oracle that lists the elements of a layout one after the other.
#include "mapping/dram_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "sim/base/random.h"

namespace tessera::mapping {
namespace {

using Index = std::vector<std::int64_t>;
using workloads::Region;
using Runs = std::vector<Run>;

/// Calls `visit` for all indices below `extents`, the dimensions in `order` counting like digits.
template <typename Visit>
void count_through(const Index& extents, const std::vector<int>& order, Visit visit) {
  std::int64_t total = 1;
  for (const auto extent : extents) total *= extent;
  for (std::int64_t number = 0; number < total; ++number) {
    Index index(extents.size());
    std::int64_t rest = number;
    for (std::size_t p = order.size(); p-- > 0; rest /= extents[order[p]])
      index[order[p]] = rest % extents[order[p]];
    visit(index);
  }
}

/// The layout in words: block after block, element after element, padding included.
std::map<Index, std::uint64_t> place_elements(const DramLayout& layout, const Index& extents,
                                              int word_bytes) {
  std::map<Index, std::uint64_t> places;
  Index blocks;
  for (std::size_t d = 0; d < extents.size(); ++d)
    blocks.push_back((extents[d] + layout.block[d] - 1) / layout.block[d]);
  std::uint64_t address = layout.base_address;
  count_through(blocks, layout.order, [&](const Index& block) {
    count_through(layout.block, layout.order, [&](const Index& inside) {
      Index index(extents.size());
      bool stored = true;
      for (std::size_t d = 0; d < extents.size(); ++d) {
        index[d] = block[d] * layout.block[d] + inside[d];
        stored &= index[d] < extents[d];
      }
      if (stored) places[index] = address;
      address += static_cast<std::uint64_t>(word_bytes);
    });
  });
  return places;
}

struct Drawn {
  Index extents;
  DramLayout layout;
  Region region;
  int word_bytes = 1;
};

Drawn draw(Random& random) {
  Drawn drawn;
  const std::int64_t dimensions = random.between(1, 4);
  drawn.word_bytes = 1 << random.below(3);
  drawn.layout.base_address = 64 * random.below(4);
  for (std::int64_t d = 0; d < dimensions; ++d) {
    const std::int64_t extent = random.between(1, 6);
    drawn.extents.push_back(extent);
    drawn.layout.block.push_back(random.bernoulli(0.5) ? extent : random.between(1, extent));
    drawn.layout.order.push_back(static_cast<int>(d));
    workloads::IndexRange range;
    range.begin = random.between(0, extent - 1);
    range.step = random.bernoulli(0.3) ? 2 : 1;
    range.count = random.between(1, (extent - 1 - range.begin) / range.step + 1);
    if (random.bernoulli(0.5)) range = {0, extent, 1};
    drawn.region.dimensions.push_back(range);
  }
  auto& order = drawn.layout.order;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return drawn;
}

std::vector<std::uint64_t> addresses_in(const std::vector<Run>& runs, int word_bytes) {
  std::vector<std::uint64_t> addresses;
  for (const auto& run : runs)
    for (Bytes byte = 0; byte < run.bytes; byte += static_cast<Bytes>(word_bytes))
      addresses.push_back(run.address + byte);
  return addresses;
}

bool lies_in(const Index& index, const Region& region) {
  for (std::size_t d = 0; d < index.size(); ++d) {
    const auto& range = region.dimensions[d];
    if (index[d] < range.begin || index[d] > range.last() ||
        (index[d] - range.begin) % range.step != 0)
      return false;
  }
  return true;
}

TEST(AddressOf, ListsBlocksAndTheirElementsInOrder) {
  Random random(1);
  for (int round = 0; round < 400; ++round) {
    const Drawn drawn = draw(random);
    for (const auto& [index, address] :
         place_elements(drawn.layout, drawn.extents, drawn.word_bytes))
      ASSERT_EQ(address_of(drawn.layout, drawn.extents, index, drawn.word_bytes), address)
          << "round " << round;
  }
}

TEST(RunsOf, CoverExactlyTheElementsOfTheRegion) {
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    const Drawn drawn = draw(random);
    auto found = addresses_in(runs_of(drawn.layout, drawn.extents, drawn.region, drawn.word_bytes),
                              drawn.word_bytes);
    std::vector<std::uint64_t> expected;
    for (const auto& [index, address] :
         place_elements(drawn.layout, drawn.extents, drawn.word_bytes))
      if (lies_in(index, drawn.region)) expected.push_back(address);
    std::ranges::sort(found);
    std::ranges::sort(expected);
    ASSERT_EQ(found, expected) << "round " << round;
  }
}

TEST(RunsOf, AreNotSplitInsideContiguousBytes) {
  // 2 x 3 x 4 x 5 stored with channels (dimension 1) fastest: row h of the whole width and all
  // channels is 5 x 3 words of 2 bytes. Rows 1 and 2 of image 1 are neighbours: one run of 60 bytes
  // that starts after image 0 (4 x 5 x 3 words) and row 0 (5 x 3 words): at 2 x (60 + 15) = 150.
  const Index extents = {2, 3, 4, 5};
  const DramLayout layout{0, {0, 2, 3, 1}, extents, 240};
  const Region rows{{{1, 1, 1}, {0, 3, 1}, {1, 2, 1}, {0, 5, 1}}};
  EXPECT_EQ(runs_of(layout, extents, rows, 2), (Runs{{150, 60}}));
}

TEST(RunsOf, ABlockIsOneRun) {
  // Weights 4 x 6 in blocks of 4 x 2: columns 2 and 3 of all rows are block 1: 8 words from word 8
  // on.
  const Index extents = {4, 6};
  const DramLayout layout{100, {0, 1}, {4, 2}, 48};
  EXPECT_EQ(runs_of(layout, extents, {{{0, 4, 1}, {2, 2, 1}}}, 2), (Runs{{116, 16}}));
}

TEST(RunsOf, EmptyRegionHasNone) {
  const DramLayout layout{0, {0}, {8}, 16};
  EXPECT_TRUE(runs_of(layout, {8}, {{{3, 0, 1}}}, 2).empty());
}

}  // namespace
}  // namespace tessera::mapping
