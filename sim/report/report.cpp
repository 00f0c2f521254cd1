#include "sim/report/report.h"

#include <nlohmann/json.hpp>

#include "noc/study/noc_result.pb.h"
#include "sim/base/error.h"
#include "sim/base/json.h"
#include "sim/base/message_io.h"
#include "sim/history.pb.h"
#include "sim/report/assets.h"
#include "sim/report/validation.pb.h"
#include "sim/result.pb.h"

namespace tessera::sim {

namespace {

/// Text that ends no element: in JSON, '<' occurs in strings only, where an escape means the same.
std::string harmless_json(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    if (c == '<')
      text += "\\u003c";
    else
      text += c;
  }
  return text;
}

std::string html_text(std::string_view plain) {
  std::string text;
  for (const char c : plain) {
    if (c == '<')
      text += "&lt;";
    else if (c == '&')
      text += "&amp;";
    else
      text += c;
  }
  return text;
}

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string run_data(const RunFiles& run) {
  std::string json = "{\"name\":" + quoted(run.name) + ",\"tiles\":" + quoted(run.tiles) +
                     ",\"links\":" + quoted(run.links);
  if (!run.validation.empty()) json += ",\"validation\":" + run.validation;
  return json + ",\"result\":" + run.result + ",\"history\":" + run.history + "}";
}

std::string read_checked(const std::filesystem::path& file, google::protobuf::Message& message) {
  const std::string text = read_file(file.string());
  parse_json(text, file.string(), message);
  return text;
}

/// A folder may have been given another run since.
void check_is_of(const proto::ReportedPrediction& validation, const proto::Result& result,
                 const std::filesystem::path& file) {
  double cycles = validation.predicted_cycles();
  for (const auto& step : validation.ladder()) cycles += static_cast<double>(step.cycles());
  if (validation.ladder_size() > 0 && cycles != static_cast<double>(result.cycles()))
    throw UserError(file.string(), ": leads to ", cycles, " cycles, the run beside it took ",
                    result.cycles(), "; remove it or validate again");
}

/// What makes one page different from another.
struct Page {
  std::string title, subtitle;
  std::string kind;               ///< class by which scripts find the data
  std::vector<std::string> data;  ///< JSON
  std::vector<std::string_view> ReportAssets::*scripts;
};

std::string page_of(const Page& page) {
  require_charts();
  const auto assets = report_assets();
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link "
      "rel=\"icon\" href=\"data:,\">\n<title>" +
      html_text(page.title) + " - Tessera</title>\n<style>\n";
  text += assets.style;
  text += "</style>\n</head>\n<body>\n<header><h1>" + html_text(page.title) + "</h1><p>" +
          html_text(page.subtitle) +
          "</p></header>\n<nav></nav>\n"
          "<noscript>The charts of this page are drawn by scripts that it "
          "contains.</noscript>\n<main></main>\n";
  text += "<section><details><summary>Licences of the charts on this page</summary><pre>" +
          html_text(assets.licences) + "</pre></details></section>\n";
  for (const auto& json : page.data)
    text += "<script type=\"application/json\" class=\"" + page.kind + "\">" + harmless_json(json) +
            "</script>\n";
  text += "<script>";
  text += assets.charts;
  text += "</script>\n";
  for (const auto script : assets.*page.scripts) {
    text += "<script>\n";
    text += script;
    text += "</script>\n";
  }
  return text + "</body>\n</html>\n";
}

}  // namespace

std::string run_title(const std::string& network, const std::string& accelerator,
                      const std::string& schedule) {
  return network + " on " + accelerator + ", schedule " + schedule;
}

RunFiles load_run(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder))
    throw UserError(folder.string(),
                    ": no such folder; a report is made from the folder that run --out wrote");
  proto::Result result;
  proto::History history;
  RunFiles run;
  run.result = read_checked(folder / "result.json", result);
  run.history = read_checked(folder / "history.json", history);
  run.tiles = read_file((folder / "tiles.csv").string());
  run.links = read_file((folder / "links.csv").string());
  run.name = run_title(result.network(), result.accelerator(), result.schedule());
  if (std::filesystem::exists(folder / "validation.json")) {
    proto::ReportedPrediction validation;
    run.validation = read_checked(folder / "validation.json", validation);
    check_is_of(validation, result, folder / "validation.json");
  }
  return run;
}

void require_charts() {
  if (!charts_available())
    throw UserError(
        "this program was built without the chart library of the report, which npm could not "
        "fetch; build it again where npm works");
}

std::string report_page(const std::vector<RunFiles>& runs) {
  std::vector<std::string> data;
  for (const auto& run : runs) data.push_back(run_data(run));
  return page_of(
      {runs.size() == 1 ? runs.front().name : std::to_string(runs.size()) + " runs side by side",
       "Tessera, simulated cycle by cycle", "run", data, &ReportAssets::runs});
}

std::string study_page(const std::string& name, const std::string& sweep) {
  return page_of({name, "Tessera, a parameter study", "study", {sweep}, &ReportAssets::study});
}

bool is_network_study(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / "result.json") &&
         std::filesystem::exists(folder / "latency_histogram.csv");
}

std::string network_study_title(const noc::proto::StudyResult& result) {
  return result.topology() + ", " + result.routing() + ", " + result.traffic();
}

NetworkStudyFiles load_network_study(const std::filesystem::path& folder) {
  const auto text = [&](const char* name) { return read_file((folder / name).string()); };
  NetworkStudyFiles study;
  noc::proto::StudyResult result;
  study.result = read_checked(folder / "result.json", result);
  for (const auto* name : {"packet_latency_cycles", "routers_visited", "energy_pj", "worst_link"})
    if (!result.GetReflection()->HasField(result, result.GetDescriptor()->FindFieldByName(name)))
      throw UserError((folder / "result.json").string(), ": has no ", name,
                      ", which tessera noc writes");
  study.title = network_study_title(result);
  study.links = text("links.csv");
  study.histogram = text("latency_histogram.csv");
  study.classes = text("classes.csv");
  if (std::filesystem::exists(folder / "link_series.csv")) study.series = text("link_series.csv");
  return study;
}

std::string network_page(const NetworkStudyFiles& study) {
  const std::string data =
      "{\"links\":" + quoted(study.links) + ",\"histogram\":" + quoted(study.histogram) +
      ",\"classes\":" + quoted(study.classes) + ",\"series\":" + quoted(study.series) +
      ",\"result\":" + study.result + "}";
  return page_of(
      {study.title, "Tessera, a network study", "network", {data}, &ReportAssets::network});
}

}  // namespace tessera::sim
