#include "sim/report/report.h"

#include <nlohmann/json.hpp>

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
    proto::Validation validation;
    run.validation = read_checked(folder / "validation.json", validation);
  }
  return run;
}

std::string report_page(const std::vector<RunFiles>& runs) {
  if (!charts_available())
    throw UserError(
        "this program was built without the chart library of the report, which npm could not "
        "fetch; build it again where npm works");
  const auto assets = report_assets();
  const std::string title =
      runs.size() == 1 ? runs.front().name : std::to_string(runs.size()) + " runs side by side";
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link "
      "rel=\"icon\" href=\"data:,\">\n<title>" +
      html_text(title) + " - Tessera</title>\n<style>\n";
  page += assets.style;
  page += "</style>\n</head>\n<body>\n<header><h1>" + html_text(title) +
          "</h1><p>Tessera, simulated cycle by cycle</p></header>\n<nav></nav>\n"
          "<noscript>The charts of this page are drawn by scripts that it "
          "contains.</noscript>\n<main></main>\n";
  page += "<section><details><summary>Licences of the charts on this page</summary><pre>" +
          html_text(assets.licences) + "</pre></details></section>\n";
  for (const auto& run : runs)
    page += "<script type=\"application/json\" class=\"run\">" + harmless_json(run_data(run)) +
            "</script>\n";
  page += "<script>";
  page += assets.charts;
  page += "</script>\n";
  for (const auto script : assets.scripts) {
    page += "<script>\n";
    page += script;
    page += "</script>\n";
  }
  return page + "</body>\n</html>\n";
}

}  // namespace tessera::sim
