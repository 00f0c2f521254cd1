#include "sim/app/report_command.h"

#include <filesystem>
#include <iostream>
#include <set>

#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"
#include "sim/report/report.h"
#include "sim/sweep/sweep.pb.h"

namespace tessera::app {

namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

po::options_description options() {
  po::options_description options("Options of report");
  options.add_options()("out", po::value<std::string>(),
                        "file to write; default DIR/report.html of a single run");
  return options;
}

/// The folders' own names where these differ, else the paths as given.
std::vector<std::string> names_of(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const auto& folder : folders) {
    const auto path = fs::path(folder).lexically_normal();
    names.push_back((path.has_filename() ? path : path.parent_path()).filename().string());
  }
  return std::set<std::string>(names.begin(), names.end()).size() == names.size() ? names : folders;
}

/// A folder that `tessera sweep` wrote.
bool is_study(const fs::path& folder) {
  return fs::exists(folder / "sweep.json") && !fs::exists(folder / "result.json");
}

std::string page_of_study(const fs::path& folder) {
  const auto file = (folder / "sweep.json").string();
  const auto text = read_file(file);
  sweep::proto::SweepResult result;
  parse_json(text, file, result);
  return sim::study_page(result.study(), text);
}

std::string page_of_folder(const fs::path& folder) {
  if (is_study(folder)) return page_of_study(folder);
  if (sim::is_network_study(folder)) return sim::network_page(sim::load_network_study(folder));
  return sim::report_page({sim::load_run(folder)});
}

std::string page_of_runs(const std::vector<std::string>& folders) {
  std::vector<sim::RunFiles> runs;
  for (const auto& folder : folders) {
    if (is_study(folder) || sim::is_network_study(folder))
      throw UserError("tessera report: ", folder, " is a study; side by side are runs only");
    runs.push_back(sim::load_run(folder));
  }
  const auto names = names_of(folders);
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i].name = names[i];
  return sim::report_page(runs);
}

void report(const po::variables_map& values) {
  if (values.count("DIR") == 0)
    throw UserError("tessera report: name at least one folder that run, sweep or noc --out wrote");
  const auto folders = values["DIR"].as<std::vector<std::string>>();
  if (folders.size() > 1 && values.count("out") == 0)
    throw UserError("tessera report: several runs need --out FILE for the page that compares them");
  if (std::set<std::string>(folders.begin(), folders.end()).size() < folders.size())
    throw UserError("tessera report: the same folder is named twice");
  const fs::path file = values.count("out") != 0 ? fs::path(values["out"].as<std::string>())
                                                 : fs::path(folders[0]) / "report.html";
  write_file_atomically(file,
                        folders.size() == 1 ? page_of_folder(folders[0]) : page_of_runs(folders));
  std::cout << "wrote " << file.string() << "\n";
}

}  // namespace

Command report_command() {
  return {"report",
          "rebuild the HTML report of a run, or compare several side by side",
          options,
          report,
          {"DIR..."}};
}

}  // namespace tessera::app
