#include "hw_models/dram/address_mapping.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <sstream>

#include "sim/base/error.h"

namespace tessera::dram {

namespace {

constexpr std::array<const char*, 6> kFieldNames = {"row",   "rank",   "bank",
                                                    "group", "column", "channel"};

std::string expand_letter(const std::string& text) {
  if (text == "A") return "row,rank,bank,group,column";
  if (text == "B") return "row,rank,bank,column,group";
  if (text == "C") return "row,rank,column,bank,group";
  return text;
}

std::uint32_t bits_of(std::uint64_t values) {
  return static_cast<std::uint32_t>(std::bit_width(values - 1));
}

std::uint32_t low_mask(std::uint32_t bits) {
  return static_cast<std::uint32_t>((std::uint64_t{1} << bits) - 1);
}

/// The number after a separator in a token, which is cut off; -1 when the separator is absent,
/// -2 when what follows is no number.
std::int64_t take_number(std::string& token, char separator) {
  const auto at = token.find(separator);
  if (at == std::string::npos) return -1;
  const std::string digits = token.substr(at + 1);
  token.resize(at);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > 32) return -2;
  return value;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) items.push_back(item);
  return items;
}

}  // namespace

AddressMapping::AddressMapping(const Geometry& geometry, const std::string& text,
                               std::uint32_t channels)
    : text_(text),
      geometry_(geometry),
      capacity_bytes_(geometry.capacity_bytes() * channels),
      burst_shift_(bits_of(geometry.burst_bytes)) {
  if (!std::has_single_bit(channels))
    refuse("the number of channels must be a power of two to be a field");
  const std::uint32_t bits[kFields] = {bits_of(geometry.rows),
                                       bits_of(geometry.ranks),
                                       bits_of(geometry.banks_per_group),
                                       bits_of(geometry.bank_groups),
                                       bits_of(geometry.bursts_per_row),
                                       bits_of(channels)};
  std::vector<Token> tokens;
  for (const auto& item : split(expand_letter(text))) tokens.push_back(parse_token(item));
  if (tokens.empty()) refuse("no fields given");
  if (!std::has_single_bit(geometry.rows) && tokens.front().field != kRow)
    refuse("row must come first when the number of rows is no power of two");
  lay_out(tokens, bits);
  for (Hash& h : hashes_) h.mask = low_mask(bits[h.field]);
}

void AddressMapping::refuse(const std::string& problem) const {
  throw UserError("address mapping '", text_, "': ", problem,
                  "; allowed: A, B, C or fields out of row, rank, bank, group, column, channel, "
                  "each with :bits or ^row or ^row@bit as needed");
}

AddressMapping::Token AddressMapping::parse_token(const std::string& item) {
  std::string name = item;
  const std::int64_t row_shift = take_number(name, '@');
  const std::int64_t width = take_number(name, ':');
  if (row_shift == -2 || width == -2) refuse("'" + item + "' does not end in a number up to 32");
  const bool hashed = name.ends_with("^row");
  if (hashed) name.resize(name.size() - 4);
  const auto found = std::find(kFieldNames.begin(), kFieldNames.end(), name);
  if (found == kFieldNames.end()) refuse("no field '" + name + "'");
  const auto field = static_cast<Field>(found - kFieldNames.begin());
  if (row_shift >= 0 && !hashed) refuse("'" + item + "' has @ without ^row");
  if (hashed && field == kRow) refuse("row cannot be hashed with itself");
  if (hashed)
    hashes_.push_back({field, static_cast<std::uint32_t>(std::max<std::int64_t>(0, row_shift)), 0});
  return {field, width};
}

void AddressMapping::lay_out(const std::vector<Token>& tokens,
                             const std::uint32_t (&bits)[kFields]) {
  std::array<std::uint32_t, kFields> named{};
  std::array<std::uint32_t, kFields> open{};
  for (const Token& token : tokens) {
    if (token.width >= 0)
      named[token.field] += static_cast<std::uint32_t>(token.width);
    else
      ++open[token.field];
  }
  for (int f = 0; f < kFields; ++f) {
    if (open[f] > 1) refuse(std::string(kFieldNames[f]) + " is given twice without :bits");
    const bool fits = open[f] == 1 ? named[f] <= bits[f] : named[f] == bits[f];
    if (!fits)
      refuse(std::string(kFieldNames[f]) + " has " + std::to_string(bits[f]) + " bits, " +
             std::to_string(named[f]) + " are placed");
  }
  std::array<std::uint32_t, kFields> placed{};
  std::uint32_t address_shift = burst_shift_;
  for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
    const Field f = token->field;
    const std::uint32_t width =
        token->width >= 0 ? static_cast<std::uint32_t>(token->width) : bits[f] - named[f];
    if (width == 0) continue;
    parts_.push_back({f, width, placed[f], address_shift});
    placed[f] += width;
    address_shift += width;
  }
}

void AddressMapping::hash(std::uint32_t (&values)[kFields]) const {
  for (const Hash& h : hashes_) values[h.field] ^= (values[kRow] >> h.row_shift) & h.mask;
}

Location AddressMapping::locate(std::uint64_t address) const {
  std::uint32_t values[kFields] = {};
  for (const Part& part : parts_)
    values[part.field] |=
        (static_cast<std::uint32_t>(address >> part.address_shift) & low_mask(part.width))
        << part.field_shift;
  hash(values);
  Location at{.channel = values[kChannel],
              .rank = values[kRank],
              .bank_group = values[kGroup],
              .bank = values[kBank],
              .row = values[kRow],
              .column = values[kColumn]};
  at.bank_index =
      (at.rank * geometry_.bank_groups + at.bank_group) * geometry_.banks_per_group + at.bank;
  return at;
}

std::uint64_t AddressMapping::address_of(const Location& at) const {
  std::uint32_t values[kFields] = {at.row, at.rank, at.bank, at.bank_group, at.column, at.channel};
  hash(values);  // XOR with untouched row bits is its own inverse
  std::uint64_t address = 0;
  for (const Part& part : parts_)
    address |= std::uint64_t{(values[part.field] >> part.field_shift) & low_mask(part.width)}
               << part.address_shift;
  return address;
}

}  // namespace tessera::dram
