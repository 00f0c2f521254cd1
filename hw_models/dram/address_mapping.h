// From a byte address to channel, rank, bank, row and column.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hw_models/dram/command.h"
#include "hw_models/dram/device.h"

namespace tessera::dram {

/// The address wiring of a memory controller as an ordered list of fields, with optional XOR
/// hashing.
///
/// Text form, most significant field first, separated by commas:
///   `row,bank,group,column`        every field takes all its bits
///   `row,column:4,bank,column,group`  a field may come in parts; `:n` is a part of n bits, and of
///                                  several parts the rightmost holds the field's lowest bits
///   `row,bank^row,group^row@2,column` bank bits are XORed with the row's lowest bits, group bits
///                                  with the row's bits from bit 2 on
/// Fields: row, rank, bank, group, column, channel. Fields of one value only (one rank, one bank
/// group, one channel) may be left out. The letters A, B and C name the mappings of the validation
/// data: A = row,rank,bank,group,column; B = row,rank,bank,column,group; C =
/// row,rank,column,bank,group.
class AddressMapping {
 public:
  /// UserError when the text names an unknown field, or does not cover every bit once.
  AddressMapping(const Geometry& geometry, const std::string& text, std::uint32_t channels = 1);

  /// Coordinates of the burst that holds the byte. The row may exceed the geometry's rows when the
  /// address exceeds the memory; see `covers`.
  Location locate(std::uint64_t address) const;
  /// Whether the address lies inside the memory.
  bool covers(std::uint64_t address) const { return address < capacity_bytes_; }
  /// Byte address of a burst; the inverse of `locate`.
  std::uint64_t address_of(const Location& location) const;

  const std::string& text() const { return text_; }
  std::uint64_t capacity_bytes() const { return capacity_bytes_; }

 private:
  enum Field { kRow, kRank, kBank, kGroup, kColumn, kChannel, kFields };
  /// `width` bits of a field, from its bit `field_shift`, at address bit `address_shift`.
  struct Part {
    Field field;
    std::uint32_t width, field_shift, address_shift;
  };
  struct Hash {
    Field field;
    std::uint32_t row_shift;
    std::uint32_t mask;
  };
  struct Token {
    Field field;
    std::int64_t width;  ///< -1: all bits not named otherwise
  };

  Token parse_token(const std::string& token);
  void lay_out(const std::vector<Token>& tokens, const std::uint32_t (&bits)[kFields]);
  void hash(std::uint32_t (&values)[kFields]) const;
  [[noreturn]] void refuse(const std::string& problem) const;

  std::string text_;
  Geometry geometry_;
  std::uint64_t capacity_bytes_;
  std::uint32_t burst_shift_;
  std::vector<Part> parts_;  ///< least significant first
  std::vector<Hash> hashes_;
};

}  // namespace tessera::dram
