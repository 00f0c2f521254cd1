#include "mapping/cost/predictor.h"
#include "sim/base/csv.h"

namespace tessera::mapping {

std::string to_csv(const ResultTable& table) {
  CsvWriter csv(table.columns);
  for (const auto& row : table.rows) {
    csv.row();
    for (const auto& cell : row) std::visit([&](const auto& value) { csv << value; }, cell);
  }
  return csv.text();
}

}  // namespace tessera::mapping
