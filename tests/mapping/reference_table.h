// Comparison of predicted tables with reference tables, cell by cell.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "mapping/cost/predictor.h"
#include "sim/base/csv.h"

namespace tessera::mapping {

inline const ResultTable& table_named(const std::vector<ResultTable>& tables,
                                      const std::string& name) {
  for (const auto& table : tables)
    if (table.name == name) return table;
  throw std::runtime_error("no table " + name);
}

inline std::string key_of(const CsvTable& table, std::size_t row,
                          const std::vector<std::string>& keys) {
  std::string key;
  for (const auto& column : keys) key += table.at(row, column) + "|";
  return key;
}

/// Equal text, or numbers that are equal but for the printing of doubles.
inline bool same_cell(const std::string& expected, const std::string& found) {
  if (expected == found) return true;
  if (expected.empty() || found.empty()) return false;
  char* rest = nullptr;
  const double a = std::strtod(expected.c_str(), &rest);
  if (*rest != '\0') return false;
  const double b = std::strtod(found.c_str(), &rest);
  return *rest == '\0' && std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(a));
}

/// Compares every predicted column with the file `folder/NAME.csv`, rows matched by key; returns
/// the number of cells compared.
inline std::size_t compare_with_reference(const ResultTable& predicted, const std::string& folder,
                                          const std::vector<std::string>& keys) {
  const CsvTable expected = CsvTable::load(folder + "/" + predicted.name + ".csv");
  const CsvTable found = CsvTable::parse(to_csv(predicted), predicted.name);
  EXPECT_EQ(expected.rows(), found.rows());
  std::map<std::string, std::size_t> row_of;
  for (std::size_t row = 0; row < found.rows(); ++row) row_of[key_of(found, row, keys)] = row;
  std::size_t cells = 0;
  for (std::size_t row = 0; row < expected.rows(); ++row) {
    const auto place = row_of.find(key_of(expected, row, keys));
    if (place == row_of.end()) {
      ADD_FAILURE() << predicted.name << " lacks " << key_of(expected, row, keys);
      continue;
    }
    for (const auto& column : found.columns()) {
      ++cells;
      EXPECT_PRED2(same_cell, expected.at(row, column), found.at(place->second, column))
          << key_of(expected, row, keys) << column;
    }
  }
  return cells;
}

}  // namespace tessera::mapping
