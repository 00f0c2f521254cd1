// The HTML reports: of one run, of several side by side, of a parameter study, of a network study.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tessera::noc::proto {
class StudyResult;
}

namespace tessera::sim {

/// The files of a run that a report is made from, as text.
struct RunFiles {
  std::string name;        ///< by which the page tells runs apart
  std::string result;      ///< result.json
  std::string history;     ///< history.json
  std::string tiles;       ///< tiles.csv
  std::string links;       ///< links.csv
  std::string validation;  ///< validation.json; empty: none
};

/// What a page of one run calls it.
std::string run_title(const std::string& network, const std::string& accelerator,
                      const std::string& schedule);

/// Reads a folder that `tessera run --out` has written. UserError naming the file that is missing
/// or no such file.
RunFiles load_run(const std::filesystem::path& folder);

/// UserError when the program was built without the chart library, which every page needs.
void require_charts();

/// One page that needs nothing else, from nowhere. UserError when the program was built without the
/// chart library.
std::string report_page(const std::vector<RunFiles>& runs);

/// The same of a parameter study: its name and the text of its sweep.json.
std::string study_page(const std::string& name, const std::string& sweep);

/// What a page of a network study calls it.
std::string network_study_title(const noc::proto::StudyResult& result);

/// The files of a network study that its report is made from, as text.
struct NetworkStudyFiles {
  std::string title;      ///< network_study_title
  std::string result;     ///< result.json
  std::string links;      ///< links.csv
  std::string histogram;  ///< latency_histogram.csv
  std::string classes;    ///< classes.csv
  std::string series;     ///< link_series.csv; empty: none
};

/// Whether `tessera noc --out` has written this folder.
bool is_network_study(const std::filesystem::path& folder);

/// Reads such a folder. UserError naming the file that is missing or no such file.
NetworkStudyFiles load_network_study(const std::filesystem::path& folder);

/// The same of a network study.
std::string network_page(const NetworkStudyFiles& study);

}  // namespace tessera::sim
