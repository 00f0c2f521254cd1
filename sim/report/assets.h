// Style and scripts of the report, part of the program so that it needs no files beside it.
#pragma once

#include <string_view>
#include <vector>

namespace tessera::sim {

/// False when the program was built where the chart library could not be fetched.
bool charts_available();

struct ReportAssets {
  std::string_view style;
  std::string_view charts;                ///< Apache ECharts, minified
  std::string_view licences;              ///< of the chart library and what it contains
  std::vector<std::string_view> scripts;  ///< ours, in the order in which they run
};

/// Precondition: charts_available.
ReportAssets report_assets();

}  // namespace tessera::sim
