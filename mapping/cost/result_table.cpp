#include <cmath>

#include "mapping/cost/predictor.h"
#include "sim/base/csv.h"

namespace tessera::mapping {

double rounded(double value, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

std::string to_csv(const ResultTable& table) {
  CsvWriter csv(table.columns);
  for (const auto& row : table.rows) {
    csv.row();
    for (const auto& cell : row) std::visit([&](const auto& value) { csv << value; }, cell);
  }
  return csv.text();
}

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> parts{""};
  for (const char c : list) {
    if (c == ',')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

}  // namespace tessera::mapping
