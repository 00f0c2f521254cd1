#include <gtest/gtest.h>

#include "hw_models/dram/address_mapping.h"
#include "sim/base/error.h"
#include "sim/base/random.h"

namespace tessera::dram {
namespace {

Geometry ddr4() { return load_device("ddr4_2400").geometry; }

TEST(AddressMapping, PlacesTheFieldsOfTheNamedMappings) {
  // DDR4: 64 B bursts (6 bits), 7 column, 2 group, 2 bank bits.
  const AddressMapping a(ddr4(), "A"), b(ddr4(), "B"), c(ddr4(), "C");
  EXPECT_EQ(a.locate(64).column, 1u);
  EXPECT_EQ(a.locate(std::uint64_t{1} << 13).bank_group, 1u);
  EXPECT_EQ(a.locate(std::uint64_t{1} << 15).bank, 1u);
  EXPECT_EQ(a.locate(std::uint64_t{1} << 17).row, 1u);
  EXPECT_EQ(b.locate(64).bank_group, 1u);
  EXPECT_EQ(b.locate(256).column, 1u);
  EXPECT_EQ(b.locate(std::uint64_t{1} << 15).bank, 1u);
  EXPECT_EQ(c.locate(64).bank_group, 1u);
  EXPECT_EQ(c.locate(256).bank, 1u);
  EXPECT_EQ(c.locate(1024).column, 1u);
}

TEST(AddressMapping, CountsBanksGroupByGroupAndRankByRank) {
  Geometry geometry = ddr4();
  geometry.ranks = 2;
  const AddressMapping mapping(geometry, "row,column,rank,group,bank");
  const Location at = mapping.locate(0b1'10'11 << 6);
  EXPECT_EQ(at.rank, 1u);
  EXPECT_EQ(at.bank_group, 2u);
  EXPECT_EQ(at.bank, 3u);
  EXPECT_EQ(at.bank_index, 16u + 2 * 4 + 3);
}

TEST(AddressMapping, SplitsAFieldIntoPartsLowestOnTheRight) {
  const AddressMapping mapping(ddr4(), "row,column:5,bank,column:2,group");
  const Location at = mapping.locate(0b00011'10'01'11 << 6);
  EXPECT_EQ(at.bank_group, 3u);
  EXPECT_EQ(at.column, 0b0001101u);
  EXPECT_EQ(at.bank, 2u);
}

TEST(AddressMapping, HashesWithRowBits) {
  const AddressMapping mapping(ddr4(), "row,bank^row,group^row@2,column");
  const std::uint64_t row_shift = 6 + 7 + 2 + 2;
  const Location at = mapping.locate(std::uint64_t{0b1101} << row_shift);
  EXPECT_EQ(at.row, 0b1101u);
  EXPECT_EQ(at.bank, 0b01u);        // row bits 1..0
  EXPECT_EQ(at.bank_group, 0b11u);  // row bits 3..2
}

TEST(AddressMapping, IsReversible) {
  Random random(7);
  for (const char* text : {"A", "B", "C", "row,bank^row,column:4,group^row@3,column:3",
                           "row,rank,column,bank^row@5,channel^row,group"}) {
    Geometry geometry = ddr4();
    geometry.ranks = 2;
    if (std::string(text).find("rank") == std::string::npos && text[1] != 0) geometry.ranks = 1;
    const std::uint32_t channels = std::string(text).find("channel") == std::string::npos ? 1 : 4;
    const AddressMapping mapping(geometry, text, channels);
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t address = random.below(mapping.capacity_bytes()) & ~std::uint64_t{63};
      ASSERT_EQ(mapping.address_of(mapping.locate(address)), address) << text;
    }
  }
}

TEST(AddressMapping, RefusesWhatDoesNotCoverEveryBitOnce) {
  for (const char* text :
       {"row,bank,column", "row,bank,group,column,column", "row,bank,group,colum",
        "row,bank,group,column:3", "row^row,bank,group,column", "", "row,bank@1,group,column",
        "row,bank:x,group,column"})
    EXPECT_THROW(AddressMapping(ddr4(), text), UserError) << text;
}

}  // namespace
}  // namespace tessera::dram
