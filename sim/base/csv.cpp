#include "sim/base/csv.h"

#include <charconv>
#include <cstdio>
#include <sstream>

#include "sim/base/error.h"
#include "sim/base/message_io.h"
#include "sim/base/names.h"

namespace tessera {

namespace {

std::vector<std::string> split_line(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

template <typename T>
T parse_number(const std::string& cell, const std::string& place) {
  T value{};
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc{} || end != cell.data() + cell.size())
    throw UserError(place, ": '", cell, "' is not a number");
  return value;
}

}  // namespace

CsvWriter::CsvWriter(const std::vector<std::string>& columns) : text_(join(columns, ",")) {
  text_ += '\n';
}

CsvWriter& CsvWriter::row() {
  row_is_empty_ = true;
  return *this;
}

CsvWriter& CsvWriter::operator<<(std::string_view cell) {
  if (!row_is_empty_) text_.back() = ',';
  row_is_empty_ = false;
  if (cell.find_first_of(",\"\n") == std::string_view::npos) {
    text_ += cell;
  } else {
    text_ += '"';
    for (const char c : cell) text_.append(c == '"' ? 2 : 1, c);
    text_ += '"';
  }
  text_ += '\n';
  return *this;
}

CsvWriter& CsvWriter::operator<<(double cell) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.10g", cell);
  return *this << std::string_view(buffer);
}

CsvTable CsvTable::parse(const std::string& text, const std::string& origin) {
  CsvTable table;
  table.origin_ = origin;
  std::istringstream in(text);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line == "\r" || line[0] == '#') continue;
    auto cells = split_line(line);
    if (table.columns_.empty()) {
      table.columns_ = std::move(cells);
      for (std::size_t i = 0; i < table.columns_.size(); ++i) table.index_[table.columns_[i]] = i;
      continue;
    }
    if (cells.size() != table.columns_.size())
      throw UserError(origin, ":", number, ": ", cells.size(), " cells where the header has ",
                      table.columns_.size());
    table.cells_.push_back(std::move(cells));
    table.lines_.push_back(number);
  }
  if (table.columns_.empty()) throw UserError(origin, ": no header line");
  return table;
}

CsvTable CsvTable::load(const std::string& path) { return parse(read_file(path), path); }

const std::string& CsvTable::at(std::size_t row, const std::string& column) const {
  const auto found = index_.find(column);
  if (found == index_.end())
    throw UserError(origin_, ": no column '", column, "'; ", suggest(column, columns_));
  return cells_[row][found->second];
}

double CsvTable::number(std::size_t row, const std::string& column) const {
  return parse_number<double>(at(row, column),
                              detail::concatenate(origin_, ":", lines_[row], ": ", column));
}

std::int64_t CsvTable::integer(std::size_t row, const std::string& column) const {
  return parse_number<std::int64_t>(at(row, column),
                                    detail::concatenate(origin_, ":", lines_[row], ": ", column));
}

}  // namespace tessera
