// Comma-separated tables: what we write beside result.json and what reference data come in.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Builds a table in memory, so that a file is written whole or not at all.
class CsvWriter {
 public:
  explicit CsvWriter(const std::vector<std::string>& columns);

  /// Starts a row; cells follow with `<<`. Doubles print with up to 10 significant digits.
  CsvWriter& row();
  CsvWriter& operator<<(std::string_view cell);
  CsvWriter& operator<<(const std::string& cell) { return *this << std::string_view(cell); }
  CsvWriter& operator<<(const char* cell) { return *this << std::string_view(cell); }
  CsvWriter& operator<<(double cell);
  template <typename Integer>
  requires std::is_integral_v<Integer> CsvWriter& operator<<(Integer cell) {
    return *this << std::string_view(std::to_string(cell));
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool row_is_empty_ = true;
};

/// A table read whole. Lines that start with '#' are comments. Quoted cells may hold commas.
class CsvTable {
 public:
  static CsvTable parse(const std::string& text, const std::string& origin);
  static CsvTable load(const std::string& path);

  std::size_t rows() const { return cells_.size(); }
  const std::vector<std::string>& columns() const { return columns_; }
  bool has(const std::string& column) const { return index_.contains(column); }

  /// Cell by row and column name; UserError naming file and column when there is none.
  const std::string& at(std::size_t row, const std::string& column) const;
  /// Same, as a number; UserError names file, line and cell when it is none.
  double number(std::size_t row, const std::string& column) const;
  std::int64_t integer(std::size_t row, const std::string& column) const;
  /// Line of the row in the file, from 1.
  std::size_t line(std::size_t row) const { return lines_[row]; }

 private:
  std::string origin_;
  std::vector<std::string> columns_;
  std::map<std::string, std::size_t> index_;
  std::vector<std::vector<std::string>> cells_;
  std::vector<std::size_t> lines_;
};

}  // namespace tessera
