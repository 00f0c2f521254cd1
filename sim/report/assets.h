// Style and scripts of the reports, part of the program so that it needs no files beside it.
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
  std::vector<std::string_view> runs;     ///< our scripts of a page of runs, in their order
  std::vector<std::string_view> study;    ///< of a page of a parameter study
  std::vector<std::string_view> network;  ///< of a page of a network study
};

/// Precondition: charts_available.
ReportAssets report_assets();

}  // namespace tessera::sim
